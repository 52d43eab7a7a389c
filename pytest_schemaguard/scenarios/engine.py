"""Scenarios: a starting state, steps, and what the moments between the steps are compared with.

A scenario is a value. The engine clones the start, takes one step after the other until one fails,
looks at the catalog and the rows where a comparison needs them, and compares. What an ending means
is for a check to judge.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - codec.py reads it
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from pytest_schemaguard.catalog.order import order_changes
from pytest_schemaguard.catalog.read import Reader
from pytest_schemaguard.migrations.file_run import FileRun  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.rows.application_writes import Written, write_as_an_application
from pytest_schemaguard.rows.fill import Kind
from pytest_schemaguard.rows.prints import Prints, fingerprints
from pytest_schemaguard.rows.sequences import SequenceState, sequences
from pytest_schemaguard.scenarios.changes import (
    Changes,
    catalog_changes,
    row_changes,
    sequence_changes,
    tables_of_tools,
)
from pytest_schemaguard.scenarios.look import Look
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.catalog.snapshot import Name, Snapshot
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.scenarios.look import Sight
    from pytest_schemaguard.scenarios.states import State


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The database before the first step, or after one."""

    snapshot: Snapshot
    prints: Prints | None
    """Of its rows, where they were asked for."""
    sequences: Mapping[Name, SequenceState]
    """Where they stand; empty where no rows were asked for."""


class Looking:
    """Looks at one database, time after time, over the guard's own connection as its owner."""

    def __init__(self, owner: Any, *, exclude: Sequence[str]) -> None:
        self._owner = owner
        self._reader = Reader(owner, exclude=exclude)

    def moment(self, *, rows: bool, snapshot: Snapshot | None = None) -> Moment:
        """As it is now; `snapshot`, where the catalog is known. Raises psycopg2.Error."""
        snapshot = snapshot or self._reader.read()
        return Moment(
            snapshot=snapshot,
            prints=fingerprints(self._owner, snapshot) if rows else None,
            sequences=sequences(self._owner) if rows else {},
        )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a step works on."""

    guard: Sight
    database: str
    owner: Any
    """The guard's own connection to it."""
    moment: Moment | None
    """Before the step; None where the step, and what is compared, need it not."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a step did."""

    run: FileRun | None = None
    """Of the step that ran a migration."""
    revision: str | None = None
    """That migration's: of several, the one that failed, or the last."""
    written: Written | None = None
    """What the application wrote."""
    wrote: bool = True
    """Whether a transaction wrote meanwhile, on the whole server, beside the guard's own."""

    @property
    def went_on(self) -> bool:
        return self.run is None or self.run.applied


class Step(Protocol):
    """One thing that a scenario does."""

    writes: bool
    """Whether it changes rows alone, and needs to know the catalog."""

    def take(self, stage: Stage) -> Taken:
        """Does it. Raises GuardError where the server or the source cannot be used."""


@dataclass(frozen=True)
class Up:
    """Runs migrations that come next."""

    migrations: tuple[Migration, ...]
    writes = False

    def take(self, stage: Stage) -> Taken:
        up = stage.guard.source.up(stage.database, self.migrations)
        return Taken(run=up.run, revision=up.migration.revision)


@dataclass(frozen=True)
class Again:
    """Runs a migration that has just run."""

    migration: Migration
    writes = False

    def take(self, stage: Stage) -> Taken:
        return Taken(run=stage.guard.source.again(stage.database, self.migration))


@dataclass(frozen=True)
class Down:
    """Runs the downgrade of the migration that ran last."""

    migration: Migration
    writes = False

    def take(self, stage: Stage) -> Taken:
        return Taken(run=stage.guard.source.down(stage.database, self.migration))


