"""The migrations that the merge base has, and that the branch has otherwise or no more. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pytest_schemaguard.migrations.sense import DOWNGRADE, revision_in, sense

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.since import Changes, Was


class How(Enum):
    EDITED = "edited"
    """It does something else."""
    DELETED = "deleted"
    RENAMED = "renamed"
    """Its file has another name, and tools know it by that."""
    DOWNGRADE = "downgrade"
    """Only its downgrade does something else."""
    COMMENTS = "comments"
    """It does the same."""
    MOVED = "moved"
    """It does the same, and its file's name is nothing to its tool."""


SUFFIXES = {".sql"}
"""Of a folder's migrations, where all are gone."""
UNCHANGED = frozenset({How.COMMENTS, How.MOVED})


@dataclass(frozen=True, kw_only=True)
class Touched:
    """A migration of the merge base, and what became of it."""

    how: How
    was: Was
    migration: Migration | None
    """What it is now; None: it was deleted."""
    file: Path | None
    """Where it stands now."""

    @property
    def is_same(self) -> bool:
        return self.how in UNCHANGED


def touched(
    files: Mapping[Path, Migration], changes: Changes, *, folders: Collection[Path], by_id: bool
) -> tuple[Touched, ...]:
    """Of the files by which the branch's migrations are known, in these folders; paths are real.

    `by_id`: a migration is known by the revision in its file, not by the file's name. Raises
    ConfigError where git does not tell what the merge base has.
    """
    compared = _by_id if by_id else _by_name
    suffixes = {path.suffix for path in files} or SUFFIXES
    names = {path.name for path in changes.added & files.keys()}
    found = (
        compared(one, files, changes)
        for one in changes.was
        # To look into each file of a big change takes long.
        if one.path in files
        or (
            not one.is_there
            and one.path.suffix in suffixes
            and (one.path.parent in folders or one.path.name in names)
        )
    )
    return tuple(one for one in found if one is not None)


def _by_id(was: Was, files: Mapping[Path, Migration], _: Changes) -> Touched | None:
    revision = revision_in(was.text)
    if revision is None:
        return _edited(was, was.path, files[was.path]) if was.is_there else None
    now = next((one for one in files.values() if one.revision == revision), None)
    if now is None:
        return _deleted(was)
    path = now.path.resolve()
    return _edited(was, path, now, same=How.COMMENTS if path == was.path else How.MOVED)


def _by_name(was: Was, files: Mapping[Path, Migration], changes: Changes) -> Touched | None:
    if was.is_there:
        now = files[was.path]
        if was.path == (now.down and now.down.path.resolve()):
            same = sense(was.path, was.text) == sense(was.path, was.path.read_bytes())
            how = How.COMMENTS if same else How.DOWNGRADE
            return Touched(how=how, was=was, migration=now, file=was.path)
        return _edited(was, was.path, now)
    if was.path.stem.lower().endswith(".down"):
        return None
    wanted = sense(was.path, was.text)
    for path, now in _goes_up(files):
        if path in changes.added and sense(path, path.read_bytes()) == wanted:
            return Touched(how=How.RENAMED, was=was, migration=now, file=path)
    return _deleted(was)


def _goes_up(files: Mapping[Path, Migration]) -> Iterator[tuple[Path, Migration]]:
    return (one for one in files.items() if not one[0].stem.lower().endswith(".down"))


def _edited(was: Was, path: Path, now: Migration, *, same: How = How.COMMENTS) -> Touched:
    text = path.read_bytes()
    if sense(path, was.text) == sense(path, text):
        how = same
    elif sense(path, was.text, without=[DOWNGRADE]) == sense(path, text, without=[DOWNGRADE]):
        how = How.DOWNGRADE
    else:
        how = How.EDITED
    return Touched(how=how, was=was, migration=now, file=path)


def _deleted(was: Was) -> Touched:
    return Touched(how=How.DELETED, was=was, migration=None, file=None)
