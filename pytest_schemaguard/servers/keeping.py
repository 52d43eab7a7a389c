"""How a process of the run talks to its keeper (keeper.py)."""

from __future__ import annotations

import errno
import json
import os
import socket
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError, advice

if TYPE_CHECKING:
    from pytest_schemaguard.run import Run

ANSWER_DEADLINE_S = 20.0


class Kept:
    """Something the keeper did for us, undone when this closes before keep().

    Used with contextlib.closing: what fails, or dies, inside leaves nothing behind.
    """

    def __init__(self, run: Run, request: dict[str, Any]) -> None:
        self._run = run
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._received = b""
        try:
            self._socket.connect(str(run.folder / "keeper"))
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            answer = self._line(ANSWER_DEADLINE_S)
        except OSError as error:
            self._socket.close()
            raise run.without_keeper(error) from error
        if answer is None or "error" in answer:
            self._socket.close()
            if answer is None:
                answer = {"error": f"its keeper did not answer within {ANSWER_DEADLINE_S:.0f} s"}
            raise ServerError(
                "server",
                f"{request['argv'][0]} does not start: {answer['error']}",
                fix=advice(answer.get("errno"), run.folder),
            )
        self.answer: dict[str, Any] = answer
        """What the keeper said it did."""

    def close(self) -> None:
        self._socket.close()

    def exit_status(self, *, wait_s: float) -> int | None:
        """The status of a server that ended, or None after waiting that long.

        Raises ServerError when the keeper has died.
        """
        try:
            answer = self._line(wait_s)
        except OSError as error:
            raise self._run.without_keeper(error) from error
        return None if answer is None else int(answer.get("exit", -1))

    def keep(self) -> None:
        """From here on it stays until the run ends."""
        self._socket.sendall(b"keep\n")

    def _line(self, wait_s: float) -> dict[str, Any] | None:
        self._socket.settimeout(wait_s)
        while b"\n" not in self._received:
            try:
                received = self._socket.recv(4096)
            except (TimeoutError, socket.timeout):  # noqa: UP041 - Python 3.9's name is 3.10's too
                return None
            if not received:
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer
