"""Who else may write to a file or a folder: what others may have written is not believed."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

MOST_LINKS = 40
"""As many as Linux follows: https://man7.org/linux/man-pages/man7/path_resolution.7.html."""
_BY_GROUP, _BY_ALL = stat.S_IWGRP, stat.S_IWOTH


def doubt(path: Path) -> str | None:
    """Who but this user and root may have written what lies at this absolute path, in words.

    None: nobody. Each folder from the root down counts, and each link with the place that it leads
    to. Others may write to a folder above `path` where the sticky bit keeps them from what is not
    theirs (/tmp), and not to `path` itself. Nobody can have written what does not exist.
    """
    links, here, ahead = 0, Path("/"), [*reversed(path.parts[1:])]
    while ahead:
        name = ahead.pop()
        if name == "..":
            here = here.parent
            continue
        there = here / name
        try:
            status = there.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{there}: {error.strerror}"
        reason = own_doubt(status, there, is_above=bool(ahead))
        if reason is not None:
            return f"{there} {reason}"
        if not stat.S_ISLNK(status.st_mode):
            here = there
            continue
        links += 1
        if links > MOST_LINKS:
            return f"{path} leads through more than {MOST_LINKS} links"
        target = there.readlink()
        here = Path("/") if target.is_absolute() else here
        ahead += reversed(target.parts[1:] if target.is_absolute() else target.parts)
    return None


def own_doubt(status: os.stat_result, path: Path, *, is_above: bool = False) -> str | None:
    """The same of one file, folder or link alone, whatever the folders above it are."""
    if status.st_uid not in {0, os.geteuid()}:
        return f"belongs to {_user(status.st_uid)}"
    mode = status.st_mode
    if stat.S_ISLNK(mode) or (is_above and mode & stat.S_ISVTX):
        return None
    if mode & _BY_ALL or (mode & _BY_GROUP and not _is_own_group(status, path)):
        return f"can be written by other users (its mode is {stat.S_IMODE(mode):o})"
    return None


def _is_own_group(status: os.stat_result, path: Path) -> bool:
    """Whether nobody but its owner is in the group, as where each user has one of his name.

    (The umask is 002 there, and lets the group write.) Root's group is none: containers put users
    of any uid into it. With an access control list the mode's bits of the group are the list's
    mask, and tell nothing of the group.
    """
    if status.st_gid == 0:
        return False
    try:
        group, owner = grp.getgrgid(status.st_gid), pwd.getpwuid(status.st_uid)
        listed = os.listxattr(path) if hasattr(os, "listxattr") else []
    except (KeyError, OSError):
        return False
    alone = group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}
    return alone and "system.posix_acl_access" not in listed


def _user(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user with the uid {uid}"
