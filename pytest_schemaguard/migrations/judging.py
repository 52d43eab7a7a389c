"""Which migrations there are, which of them are pending, and which of those are judged."""

from __future__ import annotations

import difflib
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import MigrationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.released import Touched
    from pytest_schemaguard.migrations.since import Changes
    from pytest_schemaguard.migrations.source import Source


class Judging:
    """The migrations of one configuration. Its properties raise MigrationError, ProjectError."""

    def __init__(self, config: Config, source: Source, *, since: str | None) -> None:
        self._config = config
        self._source = source
        self.since = since
        """The git ref of the command line, or of the table."""

    @cached_property
    def migrations(self) -> tuple[Migration, ...]:
        """All, in the order in which they run."""
        return self._source.migrations()

    @cached_property
    def contained(self) -> tuple[Migration, ...]:
        """Those that the baseline contains: `baseline.at` says so, or git of the merge base."""
        given = self._config.baseline
        if given.at is not None and self.migrations:
            return self._source.until(named(self.migrations, given.at, file=self._config.file))
        if self.since is None or given.schema is not None:
            return ()
        changed = self._changed(self.migrations)
        first = self.migrations.index(changed[0]) if changed else len(self.migrations)
        return tuple(
            one
            for place, one in enumerate(self.migrations)
            if place < first or not {*changed} & {*self._source.until(one)}
        )

    @cached_property
    def pending(self) -> tuple[Migration, ...]:
        """Those that the baseline does not contain."""
        return tuple(one for one in self.migrations if one not in self.contained)

    @cached_property
    def judged(self) -> tuple[Migration, ...]:
        """The pending ones that get checks of their own. Raises ConfigError too (`since`)."""
        baseline = self._config.baseline
        if self.since is None:
            return self.pending if baseline.schema or baseline.at else self.pending[-1:]
        return self._changed(self.pending)

    def _changed(self, migrations: Sequence[Migration]) -> tuple[Migration, ...]:
        """Those that git says were added, or changed to do something else."""
        same = {one.file for one in self.touched if one.is_same}
        files = self.changes.now - same
        return tuple(
            one
            for one in migrations
            if not {path.resolve() for path in one.files}.isdisjoint(files)
        )

    @cached_property
    def changes(self) -> Changes:
        """What the branch changes, where there is a `since`."""
        from pytest_schemaguard.migrations.since import changes_since

        assert self.since is not None
        file = self._config.relative(self._config.file)
        return changes_since(self.since, root=self._config.root, config_file=file)

    @cached_property
    def touched(self) -> tuple[Touched, ...]:
        """The migrations that the merge base has and the branch changes."""
        from pytest_schemaguard.migrations.released import touched

        if self.since is None:
            return ()
        files = {path.resolve(): one for one in self.migrations for path in one.files}
        folder: Path | None = getattr(self._config.migrations, "folder", None)
        folders = {path.parent for path in files} | ({folder.resolve()} if folder else set())
        return touched(files, self.changes, folders=folders, by_id=self._source.can_branch)

    @property
    def because(self) -> str:
        """Why these are judged, for the header."""
        baseline = self._config.baseline
        if self.since is not None:
            return f"added or changed since {self.since}{self._besides}"
        if not self.migrations:
            return f"there is none in {self._source.name}"
        if baseline.at:
            none = "" if self.pending else "none comes "
            return f"{none}after the baseline at {baseline.at}"
        if baseline.schema:
            return f"after the baseline {self._config.relative(baseline.schema)}"
        return "the newest, since no `baseline` is configured"

    @property
    def _besides(self) -> str:
        """With `since`, what the baseline is, or which changed ones it contains."""
        if self._config.baseline.at or self._config.baseline.schema:
            behind = [self._config.relative(one.path) for one in self._changed(self.contained)]
            return f"; the baseline contains {', '.join(behind)}, changed too" if behind else ""
        if not self.contained:
            return ""
        last = self._config.relative(self.contained[-1].path)
        more = f" and {len(self.contained) - 1} before it" if self.contained[1:] else ""
        return f"; the baseline is what it has: {last}{more}"


def named(migrations: Sequence[Migration], at: str, *, file: Path) -> Migration:
    """The migration that `at` names: by its file's name, path or stem, or by its revision.

    `file` is the configuration's; a path in `at` is relative to its folder. Raises MigrationError
    with the nearest names where there is none.
    """
    for migration in migrations:
        path = migration.path
        names = {migration.revision, path.name, path.stem, str(path)}
        if at in names or (file.parent / at).resolve() == path.resolve():
            return migration
    there = [migration.path.name for migration in migrations]
    near = difflib.get_close_matches(at, there, n=3, cutoff=0.4) or there[-3:]
    raise MigrationError(
        "baseline",
        f"no migration is called {at!r}, which `at` names",
        path=file.name,
        fix=f"name the last one that production has: {', '.join(near)}",
    )
