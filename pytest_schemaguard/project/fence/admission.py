"""What may pass to a server that has other databases too: pure, but for the socket it reads.

https://www.postgresql.org/docs/current/protocol-message-formats.html, "StartupMessage" and others.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from pytest_schemaguard.project.fence.tls import SSL_REQUEST

if TYPE_CHECKING:
    import socket

    from pytest_schemaguard.project.fence.tls import Tls

_GSS_REQUEST = struct.pack("!ii", 8, 80877104)
_CANCEL = 80877102
_PROTOCOL = 3
_LONGEST = 10000
"""MAX_STARTUP_PACKET_LENGTH (src/include/libpq/pqcomm.h)"""
_SASL = 10
NO_CONNECTION = "08006"
_NO_DATABASE, _NOT_AUTHORIZED, _VIOLATION = "3D000", "28000", "08P01"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_OFF = {b"", b"off", b"false", b"no", b"0"}


class RefusedError(Exception):
    """A connection that may not pass."""

    def __init__(self, code: str, fact: str, *, where: str | None = None) -> None:
        super().__init__(fact)
        self.code = code
        self.fact = fact
        self.where = where
        """Where it would have gone, for the notes; None for what is no way to a database."""

    def message(self) -> bytes:
        """An ErrorResponse: severity, SQLSTATE, the fact, and what to do next."""
        fields = {"S": "FATAL", "V": "FATAL", "C": self.code, "M": self.fact}
        if self.where is not None:
            fields["H"] = (
                "Take the URL, or database, user and password, from the variables of `env`."
            )
        body = b"".join(f"{key}{value}\0".encode() for key, value in fields.items()) + b"\0"
        return b"E" + struct.pack("!i", len(body) + 4) + body


def read(near: socket.socket, confined_to: str) -> bytes:
    """The client's first message, once it is one that may pass. It has got no answer yet.

    That is one to a database, and as a role, whose names begin with `confined_to`: those that the
    run made. Raises RefusedError, and OSError when the client is gone.
    """
    while True:
        first = _first(near)
        if first not in {SSL_REQUEST, _GSS_REQUEST}:
            break
        near.sendall(b"N")  # it goes no further than this machine
    (code,) = struct.unpack_from("!i", first, 4)
    if code != _CANCEL:  # which names a session by its secret key
        _check(code, first[8:], confined_to)
    return first


def _check(code: int, body: bytes, confined_to: str) -> None:
    words = body.split(b"\0")
    if code >> 16 != _PROTOCOL or words[-2:] != [b"", b""] or len(words) % 2:
        raise RefusedError(_VIOLATION, "this is no connection to a PostgreSQL database")
    # The last of a name wins, as in the server.
    parameters = dict(zip(words[:-2:2], words[1:-2:2], strict=True))
    user = parameters.get(b"user", b"")
    database = parameters.get(b"database") or user
    alone = f'whose names begin with "{confined_to}"'
    if parameters.get(b"replication", b"").lower() not in _OFF:
        raise RefusedError(
            _NOT_AUTHORIZED,
            "pytest-schemaguard's fence lets no replication through",
            where="the server, for replication",
        )
    if not database.startswith(confined_to.encode()):
        name = _shown(database)
        raise RefusedError(
            _NO_DATABASE,
            f"pytest-schemaguard's fence refuses the database {name}: it lets the project through "
            f"to databases alone that this run made, {alone}",
            where=f"the database {name}",
        )
    if not user.startswith(confined_to.encode()):
        name = _shown(user)
        raise RefusedError(
            _NOT_AUTHORIZED,
            f"pytest-schemaguard's fence refuses the role {name}: it lets the project log in as "
            f"roles alone that this run made, {alone}",
            where=f"its database as {name}",
        )


def without_channel_binding(message: bytes) -> bytes:
    """AuthenticationSASL without the mechanisms that need the client's own TLS; others as is."""
    if message[:1] != b"R" or struct.unpack_from("!i", message, 5) != (_SASL,):
        return message
    names = [name for name in message[9:].split(b"\0") if name and not name.endswith(b"-PLUS")]
    body = struct.pack("!i", _SASL) + b"".join(name + b"\0" for name in names) + b"\0"
    return b"R" + struct.pack("!i", len(body) + 4) + body


def message(far: socket.socket | Tls) -> bytes:
    """The server's next message. Raises OSError when it is gone."""
    head = received(far, 5)
    (length,) = struct.unpack_from("!i", head, 1)
    return head + received(far, length - 4)


def _first(near: socket.socket) -> bytes:
    head = received(near, len(SSL_REQUEST))
    (length,) = struct.unpack_from("!i", head)
    if not len(head) <= length <= _LONGEST:
        raise RefusedError(_VIOLATION, "this is no connection to a PostgreSQL database")
    return head + received(near, length - len(head))


def received(end: socket.socket | Tls, size: int) -> bytes:
    """Exactly so many bytes. Raises OSError when the other end is gone."""
    parts = []
    while size:
        part = end.recv(size)
        if not part:
            raise ConnectionResetError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _shown(name: bytes) -> str:
    return json.dumps(name.decode(errors="backslashreplace"), ensure_ascii=False)
