"""What one session sent, and what became of it, by the messages of both sides. Pure.

A statement is what one message runs: the text of a Query, which may hold several, or of what an
Execute names. https://www.postgresql.org/docs/current/protocol-flow.html
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.wire import frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.wire.frames import Piece

_ERROR = {
    "C": "sqlstate",
    "M": "message",
    "D": "detail",
    "H": "hint",
    "W": "context",
    "P": "position",
}
"""https://www.postgresql.org/docs/current/protocol-error-fields.html"""


class Transcript:
    """Of one session.

    `keep` is given each statement as it is sent, and numbers it; `hear` what PostgreSQL says
    beside its results.
    """

    def __init__(self, keep: Callable[[dict[str, Any]], None], hear: Callable[[str], None]) -> None:
        self.session = 0
        """The server's process, once it has said so."""
        self.status = "I"
        self.batch: list[dict[str, Any]] = []
        """The statements since the server last was ready, in the order in which they were sent."""
        self.latest: list[dict[str, Any]] = []
        """Those of the batch before."""
        self._keep = keep
        self._hear = hear
        self._statements: dict[bytes, tuple[str, bool]] = {}
        """By name: the text, and whether it was cut."""
        self._portals: dict[bytes, tuple[str, bool]] = {}
        self._suspended: set[bytes] = set()
        self._awaited: deque[tuple[bytes, bytes, Any]] = deque()
        """What the server has not answered yet: its message's type, its name, and its statement or
        its text."""
        self._latest = ("", False)

    def client(self, piece: Piece) -> None:
        """A message passed on to the server."""
        kind = piece.kind
        if kind == b"Q":
            self._sent(kind, b"", (_text(piece.body), not piece.whole))
        elif kind == b"S":
            self._awaited.append((kind, b"", None))
        elif kind in {b"P", b"B", b"E", b"C"}:
            self._extended(piece)

    def _extended(self, piece: Piece) -> None:
        kind = piece.kind
        name, _, rest = piece.body.partition(b"\0")
        if kind == b"P":
            self._latest = self._statements[name] = (_text(rest), not piece.whole)
            self._awaited.append((kind, name, self._latest))
        elif kind == b"B":
            self._latest = self._statements.get(rest.partition(b"\0")[0], ("", False))
            self._portals[name] = self._latest
            self._suspended.discard(name)
        elif kind == b"C":
            (self._statements if name[:1] == b"S" else self._portals).pop(name[1:], None)
        elif name in self._suspended:  # it goes on with what was sent
            self._awaited.append((kind, name, None))
        else:
            self._sent(kind, name, self._portals.get(name, ("", False)))

    def server(self, piece: Piece) -> None:
        """A message that came from the server."""
        kind = piece.kind
        if kind == b"C":
            self._answered(frames.text(piece.body.rstrip(b"\0")))
        elif kind == b"Z":
            self._ready(chr(piece.body[0]))
        elif kind == b"E":
            self._failed(frames.fields(piece.body))
        elif kind == b"N":
            self._noticed(frames.fields(piece.body))
        elif kind == b"K":
            self.session = int.from_bytes(piece.body[:4], "big")
        elif kind == b"I":
            self._answered(None)
        elif kind == b"s":
            self._suspended.add(self._awaited[0][1] if self._awaited else b"")
            self._answered(None)
        elif kind == b"1" and self._awaited and self._awaited[0][0] == b"P":
            self._awaited.popleft()
        elif kind == b"G" and self.is_executing:
            # A Sync behind an Execute that copies in is read and thrown away.
            self._awaited = deque(one for one in self._awaited if one[0] != b"S")

    @property
    def is_executing(self) -> bool:
        """Whether the server is at an Execute."""
        return bool(self._awaited) and self._awaited[0][0] == b"E"

    def hand_on(self) -> list[dict[str, Any]]:
        """The statements of the batch that has ended."""
        self.latest, self.batch = self.batch, []
        return self.latest

    def _sent(self, kind: bytes, name: bytes, text: tuple[str, bool]) -> dict[str, Any]:
        told: dict[str, Any] = {
            "number": 0,
            "batch": 0,
            "session": self.session,
            "sql": text[0],
            "is_cut": text[1],
            "tags": [],
            "error": None,
            "before": self.status,
            "after": None,
            "notices": 0,
            "looks": [],
        }
        self._keep(told)
        told["batch"] = self.batch[0]["number"] if self.batch else told["number"]
        self.batch.append(told)
        self._awaited.append((kind, name, told))
        return told

    def _answered(self, tag: str | None) -> None:
        if not self._awaited:
            return
        kind, name, told = self._awaited[0]
        if kind == b"Q":  # it may have more statements
            if tag is not None:
                told["tags"].append(tag)
        elif kind == b"E":
            self._awaited.popleft()
            if told is not None and tag is not None:
                told["tags"].append(tag)
            if tag is not None:
                self._suspended.discard(name)

    def _noticed(self, said: dict[str, str]) -> None:
        self._hear(frames.notice(said))
        told = self._awaited[0][2] if self._awaited else None
        if isinstance(told, dict):
            told["notices"] += said.get("V") in {"NOTICE", "WARNING"}

    def _failed(self, said: dict[str, str]) -> None:
        error: dict[str, Any] = {name: said.get(letter) for letter, name in _ERROR.items()}
        error["position"] = int(error["position"]) if error["position"] else None
        error["is_fatal"] = said.get("V", said.get("S")) in {"FATAL", "PANIC"}
        if not self._awaited:
            return  # it is the session that ends
        kind, _, what = self._awaited[0]
        text = what if kind == b"P" else self._latest
        if kind == b"S" and self.batch:  # what was deferred to the commit, which a Sync is
            what = self.batch[-1]
        while self._awaited and self._awaited[0][0] != b"S":
            _, _, later = self._awaited.popleft()
            if not isinstance(what, dict) and isinstance(later, dict):
                what = later if (later["sql"], later["is_cut"]) == text else what
        if not isinstance(what, dict):
            what = self._sent(b"", b"", text)
            self._awaited.pop()
        what["error"] = error

    def _ready(self, status: str) -> None:
        while self._awaited and self._awaited.popleft()[0] not in {b"Q", b"S"}:
            pass
        self.status = status
        for told in self.batch:
            told["after"] = status


def _text(body: bytes) -> str:
    return frames.text(body.partition(b"\0")[0])
