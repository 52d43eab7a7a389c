"""Runs the command that serves the application, and asks it over HTTP on the loopback."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.child.inside import here
from pytest_schemaguard.project.output import bounded
from pytest_schemaguard.project.tasks import programs
from pytest_schemaguard.project.tasks.request import listening
from pytest_schemaguard.project.tasks.request.message import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from pytest_schemaguard.project.tasks.request.message import Message

POLL_S = 0.02
STOP_S = 5.0
GONE_S = 1.0
"""How long to wait for killed processes; zombies that nobody reaps stay in their group."""
TAIL_LINES = 30
TAIL_BYTES = 1 << 16


class Serving:
    """A command that serves HTTP, from its start to the end of its process group.

    Entering it raises ProjectError: no such command, it ends early, it never listens.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        subject: str,
        root: Path,
        timeout_s: float,
        hide: Callable[[str], str],
    ) -> None:
        self._subject = subject
        self._root = root
        self._timeout_s = timeout_s
        self._hide = hide
        """Cuts secrets out of what it prints."""
        if not any("{port}" in part for part in command):
            raise ProjectError(
                subject,
                "the command has no {port}",
                fix='put it where the command takes its port: "... --port {port}"',
            )
        self._port = _port()
        self._command = [part.replace("{port}", str(self._port)) for part in command]
        self._bounded = ExitStack()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = programs.locate(self._command[0], subject=self._subject, root=self._root)
        try:
            self._process = subprocess.Popen(
                [program, *self._command[1:]],
                cwd=self._root,
                env={**os.environ, "PATH": programs.search_path(), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                start_new_session=True,
            )
        except OSError as error:
            raise ProjectError(
                self._subject, f"{program} cannot be started: {error}", fix="check that it runs"
            ) from None
        self._bounded.enter_context(bounded(self._output.fileno()))
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._bounded.close()
        self._output.close()

    def ask(self, message: Message, *, timeout_s: float) -> Response:
        """The answer. Raises TimeoutError, ConnectionError (closed without an answer)."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout_s)
        try:
            connection.request(
                message.method, message.target, body=message.body, headers=dict(message.headers)
            )
            answer = connection.getresponse()
            body = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from None
        finally:
            connection.close()
        return Response(status=answer.status, headers=tuple(answer.getheaders()), body=body)

    def stop(self) -> None:
        """End the process group: SIGTERM, then SIGKILL."""
        process = self._process
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
                break
        # The first is gone; what it has started must follow, and ends only after the signal.
        deadline = time.monotonic() + GONE_S
        with suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < deadline:
                os.killpg(process.pid, signal.SIGKILL)
                time.sleep(POLL_S)

    def printed(self) -> int:
        """How many bytes it has printed so far."""
        return os.fstat(self._output.fileno()).st_size

    def tail(self, start: int = 0, end: int | None = None) -> str:
        """The last lines that it printed between two places, without secrets."""
        end = self.printed() if end is None else end
        start = max(start, end - TAIL_BYTES)
        # pread: the process writes through the same offset.
        text = os.pread(self._output.fileno(), end - start, start).decode(errors="replace")
        return self._hide("\n".join(text.splitlines()[-TAIL_LINES:]))

    def _wait(self) -> None:
        assert self._process is not None
        start = time.monotonic()
        while not self._listens():
            code = self._process.poll()
            if code is not None:
                how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
                raise ProjectError(
                    self._subject,
                    f"the command ended with {how} before it listened",
                    detail=self.tail() or "it printed nothing",
                    fix=f"run it in {self._root}: {' '.join(self._command)}",
                )
            if time.monotonic() - start > self._timeout_s:
                raise self._silent()
            time.sleep(POLL_S)

    def _silent(self) -> ProjectError:
        """It never listened where it should; where it does instead, if it does."""
        assert self._process is not None
        elsewhere = listening.places(self._process.pid)
        fix = "the command must listen on the port that {port} stands for; "
        if any(place.endswith(f":{self._port}") for place in elsewhere):
            fix = "the command must listen on 127.0.0.1, such as by `--host 127.0.0.1`; "
        instead = f"; it listens on {', '.join(elsewhere)}" if elsewhere else ""
        return ProjectError(
            self._subject,
            f"nothing listens on 127.0.0.1:{self._port} after {self._timeout_s:g} s{instead}",
            detail=self.tail() or "it printed nothing",
            fix=f"{fix}`timeout-s` is how long it may take",
        )

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True


def _port() -> int:
    try:
        return here().serving_port()
    except RuntimeError:  # called as a function: nothing is fenced
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            return int(one.getsockname()[1])
