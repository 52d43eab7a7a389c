"""Runs the command that serves the application, and asks it over HTTP on the loopback."""

from __future__ import annotations

import http.client
import socket
import time
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.child.inside import here
from pytest_schemaguard.project.programs import of_the_project
from pytest_schemaguard.project.tasks.request import listening
from pytest_schemaguard.project.tasks.request.message import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from pytest_schemaguard.project.programs import Program
    from pytest_schemaguard.project.tasks.request.message import Message

POLL_S = 0.02


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
        self._program: Program | None = None

    def __enter__(self) -> Self:
        self._program = of_the_project(
            self._command, subject=self._subject, root=self._root, hide=self._hide
        )
        try:
            self._wait(self._program)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._program is not None:
            with self._program:
                self._program.stop()

    @property
    def program(self) -> Program:
        assert self._program is not None
        return self._program

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

    def _wait(self, program: Program) -> None:
        start = time.monotonic()
        while not self._listens():
            if program.ended():
                raise ProjectError(
                    self._subject,
                    f"the command ended with {program.end} before it listened",
                    detail=program.tail() or "it printed nothing",
                    fix=f"run it in {self._root}: {' '.join(self._command)}",
                )
            if time.monotonic() - start > self._timeout_s:
                raise self._silent(program)
            time.sleep(POLL_S)

    def _silent(self, program: Program) -> ProjectError:
        """It never listened where it should; where it does instead, if it does."""
        elsewhere = listening.places(program.pid)
        fix = "the command must listen on the port that {port} stands for; "
        if any(place.endswith(f":{self._port}") for place in elsewhere):
            fix = "the command must listen on 127.0.0.1, such as by `--host 127.0.0.1`; "
        instead = f"; it listens on {', '.join(elsewhere)}" if elsewhere else ""
        return ProjectError(
            self._subject,
            f"nothing listens on 127.0.0.1:{self._port} after {self._timeout_s:g} s{instead}",
            detail=program.tail() or "it printed nothing",
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
