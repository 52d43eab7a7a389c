"""The states that a run looks at, each a template database: the baseline, and what follows it.

A state is keyed by everything that went into it, so that the same name never stands for two things,
and is made once in a run. None outlives the run: a template of an earlier one could hide a
migration that is broken today.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.snapshot import Name, Snapshot  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.file_run import FileRun  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.rows.fill import Filled, Kind, fill
from pytest_schemaguard.rows.sequences import SequenceState, sequences
from pytest_schemaguard.scenarios.baselines import Baselines
from pytest_schemaguard.scenarios.on_rows import UNFILLED, fails_on_every_row, hangs_on_rows
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.judging import Judging
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Source, Step
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.rows.fill import Known
    from pytest_schemaguard.servers.databases import Databases


@dataclass(frozen=True, kw_only=True)
class State:
    """A template database, and what its last migration did to make it."""

    name: str
    """The template's name, for Databases."""
    snapshot: Snapshot | None
    """Its catalog, where it was asked for."""
    run: FileRun | None
    """How its last migration went; None for the baseline."""
    on_rows: FileRun | None = None
    """How it failed on rows that the guard had made, where it applies without them. It is `run`
    too where every row would fail it."""
    made: dict[Name, int] = field(default_factory=dict)
    """How many rows the guard made, by table, in it and in the states before it."""
    refused: dict[Name, str] = field(default_factory=dict)
    """Tables in which it could make none, each with the reason."""
    sequences: dict[Name, SequenceState] = field(default_factory=dict)
    """Where its sequences stood before rows were made, where its catalog was asked for."""


