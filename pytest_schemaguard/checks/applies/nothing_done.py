"""A migration that ran without an error and did nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Finding, Severity
from pytest_schemaguard.scenarios.effect import effect_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration

QUOTED = 3
"""Of PostgreSQL's notices."""


def nothing_done(guard: Guard, migration: Migration, run: FileRun) -> Iterator[Finding]:
    """Of a run that was applied."""
    deeds = run.deeds
    if deeds.something or migration.joins:
        return
    effect = effect_of(guard, migration) if deeds.perhaps else None
    if effect is not None and effect.changed:
        return
    subject = guard.relative(migration.path)
    nobody = effect is not None and not effect.any_row and deeds.blocks and not run.notices
    if deeds.rows_wanted or nobody:
        yield Finding(
            code="applies.no-rows",
            severity=Severity.INFO,
            subject=subject,
            message="it changed nothing: no row was there to be changed",
            fix="give `seed` rows that it changes, so that what it does to them is proven",
            path=subject,
        )
        return
    picks, writes = guard.source.picks, bool(run.statements)
    who = f"{guard.source.name} ran without an error and" if picks else "it"
    fact = _SAME if writes else _WROTE if picks or effect is not None else _EMPTY
    said = [one.replace(":  ", ": ", 1) for one in run.notices[:QUOTED]]
    yield Finding(
        code="applies.nothing-done",
        severity=Severity.WARNING,
        subject=subject,
        message="\n".join(
            [
                f"{who} did nothing: {fact}",
                *(["what it was to apply may not be applied"] if picks else []),
                *(f"PostgreSQL said: {one}" for one in said),
            ]
        ),
        fix=_PICKS if picks else _LOOK if writes else _FILL,
        path=subject,
    )


_EMPTY = "there is no statement in it"
_WROTE = "no statement of it writes"
_SAME = "the catalog and all rows are what they were before"
_FILL = "write what it is to do, or take it out"
_PICKS = "look whether it knows this migration, and takes it for pending"
_LOOK = (
    "look whether the names in it are right: IF [NOT] EXISTS, and an exception that is caught, "
    "hide that nothing is done"
)
