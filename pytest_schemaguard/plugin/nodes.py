"""Collectors and items: where checks become nodeids that pytest can run again.

`pyproject.toml::drift` and `pyproject.toml::migrations/x.sql::applies`: a File on the configuration
with a collector per judged migration below it. Items made any other way (appended in
`pytest_collection_modifyitems`) cannot be run again by their nodeid.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.checks import CHECKS, Check, Scope
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.findings import Outcome, Verdict, mapped_verdict
from pytest_schemaguard.ignores import ignoring
from pytest_schemaguard.plugin.session import guards_of
from pytest_schemaguard.printable import printable, printable_lines
from pytest_schemaguard.redaction import redacted
from pytest_schemaguard.reports import terminal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration

verdict_key = pytest.StashKey[Verdict]()


class CheckFailedError(Exception):
    """A check's verdict that fails the run."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class GuardFile(pytest.File):
    """The configuration as a collector of checks, or of its databases."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        guards = guards_of(self.config)
        if len(guards) == 1:
            yield from _checks(self, guards[0])
            return
        for guard in guards:
            yield DatabaseCollector.from_parent(self, name=guard.config.name, guard=guard)


class DatabaseCollector(pytest.Collector):
    """One of several databases."""

    def __init__(self, *, guard: Guard, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.guard = guard

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        yield from _checks(self, self.guard)


class MigrationCollector(pytest.Collector):
    """One judged migration."""

    def __init__(self, *, guard: Guard, migration: Migration, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.guard = guard
        self.migration = migration

    def collect(self) -> Iterator[pytest.Item]:
        for check in asked_for(self.guard, Scope.MIGRATION):
            yield CheckItem.from_parent(
                self, name=check.name, check=check, guard=self.guard, migration=self.migration
            )


def _checks(parent: pytest.Collector, guard: Guard) -> Iterator[pytest.Item | pytest.Collector]:
    try:
        judged = guard.judging.judged
    except GuardError as error:
        raise pytest.Collector.CollectError(terminal.words(error)) from None
    for migration in judged:
        yield MigrationCollector.from_parent(
            parent, name=_name(guard, migration), guard=guard, migration=migration
        )
    for check in asked_for(guard, Scope.SCHEMA):
        yield CheckItem.from_parent(
            parent, name=check.name, check=check, guard=guard, migration=None
        )


def _name(guard: Guard, migration: Migration) -> str:
    """Its path, as pytest can print it and find it again.

    In a nodeid `::` ends a part, and what follows `[` is taken for a parametrization.
    """
    name = printable(guard.relative(migration.path))
    return name.replace("::", ":\\x3a").replace("[", "\\x5b")


class CheckItem(pytest.Item):
    """One check of one subject."""

    def __init__(
        self, *, check: Check, guard: Guard, migration: Migration | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.guard = guard
        self.migration = migration
        self.add_marker("schema_guard")

    @property
    def subject(self) -> str:
        """What the check is about: a migration's path, or the configuration's."""
        path = self.migration.path if self.migration else self.guard.config.file
        return self.guard.relative(path)

    def runtest(self) -> None:
        try:
            config = self.guard.config
            verdict = ignoring(
                self.check.judge(self.guard, self.migration),
                config.ignore,
                today=date.today(),  # noqa: DTZ011 - the day where this runs
                strict=config.strict,
            )
        except GuardError as error:
            verdict = Verdict(outcome=Outcome.UNPROVEN, reason=str(error))
        secrets = self.guard.secrets
        verdict = mapped_verdict(verdict, lambda text: redacted(text, secrets))
        self.stash[verdict_key] = verdict
        if verdict.outcome is Outcome.SKIPPED:
            pytest.skip(printable(verdict.reason or "not asked for"))
        if verdict.outcome is not Outcome.PASSED:
            raise CheckFailedError(verdict)

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: Any = None,
    ) -> Any:
        if isinstance(excinfo.value, CheckFailedError):
            return terminal.failure(excinfo.value.verdict)
        text = str(super().repr_failure(excinfo, style))
        return "\n".join(printable_lines(redacted(text, self.guard.secrets)))

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        path = Path(printable(str(self.migration.path if self.migration else self.path)))
        line = self.migration.up.line if self.migration else None
        name = f"{self.guard.config.name}::" if self.guard.config.name else ""
        subject = (
            f"{name}{_name(self.guard, self.migration)}::"
            if self.migration
            else f"{printable(self.subject)}::{name}"
        )
        # The space: with -v pytest makes `::` of the dots in a title that ends the nodeid.
        return path, None if line is None else line - 1, f"{subject}{self.check.name} "


def asked_for(guard: Guard, scope: Scope | None = None) -> Iterator[Check]:
    """The checks that the configuration asks for, of this scope or of each."""
    names = guard.config.checks
    for check in CHECKS:
        if scope not in {None, check.scope}:
            continue
        if check.of_revisions and not guard.source.can_branch:
            continue
        if check.of_branch and guard.judging.since is None:
            continue
        if names is None or check.name in names:
            yield check
