"""PostgreSQL's messages in a stream of bytes: pure.

https://www.postgresql.org/docs/current/protocol-message-formats.html. Messages that nobody reads
are passed on as they come, in pieces, so that a COPY or a row of any length takes no memory.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEAD = struct.Struct("!ci")
_unpacked = _HEAD.unpack_from
_INT = struct.Struct("!i")
HEAD = _HEAD.size
REST = b""
"""The kind of what follows a message's beginning, and of a run of messages that nobody reads."""
LONGEST_KEPT = 1 << 20
"""Bytes of a statement's text that are kept."""
_FEW = 1 << 12
"""Names, tags and the like; a Bind's names are followed by its values."""
_WORDS = 1 << 16
"""An error with what it says of where it arose."""
CLIENT = {
    **dict.fromkeys((b"Q", b"P"), LONGEST_KEPT),
    **dict.fromkeys((b"B", b"E", b"C"), _FEW),
    **dict.fromkeys((b"S", b"F", b"H", b"X", b"D"), 0),
}
"""Rows of a COPY and passwords are none of them: they pass at once, whatever the server does."""
SERVER = {
    **dict.fromkeys((b"E", b"R", b"N"), _WORDS),
    **dict.fromkeys((b"C", b"Z", b"K"), _FEW),
    **dict.fromkeys((b"1", b"I", b"s", b"G", b"A", b"S"), 0),
}
_ALSO = (("D", "DETAIL"), ("H", "HINT"))
LOOKED_AT = {**SERVER, b"D": LONGEST_KEPT}


class NoMessageError(Exception):
    """What came is none of PostgreSQL's protocol."""


class Piece(NamedTuple):
    """Bytes to pass on: a message, its beginning or what follows that, or several messages."""

    kind: bytes
    """The message's type, or REST."""
    body: bytes
    """What is read of it, without its head."""
    raw: bytes
    whole: bool = True
    """Whether `body` is all of it."""


class Reader:
    """Cuts one direction of a connection into pieces, behind its start-up messages.

    `kept` says by type how many bytes of a body are wanted; a message of no type in there is REST.
    """

    def __init__(self, kept: Mapping[bytes, int]) -> None:
        self.kept = kept
        self._waiting = bytearray()
        self._wanted = HEAD
        """How many bytes must be there before anything more can be said."""
        self._left = 0
        """Of a message whose beginning has been passed on."""

    @property
    def between(self) -> bool:
        """Whether what has been passed on ends with a message's end."""
        return not self._left

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that are complete now. Raises NoMessageError."""
        if self._waiting:
            self._waiting += data
            if len(self._waiting) < self._wanted:
                return []
            data = bytes(self._waiting)
        pieces, position = self._cut(data)
        self._waiting = bytearray(data[position:])
        return pieces

    def _cut(self, data: bytes) -> tuple[list[Piece], int]:
        pieces: list[Piece] = []
        end, kept = len(data), self.kept
        position = min(self._left, end)
        self._left -= position
        unread, self._wanted = 0, HEAD
        """Where the run of what nobody reads begins."""
        last = end - HEAD
        while position <= last:
            kind, length = _unpacked(data, position)
            stop = position + 1 + length
            if length < _INT.size:
                raise NoMessageError(data[position : position + HEAD])
            if kind not in kept:
                position = stop
                continue
            body, keep = position + HEAD, kept[kind]
            have = min(stop, body + keep)
            if have > end:
                self._wanted = have - position
                break
            if unread < position:
                pieces.append(Piece(REST, b"", data[unread:position]))
            unread = min(stop, end)
            pieces.append(Piece(kind, data[body:have], data[position:unread], have == stop))
            position = stop
        self._left += max(0, position - end)
        position = min(position, end)
        if unread < position:
            pieces.append(Piece(REST, b"", data[unread:position]))
        return pieces, position


def words(body: bytes) -> Iterator[bytes]:
    """The strings that a body begins with, each without its zero byte."""
    while body:
        word, _, body = body.partition(b"\0")
        yield word


def fields(body: bytes) -> dict[str, str]:
    """Those of an ErrorResponse or NoticeResponse, by their letter."""
    return {one[:1].decode("latin-1"): text(one[1:]) for one in body.split(b"\0") if one}


def notice(said: Mapping[str, str]) -> str:
    """A NoticeResponse's fields, as psql prints them."""
    parts = [f"{said.get('S', '')}:  {said.get('M', '')}"]
    parts += [f"{name}:  {said[letter]}" for letter, name in _ALSO if letter in said]
    return "\n".join(parts)


def text(data: bytes) -> str:
    """Bytes of the client's encoding, which is UTF-8 but for a few."""
    return data.decode(errors="backslashreplace")


def row(body: bytes) -> list[str | None]:
    """A DataRow's values in text format."""
    (count,) = struct.unpack_from("!h", body)
    values: list[str | None] = []
    position = 2
    for _ in range(count):
        (length,) = _INT.unpack_from(body, position)
        position += _INT.size
        values.append(None if length < 0 else text(body[position : position + length]))
        position += max(0, length)
    return values


def message(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return kind + _INT.pack(len(body) + _INT.size) + body


def error(sqlstate: str, fact: str, *, hint: str | None = None) -> bytes:
    """A FATAL ErrorResponse."""
    said = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": fact}
    if hint is not None:
        said["H"] = hint
    parts = (f"{letter}{words}\0".encode() for letter, words in said.items())
    return message(b"E", *parts, b"\0")
