"""PostgreSQL's programs: their version, whether they run, whether the account reaches them."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard import cache
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.trust import doubt
from pytest_schemaguard.variables import needed

if TYPE_CHECKING:
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers.account import Account

SYSTEM_CACHES = (Path("/var/cache"), Path("/var/tmp"))  # noqa: S108 - root's own folder in there, checked
PROBE_DEADLINE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A folder with `postgres` and `initdb` that run."""

    folder: Path
    version: str
    """Such as `15.18`."""
    build: str
    """The whole of what `postgres -V` prints."""
    origin: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.version.split("."))

    @property
    def key(self) -> str:
        """Changes when the programs do."""
        status = (self.folder / "postgres").stat()
        return cache.key(
            str(self.folder), status.st_mtime_ns, status.st_size, self.build, platform.machine()
        )


def probe(folder: Path, *, origin: str) -> Binaries | str:
    """The programs in there, or a clause that says why they cannot be used."""
    for program in ("postgres", "initdb"):
        if not os.access(folder / program, os.X_OK):
            return f"{folder} has no {program} that can be executed"
    postgres = folder / "postgres"
    try:
        build = cache.remembered(cache.user_cache(), postgres, lambda: _build_of(postgres))
    except _SilentError as error:
        return str(error)
    return Binaries(folder=folder, version=_version(build), build=build, origin=origin)


class _SilentError(Exception):
    """A program that does not say its version, and why."""


def _build_of(postgres: Path) -> str:
    try:
        shown = subprocess.run(
            [postgres, "-V"],
            capture_output=True,
            text=True,
            timeout=PROBE_DEADLINE_S,
            check=False,
            env=needed(os.environ),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _SilentError(f"{postgres} does not run: {error}") from None
    if shown.returncode != 0 or not _version(shown.stdout):
        said = (shown.stderr or shown.stdout).strip().partition("\n")[0]
        raise _SilentError(f"{postgres} does not run: {said or f'exit status {shown.returncode}'}")
    return shown.stdout.strip()


def _version(build: str) -> str:
    found = re.search(r"(?<=\) )\d+(\.\d+)?", build)
    return found.group() if found else ""


def within_reach(binaries: Binaries, account: Account, run: Run) -> Binaries:
    """The same programs where the account can execute them: copied once if need be.

    Raises ServerError when they cannot be taken out of their place.
    """
    if account.can_reach(binaries.folder / "postgres"):
        return binaries
    prefix = binaries.folder.parent
    if not ((prefix / "share").is_dir() and (prefix / "lib").is_dir()):
        raise ServerError(
            str(binaries.folder),
            f"uid {account.uid}, which the server runs as because root may not, cannot reach it",
            fix=f"chmod o+x the folders above it, or install PostgreSQL outside {Path.home()}",
        )
    name = f"postgresql-{binaries.version}-{binaries.key}"
    copied = cache.obtain(
        reachable_cache(account), name, lambda folder: copy_programs(prefix, folder), run.note
    )
    if copied is None:
        copied = run.make(name, lambda folder: copy_programs(prefix, folder))
    return replace(binaries, folder=copied / binaries.folder.name)


def copy_programs(prefix: Path, folder: Path) -> None:
    shutil.copytree(prefix, folder, symlinks=True, dirs_exist_ok=True)


def reachable_cache(account: Account) -> Path | None:
    """A cache folder below which the account can execute programs."""
    mine = cache.user_cache()
    if not account.dropped:
        return mine
    if mine is not None:
        existing = next(parent for parent in (mine, *mine.parents) if parent.exists())
        if account.can_reach(existing / "x"):
            return mine
    for parent in SYSTEM_CACHES:
        folder = parent / cache.NAME
        try:
            folder.mkdir(mode=0o755, exist_ok=True)
        except OSError:
            continue
        # Others may not have put programs there for the server to run.
        if not doubt(folder):
            return folder
    return None