@dataclass(frozen=True)
class Write:
    """Changes rows as an application would, inserts and deletes some, draws sequences."""

    tables: frozenset[Name] | None = None
    """Of these alone; None: of all."""
    writes = True

    def take(self, stage: Stage) -> Taken:
        assert stage.moment is not None
        tools = tables_of_tools(stage.moment.snapshot)
        tables = stage.moment.snapshot.relations.keys() - tools
        if self.tables is not None:
            tables &= self.tables
        databases, known = stage.guard.databases, stage.guard.known
        with databases.session(stage.database, settings=Settings.STAND_IN) as application:
            written = write_as_an_application(
                application, tables, guard=stage.owner, kind=Kind.MILD, known=known
            )
        return Taken(written=written)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two moments, by the number of steps before each; the first may be another state's."""

    first: int | State
    then: int
    rows: bool = True
    tools: bool = True
    """Whether the tables of migration tools count too."""

    @property
    def places(self) -> tuple[int, ...]:
        """Those of the scenario's own moments."""
        return tuple(one for one in (self.first, self.then) if isinstance(one, int))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is done, and what is compared."""

    name: str
    """Of its database, and of its evidence."""
    doing: str
    """For people, while it runs."""
    start: State
    steps: tuple[Step, ...]
    compared: Mapping[str, Compared]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a scenario led to."""

    taken: tuple[Taken, ...]
    """The steps that were taken: where one failed, it is the last."""
    changes: Mapping[str, Changes]
    """By the names of the comparisons whose moments both came."""
    unread: tuple[str, ...]
    """Tables whose rows the owner may not read: nothing is known of these."""


def ending_of(scenario: Scenario) -> Look[Ending]:
    """Plays it, once in a run. Raises GuardError where the server or the source cannot be used."""
    return Look(scenario.name, Ending, lambda guard: _play(scenario, guard))


def _play(scenario: Scenario, guard: Sight) -> Ending:
    with guard.progress.step(scenario.doing):
        return _played(scenario, guard)


def _played(scenario: Scenario, guard: Sight) -> Ending:
    guard.databases.create(scenario.name, template=scenario.start.name)
    of_rows = {place for one in scenario.compared.values() if one.rows for place in one.places}
    looked_at = {place for one in scenario.compared.values() for place in one.places}
    writes = {place for place, step in enumerate(scenario.steps) if step.writes}
    taken: list[Taken] = []
    moments: dict[int, Moment] = {}
    with guard.databases.looking(scenario.name) as owner:
        looking = Looking(owner, exclude=guard.config.exclude)

        def look(snapshot: Snapshot | None) -> None:
            """Keeps this moment, where a comparison or the next step needs it."""
            place = len(taken)
            if place in looked_at | writes:
                rows = place in of_rows
                moments[place] = looking.moment(rows=rows, snapshot=snapshot)

        look(scenario.start.snapshot)
        for place, step in enumerate(scenario.steps):
            before, written = moments.get(place), _written(owner) - guard.databases.written
            one = step.take(Stage(guard=guard, database=scenario.name, owner=owner, moment=before))
            wrote = written != _written(owner) - guard.databases.written
            taken.append(replace(one, wrote=wrote))
            look(before.snapshot if before is not None and step.writes else None)
            if not taken[-1].went_on:
                break
    found = {
        name: changes(one, moments)
        for name, one in scenario.compared.items()
        if one.then in moments
    }
    prints = [one.prints for one in moments.values() if one.prints is not None]
    unread = {name for one in prints for name in one.unread}
    return Ending(
        taken=tuple(taken),
        changes=found,
        # Of a table that was read once, and the other time could not be, nothing is known either.
        unread=tuple(sorted(".".join(name) for name in unread)),
    )


def _written(owner: Any) -> int:
    """How many transactions of the server have written: only those get a number.

    https://www.postgresql.org/docs/current/transaction-id.html
    """
    with owner.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        return int(cursor.fetchone()[0])


def changes(compared: Compared, moments: Mapping[int, Moment]) -> Changes:
    """From the one moment to the other, of those that came. Pure."""
    then = moments[compared.then]
    if isinstance(compared.first, int):
        first = moments[compared.first]
    else:
        assert compared.first.snapshot is not None
        first = Moment(snapshot=compared.first.snapshot, prints=None, sequences={})
    catalog = tuple(
        catalog_changes(
            first.snapshot,
            then.snapshot,
            # The tool's own table, which its first run of all makes, is no trace of a migration.
            tools=compared.tools,
            # A template's settings are not its clone's.
            settings=isinstance(compared.first, int),
        )
    )
    if not compared.rows:
        return Changes(catalog=catalog)
    assert first.prints is not None
    assert then.prints is not None
    rows = row_changes(first.prints, then.prints, then.snapshot)
    without = set() if compared.tools else tables_of_tools(first.snapshot, then.snapshot)
    return Changes(
        catalog=catalog,
        rows=tuple(one for one in rows if one.table not in without),
        sequences=tuple(sequence_changes(first.sequences, then.sequences)),
        order=order_changes(first.snapshot, then.snapshot),
    )
