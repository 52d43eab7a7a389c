"""Keeps the project's code from every database but the guard's.

A guard against accidents, no prison for hostile code. The strongest fence that the system permits,
one of:

- `namespace`: no network at all, for the process and what it starts; where mounting is permitted,
  the sockets of this machine's PostgreSQL servers are covered, and the run's folder.
- `landlock`: no TCP connection but to the guard's database, likewise.
- `python`: connections refused as far as Python can see.

In each of them Python's own connections and those of the known drivers are watched: that refuses
what the kernel lets through, such as a socket in a folder shared with another container, and names
what was tried. The database is reached over the wire (pytest_schemaguard.wire), which lets nothing
else of its server through. On Linux the process then gives up what it could undo the fence with.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.project.fence import drivers, watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.address import Address

LOOPBACK = "127.0.0.1"
SERVING_PORTS = 4
"""Ports kept for an application that serves HTTP to itself."""
SOCKETS = (
    "other PostgreSQL servers' sockets are refused to Python and its drivers, not to other "
    "libraries in C or commands"
)
NO_SANDBOX = "it is a guard against accidents, no sandbox for hostile code"


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


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where the fence is to be raised."""

    root: Path
    """The project's folder."""
    folder: Path
    """The writable folder that `{dir}` stands for."""
    covered: Path | None
    """The run's folder, which the project needs nothing of but `folder` and the server's socket."""


def raise_fence(address: Address, *, kinds: Sequence[str], ground: Ground) -> Fence:
    """Raise the first of these kinds that the system permits, around this single-threaded process.

    Raises OSError.
    """
    fence, before = None, 0
    if sys.platform == "linux":
        from pytest_schemaguard.project.fence import privileges

        before = privileges.capabilities()
        if "namespace" in kinds:
            fence = _by_namespace(address, ground)
        if fence is None and "landlock" in kinds:
            fence = _by_landlock(address)
    if fence is None:
        fence = Fence(
            address=_by_loopback(address, at=0),
            sentence="connections refused as far as Python and its drivers can see, not those of "
            f"other libraries in C or of commands; {NO_SANDBOX}",
            ports=_free_ports(),
        )
    if sys.platform == "linux":
        privileges.drop(before)
    watcher = watch.Watcher(
        watch.Rules(
            address=fence.address,
            hosts=_addresses_of(fence.address),
            ports=fence.ports,
            own_loopback=fence.own_loopback,
            folders=(ground.root, ground.folder),
            log=ground.folder / watch.LOG,
        )
    )
    watcher.watch()
    drivers.watch(watcher)
    return fence


def _by_namespace(address: Address, ground: Ground) -> Fence | None:
    from pytest_schemaguard import namespaces

    kept = [ground.folder]
    if ground.covered is not None and ground.root.is_relative_to(ground.covered):
        kept.append(ground.root)  # what the merge base has of the project
    if address.is_socket:
        kept.append(Path(address.host) / f".s.PGSQL.{address.port}")
    left = namespaces.leave(kept, covered=ground.covered)
    if left is namespaces.Left.NOTHING:
        return None
    hidden = left is namespaces.Left.NETWORK_AND_SOCKETS
    covered = ", the sockets of PostgreSQL servers that ran here covered" if hidden else ""
    return Fence(
        # Nothing else listens here: the port can be the same.
        address=_by_loopback(address, at=address.loopback),
        sentence=f"no network (namespace){covered}; {SOCKETS}; {NO_SANDBOX}",
        ports=_free_ports(),
        own_loopback=True,
    )


def _by_landlock(address: Address) -> Fence | None:
    from pytest_schemaguard.project.fence import landlock, privileges

    if not landlock.is_there():
        return None
    ports = _free_ports()
    allowed = list(ports)
    # The rule knows ports and no hosts: 5432 would be everyone's.
    address = _by_loopback(address, at=0)
    if not address.is_socket:
        allowed.append(address.port)
    try:
        landlock.restrict(allowed)
        closed = privileges.refuse_unseen_connections()
    except OSError:
        return None
    open_ = "" if closed else ", but by Multipath TCP, TCP fast open or io_uring"
    return Fence(
        address=address,
        sentence="no TCP but to the guard's database and to ports kept for the application "
        f"(Landlock){open_}; {SOCKETS}; {NO_SANDBOX}",
        ports=ports,
    )


def _by_loopback(address: Address, *, at: int | None) -> Address:
    """The database as it is reached by 127.0.0.1 from here, where the project needs that.

    The wire takes the socket that listens, since from where it is nobody reaches this loopback.
    """
    if address.loopback is None:
        return address
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire,
    ):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, at or 0))
        wire.connect(f"{address.host}/.s.PGSQL.{address.port}")
        socket.send_fds(wire, [b"\0"], [listening.fileno()])
        if not wire.recv(1):
            raise ConnectionResetError("the wire does not take a socket to listen on")
        port = int(listening.getsockname()[1])
    return replace(address, host=LOOPBACK, port=port, loopback=None)


def _addresses_of(address: Address) -> frozenset[str]:
    """What the database's host resolves to; behind a relay it is one address."""
    if address.is_socket:
        return frozenset()
    if address.host == LOOPBACK:
        return frozenset({LOOPBACK, "localhost"})
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
