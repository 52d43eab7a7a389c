"""The project's side: the process in which the project's code runs.

It hears tasks and answers them on one socket, a line of JSON each. What the project prints goes
elsewhere. Nothing of the project is imported before the fence stands: libraries that every task
needs may be, while the guard still starts a server. A process that has come no further can be
forked: each fork then raises a fence of its own, around one task on one database.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import socket
import sys
import threading
from functools import partial
from typing import Any

from pytest_schemaguard.codec import dumps
from pytest_schemaguard.project.child import forks, warden
from pytest_schemaguard.project.fence import drivers

TASKS = "pytest_schemaguard.project.tasks"


def main() -> None:
    """Entry point: the descriptors of the two sockets are the arguments."""
    life, channel = (socket.socket(fileno=int(argument)) for argument in sys.argv[1:3])
    for end in (life, channel):
        end.set_inheritable(False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.argv[:] = ["schema-guard"]  # applications read it
    warden.split(life, channel)
    Child(channel).serve()


class Child:
    def __init__(self, channel: socket.socket) -> None:
        import faulthandler

        drivers.change()
        faulthandler.enable()  # a crash, or the warden's SIGABRT, tells where the code was
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
        self._channel = channel
        self._lines = channel.makefile("rb")
        self._speaking = threading.Lock()
        self._trouble: dict[str, Any] | None = None
        """Why no task can run."""

    def serve(self) -> None:
        """Answer one task after the other, until pytest closes the channel."""
        for line in self._lines:
            message = json.loads(line)
            if "preload" in message:
                preload(message["preload"])
            elif "task" not in message:
                self._enter(message["boot"])
            elif "boot" in message:
                forks.answer_in_fork(partial(self._run_apart, **message), self._say)
            else:
                self._send(self._answer(**message))

    def _run_apart(self, boot: dict[str, Any], task: str, arguments: dict[str, Any]) -> None:
        """In a fork: everything that a process of its own would do."""
        self._enter(boot)
        self._send(self._answer(task, arguments))

    def _enter(self, boot: dict[str, Any]) -> None:
        """Raise the fence, then let the variables and the path in."""
        from pathlib import Path

        from pytest_schemaguard import placeholders
        from pytest_schemaguard.address import Address
        from pytest_schemaguard.project import fence
        from pytest_schemaguard.project.child import inside

        address = Address(
            **{**boot["address"], "options": tuple(map(tuple, boot["address"]["options"]))}
        )
        self.root, self.folder = Path(boot["root"]), Path(boot["folder"])
        raised = fence.raise_fence(
            address,
            kinds=tuple(boot["fences"]),
            ground=fence.Ground(
                root=self.root,
                folder=self.folder,
                covered=None if boot["covered"] is None else Path(boot["covered"]),
            ),
        )
        warden.die_with_parent()
        self._url = raised.address.url()
        os.environ.update(placeholders.filled(boot["env"], raised.address, str(self.folder)))
        inside.enter(
            inside.Inside(
                address=raised.address,
                root=self.root,
                folder=self.folder,
                ports=raised.ports,
                tell=lambda text: self._say({"progress": text}),
                ask=self._ask,
            )
        )
        self._say({"fence": raised.sentence})
        path = [str(self.root), *boot["path"]]
        sys.path[:] = path + [entry for entry in sys.path if entry not in path]
        if boot["setup"] is not None:
            subject = f"setup {boot['setup']}"
            self._trouble = self._guarded(subject, self._set_up, boot["setup"], subject)

    def _set_up(self, name: str, subject: str) -> None:
        from pytest_schemaguard.project.tasks.loading import find

        self._say({"progress": f"calling {name}"})
        made = find(name, subject=subject, root=self.root)(self._url, str(self.folder))
        if hasattr(made, "__await__"):
            from asyncio import run

            async def finished() -> None:
                await made

            run(finished())

    def _answer(self, task: str, arguments: dict[str, Any]) -> str:
        if self._trouble:
            return json.dumps(self._trouble)
        module = task if "." in task else f"{TASKS}.{task.replace('/', '.')}"
        subject = str(arguments.get("subject", task))
        answer: list[str] = []

        def run() -> None:
            result = importlib.import_module(module).run(arguments)
            answer.append(dumps({"result": result}))

        trouble = self._guarded(subject, run)
        return json.dumps(trouble) if trouble else answer[0]

    def _guarded(self, subject: str, function: Any, *arguments: Any) -> dict[str, Any] | None:
        """Call it; None, or the failure in words."""
        from pytest_schemaguard.errors import GuardError

        try:
            function(*arguments)
        except GuardError as error:
            return {"error": error.fields()}
        except BaseException as error:  # noqa: BLE001 - SystemExit and the like are the project's too
            from pytest_schemaguard.project.failure import words

            return {
                "error": words(error, subject=subject, root=self.root).fields(),
                "crashed": True,
            }
        return None

    def _ask(self, question: str) -> bool:
        self._say({"question": question})
        return bool(json.loads(self._lines.readline())["reply"])

    def _say(self, message: dict[str, Any]) -> None:
        self._send(json.dumps(message))

    def _send(self, line: str) -> None:
        with self._speaking:
            self._channel.sendall(line.encode() + b"\n")


def preload(names: list[str]) -> None:
    """Import the libraries that tasks need, while the guard is busy elsewhere."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            break  # the task that needs it says so
