"""How a process of the run talks to its keeper (keeper.py)."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError

if TYPE_CHECKING:
    from pytest_schemaguard.run import Run

ANSWER_DEADLINE_S = 20.0


class Kept:
    """Something the keeper did for us, undone when this closes before keep().

    Used with contextlib.closing: what fails, or dies, inside leaves nothing behind.
    """

    def __init__(self, run: Run, request: dict[str, Any]) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._received = b""
        try:
            self._socket.connect(str(run.folder / "keeper"))
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            answer = self._line(ANSWER_DEADLINE_S)
        except OSError as error:
            self._socket.close()
            raise ServerError(
                "keeper", f"it does not answer in {run.folder}: {error}: the run has ended"
            ) from error
        if answer is None or "error" in answer:
            self._socket.close()
            what = "no answer" if answer is None else answer["error"]
            raise ServerError("server", f"{request['argv'][0]} does not start: {what}")

    def close(self) -> None:
        self._socket.close()

    def exit_status(self, *, wait_s: float) -> int | None:
        """The status of a server that ended, or None after waiting that long."""
        answer = self._line(wait_s)
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
                return {"error": "it ended"}
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer
