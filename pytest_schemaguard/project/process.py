"""pytest's end of the project's side: asks the child, and says in words how it failed."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard import placeholders
from pytest_schemaguard.codec import MisfitError, decode
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project import environment
from pytest_schemaguard.project.fence.watch import LOG
from pytest_schemaguard.project.output import bounded, ending
from pytest_schemaguard.project.peer import SHOWN, GarbageError, GoneError, Peer, signal_name
from pytest_schemaguard.redaction import redacted, secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.wire.wire import Line

FENCES = ("namespace", "landlock", "python")
"""The kinds of fence, the strongest first: the first that the system permits is raised."""
PRELOAD = (
    "sqlalchemy.orm",
    "sqlalchemy.dialects.postgresql",
    "pytest_schemaguard.project.tasks.models.read",
)
"""Imported while the guard does other work; every task needs them."""
LIBRARIES = ("sqlalchemy.dialects.postgresql", "psycopg2", "alembic.command", "alembic.config")
"""Imported once for the forks that migrate: what env.py files and runners import first."""
BOOT_S = 30.0
TAIL_LINES = 20
FRAMES = 12
_STACK = re.compile(
    r"Fatal Python error: .*?^Current thread [^\n]*\(most recent call first\):\n"
    r"(?P<frames>(?:  File [^\n]*\n?)+)",
    re.DOTALL | re.MULTILINE,
)
"""What faulthandler writes: https://docs.python.org/3/library/faulthandler.html."""
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_PROCESS = "the project's process"


class Project:
    """One process of the project's side: started when it is needed, kept for further calls.

    `address` is the database that `{url}` and the others in the configuration's `env` stand for,
    or a function that makes a line to it, called when the process has booted and is needed;
    `folder` is writable, this object's alone, and what `{dir}` stands for; `covered` is a folder of
    which the project may see nothing else. `extra_env` adds to `env`; `python_path` are pytest's
    `pythonpath` folders. After a call that ended the process the next one starts another.
    """

    def __init__(
        self,
        config: Config,
        address: Address | Callable[[], Line],
        *,
        folder: Path,
        covered: Path | None = None,
        extra_env: Mapping[str, str] | None = None,
        python_path: Sequence[Path] = (),
        preload: Sequence[str] = PRELOAD,
        fences: Sequence[str] = FENCES,
    ) -> None:
        self._config = config
        self._address = address
        self.line: Line | None = None
        """What the process reaches its database by, once it has been started so, and after it."""
        self.folder = folder
        self._covered = covered
        self._temporary = folder / "tmp"
        self._env = {**config.env, **(extra_env or {})}
        self._python_path = python_path
        self._preload = preload
        self._fences = fences
        self._secrets = secrets_in(os.environ) | secrets_in(self._env)
        self._lock = threading.RLock()
        self._peer: Peer | None = None
        self.is_entered = False
        """Whether the process knows its database and has raised its fence."""
        self._output: Path | None = None
        self._bounded = ExitStack()
        self._noted = 0
        """Where the notes of this call's refusals begin."""

    def __enter__(self) -> Project:  # noqa: PYI034 - Self is 3.11, and nobody inherits from this
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def boot(self) -> None:
        """Start the process without its database: it imports `preload`, and nothing else.

        What takes long is under way then before there is a server. Raises ProjectError.
        """
        with self._lock:
            self._booted()

    def start(self) -> None:
        """Start the process, and return at once. Raises ProjectError, ConfigError (`env`)."""
        with self._lock:
            self._started()

    def call(
        self,
        task: str,
        arguments: dict[str, Any],
        *,
        timeout_s: float,
        shape: Any = Any,
        progress: Callable[[str], None] | None = None,
    ) -> Any:
        """Run a task in there: `models/read` of `project.tasks`, or any module by its dotted name.

        JSON's values in, the value of this shape (codec.py) out. `progress` is told what takes
        long. Raises ProjectError with the project's own words; the process is ended when it takes
        longer than `timeout_s`, or answers something else.
        """
        with self._lock:
            fresh = self._peer is None or self._peer.fence is None
            self._started()
            message = {"task": task, "arguments": arguments}
            return self._ask(message, timeout_s, shape, progress, fresh=fresh)

    def call_apart(
        self,
        task: str,
        arguments: dict[str, Any],
        *,
        address: Address,
        timeout_s: float,
        shape: Any = Any,
        progress: Callable[[str], None] | None = None,
        reply: Callable[[str], bool] | None = None,
    ) -> Any:
        """The same in a process of its own on another database, a fork of this one.

        Only for a Project that is not started yet: it has imported the libraries of `preload` and
        nothing of the project. The task waits while `reply` answers its questions.
        """
        with self._lock:
            fresh = self._peer is None
            self._booted()
            self._secrets |= {address.password}
            message = {"boot": self._boot_message(address), "task": task, "arguments": arguments}
            return self._ask(message, timeout_s, shape, progress, fresh=fresh, reply=reply)

    def _ask(
        self,
        message: dict[str, Any],
        timeout_s: float,
        shape: Any,
        progress: Callable[[str], None] | None,
        *,
        fresh: bool,
        reply: Callable[[str], bool] | None = None,
    ) -> Any:
        peer = self._booted()
        subject = str(message["arguments"].get("subject", message["task"]))
        deadline = time.monotonic() + timeout_s
        printed = 0 if fresh else self._printed()
        self._noted = self._noted if fresh else len(self._notes())
        try:
            peer.say(message, within_s=timeout_s)
            answer = peer.answer(deadline, lambda text: self._tell(progress, text), reply)
        except GoneError:
            raise self._gone(subject, printed) from None
        except TimeoutError:
            raise self._hung(subject, timeout_s, printed) from None
        except GarbageError as garbage:
            raise self._garbled(subject, str(garbage)) from None
        except BaseException:
            self.close()  # an answer that nobody waits for would be taken for the next
            raise
        if "ended" in answer:
            raise self._ended(answer["ended"], subject, printed)
        if "error" in answer:
            raise self._failed(answer, printed)
        result = answer["result"]
        try:
            return decode(shape, result)
        except MisfitError as wrong:
            fact = f"its answer is not what the guard asked for: {wrong}"
            raise self._garbled(subject, repr(result)[:SHOWN], fact=fact) from None

    @property
    def fence(self) -> str:
        """How this process is kept from other databases, for the header. Raises ProjectError."""
        with self._lock:
            peer = self._started()
            try:
                return peer.wait_for_fence(time.monotonic() + BOOT_S)
            except GoneError:
                raise self._gone(_PROCESS, 0) from None
            except TimeoutError:
                raise self._hung(_PROCESS, BOOT_S, 0) from None
            except GarbageError as garbage:
                raise self._garbled(_PROCESS, str(garbage)) from None

    def stderr_tail(self) -> str:
        """The last lines that the project's code printed, on stdout too, without passwords."""
        return self._tail(0)

    def refused(self) -> list[str]:
        """What the fence has refused so far, such as "tried to connect to db.example:5432"."""
        return self._refused(self._notes())

    def close(self) -> None:
        """End the process and whatever it has started."""
        with self._lock:
            if self._peer is not None:
                self._peer.end()
                self._peer = None
                self.is_entered = False
            self._bounded.close()

    def _booted(self) -> Peer:
        if self._peer is not None:
            return self._peer
        placeholders.check_placeholders(self._env)
        self._noted = len(self._notes())
        try:
            self._temporary.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="output-", suffix=".txt", dir=self.folder)
            self._output = Path(name)
            with os.fdopen(descriptor, "ab") as output:
                self._bounded.enter_context(bounded(output.fileno()))
                self._peer = Peer(
                    cwd=self._config.root, env=self._variables(), output=output.fileno()
                )
        except OSError as error:
            raise ProjectError(
                _PROCESS,
                f"cannot be started: {error}",
                fix=f"check that {sys.executable} runs and {self.folder} can be written",
            ) from None
        self.is_entered = False
        self._peer.say({"preload": list(self._preload)})
        return self._peer

    def _started(self) -> Peer:
        peer = self._booted()
        if self.is_entered:
            return peer
        address = self._reached()
        self._secrets |= {address.password}
        peer.say({"boot": self._boot_message(address)})
        self.is_entered = True
        return peer

    def _reached(self) -> Address:
        if not callable(self._address):
            return self._address
        if self.line is not None:
            self.line.close()
        self.line = self._address()
        return self.line.address

    def _boot_message(self, address: Address) -> dict[str, Any]:
        # Over the channel, since others can read a process's arguments and first environment.
        return {
            "address": dataclasses.asdict(address),
            "env": self._env,
            "root": str(self._config.root),
            "folder": str(self.folder),
            "covered": None if self._covered is None else str(self._covered),
            "path": [str(path) for path in self._python_path],
            "setup": self._config.setup,
            "fences": list(self._fences),
        }

    def _variables(self) -> dict[str, str]:
        return {
            **environment.scrubbed(os.environ),
            **environment.nowhere(str(self.folder)),
            "TMPDIR": str(self._temporary),
            environment.INSIDE: "1",
            # Python reads some as it starts. Those with the database come in behind the fence.
            **{
                name: value
                for name, value in self._env.items()
                if not placeholders.has_placeholder(value)
            },
        }

    # What it says, and what went wrong, in words

    def _tell(self, progress: Callable[[str], None] | None, text: str) -> None:
        if progress is not None:
            progress(self._redacted(text))

    def _redacted(self, text: str) -> str:
        return redacted(text, self._secrets)

    def _notes(self) -> bytes:
        try:
            return (self.folder / LOG).read_bytes()
        except FileNotFoundError:
            return b""

    def _refused(self, notes: bytes) -> list[str]:
        lines = dict.fromkeys(notes.decode(errors="replace").splitlines())
        return [self._redacted(line) for line in lines]

    def _printed(self) -> int:
        return 0 if self._output is None else self._output.stat().st_size

    def _tail(self, start: int) -> str:
        return "\n".join(self._text(start).splitlines()[-TAIL_LINES:])

    def _text(self, start: int) -> str:
        if self._output is None:
            return ""
        with self._output.open("rb") as file:
            return self._redacted(ending(file.fileno(), start))

    def _error(
        self,
        subject: str,
        fact: str,
        *,
        fix: str | None,
        detail: str | None = None,
        path: str | None = None,
        line: int | None = None,
    ) -> ProjectError:
        refused = self._refused(self._notes()[self._noted :])
        parts = [detail or "", *(f"it {one}, which the fence refused" for one in refused)]
        shown = "\n".join(part for part in parts if part)
        return ProjectError(
            self._redacted(subject),
            self._redacted(fact),
            fix=None if fix is None else self._redacted(fix),
            detail=self._redacted(shown) or None,
            path=path,
            line=line,
        )

    def _failed(self, answer: dict[str, Any], printed: int) -> ProjectError:
        error = answer["error"]
        detail = error["detail"] or ""
        if answer.get("crashed"):
            detail = f"{detail}\n{_ending(self._tail(printed))}"
        return self._error(
            error["subject"],
            error["fact"],
            fix=error["fix"],
            detail=detail,
            path=error["path"],
            line=error["line"],
        )

    def _gone(self, subject: str, printed: int) -> ProjectError:
        assert self._peer is not None
        code = self._peer.exit_code()
        self.close()
        return self._ended(code, subject, printed)

    def _ended(self, code: int | None, subject: str, printed: int) -> ProjectError:
        fix = "look for os._exit, or for a daemon or supervisor, in what runs at import"
        if code is None:
            fact = "it closed the guard's channel and answers no more"
        elif code >= 0:
            fact = f"its process ended with exit code {code} before it answered"
        else:
            fact = f"its process was killed by {signal_name(-code)} before it answered"
            fix = "a library written in C crashed there: run that line alone to see it again"
            if -code == signal.SIGKILL:
                fix = "look for the out-of-memory killer in the kernel's log (dmesg)"
        return self._error(subject, fact, fix=fix, **self._stack(printed))

    def _hung(self, subject: str, timeout_s: float, printed: int) -> ProjectError:
        assert self._peer is not None
        self._peer.end(stacks=True)
        self._peer = None
        return self._error(
            subject,
            f"it did not end within {timeout_s:g} s",
            fix="look at the line where it waits; only the guard's database can be reached",
            **self._stack(printed),
        )

    def _garbled(
        self, subject: str, garbage: str, *, fact: str = "it wrote into the guard's own channel"
    ) -> ProjectError:
        self.close()
        return self._error(
            subject,
            fact,
            fix="the code must not write to descriptors that it did not open",
            detail=garbage,
        )

    def _stack(self, printed: int) -> dict[str, Any]:
        """What it printed last and, if faulthandler wrote a stack, where it was."""
        text = self._text(printed)
        found = _STACK.search(text)
        if found is None:
            return {"detail": _ending(self._tail(printed))}
        said = text[: found.start()].rstrip().splitlines()[-TAIL_LINES:]
        frames = found["frames"].splitlines()
        detail = ["where it was, the innermost line first:", *frames[:FRAMES]]
        place: dict[str, Any] = {"detail": "\n".join([_ending("\n".join(said)), *detail]).lstrip()}
        for path, line in _FRAME.findall(found["frames"]):
            if Path(path).is_relative_to(self._config.root) and "site-packages" not in path:
                return {**place, "path": self._config.relative(Path(path)), "line": int(line)}
        return place


def _ending(tail: str) -> str:
    return f"its output ends:\n{tail}" if tail else ""
