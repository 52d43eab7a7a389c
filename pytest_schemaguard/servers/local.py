"""`local`: a PostgreSQL that is installed on this machine."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard import cache
from pytest_schemaguard.servers.binaries import Binaries, probe
from pytest_schemaguard.servers.private import PrivateServer, unusable
from pytest_schemaguard.servers.provider import NEWEST_MAJOR, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.servers.provider import Candidate, Wanted

PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
PG_CONFIG_DEADLINE_S = 10.0


class Local:
    name = "local"

    def find(self, wanted: Wanted) -> Candidate | Missing:
        """The newest that is wanted; of the same version the one that pg_config names."""
        probed = [probe(folder, origin=str(folder)) for folder in _folders()]
        usable = [found for found in probed if isinstance(found, Binaries)]
        fitting = [found for found in usable if wanted.supports(found.major)]
        if fitting:
            best = max(fitting, key=lambda found: found.order)
            return unusable(best) or PrivateServer(provider=self.name, binaries=best)
        found = [f"found {other.version} in {other.folder}" for other in usable]
        found += [reason for reason in probed if isinstance(reason, str)]
        return Missing(
            found="; ".join(found)
            or "found nothing by pg_config, in /usr/lib/postgresql, of Homebrew or Postgres.app, "
            "or in PATH",
            command=_command(wanted.major or NEWEST_MAJOR),
        )


def _folders() -> Iterator[Path]:
    seen = set()
    for folder in _places():
        postgres = folder / "postgres"
        # A client's pg_config names a folder without a server.
        if postgres.exists() and postgres.resolve() not in seen:
            seen.add(postgres.resolve())
            yield postgres.resolve().parent if postgres.is_symlink() else folder


def _places() -> Iterator[Path]:
    config = shutil.which("pg_config")
    if config is not None:
        # Should it name another folder tomorrow, the places below have that one too.
        # One that does not run names no place.
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            yield Path(cache.remembered(cache.user_cache(), Path(config), lambda: _bindir(config)))
    for pattern in PLACES:
        yield from sorted(Path("/").glob(pattern.removeprefix("/")))
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).parent


def _bindir(config: str) -> str:
    shown = subprocess.run(
        [config, "--bindir"],
        capture_output=True,
        text=True,
        errors="surrogateescape",  # a folder's name is bytes
        timeout=PG_CONFIG_DEADLINE_S,
        check=True,
    )
    return shown.stdout.strip()


def _command(major: int) -> str:
    if sys.platform == "darwin":
        return f"brew install postgresql@{major}"
    return f"apt-get install postgresql-{major}"
