"""Snapshots of models, kept for the next runs in the user's cache folder.

A snapshot is a pure function of its key: of the models' DDL, of all that is in the migrated
database and is no table of it, of the server's build and of this package's own text. To take it
from here is to believe no earlier run's proof: whatever could make another one of it makes another
key, and the database that is judged is read anew each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.cache import get, put
from pytest_schemaguard.catalog.collecting import uncollected
from pytest_schemaguard.catalog.snapshot import Snapshot
from pytest_schemaguard.codec import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.expected.surroundings import Thing
    from pytest_schemaguard.project.answers.models import Models
    from pytest_schemaguard.servers.provider import Server

NAME = "models-"
ENTRIES = 32
"""Of all projects together; the one that was unused for longest goes first."""
_OWN = tuple(Path(__file__).parents[1] / name for name in ("catalog", "expected"))


def key_of(
    there: Mapping[tuple[str, str], Thing], config: Config, models: Models, server: Server
) -> str:
    """What the models' snapshot follows from, in one hash.

    `there` is what the role that makes the models' schema finds in the migrated database.
    """
    parts = (
        ("pytest-schemaguard", version("pytest-schemaguard"), _own_text()),
        (server.version, server.is_superuser, config.exclude),
        [(one.kind, one.name, one.sql) for one in models.ddl],
        sorted((*key, one.text) for key, one in there.items()),
    )
    # The role has another name in each run, on a server that it shares with others.
    text = json.dumps(parts).replace(server.owner.user, "owner")
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _own_text() -> str:
    digest = hashlib.sha256()
    for folder in _OWN:
        for path in sorted(folder.iterdir()):
            if path.suffix in {".sql", ".py"}:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def look(folder: Path | None, key: str) -> Snapshot | None:
    """The snapshot of this key; None where there is none, or none to be believed."""
    packed = get(folder, f"{NAME}{key}")
    if packed is None:
        return None
    with uncollected():
        return Snapshot.from_json(json.loads(zlib.decompress(packed)))


def keep(folder: Path | None, key: str, snapshot: Snapshot) -> None:
    """Writes the entry, whole or not at all. A folder that cannot be written keeps nothing."""
    if folder is None:
        return
    packed = zlib.compress(dumps(snapshot).encode(), level=1)
    with contextlib.suppress(OSError):
        put(folder, f"{NAME}{key}", packed, mode=0o600)
        by_age = sorted(folder.glob(f"{NAME}*"), key=lambda path: path.lstat().st_mtime)
        for path in by_age[:-ENTRIES]:
            path.unlink(missing_ok=True)
