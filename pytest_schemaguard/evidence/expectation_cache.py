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
import os
import stat
import tempfile
import zlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.collecting import uncollected
from pytest_schemaguard.catalog.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_schemaguard.catalog.surroundings import Thing
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.models import Models
    from pytest_schemaguard.servers.provider import Server

ENTRIES = 32
"""Of all projects together; the one that was unused for longest goes first."""
_OWN = Path(__file__).parents[1] / "catalog"


def folder_in(users: Path | None) -> Path | None:
    """The folder of the snapshots in the user's cache folder, if there is one."""
    return users and users / "models"


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
    for path in sorted(_OWN.iterdir()):
        if path.suffix in {".sql", ".py"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def look(folder: Path | None, key: str) -> Snapshot | None:
    """The snapshot of this key; None where there is none, or none to be believed.

    It is this user's alone, in a folder that nobody else writes to, and whole: its name and its
    content have the sum that stands at its start.
    """
    if folder is None or not _is_ours(folder, stat.S_IFDIR):
        return None
    path = folder / key
    try:
        # A link may lead to what another one writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not _is_ours(descriptor, stat.S_IFREG):
                return None
            content = file.read()
        os.utime(path)
    except OSError:
        return None
    packed = content[hashlib.sha256().digest_size :]
    if content != _sum(key, packed) + packed:
        return None
    with uncollected():
        return Snapshot.from_json(json.loads(zlib.decompress(packed)))


def keep(folder: Path | None, key: str, snapshot: Snapshot) -> None:
    """Writes the entry, whole or not at all. A folder that cannot be written keeps nothing."""
    if folder is None:
        return
    packed = zlib.compress(json.dumps(snapshot.to_json()).encode(), level=1)
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        folder.mkdir(exist_ok=True, mode=0o700)
        if not _is_ours(folder, stat.S_IFDIR):
            return
        descriptor, new = tempfile.mkstemp(prefix="making-", dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_sum(key, packed) + packed)
        Path(new).replace(folder / key)
        _prune(folder)


def _sum(key: str, packed: bytes) -> bytes:
    return hashlib.sha256(key.encode() + packed).digest()


def _is_ours(place: Path | int, kind: int) -> bool:
    """Whether it is of this kind, and nobody but this user (or root) can have written it."""
    try:
        status = place.lstat() if isinstance(place, Path) else os.fstat(place)
    except OSError:
        return False
    own = status.st_uid == os.geteuid()
    return own and stat.S_IFMT(status.st_mode) == kind and not status.st_mode & 0o022


def _prune(folder: Path) -> None:
    # What a killed process left half written is an entry like another, never used.
    by_age = sorted(folder.iterdir(), key=lambda path: path.lstat().st_mtime)
    for path in by_age[:-ENTRIES]:
        path.unlink(missing_ok=True)
