"""What outlives a run because the next one would make the same: files and folders of this user.

A cache is believed only where nobody but this user and root can write, and each entry only when it
is whole. An entry that is not is none: it is made anew.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from pytest_schemaguard.locks import flocked, flocked_within
from pytest_schemaguard.trust import doubt, own_doubt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "pytest-schemaguard"
WAIT_S = 5.0
"""For another process that makes an entry, which takes 1 to 3 s; then it is done without."""
POLL_S = 0.01
KEPT_S = 60 * 24 * 3600.0
"""Entries that no run has used for this long are removed."""
NEWBORN_S = 10.0
"""What is younger may belong to a process that has not taken its lock yet."""
WITHOUT = (
    "no cache: {}; so each run makes anew what it would keep for the next, which takes about 1 s; "
    "next: set XDG_CACHE_HOME to a folder that only you can write to"
)
_FORMAT = 2
_MAKING = ".making-"
_LOCK = ".lock"
_LISTED = "pytest-schemaguard.json"
"""The file in an entry that is a folder which lists what is in there."""
_SUM_BYTES = hashlib.sha256().digest_size


def user_cache() -> Path | None:
    """This user's cache folder; None where there is none to be believed, or none can be made."""
    return None if refusal() else _named()


def refusal() -> str | None:
    """Why there is no cache for this user, in words; None where there is one."""
    folder = _named()
    if folder is None:
        return "neither HOME nor XDG_CACHE_HOME names a folder"
    reason = doubt(folder)
    if reason is None:
        try:
            _make_folder(folder)
        except OSError as error:
            reason = f"{error.filename or folder}: {error.strerror}"
    return reason


def key(*parts: object) -> str:
    return hashlib.sha256(repr((_FORMAT, *parts)).encode()).hexdigest()[:24]


# Entries that are files


def get(folder: Path | None, name: str) -> bytes | None:
    """The content of this entry, whose use is noted; None where there is none to be believed."""
    if folder is None or doubt(folder):
        return None
    try:
        # A link may lead to what another one writes, and a pipe be waited for.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(folder / name, flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or own_doubt(status, folder / name):
                return None
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read()
            with contextlib.suppress(OSError):  # another user's entry serves as well
                os.utime(folder / name)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    kept = content[_SUM_BYTES:]
    return kept if content[:_SUM_BYTES] == _sum(name, kept) else None


def all_of(folder: Path | None, prefix: str) -> list[bytes]:
    """The contents of the entries whose names begin like this."""
    names: list[str] = []
    if folder is not None:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            names = sorted(one.name for one in entries if one.name.startswith(prefix))
    contents = [get(folder, name) for name in names]
    return [one for one in contents if one is not None]


