"""The account that the server runs as: PostgreSQL refuses root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

UNUSED_UID = 65432
"""For root on a system without `postgres` and `nobody`."""


@dataclass(frozen=True, kw_only=True)
class Account:
    uid: int
    gid: int
    name: str | None
    """None: no entry in the user database; initdb refuses such a uid, postgres does not."""
    dropped: bool
    """Whether this process is root, and becomes the account to start the server."""

    @property
    def spawn(self) -> dict[str, Any]:
        """Arguments for subprocess."""
        if not self.dropped:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.dropped:
            os.chown(path, self.uid, self.gid)

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
    uid = os.geteuid()
    if uid != 0:
        return Account(uid=uid, gid=os.getegid(), name=_name(uid), dropped=False)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=name, dropped=True)
    return Account(uid=UNUSED_UID, gid=UNUSED_UID, name=_name(UNUSED_UID), dropped=True)


def _name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
