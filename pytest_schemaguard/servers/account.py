"""The account that the server runs as: PostgreSQL refuses root.

Root becomes a uid and a gid that have no entry in the user database, and so no rights anywhere.
Never `postgres`: a server of the machine's own lets that user in as its superuser (`peer` in
Debian's pg_hba.conf), and what runs in the throwaway server would be that user. Nor `nobody`, as
whom other daemons run: each of them could read, signal and trace what has the same uid. postgres
starts without an entry; initdb does not, and runs as a user that has one, before anything of the
project's is in the folder.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNUSED = range(65533, 65519, -1)
"""Numbers that neither systemd (https://systemd.io/UIDS-GIDS/) nor Debian (policy, 9.2.2) gives to
anybody, small enough for a container to which 65,536 are mapped."""
TRIED = 1000
"""How many numbers are looked at in a user namespace that has none of those."""


@dataclass(frozen=True, kw_only=True)
class Account:
    uid: int
    gid: int
    initdb_uid: int | None
    """Who runs initdb, which refuses a uid without an entry in the user database, as postgres does
    not; None: there is nobody."""
    dropped: bool
    """Whether this process is root, and becomes the account to start the server."""

    @property
    def spawn(self) -> dict[str, Any]:
        """Arguments for subprocess."""
        if not self.dropped:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    @property
    def for_initdb(self) -> Account:
        return self if self.initdb_uid is None else replace(self, uid=self.initdb_uid)

    def own(self, path: Path) -> None:
        if self.dropped:
            os.chown(path, self.uid, self.gid)

    def own_tree(self, folder: Path) -> None:
        """The folder and all that is in it."""
        if self.dropped:
            self.own(folder)
            for parent, folders, files in os.walk(folder):
                for name in (*folders, *files):
                    os.chown(f"{parent}/{name}", self.uid, self.gid, follow_symlinks=False)

    def can_reach(self, path: Path) -> bool:
        """Whether every folder above the path lets the account through."""
        return all(self._may_enter(parent.stat()) for parent in path.resolve().parents)

    def _may_enter(self, status: os.stat_result) -> bool:
        if not self.dropped:
            return True  # this process got there itself
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def server_account() -> Account:
    """Raises ServerError for root in a user namespace that has no other uid."""
    uid = os.geteuid()
    if uid != 0:
        return Account(
            uid=uid, gid=os.getegid(), initdb_uid=uid if _has_user(uid) else None, dropped=False
        )
    return Account(
        uid=_unused("uid", _has_user),
        gid=_unused("gid", _has_group),
        initdb_uid=_somebody(),
        dropped=True,
    )


def _unused(kind: str, has_entry: Callable[[int], bool]) -> int:
    """A number that exists in this user namespace, and that nobody has, if there is one."""
    mapped = _mapped(kind)
    fitting = [number for number in UNUSED if _holds(mapped, number)]
    for number in (*fitting, *_downwards(mapped)):
        if not has_entry(number):
            return number
    raise ServerError(
        "server",
        f"this process is root, as whom PostgreSQL does not run, and its user namespace has no "
        f"{kind} that it could run as (/proc/self/{kind}_map)",
        fix=f"start the guard as another user, or map more {kind}s into the namespace",
    )


def _mapped(kind: str) -> list[range]:
    """The numbers that this process's user namespace has: user_namespaces(7)."""
    try:
        lines = Path(f"/proc/self/{kind}_map").read_text(encoding="ascii").splitlines()
    except OSError:
        return [range(1 << 31)]  # no Linux
    numbers = [[int(word) for word in line.split()] for line in lines]
    return [range(first, first + count) for first, _, count in numbers]


def _holds(mapped: list[range], number: int) -> bool:
    return any(number in numbers for numbers in mapped)


def _downwards(mapped: list[range]) -> Iterator[int]:
    """The highest numbers below UNUSED, but 0."""
    lowest = UNUSED[-1]
    tried = 0
    for numbers in sorted(mapped, key=lambda one: -one.start):
        for number in range(min(numbers.stop, lowest) - 1, max(numbers.start, 1) - 1, -1):
            tried += 1
            if tried > TRIED:
                return
            yield number


def _somebody() -> int | None:
    """A user with an entry, but root."""
    try:
        names = [pwd.getpwnam("nobody")]
    except KeyError:
        names = []
    mapped = _mapped("uid")
    for entry in (*names, *pwd.getpwall()):
        if entry.pw_uid != 0 and _holds(mapped, entry.pw_uid):
            return entry.pw_uid
    return None


def _has_user(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _has_group(gid: int) -> bool:
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True
