"""Keeps the project's code from every database but the guard's.

The strongest fence that the system permits, one of:

- `namespace`: no network at all, for the process and what it starts; other PostgreSQL servers'
  sockets are covered where mounting is permitted.
- `landlock`: no TCP connection but to the guard's database, likewise.
- `python`: connections refused as far as Python can see. A library written in C that is no known
  driver, and commands that are started, get past it.

Above each of them, Python's own connections are watched, so that what was tried can be named.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.project import relay, watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.address import Address

LOOPBACK = "127.0.0.1"
SERVING_PORTS = 4
"""Ports kept for an application that serves HTTP to itself."""


@dataclass(frozen=True, kw_only=True)
class Fence:
    address: Address
    """The guard's database as it is reached from inside."""
    sentence: str
    """For the header: what is kept out, and by what."""
    ports: tuple[int, ...]
    """Free ports on 127.0.0.1 that may be connected to."""
    own_loopback: bool = False
    """Nothing of the machine's listens on the loopback in there."""
    closed: bool = False
    """The kernel leaves no way open: no library needs to be watched."""


def raise_fence(
    address: Address, *, kinds: Sequence[str], root: Path, folder: Path, line: socket.socket
) -> Fence:
    """Raise the first of these kinds that the system permits, around this single-threaded process.

    `line` leads to the warden, which relays to a database that is reached by TCP.
    """
    fence = None
    if sys.platform == "linux":
        if "namespace" in kinds:
            fence = _by_namespace(address, folder, line)
        if fence is None and "landlock" in kinds:
            fence = _by_landlock(address, line)
    if fence is None:
        fence = Fence(
            address=address,
            sentence="connections refused as far as Python can see, not those of C libraries or "
            "of commands it starts",
            ports=_free_ports(),
        )
    watcher = watch.Watcher(
        watch.Rules(
            address=fence.address,
            hosts=_addresses_of(fence.address),
            ports=fence.ports,
            own_loopback=fence.own_loopback,
            folders=(root, folder),
            log=folder / "refused.txt",
        )
    )
    watcher.watch()
    if not fence.closed:
        from pytest_schemaguard.project import drivers

        drivers.watch(fence.address, watcher.note)
    return fence


def _by_namespace(address: Address, folder: Path, line: socket.socket) -> Fence | None:
    from pytest_schemaguard.project import namespace

    empty = folder / "empty"
    empty.touch()
    left = namespace.leave(_socket_file(address), empty=empty)
    if left is namespace.Left.NOTHING:
        return None
    if not address.is_socket:
        # Nothing else listens here: the port can be the same.
        relay.hand_over(line, address.host, address.port, at=address.port)
        address = replace(address, host=LOOPBACK)
    hidden = left is namespace.Left.NETWORK_AND_SOCKETS
    rest = "no socket of another PostgreSQL" if hidden else "other sockets as far as Python can see"
    return Fence(
        address=address,
        sentence=f"no network (namespace), {rest}",
        ports=_free_ports(),
        own_loopback=True,
        closed=hidden,
    )


def _by_landlock(address: Address, line: socket.socket) -> Fence | None:
    from pytest_schemaguard.project import landlock

    if not landlock.is_there():
        return None
    ports = _free_ports()
    allowed = list(ports)
    if not address.is_socket:
        # The rule knows ports and no hosts: 5432 would be everyone's.
        port = relay.hand_over(line, address.host, address.port, at=0)
        address = replace(address, host=LOOPBACK, port=port)
        allowed.append(port)
    try:
        landlock.restrict(allowed)
    except OSError:
        return None
    return Fence(
        address=address,
        sentence="no TCP but to the guard's database (Landlock), other sockets refused as far as "
        "Python can see",
        ports=ports,
    )


def _socket_file(address: Address) -> Path | None:
    return Path(address.host) / f".s.PGSQL.{address.port}" if address.is_socket else None


def _addresses_of(address: Address) -> frozenset[str]:
    """What the database's host resolves to; behind a relay it is one address."""
    if address.is_socket:
        return frozenset()
    with contextlib.suppress(OSError):  # the driver will say that the name is unknown
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        return frozenset(str(one[4][0]) for one in found) | {address.host}
    return frozenset({address.host})


def _free_ports() -> tuple[int, ...]:
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(SERVING_PORTS):
            one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            one.bind((LOOPBACK, 0))
            ports.append(int(one.getsockname()[1]))
        return tuple(ports)
