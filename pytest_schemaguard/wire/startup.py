"""A client's first message: what it is, and whether it may pass. Pure.

https://www.postgresql.org/docs/current/protocol-message-formats.html, "StartupMessage" and others.
"""

from __future__ import annotations

import json
import struct

from pytest_schemaguard.wire import frames

CANCEL = 80877102
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_GSS_REQUEST = struct.pack("!ii", 8, 80877104)
ASKS_FOR_ENCRYPTION = frozenset({SSL_REQUEST, _GSS_REQUEST})
_HEAD = struct.Struct("!ii")
_PROTOCOL = 3
_LONGEST = 10000
"""MAX_STARTUP_PACKET_LENGTH (src/include/libpq/pqcomm.h)"""
_SASL = 10
NO_CONNECTION, NO_ROOM = "08006", "53300"
_NO_DATABASE, _NOT_AUTHORIZED, _VIOLATION, _UNSUPPORTED = "3D000", "28000", "08P01", "0A000"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_OFF = {b"", b"off", b"false", b"no", b"0"}
_SHOWN = 40


class RefusedError(Exception):
    """A connection that may not pass."""

    def __init__(self, sqlstate: str, fact: str, *, tried: str, where: bool = False) -> None:
        super().__init__(fact)
        self.tried = tried
        """What the client did, for the notes."""
        env = "Take the URL, or database, user and password, from the variables of `env`."
        self.message = frames.error(sqlstate, fact, hint=env if where else None)
        """The ErrorResponse: SQLSTATE, the fact, and where it was a way to go, the right one."""


def first(data: bytes) -> bytes | None:
    """The first message that these bytes begin with; None where it is not whole yet.

    Raises RefusedError for what is none.
    """
    if len(data) < _HEAD.size:
        if data[:1] not in {b"", b"\0"}:
            raise _no_postgres(data)
        return None
    length, code = _HEAD.unpack_from(data)
    if not _HEAD.size <= length <= _LONGEST or not (code >> 16 in {2, _PROTOCOL} or code >= CANCEL):
        raise _no_postgres(data)
    return data[:length] if len(data) >= length else None


def is_cancel(message: bytes) -> bool:
    return bool(_HEAD.unpack_from(message)[1] == CANCEL)


def parameters(message: bytes) -> dict[bytes, bytes]:
    """A StartupMessage's parameters. Raises RefusedError for another protocol."""
    _, code = _HEAD.unpack_from(message)
    if code >> 16 != _PROTOCOL:
        old = f"version {code >> 16}.{code & 0xFFFF}"
        raise RefusedError(
            _UNSUPPORTED,
            f"the client speaks {old} of PostgreSQL's protocol, and no server since PostgreSQL 14 "
            "does: it takes version 3",
            tried=f"tried to speak {old} of PostgreSQL's protocol, which is too old",
        )
    words = message[_HEAD.size :].split(b"\0")
    if words[-2:] != [b"", b""] or len(words) % 2:
        raise _no_postgres(message)
    # The last of a name wins, as in the server.
    return dict(zip(words[:-2:2], words[1:-2:2], strict=True))


def check(told: dict[bytes, bytes], confined_to: str) -> None:
    """Raises RefusedError but for a database, and a role, whose names begin with `confined_to`.

    Those are the ones that the run made.
    """
    user = told.get(b"user", b"")
    database = told.get(b"database") or user
    alone = f'whose names begin with "{confined_to}"'
    if told.get(b"replication", b"").lower() not in _OFF:
        raise RefusedError(
            _NOT_AUTHORIZED,
            "pytest-schemaguard's fence lets no replication through",
            tried="tried to connect to the server, for replication",
            where=True,
        )
    if not database.startswith(confined_to.encode()):
        name = _shown(database)
        raise RefusedError(
            _NO_DATABASE,
            f"pytest-schemaguard's fence refuses the database {name}: it lets the project through "
            f"to databases alone that this run made, {alone}",
            tried=f"tried to connect to the database {name}",
            where=True,
        )
    if not user.startswith(confined_to.encode()):
        name = _shown(user)
        raise RefusedError(
            _NOT_AUTHORIZED,
            f"pytest-schemaguard's fence refuses the role {name}: it lets the project log in as "
            f"roles alone that this run made, {alone}",
            tried=f"tried to connect to its database as {name}",
            where=True,
        )


def without_channel_binding(body: bytes) -> bytes | None:
    """AuthenticationSASL without the mechanisms that need the client's own TLS; None for others."""
    if body[:4] != struct.pack("!i", _SASL):
        return None
    names = [name for name in body[4:].split(b"\0") if name and not name.endswith(b"-PLUS")]
    return frames.message(b"R", body[:4], *(name + b"\0" for name in names), b"\0")


def _no_postgres(data: bytes) -> RefusedError:
    said = _shown(data[:_SHOWN])
    return RefusedError(
        _VIOLATION,
        "this is no connection to a PostgreSQL database",
        tried=f"tried to say {said} to the database, in another protocol than PostgreSQL's",
    )


def _shown(name: bytes) -> str:
    return json.dumps(name.decode(errors="backslashreplace"), ensure_ascii=False)
