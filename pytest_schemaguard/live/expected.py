"""What a database in use is held against: what the migrations make, and what the models describe.

Computed once, on the throwaway server. Where no migrations are configured, the models alone. What
no model can express (views, functions, triggers, grants) is expected as the migrations leave it.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

import psycopg2

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.checks import drift
from pytest_schemaguard.checks.drift.refused import refusals
from pytest_schemaguard.errors import ConfigError, MigrationError, ServerError
from pytest_schemaguard.evidence.comparison import Comparison
from pytest_schemaguard.evidence.models import MODELS, hidden, models_beside
from pytest_schemaguard.expected.expectation import Expectation
from pytest_schemaguard.findings import Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as judged
from pytest_schemaguard.ignores import applied
from pytest_schemaguard.live.comparable import comparable, of_dump, only
from pytest_schemaguard.live.meanings import meaning_of_migrated
from pytest_schemaguard.live.scratch import Scratch
from pytest_schemaguard.live.settled import differences_of_all
from pytest_schemaguard.live.told_once import told_once
from pytest_schemaguard.servers.log import log_tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.findings import Finding
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.live.targets import Target
    from pytest_schemaguard.project.answers.models import Models


_NOT_WHOLE = "what the models describe could not be made whole; the rest was compared"


class LiveExpected:
    """The expectation of one configuration, asked from several threads.

    Making one runs the migrations and reads the models. Raises GuardError.
    """

    def __init__(self, guard: Guard, *, schemas: str | None, strict: bool) -> None:
        self._guard = guard
        self._strict = strict
        self._mutex = threading.Lock()
        self._dumps = 0
        state = guard.states.migrated()
        self._scratch = Scratch(guard.databases, template=state.name, exclude=self.exclude)
        migrated = self._scratch.snapshot
        self._migrated = comparable(migrated) if guard.config.migrations is not None else None
        self._models = guard.look(MODELS)
        self._expectation = Expectation(
            guard.config, guard.databases, replace(state, snapshot=migrated), self._models
        )
        self.schema = None if schemas is None else self._schema(schemas)

    def close(self) -> None:
        """Lets go of the scratch databases."""
        self._expectation.close()
        self._scratch.close()

    @property
    def exclude(self) -> Sequence[str]:
        return self._guard.config.exclude

    @cached_property
    def words(self) -> str:
        """What is expected, for the header."""
        config = self._guard.config
        models = f"the models {', '.join(config.models) or 'of env.py'}"
        server = self._guard.candidate.words
        if self._migrated is None:
            return f"expected: {models}; {server}"
        of = self._guard.judging.migrations
        migrations = (
            f"the migrations up to {self._guard.relative(of[-1].path)}" if of else "the baseline"
        )
        return f"expected: {migrations} and {models}; {server}"

    def verdict(self, actual: Snapshot) -> Verdict:
        """What is to be said of this database. Raises GuardError."""
        try:
            comparison, models = self._compared(actual)
            of_models = [
                (difference, one)
                for difference, one in drift.told(comparison, models)
                if one.severity is not Severity.INFO
                or (one.code, one.subject) not in self._harmless
            ]
            found = (
                *refusals(comparison, models),
                *told_once(of_models, self._of_migrations(actual)),
            )
        except psycopg2.Error as error:
            raise ServerError(
                "PostgreSQL",
                "the throwaway server failed while a database was compared",
                detail="\n".join([str(error).strip(), log_tail(self._guard.server, 5)]),
                fix="run the check again",
            ) from None
        rules = self._guard.config.ignore
        findings = applied(found, rules, today=date.today())  # noqa: DTZ011 - the day where this runs
        refused = any(one.code == "drift.refused" and not one.ignored for one in findings)
        failing = [one for one in findings if one.code != "drift.refused"]
        verdict = judged(tuple(failing), strict=self._strict)
        if refused and verdict.outcome is Outcome.PASSED:
            return Verdict(outcome=Outcome.UNPROVEN, findings=findings, reason=_NOT_WHOLE)
        return replace(verdict, findings=findings, unproven=_NOT_WHOLE if refused else None)

    def dumped(self, target: Target) -> Snapshot:
        """What a dump makes. Raises MigrationError, ServerError."""
        assert target.dump is not None
        with self._mutex:
            self._dumps += 1
            name = f"dump-{self._dumps}"
            databases = self._guard.databases
            databases.create(name)
            try:
                self._guard.states.baselines.prepare(name)
                self._guard.states.baselines.load(name, target.dump)
            except MigrationError as error:
                error.subject = "this dump" if error.subject == "baseline" else error.subject
                raise
            with databases.looking(name) as guard:
                found = read(guard, exclude=self.exclude)
            databases.drop(name)
        if not (found.relations or found.enums or found.domains or found.sequences):
            raise MigrationError(
                "this file",
                "is no dump of a schema: it makes no table",
                path=target.url,
                fix=f"pg_dump --schema-only --file={target.dump.name} DATABASE",
            )
        return of_dump(found)

    def _compared(self, actual: Snapshot) -> tuple[Comparison, Models]:
        expectation = self._expectation
        there = self._within(actual, expectation.snapshot)
        differences = expectation.differences(there)
        comparison = Comparison(
            differences=differences,
            refused=expectation.refused,
            excluded=tuple(sorted({*there.excluded, *expectation.snapshot.excluded})),
            fills_itself=_fills_itself(differences, there),
        )
        with self._mutex:  # the project's process answers one question after the other
            comparison = replace(comparison, hidden=hidden(self._guard, differences))
            models = models_beside(self._guard, differences, refused=bool(expectation.refused))
        return comparison, models

    @cached_property
    def _harmless(self) -> frozenset[tuple[str, str]]:
        """Code and subject of what the migrations have besides the models: no news."""
        if self._migrated is None:
            return frozenset()
        return frozenset(
            (one.code, one.subject)
            for _, one in drift.told(*self._compared(self._migrated))
            if one.severity is Severity.INFO
        )

    def _of_migrations(self, actual: Snapshot) -> Iterator[tuple[Difference, Finding]]:
        if self._migrated is None:
            return
        there = self._within(comparable(actual), self._migrated)
        differences = differences_of_all(self._scratch, self._migrated, there)
        filled = _fills_itself(differences, there)
        for one in differences:
            if not drift.is_foreign(one, self._models):
                meaning = meaning_of_migrated(one, fills_itself=filled.get(one.name, True))
                yield one, drift.finding(one, self._models, meaning, said_by="in the migrations")

    def _within(self, actual: Snapshot, expected: Snapshot) -> Snapshot:
        """With the schemas that are not looked at as they are expected."""
        return actual if self.schema is None else only(actual, self.schema, rest=expected)

    def _schema(self, pattern: str) -> str:
        """The schema of the expectation that stands for each tenant's. Raises ConfigError."""
        there = {name[0] for name in self._expectation.snapshot.relations}
        if self._migrated is not None:
            there |= {name[0] for name in self._migrated.relations}
        matching = sorted(name for name in there if fnmatchcase(name, pattern))
        if len(matching) == 1:
            return matching[0]
        if not matching and len(there) == 1:
            return there.pop()
        names = ", ".join(matching or sorted(there))
        what = "several of them match" if matching else "none of them matches"
        raise ConfigError(
            "--schemas",
            f"models and migrations have the schemas {names}, and {what} {pattern}",
            fix="one schema has to stand for a tenant's: give it a name that the pattern matches",
        )


def _fills_itself(
    differences: Sequence[Difference], actual: Snapshot
) -> dict[tuple[str, ...], bool]:
    columns = actual.columns
    return {one.name: columns[one.name].fills_itself for one in differences if one.name in columns}
