"""Scenarios: a starting state, a schedule of runs and writes, and the end compared.

The second run and the way back are the first of them; runs that are killed and runs side by side
will join them here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.session import FileRun  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.rows.application_writes import write_as_an_application
from pytest_schemaguard.rows.prints import fingerprints
from pytest_schemaguard.servers.settings import Settings
from pytest_schemaguard.version_tables import is_version_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Source
    from pytest_schemaguard.project.answers.models import Name
    from pytest_schemaguard.rows.prints import Prints
    from pytest_schemaguard.scenarios.states import State
    from pytest_schemaguard.servers.databases import Databases


@dataclass(frozen=True, kw_only=True)
class CatalogChange:
    """One difference of the catalog between the first run's end and the second's."""

    kind: str
    subject: str
    first: str | None
    second: str | None


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """A table whose rows the second run changed."""

    table: tuple[str, ...]
    before: int
    """Rows before the second run."""
    after: int
    columns: tuple[str, ...]
    """Whose values changed, where the rows are as many as before."""
    only_timestamps: bool


@dataclass(frozen=True, kw_only=True)
class SecondRun:
    """What a migration's second run did to a database that an application had used since."""

    run: FileRun
    differences: tuple[CatalogChange, ...]
    changed: tuple[RowChange, ...]
    written: int
    """How many columns the application had written between the runs."""
    unread: tuple[str, ...] = ()
    """Tables whose rows the owner may not read: nothing is told of these."""


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """What became of a migration that was run, taken back, and run again."""

    down: FileRun
    left: tuple[CatalogChange, ...] = ()
    """What the way back left other than before: `first` is before, `second` after."""
    rows: tuple[RowChange, ...] = ()
    """Of tables that were there before: rows that the way up and back changed."""
    up_again: FileRun | None = None
    """None where the way back failed."""
    differs: tuple[CatalogChange, ...] = ()
    """What the second way up made other than the first."""
    unread: tuple[str, ...] = ()
    """Tables whose rows the owner may not read: nothing is told of these."""


def run_again(
    config: Config, databases: Databases, state: State, again: Callable[[str], FileRun]
) -> SecondRun:
    """The second run, on the state that the first left, after the writes of an application.

    `again` runs it on a database of the run. Raises GuardError where the server or the source
    cannot be used.
    """
    assert state.snapshot is not None
    database = f"again-{state.name}"
    databases.create(database, template=state.name)
    with databases.looking(database) as guard:
        before = fingerprints(guard, state.snapshot)
        tools = _version_tables(state.snapshot)
        filled = {name for name, rows in before.of.items() if rows.count and name not in tools}
        with databases.session(database, settings=Settings.STAND_IN) as application:
            written = write_as_an_application(application, filled, guard=guard)
        if written:
            before = fingerprints(guard, state.snapshot)
        run = again(database)
        snapshot = read(guard, exclude=config.exclude)
        after = fingerprints(guard, snapshot)
    return SecondRun(
        run=run,
        differences=tuple(_catalog_changes(state.snapshot, snapshot)),
        changed=tuple(_row_changes(before, after, snapshot)),
        written=written,
        unread=_unread(before, after),
    )


def go_back(
    config: Config,
    databases: Databases,
    before: State,
    source: Source,
    migration: Migration,
) -> WayBack:
    """Up, down and up again, from the state before the migration.

    Raises MigrationError where the first way up fails, GuardError where nothing can be told.
    """
    database = f"back-{before.name}"
    databases.create(database, template=before.name)
    with databases.looking(database) as guard:
        first = read(guard, exclude=config.exclude)
        rows = fingerprints(guard, first)
        up = source.up(database, [migration])
        if not up.run.applied:
            raise MigrationError(
                config.relative(migration.path),
                "it did not apply, so there was nothing to take back",
                fix="its check `applies` tells what PostgreSQL said",
            )
        migrated = read(guard, exclude=config.exclude)
        down = source.down(database, migration)
        if not down.applied:
            return WayBack(down=down)
        back = read(guard, exclude=config.exclude)
        rows_back = fingerprints(guard, back)
        # The tool's own table, which its first run of all makes, is no trace of a migration.
        tools = _version_tables(back) | _version_tables(first)
        left = tuple(
            one
            for one in _catalog_changes(first, back)
            if not any(one.subject.startswith(".".join(table)) for table in tools)
        )
        changed = tuple(
            one for one in _row_changes(rows, rows_back, back) if one.table not in tools
        )
        again = source.up(database, [migration]).run
        differs: tuple[CatalogChange, ...] = ()
        if again.applied:
            differs = tuple(_catalog_changes(migrated, read(guard, exclude=config.exclude)))
    return WayBack(
        down=down,
        left=left,
        rows=changed,
        up_again=again,
        differs=differs,
        unread=_unread(rows, rows_back),
    )


def _unread(before: Prints, after: Prints) -> tuple[str, ...]:
    """Of a table that was read once, and the other time could not be, nothing is told either."""
    return tuple(sorted({".".join(name) for name in (*before.unread, *after.unread)}))


def _version_tables(snapshot: Snapshot) -> set[Name]:
    """Where the tool keeps what it has run; Alembic's may be called anything."""
    return {
        table
        for table in snapshot.relations
        if is_version_table(table[1])
        or [column[-1] for column in snapshot.columns_of(table)] == ["version_num"]
    }


def _catalog_changes(first: Snapshot, second: Snapshot) -> Iterator[CatalogChange]:
    for one in diff(first, second):
        yield CatalogChange(
            kind=one.kind, subject=".".join(one.name), first=one.expected, second=one.actual
        )


def _row_changes(before: Prints, after: Prints, snapshot: Snapshot) -> Iterator[RowChange]:
    for table in before.of.keys() & after.of.keys():
        first, second = before.of[table], after.of[table]
        if first == second:
            continue
        values, columns = dict(second.columns), []
        if first.count == second.count:
            columns = [name for name, total in first.columns if values.get(name, total) != total]
            if not columns and values.keys() != dict(first.columns).keys():
                continue  # columns came or went, as the catalog tells
        known = snapshot.columns_of(table)
        types = [known[(table[0], table[1], name)].type for name in columns]
        yield RowChange(
            table=table,
            before=first.count,
            after=second.count,
            columns=tuple(columns),
            only_timestamps=bool(types) and all(one.startswith("timestamp") for one in types),
        )
