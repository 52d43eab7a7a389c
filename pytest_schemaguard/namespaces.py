"""Linux namespaces: no network but a loopback, and what is covered in the file system.

For the project's processes and for a server of our own alike: it holds for whatever the process
starts, in whatever language it is written. See unshare(2), user_namespaces(7),
mount_namespaces(7). Standard library only: the keeper imports it too.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import socket
import stat
import struct
import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_PR_SET_DUMPABLE = 4
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

PACKAGED = ("/run/postgresql", "/var/run/postgresql")
"""Where servers listen by default, as Debian and Red Hat build them."""
DEFAULT = "/tmp"  # noqa: S108 - PostgreSQL's own default
SOCKET_NAME = re.compile(r"\.s\.PGSQL\.\d+")
NOTHING_LISTENS = "/dev/null"
"""connect(2) to it is refused: it is no socket."""

_WAYS = (
    CLONE_NEWNET | CLONE_NEWNS,
    CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUSER,
    CLONE_NEWNET,
    CLONE_NEWNET | CLONE_NEWUSER,
)

_OUT_OF_REACH = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP}

_libc = ctypes.CDLL(None, use_errno=True)


class Left(IntEnum):
    """What could be left behind."""

    NOTHING = 1
    NETWORK = 2
    NETWORK_AND_SOCKETS = 3


def leave(kept: Sequence[Path] = (), *, covered: Path | None = None) -> Left:
    """Move this process, which has one thread, to a network of its own with only a loopback.

    Where mounting is permitted, the sockets of the machine's PostgreSQL servers are covered, and
    the folder `covered`; `kept` are the sockets and folders that stay what they are.
    """
    way = way_out(kept, covered=covered)
    return Left.NOTHING if way is None else enter(way, kept, covered=covered)


def way_out(kept: Sequence[Path] = (), *, covered: Path | None = None) -> int | None:
    """The flags of unshare(2) that the system permits; None: none of them.

    That is only seen by trying, in a copy of this process: one that is half-way in cannot go back.
    """
    for way in _WAYS:
        pid = os.fork()
        if not pid:
            left = Left.NOTHING
            try:
                left = enter(way, kept, covered=covered)
            finally:
                os._exit(left)  # the copy must not run anything of ours at its end
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) > Left.NOTHING:
            return way
    return None


def enter(way: int, kept: Sequence[Path] = (), *, covered: Path | None = None) -> Left:
    """What `leave` does, by a way that has been found.

    Raises OSError when it fails half-way: the process can then go on nowhere.
    """
    sockets = _sockets()
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(way):
        return Left.NOTHING
    if way & CLONE_NEWUSER:
        # Everyone stays who they are: user_namespaces(7) on what an unprivileged map may say.
        # Bytes: an encoding would be loaded from a folder that may be closed to this user.
        Path("/proc/self/setgroups").write_bytes(b"deny")
        Path("/proc/self/uid_map").write_bytes(b"%d %d 1" % (uid, uid))
        Path("/proc/self/gid_map").write_bytes(b"%d %d 1" % (gid, gid))
    _raise_loopback()
    try:
        if way & CLONE_NEWNS:
            _cover(sockets, kept, covered)
            return Left.NETWORK_AND_SOCKETS
    except OSError:
        pass  # some containers permit the namespace and no mount; the sentence says less then
    return Left.NETWORK


def become(uid: int, gid: int) -> None:
    """This process, root's, is another user's from now on."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # else its files in /proc are still root's


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


def _cover(sockets: list[Path], kept: Sequence[Path], covered: Path | None) -> None:
    with contextlib.ExitStack() as opened:
        held = {path: one for path in kept if (one := _opened(path, opened)) is not None}
        own = {_identity(descriptor) for descriptor in held.values()}
        _mount(None, "/", None, MS_REC | MS_PRIVATE)
        for folder in map(Path, PACKAGED):
            # A server that starts there later is covered too. (One of the two is often a link.)
            is_own = any(path.parent.samefile(folder) for path in held if folder.is_dir())
            if folder.is_dir() and folder.resolve() == folder and not is_own:
                _mount("none", str(folder), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        for path in sockets:
            _cover_socket(path, own)
        if covered is not None:
            _cover_folder(covered, held)


def _cover_socket(path: Path, own: set[tuple[int, int]]) -> None:
    """Only what is itself a socket: anybody may put a link or a file of that name into /tmp."""
    with contextlib.ExitStack() as opened:
        descriptor = _opened(path, opened)
        if descriptor is None or _identity(descriptor) in own:
            return
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            # By the descriptor: the path may lead elsewhere by now.
            _mount(NOTHING_LISTENS, f"/proc/self/fd/{descriptor}", None, MS_BIND)


def _cover_folder(covered: Path, held: dict[Path, int]) -> None:
    _mount("none", str(covered), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m")
    for path, descriptor in held.items():
        if not path.is_relative_to(covered):
            continue
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        _mount(f"/proc/self/fd/{descriptor}", str(path), None, MS_BIND)


def _opened(path: Path, opened: contextlib.ExitStack) -> int | None:
    """A descriptor of what is there, never of what a link leads to; None if nothing is.

    It may have gone since, or lie where this user cannot go.
    """
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _OUT_OF_REACH:
            return None
        raise
    opened.callback(os.close, descriptor)
    return descriptor


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    arguments = [None if one is None else os.fsencode(one) for one in (source, target, kind)]
    options = None if data is None else data.encode()
    if _libc.mount(*arguments, ctypes.c_ulong(flags), options):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)
