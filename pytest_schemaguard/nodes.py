"""Collectors and items: where checks become nodeids that pytest can run again.

`pyproject.toml::drift` and `pyproject.toml::migrations/x.sql::applies`: a File on the configuration
with a collector per judged migration below it. Items made any other way (appended in
`pytest_collection_modifyitems`) cannot be run again by their nodeid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.checks import CHECKS, Check, Scope
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.findings import Outcome, Verdict
from pytest_schemaguard.guarding import guard_of
from pytest_schemaguard.reports import terminal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migration import Migration

verdict_key = pytest.StashKey[Verdict]()


class CheckFailedError(Exception):
    """A check's verdict that fails the run."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class GuardFile(pytest.File):
    """The configuration as a collector of checks."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        guard = guard_of(self.config)
        try:
            judged = guard.judged
        except GuardError as error:
            raise self.CollectError(str(error)) from None
        for migration in judged:
            yield MigrationCollector.from_parent(
                self, name=guard.relative(migration.path), migration=migration
            )
        for check in asked_for(guard, Scope.SCHEMA):
            yield CheckItem.from_parent(self, name=check.name, check=check, migration=None)


class MigrationCollector(pytest.Collector):
    """One judged migration."""

    def __init__(self, *, migration: Migration, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.migration = migration

    def collect(self) -> Iterator[pytest.Item]:
        for check in asked_for(guard_of(self.config), Scope.MIGRATION):
            yield CheckItem.from_parent(
                self, name=check.name, check=check, migration=self.migration
            )


class CheckItem(pytest.Item):
    """One check of one subject."""

    def __init__(self, *, check: Check, migration: Migration | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.migration = migration
        self.add_marker("schema_guard")

    @property
    def subject(self) -> str:
        """What the check is about: a migration's path, or the configuration's."""
        guard = guard_of(self.config)
        return guard.relative(self.migration.path if self.migration else guard.config.file)

    def runtest(self) -> None:
        guard = guard_of(self.config)
        try:
            verdict = self.check.judge(guard, self.migration)
        except GuardError as error:
            verdict = Verdict(outcome=Outcome.UNPROVEN, reason=str(error))
        self.stash[verdict_key] = verdict
        if verdict.outcome is Outcome.SKIPPED:
            pytest.skip(verdict.reason or "not asked for")
        if verdict.outcome is not Outcome.PASSED:
            raise CheckFailedError(verdict)

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: Any = None,
    ) -> Any:
        if isinstance(excinfo.value, CheckFailedError):
            return terminal.failure(excinfo.value.verdict)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        path = self.migration.path if self.migration else self.path
        return path, None, f"{self.subject}::{self.check.name}"


def asked_for(guard: Guard, scope: Scope | None = None) -> Iterator[Check]:
    """The checks that the configuration asks for, of this scope or of each."""
    names = guard.config.checks
    for check in CHECKS:
        if scope in {None, check.scope} and (names is None or check.name in names):
            yield check
