"""Relays connections from inside the fence to the one configured database, and nowhere else.

On a server that has other databases too, the relay reads whom each connection logs in as, and to
which database, before it passes anything on.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.fence.tls import Tls

    End = socket.socket | Tls

LOOPBACK = "127.0.0.1"
BACKLOG = 128
CONNECT_S = 30.0
LAST_WORDS_S = 1.0
"""How long one that was refused may take to close its end."""
_MESSAGE = 1 << 16
_CHUNK = 1 << 16
_ENDS_HERE = ("ssl", "gss", "krb")
_LEADING = {"hostaddr", "channel_binding", "requirepeer", "passfile", "service"}
"""libpq's parameters that are about the way to the server, which the relay goes.
https://www.postgresql.org/docs/current/libpq-connect.html"""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a relay leads, and what may pass."""

    host: str
    """As in Address: a folder for a unix socket."""
    name: str
    """The host's, as its certificate has it."""
    port: int
    confined_to: str
    """As in Address: nothing passes but to databases, and as roles, whose names begin so."""
    options: dict[str, str]
    log: str
    """Where refusals are noted, a line each."""


def hand_over(line: socket.socket, address: Address, *, at: int, log: Path) -> Address:
    """Listen on 127.0.0.1 where the caller is, and let the warden relay from there to the database.

    `at` is the port to listen on, 0 for any; returns the database as it is reached from here.
    Raises OSError.
    """
    target = Target(
        host=dict(address.options).get("hostaddr") or address.host,
        name=address.host,
        port=address.port,
        confined_to=address.confined_to,
        options=dict(address.options),
        log=str(log),
    )
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, at))
        listening.listen(BACKLOG)
        socket.send_fds(line, [json.dumps(vars(target)).encode()], [listening.fileno()])
        port = int(listening.getsockname()[1])
    options = address.options
    if address.confined_to:
        options = tuple((name, value) for name, value in options if not _is_of_the_way(name))
    return replace(address, host=LOOPBACK, port=port, options=options)


def _is_of_the_way(name: str) -> bool:
    return name.startswith(_ENDS_HERE) or name in _LEADING


def take(line: socket.socket) -> bool:
    """Begin to relay what `hand_over` said; False when the other end has closed."""
    message, descriptors, _, _ = socket.recv_fds(line, _MESSAGE, 1)
    if not descriptors:
        return bool(message)
    listening = socket.socket(fileno=descriptors[0])
    listening.setblocking(True)
    arguments = (listening, Target(**json.loads(message)))
    threading.Thread(target=_accept, args=arguments, daemon=True).start()
    return True


def _accept(listening: socket.socket, target: Target) -> None:
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(near, target), daemon=True).start()


def _serve(near: socket.socket, target: Target) -> None:
    with contextlib.ExitStack() as ends:
        ends.callback(near.close)
        try:
            is_read = bool(target.confined_to)
            far = _passed(near, target, ends) if is_read else _connected(target, ends)
        except OSError:
            return  # the driver says that the server closed the connection
        if far is None:
            return
        for end in (near, far):
            end.settimeout(None)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        there = threading.Thread(target=_pump, args=(near, far), daemon=True)
        there.start()
        _pump(far, near)
        there.join()


def _connected(target: Target, ends: contextlib.ExitStack) -> socket.socket:
    if target.host.startswith("/"):
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        ends.callback(far.close)
        far.settimeout(CONNECT_S)
        far.connect(f"{target.host}/.s.PGSQL.{target.port}")
    else:
        far = socket.create_connection((target.host, target.port), CONNECT_S)
        ends.callback(far.close)
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return far


def _passed(near: socket.socket, target: Target, ends: contextlib.ExitStack) -> End | None:
    """The server's end, to which the client's first message has been passed on; None: refused."""
    from pytest_schemaguard.project.fence import admission, tls

    try:
        first = admission.read(near, target.confined_to)
    except admission.RefusedError as refused:
        if refused.where is not None:
            with Path(target.log).open("a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(f"tried to connect to {refused.where}\n")
        _end(near, refused.message())
        return None
    try:
        plain = _connected(target, ends)
        is_socket = target.host.startswith("/")
        far = None if is_socket else tls.encrypted(plain, target.name, target.options)
    except OSError as error:
        fact = f"pytest-schemaguard's relay cannot connect to {target.host}:{target.port}: {error}"
        _end(near, admission.RefusedError(admission.NO_CONNECTION, fact).message())
        return None
    (far or plain).sendall(first)
    if far is None:
        return plain
    while True:
        message = admission.message(far)
        near.sendall(admission.without_channel_binding(message))
        if message[:1] != b"v":  # NegotiateProtocolVersion comes before what is looked for
            return far


def _end(near: socket.socket, message: bytes) -> None:
    """Say this last. What is not read would reset the connection, and the message be lost."""
    near.sendall(message)
    near.shutdown(socket.SHUT_WR)
    near.settimeout(LAST_WORDS_S)
    while near.recv(_CHUNK):
        pass


def _pump(source: End, sink: End) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    # One direction has ended; the other may still have something to say.
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