class States:
    """Makes the states of one configuration, each when it is first asked for."""

    def __init__(
        self,
        config: Config,
        *,
        databases: Databases,
        source: Source,
        once: Callable[[str, type[State], Callable[[], State]], State],
        judging: Judging,
        progress: Progress,
        known: Callable[[], Known],
        note: Callable[[str, str], None],
    ) -> None:
        self._config = config
        self._databases = databases
        self._source = source
        self._once = once
        self._pending = judging.pending
        self._contained = judging.contained
        self._judged = frozenset(judging.judged)
        self.baselines = Baselines(
            config, databases=databases, source=source, judging=judging, progress=progress
        )
        self._known = known
        self._note = note
        self._stops = _stops(judging.pending, judging.judged)
        self._made: dict[int, State] = {}

    def baseline(self) -> State:
        """The state before all pending migrations. Raises GuardError."""
        return self._usable(0)

    def bare_baseline(self) -> State:
        """The same without the rows that the guard makes. Raises GuardError."""
        if not self._makes_rows(0):
            return self.baseline()
        key = f"bare-{self._key(0)}"
        return self._once(f"state-{key}", State, lambda: self._make_baseline(key))

    def bare(self) -> State:
        """The state after all pending migrations without the guard's rows. Raises GuardError."""
        if not self._config.rows:
            return self.migrated()
        key = f"bare-{self._key(len(self._pending))}"
        return self._once(f"state-{key}", State, lambda: self._make_bare(key))

    def fill(self, database: str, *, kind: Kind = Kind.WILD) -> Filled:
        """Makes rows in each table there that has none. Raises psycopg2.Error."""
        with self._databases.session(database, settings=Settings.STAND_IN) as application:
            return self.fill_by(application, kind=kind)

    def fill_by(self, application: Any, *, kind: Kind = Kind.WILD) -> Filled:
        """The same by a session that is open, with the settings of an application."""
        return fill(application, rows=self._config.rows, kind=kind, known=self._known())

    def after(self, migration: Migration) -> State:
        """The state that this judged migration leaves.

        Its `run.error` says when the migration failed; then there is no template of it.
        Raises GuardError when the state before it could not be made.
        """
        return self._state(self._pending.index(migration) + 1)

    def before(self, migration: Migration) -> State:
        """The state that this judged migration meets. Raises GuardError."""
        return self._usable(self._pending.index(migration))

    def migrated(self) -> State:
        """The state after all pending migrations. Raises GuardError when one of them failed."""
        return self._usable(len(self._pending))

    def _usable(self, count: int) -> State:
        state = self._state(count)
        if state.run is not None and not state.run.applied:
            raise self._failed(self._pending[count - 1], state.run)
        return state

    def _failed(self, migration: Migration, run: FileRun) -> MigrationError:
        if migration not in self._judged:
            return self.baselines.failed_before(migration, run)
        return MigrationError(
            self._relative(migration.path),
            "it did not apply, so what follows it could not be looked at",
            fix="mend the migration first; its check `applies` tells what PostgreSQL said",
        )

    def _state(self, count: int) -> State:
        if count not in self._made:
            key = self._key(count)
            self._made[count] = self._once(f"state-{key}", State, lambda: self._make(key, count))
        return self._made[count]

    def _make(self, key: str, count: int) -> State:
        if count == 0:
            return self._make_baseline(key)
        start = max(stop for stop in self._stops if stop < count)
        template = self._usable(start)
        self._databases.create(key, template=template.name)
        step = self._source.up(key, self._pending[start:count])
        on_rows = None
        if self._makes_rows(start) and hangs_on_rows(step.run):
            step, on_rows = self._without_those_rows(key, count, step)
        if not step.run.applied:
            if step.migration != self._pending[count - 1]:
                raise self.baselines.failed_before(step.migration, step.run)
            return State(name=key, snapshot=None, run=step.run, on_rows=on_rows)
        return self._finished(key, count, run=step.run, on_rows=on_rows, made=template.made)

    def _without_those_rows(
        self, key: str, count: int, failed: Step
    ) -> tuple[Step, FileRun | None]:
        """How it goes with other rows of the guard's, or with none; and how it failed, if so.

        On rows without NULLs and extreme values, then on those of `seed` alone. Where it applies
        there and every row would fail it, that is no matter of the values: then it failed.
        """
        pending = self._pending[:count]
        for kind in (Kind.MILD, None):
            self._databases.drop(key)
            self._databases.create(key, template=self.bare_baseline().name)
            if pending[:-1] and not self._source.up(key, pending[:-1]).run.applied:
                return failed, None
            columns = self._columns(key)
            if kind is not None:
                self.fill(key, kind=kind)
            step = self._source.up(key, pending[-1:])
            if step.run.applied and failed.migration not in self._judged:
                return step, None
            if step.run.applied:
                is_certain = kind is None and fails_on_every_row(failed.run, columns)
                return failed if is_certain else step, failed.run
        return step, None

    def _columns(self, database: str) -> Collection[Name]:
        with self._databases.looking(database) as guard:
            return read(guard).columns.keys()

    def _make_bare(self, key: str) -> State:
        self._databases.create(key, template=self.bare_baseline().name)
        step = self._source.up(key, self._pending)
        if not step.run.applied:
            raise self._failed(step.migration, step.run)
        self._databases.freeze(key)
        return State(name=key, snapshot=None, run=step.run)

    def _makes_rows(self, count: int) -> bool:
        """Whether a judged migration meets this state, or made it, or no migration follows."""
        near = {*self._pending[max(0, count - 1) : count + 1]} & self._judged
        return self._config.rows > 0 and (bool(near) or count == len(self._pending))

    def _make_baseline(self, key: str) -> State:
        self.baselines.make(key)
        return self._finished(key, 0, is_bare=key.startswith("bare-"))

    def _finished(
        self,
        key: str,
        count: int,
        *,
        run: FileRun | None = None,
        on_rows: FileRun | None = None,
        made: Mapping[Name, int] = MappingProxyType({}),
        is_bare: bool = False,
    ) -> State:
        """The state of this database as it is now, and with rows where it is to have some."""
        snapshot, filled = None, Filled(rows={}, refused={})
        stand: dict[Name, SequenceState] = {}
        if run is not None or not self._pending:
            with self._databases.looking(key) as guard:
                snapshot = read(guard, exclude=self._config.exclude)
                stand = sequences(guard)
        if not is_bare and self._makes_rows(count):
            filled = self.fill(key)
        if filled.refused:
            self._note(UNFILLED, _unfilled(filled.refused))
        self._databases.freeze(key)
        return State(
            name=key,
            snapshot=snapshot,
            run=run,
            on_rows=on_rows,
            made={**made, **filled.rows},
            refused=filled.refused,
            sequences=stand,
        )

    def _key(self, count: int) -> str:
        digest = hashlib.sha256(repr(self._config.prepare).encode())
        digest.update(b"%d" % self._config.rows)
        digest.update(self._source.state())
        for path in (self._config.baseline.schema, *self._config.seed):
            digest.update(b"\0" if path is None else b"\1" + path.read_bytes())
        run = (*self._contained, *self._pending)[: len(self._contained) + count]
        if self._config.baseline.schema is not None:  # it has them: their files are not read
            digest.update(repr([one.revision for one in self._contained]).encode())
            run = self._pending[:count]
        for one in run:
            digest.update(b"\2" + one.up.content)
        return digest.hexdigest()[:12]

    def _relative(self, path: Path) -> str:
        return self._config.relative(path)


def _unfilled(refused: Mapping[Name, str]) -> str:
    told = [f"{'.'.join(table)} ({why})" for table, why in sorted(refused.items())]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return f"the guard could make no row in {', '.join(told[:_SHOWN])}{more}; `seed` can have some"


_SHOWN = 5


def _stops(pending: Sequence[Migration], judged: Sequence[Migration]) -> frozenset[int]:
    """How many migrations have been applied at each state worth a template."""
    stops = {0, len(pending)}
    for migration in judged:
        place = pending.index(migration)
        stops |= {place, place + 1}
    return frozenset(stops)
