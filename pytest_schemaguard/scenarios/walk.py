"""Many migrations in one process: which of them leave no trace, up, down and up again.

Where a source can walk (source.py), one process takes all steps, and between them the guard looks
from outside at what was committed. So a long history costs no process for each step. What is not
found clean here is looked at by itself.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.scenarios.engine import Looking, changes
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Way
    from pytest_schemaguard.scenarios.engine import Compared, Moment
    from pytest_schemaguard.scenarios.look import Sight

_OPEN = """
    SELECT EXISTS (
      SELECT FROM pg_catalog.pg_stat_activity
      WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend'
        AND pid <> pg_catalog.pg_backend_pid() AND state IS DISTINCT FROM 'idle'
    )
"""
"""Whether another session may hold what is not committed, and so is not seen.
https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW"""


def without_trace(guard: Sight, compared: Mapping[str, Compared]) -> frozenset[str]:
    """The revisions of judged migrations with a downgrade of which nothing compared differs.

    `compared` are moments of up, down and up again, as a scenario of these steps has them. Behind a
    migration that does not apply none is. Raises GuardError.
    """
    clean: set[str] = set()
    left: Sequence[Migration] = guard.judging.pending
    while True:
        walk = _Walk(guard, compared, left)
        with suppress(MigrationError):
            clean |= walk.take()
        left = walk.left
        if not left:
            return frozenset(clean)


class _Walk:
    """One process, which goes on as long as what it leaves is what a deployment has."""

    def __init__(
        self, guard: Sight, compared: Mapping[str, Compared], migrations: Sequence[Migration]
    ) -> None:
        self._guard = guard
        self._compared = compared
        judged = {one for one in guard.judging.judged if one.down is not None}
        places = [place for place, one in enumerate(migrations) if one in judged]
        self._migrations = migrations[places[0] : places[-1] + 1] if places else ()
        self._steps: list[tuple[Way, Migration]] = []
        for one in self._migrations:
            ways: tuple[Way, ...] = ("up", "down", "up") if one in judged else ("up",)
            self._steps += [(way, one) for way in ways]
        self._taken = 0
        """Steps since env.py last began."""
        self._runs = 0
        """How often env.py has begun: it may run all steps in one schema after the other."""
        self._stopped = False
        self._tables: Collection[Name] = ()
        """Those that have rows as far as they can."""
        self._moments: list[Moment] = []
        """Of the migration whose steps are being taken."""
        self._times: dict[str, int] = {}
        """In how many runs a revision was clean."""

    def take(self) -> set[str]:
        """The revisions that are clean. Raises GuardError."""
        if not self._migrations:
            return set()
        guard, first = self._guard, self._migrations[0]
        name = f"walk-{guard.judging.pending.index(first)}"
        guard.databases.create(name, template=guard.states.before(first).name)
        with (
            guard.databases.looking(name) as owner,
            guard.databases.session(name, settings=Settings.STAND_IN) as application,
        ):
            self._owner, self._application = owner, application
            self._looking = Looking(owner, exclude=guard.config.exclude)
            guard.source.walk(name, self._steps, self._between)
        return {revision for revision, times in self._times.items() if times == self._runs}

    @property
    def left(self) -> Sequence[Migration]:
        """What comes behind the migration at which the walk ended before its end."""
        if not self._runs or self._taken == len(self._steps):
            return ()
        _, last = self._steps[self._taken - 1 if self._stopped else self._taken]
        return self._migrations[self._migrations.index(last) + 1 :]

    def _between(self, migration: Migration | None) -> bool:
        if migration is None:
            self._runs += 1
            self._taken, self._moments = 0, [self._filled()]
            return True
        self._taken += 1
        self._stopped = _is_open(self._owner) or not self._goes_on(migration)
        return not self._stopped

    def _goes_on(self, migration: Migration) -> bool:
        following = self._steps[self._taken : self._taken + 1]
        is_last = not following or following[0][1] != migration
        place = len(self._moments)
        if is_last and place < _MOMENTS - 1:  # an upgrade alone
            self._moments = [self._filled()]
            return True
        rows = any(one.rows and place in one.places for one in self._compared.values())
        self._moments.append(self._filled() if is_last else self._looking.moment(rows=rows))
        if not is_last:
            return True
        found = {
            name: changes(one, dict(enumerate(self._moments)))
            for name, one in self._compared.items()
        }
        self._moments = self._moments[-1:]
        differ = {name for name, one in found.items() if not one.are_none}
        if not differ:
            self._times[migration.revision] = self._times.get(migration.revision, 0) + 1
        # What follows would be judged on a state that no deployment has.
        return not any(_MOMENTS - 1 in self._compared[name].places for name in differ)

    def _filled(self) -> Moment:
        """The moment that the next migration meets, with rows in new tables too."""
        snapshot = self._looking.moment(rows=False).snapshot
        if snapshot.relations.keys() - set(self._tables):
            self._guard.states.fill_by(self._application)
        self._tables = snapshot.relations.keys()
        return self._looking.moment(rows=True, snapshot=snapshot)


_MOMENTS = 4
"""Of up, down and up again."""


def _is_open(owner: Any) -> bool:
    with owner.cursor() as cursor:
        cursor.execute(_OPEN)
        return bool(cursor.fetchone()[0])
