"""A question asked inside a client's own session, between two of its statements. Pure.

By a named statement and portal of the extended protocol: a simple query would destroy the client's
unnamed ones. In an open transaction it stands behind a savepoint, so that an error of its own
aborts nothing, and its locks go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_schemaguard.wire import frames
from pytest_schemaguard.wire.frames import message

if TYPE_CHECKING:
    from pytest_schemaguard.wire.frames import Piece

_NAME = b"_schema_guard\0"
_SYNC = message(b"S")
_CLOSE = message(b"C", b"P", _NAME) + message(b"C", b"S", _NAME)
_TOLD_ANYWAY = frozenset({b"N", b"A", b"S"})
"""Notices, notifications and parameters: they come at any time, and are the client's."""


class Look:
    """One question; `status` is that of the client's transaction."""

    def __init__(self, sql: str, *, status: str) -> None:
        self._in_transaction = status == "T"
        self.rows: list[list[str | None]] = []
        self.error: str | None = None
        self.is_done = False
        self._question = sql

    def ask(self) -> bytes:
        question = _run(self._question)
        if self._in_transaction:
            question = _run("SAVEPOINT _schema_guard") + question + self._back()
        return question + _SYNC

    def take(self, piece: Piece) -> bytes:
        """What the server answered; returns what to ask it further."""
        if piece.kind == b"D" and piece.whole:
            self.rows.append(frames.row(piece.body))
        elif piece.kind == b"E":
            said = frames.fields(piece.body)
            self.error = self.error or f"{said.get('M')} (SQLSTATE {said.get('C')})"
        elif piece.kind == b"Z":
            if piece.body == b"E" and self._in_transaction:
                self._in_transaction = False
                return _CLOSE + self._back() + _SYNC
            if self.error is not None and piece.body == b"I" and self._question:
                self._question = ""
                return _CLOSE + _SYNC
            self.is_done = True
        return b""

    @staticmethod
    def is_the_clients(piece: Piece) -> bool:
        return piece.kind in _TOLD_ANYWAY

    @property
    def told(self) -> dict[str, Any]:
        return {"rows": self.rows, "error": self.error}

    @staticmethod
    def _back() -> bytes:
        return _run("ROLLBACK TO _schema_guard") + _run("RELEASE _schema_guard")


def _run(sql: str) -> bytes:
    parse = message(b"P", _NAME, sql.encode(), b"\0", b"\0\0")
    bind = message(b"B", _NAME, _NAME, b"\0\0", b"\0\0", b"\0\0")
    return parse + bind + message(b"E", _NAME, b"\0\0\0\0") + _CLOSE
