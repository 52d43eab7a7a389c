"""What outlives a run because it is the same in the next: folders made once and renamed in."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.run import flocked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "pytest-schemaguard"
MAKING_DEADLINE_S = 120.0
KEPT_S = 60 * 24 * 3600.0
"""Entries that no run has used for this long are removed when another is made."""


def user_cache() -> Path | None:
    """This user's cache folder (it may not exist yet), or None without a home."""
    try:
        folder = Path(platformdirs.user_cache_dir(NAME))
    except RuntimeError:  # neither HOME nor an entry in passwd
        return None
    return folder if folder.is_absolute() else None


def key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def look(cache: Path | None, name: str) -> Path | None:
    """The entry, if it was made; its use is noted."""
    if cache is None:
        return None
    entry = cache / name
    if not entry.is_dir():
        return None
    with contextlib.suppress(OSError):  # another user's entry serves as well
        os.utime(entry)
    return entry


def remembered(cache: Path | None, program: Path, ask: Callable[[], str]) -> str:
    """What a program says of itself, asked again only when its file has changed.

    Raises whatever `ask` raises; what did not run may run the next time.
    """
    if cache is None or not program.exists():
        return ask()
    status = program.stat()
    name = f"said-{key(str(program), status.st_mtime_ns, status.st_size, status.st_ino)}"
    with contextlib.suppress(OSError):
        return (cache / name).read_text(encoding="utf-8")
    said = ask()
    with contextlib.suppress(OSError):  # a cache that cannot be written: it is asked each time
        cache.mkdir(parents=True, exist_ok=True, mode=0o755)
        descriptor, new = tempfile.mkstemp(prefix=f"{name}.making-", dir=cache)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(said)
        Path(new).rename(cache / name)
    return said


def obtain(cache: Path | None, name: str, make: Callable[[Path], None]) -> Path | None:
    """The entry `name`, made by `make(folder)` under a lock and renamed in when it is whole.

    None when the cache cannot be written. Raises ServerError after waiting 120 s for the lock, and
    whatever `make` raises but OSError.
    """
    entry = look(cache, name)
    if entry is not None or cache is None:
        return entry
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o755)
        lock = os.open(cache / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        with _locked(lock, cache / f"{name}.lock"):
            return look(cache, name) or _make(cache, name, make)
    finally:
        os.close(lock)


def _make(cache: Path, name: str, make: Callable[[Path], None]) -> Path | None:
    making = None
    try:
        making = Path(tempfile.mkdtemp(prefix=f"{name}.making-", dir=cache))
        making.chmod(0o755)
        make(making)
        made = making.rename(cache / name)
    except OSError:
        return None
    finally:
        if making is not None:
            shutil.rmtree(making, ignore_errors=True)
    _prune(cache, keep=name)
    return made


@contextlib.contextmanager
def _locked(lock: int, path: Path) -> Iterator[None]:
    deadline = time.monotonic() + MAKING_DEADLINE_S
    while not flocked(lock):
        if time.monotonic() > deadline:
            raise ServerError(
                f"{path}",
                f"another process has been making this cache entry for {MAKING_DEADLINE_S:.0f} s",
                fix=f"end it; it holds the lock: fuser {path}",
            )
        time.sleep(0.01)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _prune(cache: Path, *, keep: str) -> None:
    now = time.time()
    for entry in cache.iterdir():
        # A lock is left: to remove one that another process waits for would part the two.
        if entry.name.startswith(keep) or not entry.is_dir():
            continue
        with contextlib.suppress(OSError):  # another process was quicker, or it is not ours
            if now - entry.stat().st_mtime > KEPT_S:
                shutil.rmtree(entry)
