"""Watches the connections that Python's own sockets make: refuses the foreign, and notes them.

https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address

SYSTEM_SOCKETS = ("/dev/log", "/run/systemd", "/run/dbus", "/run/nscd", "/var/lib/sss")
"""Where logging, name services and the like listen: no way to a database."""
SOCKET_NAME = ".s.PGSQL."
"""How the file name of a PostgreSQL server's socket begins."""
_TCP_LISTEN = "0A"
"""net/tcp_states.h, as /proc/net/tcp shows it."""
LOG = "refused.txt"
"""Where refusals are noted, in the folder that `{dir}` stands for."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    address: Address
    hosts: frozenset[str]
    """The database's host as Python's sockets see it; empty for a unix socket."""
    ports: tuple[int, ...]
    """Ports on the loopback that may be connected to."""
    own_loopback: bool
    """Nobody else listens on the loopback: it is this process's own."""
    folders: tuple[Path, ...]
    """Unix sockets below these are the project's own."""
    log: Path
    """Where refusals are noted, a line each."""


class Watcher:
    """Hears what Python's sockets do. Once it watches it does so as long as the process lives."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.bound: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        """Sockets that this process may listen on."""
        self.names = {"localhost", socket.gethostname(), *rules.hosts}

    def watch(self) -> None:
        """Watch this process and its forks."""
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Every import and every open passes here.
        if not event.startswith("socket."):
            return
        if event == "socket.connect":
            self.connect(*arguments)
        elif event == "socket.bind":
            self.bound.add(arguments[0])
        elif event == "socket.getaddrinfo":
            self.look_up(arguments[0], arguments[1])

    def connect(self, end: socket.socket, address: Any) -> None:
        if end.family == getattr(socket, "AF_UNIX", None):
            path = os.fsdecode(address)
            if end.type == socket.SOCK_STREAM and not self.is_own_socket(path):
                self.refuse(path)
        elif end.family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
            host, port = str(address[0]), int(address[1])
            on_loopback = end.type == socket.SOCK_DGRAM and _is_loopback(host)
            if not on_loopback and not self.is_own_port(host, port):
                self.refuse(f"{host}:{port}")

    def is_own_socket(self, path: str) -> bool:
        if path.startswith("\0"):
            # Abstract sockets belong to the network namespace; multiprocessing makes some.
            return self.rules.own_loopback or not path.rpartition("/")[2].startswith(SOCKET_NAME)
        real = Path(path).resolve()
        if self.rules.address.is_socket:
            own = Path(self.rules.address.host) / f".s.PGSQL.{self.rules.address.port}"
            if real == own.resolve():
                return True
        if real.name.startswith(SOCKET_NAME):
            return False
        folders = (*self.rules.folders, *map(Path, SYSTEM_SOCKETS))
        return any(real.is_relative_to(folder.resolve()) for folder in folders)

    def is_own_port(self, host: str, port: int) -> bool:
        if host in self.rules.hosts and port == self.rules.address.port:
            return True
        if not _is_loopback(host):
            return False
        if port in self.rules.ports:
            return True
        if self.rules.own_loopback:
            return _listens(port)
        return any(_port(one) == port for one in list(self.bound))

    def look_up(self, host: Any, port: Any) -> None:
        name = os.fsdecode(host) if isinstance(host, (str, bytes)) else ""
        if not name or name in self.names or _is_address(name):
            return
        where = name if port in {None, 0} else f"{name}:{port}"
        self.note(where)
        raise socket.gaierror(socket.EAI_FAIL, f"{where}: {refusal(where)}")

    def refuse(self, where: str) -> None:
        self.note(where)
        raise ConnectionRefusedError(errno.ECONNREFUSED, refusal(where))

    def note(self, where: str) -> None:
        """Write down what was refused, for the guard to tell."""
        with self.rules.log.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"tried to connect to {where}\n")


def refusal(where: str) -> str:
    """What the project's code is told."""
    return f"pytest-schemaguard's fence refuses {where}: only the guard's database can be reached"


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return True
    return False


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or (host.startswith("127.") and _is_address(host))


def _port(one: socket.socket) -> int | None:
    try:
        return int(one.getsockname()[1])
    except (OSError, IndexError, ValueError):
        return None  # closed since, or a unix socket


def _listens(port: int) -> bool:
    """Whether something in this network namespace listens there: proc(5)."""
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state, *_ = line.split()
            if state == _TCP_LISTEN and int(local.rpartition(":")[2], 16) == port:
                return True
    return False
