"""Linux namespaces: a network of the process's own, and other servers' sockets out of sight.

See unshare(2), user_namespaces(7), mount_namespaces(7). It holds for whatever the process starts,
in whatever language it is written.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import socket
import struct
from enum import IntEnum
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

PACKAGED = ("/run/postgresql", "/var/run/postgresql")
"""Where servers listen by default, as Debian and Red Hat build them."""
DEFAULT = "/tmp"  # noqa: S108 - PostgreSQL's own default
SOCKET_NAME = re.compile(r"\.s\.PGSQL\.\d+")

_WAYS = (
    CLONE_NEWNET | CLONE_NEWNS,
    CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUSER,
    CLONE_NEWNET,
    CLONE_NEWNET | CLONE_NEWUSER,
)

_libc = ctypes.CDLL(None, use_errno=True)


class Left(IntEnum):
    """What could be left behind."""

    NOTHING = 1
    NETWORK = 2
    NETWORK_AND_SOCKETS = 3


def leave(allowed: Path | None, *, empty: Path) -> Left:
    """Move this process, which has one thread, to a network of its own with only a loopback.

    PostgreSQL's sockets are covered by the file `empty`, but for `allowed`, where mounting is
    permitted.
    """
    sockets = _sockets()
    for way in _WAYS:
        # What a system permits is only seen by trying, and a process half-way in cannot go back.
        if _trial(way, sockets, allowed, empty) is not Left.NOTHING:
            return _enter(way, sockets, allowed, empty)
    return Left.NOTHING


def _trial(way: int, sockets: list[Path], allowed: Path | None, empty: Path) -> Left:
    pid = os.fork()
    if not pid:
        left = Left.NOTHING
        try:
            left = _enter(way, sockets, allowed, empty)
        finally:
            os._exit(left)  # the copy must not run anything of ours at its end
    _, status = os.waitpid(pid, 0)
    return Left(os.WEXITSTATUS(status)) if os.WIFEXITED(status) else Left.NOTHING


def _enter(way: int, sockets: list[Path], allowed: Path | None, empty: Path) -> Left:
    uid, gid = os.geteuid(), os.getegid()
    try:
        if _libc.unshare(way):
            return Left.NOTHING
        if way & CLONE_NEWUSER:
            # Everyone stays who they are: user_namespaces(7) on what an unprivileged map may say.
            Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
        _raise_loopback()
    except OSError:
        return Left.NOTHING
    try:
        if way & CLONE_NEWNS:
            _hide(sockets, allowed, empty)
            return Left.NETWORK_AND_SOCKETS
    except OSError:
        pass  # some containers permit the namespace and no mount; the sentence says less then
    return Left.NETWORK


def _raise_loopback() -> None:
    """An application may serve HTTP to itself: netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _sockets() -> list[Path]:
    """PostgreSQL's sockets here: those that the kernel lists (proc(5)), and those in /tmp.

    Another container's server shares a folder and not the list.
    """
    found = set(Path(DEFAULT).glob(".s.PGSQL.*"))
    try:
        listed = Path("/proc/net/unix").read_text(errors="surrogateescape", encoding="utf-8")
    except OSError:
        listed = ""
    for line in listed.splitlines()[1:]:
        path = line.split(maxsplit=7)[7:]
        if path and path[0].startswith("/"):
            found.add(Path(path[0]))
    return sorted(path for path in found if SOCKET_NAME.fullmatch(path.name))


def _hide(sockets: list[Path], allowed: Path | None, empty: Path) -> None:
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    kept = None if allowed is None else allowed.resolve()
    folders = {Path(folder).resolve() for folder in PACKAGED if Path(folder).is_dir()}
    for folder in folders:
        if kept is None or kept.parent != folder:  # a server that starts later is covered too
            _mount("none", str(folder), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path in sockets:
        real = path.resolve()
        if real != kept:
            # It may have gone since, or lie where this user cannot go.
            with contextlib.suppress(FileNotFoundError, PermissionError):
                real.lstat()
                _mount(str(empty), str(real), None, MS_BIND)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    arguments = [None if one is None else os.fsencode(one) for one in (source, target, kind)]
    if _libc.mount(*arguments, ctypes.c_ulong(flags), None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)