def put(folder: Path, name: str, content: bytes, *, mode: int = 0o644) -> None:
    """Writes the entry, whole or not at all. Raises OSError."""
    _make_folder(folder)
    descriptor, new = tempfile.mkstemp(prefix=f"{name}{_MAKING}", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with contextlib.suppress(OSError):  # a file system without locks
                flocked(descriptor)
            file.write(_sum(name, content) + content)
            file.flush()
            os.fchmod(descriptor, mode)
            _replace(Path(new), folder / name)
    finally:
        Path(new).unlink(missing_ok=True)


def remembered(folder: Path | None, program: Path, ask: Callable[[], str]) -> str:
    """What a program says of itself, asked again only when its file has changed.

    Raises whatever `ask` raises; what did not run may run the next time.
    """
    if folder is None or not program.exists():
        return ask()
    status = program.stat()
    name = f"said-{key(str(program), status.st_mtime_ns, status.st_size, status.st_ino)}"
    known = get(folder, name)
    if known is not None:
        return os.fsdecode(known)
    said = ask()
    with contextlib.suppress(OSError):  # a cache that cannot be written: it is asked each time
        put(folder, name, os.fsencode(said))
    return said


# Entries that are folders


def look(folder: Path | None, name: str) -> Path | None:
    """The entry, a folder, if it has all the files that it was made with; its use is noted."""
    if folder is None or doubt(folder):
        return None
    entry = folder / name
    try:
        status = entry.lstat()
        if not stat.S_ISDIR(status.st_mode) or own_doubt(status, entry):
            return None
        listed = get(entry, _LISTED)
        if listed is None or json.loads(listed) != _files(entry):
            return None
        with contextlib.suppress(OSError):  # another user's entry serves as well
            os.utime(entry)
    except OSError:
        return None
    return entry


def obtain(
    folder: Path | None, name: str, make: Callable[[Path], None], tell: Callable[[str], None]
) -> Path | None:
    """The entry, a folder, made by `make(folder)` and renamed in when it is whole.

    None where there is no cache to keep it in; `tell` is given the reason, if it is not that there
    is none to be believed. Raises whatever `make` raises but OSError.
    """
    entry = look(folder, name)
    if entry is not None or folder is None:
        return entry
    try:
        with locked(folder, name) as is_locked:
            if not is_locked:
                tell(held(folder, name))
                return None
            return look(folder, name) or _make(folder, name, make)
    except OSError as error:
        tell(not_kept(folder / name, error))
        return None


def _make(folder: Path, name: str, make: Callable[[Path], None]) -> Path:
    making = Path(tempfile.mkdtemp(prefix=f"{name}{_MAKING}", dir=folder))
    lock = os.open(making, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks for folders
            flocked(lock)
        making.chmod(0o755)
        make(making)
        put(making, _LISTED, json.dumps(_files(making)).encode())
        _replace(making, folder / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)
        os.close(lock)
    return folder / name


def _files(folder: Path) -> dict[str, int]:
    """Each file in there with its size in bytes, by its path; each link, with no size.

    What a power cut or a full disk takes away shows in the sizes.
    """
    found: dict[str, int] = {}
    ahead = [str(folder)]
    skip = len(str(folder)) + 1
    while ahead:
        with os.scandir(ahead.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    ahead.append(entry.path)
                elif entry.name != _LISTED:
                    is_file = entry.is_file(follow_symlinks=False)
                    size = entry.stat(follow_symlinks=False).st_size if is_file else -1
                    found[entry.path[skip:]] = size
    return found


# All of them


@contextlib.contextmanager
def locked(folder: Path, name: str) -> Iterator[bool]:
    """Excludes other processes that would make this entry; False where one does, for too long.

    Raises OSError where the cache cannot be written.
    """
    _make_folder(folder)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    lock = os.open(folder / f"{name}{_LOCK}", flags, 0o600)
    try:
        yield flocked_within(lock, WAIT_S, poll_s=POLL_S)
    finally:
        os.close(lock)


def held(folder: Path, name: str) -> str:
    """That another process has made this entry for too long, and what to do."""
    lock = folder / f"{name}{_LOCK}"
    return (
        f"another process has held {lock} for {WAIT_S:.0f} s, so this run went on without the "
        f"cache; next: end that process; fuser {lock} names it"
    )


def not_kept(entry: Path, error: OSError) -> str:
    """That this entry could not be written, and why."""
    return f"the cache entry {entry} could not be written: {error.strerror or error}"


def discard(entry: Path) -> None:
    """Removes it, whatever it is; what cannot be removed stays."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        entry.unlink()


def tidy(folder: Path | None) -> None:
    """Removes what killed processes left half made, and what no run has used for 60 days."""
    if folder is None or doubt(folder):
        return
    now = time.time()
    with contextlib.suppress(OSError):  # it does not exist, or another process was quicker
        for entry in [*os.scandir(folder)]:
            # A lock is left: to remove one that another process waits for would part the two.
            if entry.name.endswith(_LOCK):
                continue
            age_s = now - entry.stat(follow_symlinks=False).st_mtime
            half = _MAKING in entry.name and age_s > NEWBORN_S and not _is_held(Path(entry.path))
            if half or age_s > KEPT_S:
                discard(Path(entry.path))


def _is_held(making: Path) -> bool:
    """Whether the process that makes it is alive; also if that cannot be seen."""
    try:
        lock = os.open(making, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        return not flocked(lock)
    except OSError:  # a file system without locks: only its age tells
        return True
    finally:
        os.close(lock)


def _replace(new: Path, entry: Path) -> None:
    """Renames it to its place; what is there, and is not to be believed, goes."""
    if new.is_dir() or entry.is_dir():
        discard(entry)
    new.replace(entry)


def _sum(name: str, content: bytes) -> bytes:
    digest = hashlib.sha256(name.encode())
    digest.update(content)
    return digest.digest()


def _named() -> Path | None:
    """What the environment names as this user's cache folder, believed or not."""
    try:
        folder = Path(platformdirs.user_cache_dir(NAME))
    except RuntimeError:  # neither HOME nor an entry in passwd
        return None
    return folder if folder.is_absolute() else None


def _make_folder(folder: Path) -> None:
    """The folder and those above it, but no home; only this user can write there.

    Raises OSError, also where others can write.
    """
    if not folder.is_dir():
        with contextlib.suppress(RuntimeError):
            home = Path.home()
            if home in folder.parents and not home.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(home))
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(mode=0o755, exist_ok=True)
    reason = doubt(folder)
    if reason is not None:
        raise PermissionError(errno.EPERM, reason)
