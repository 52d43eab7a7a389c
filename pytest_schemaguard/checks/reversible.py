"""reversible: where a migration has a way back, up, down and up again restore schema and rows.

Run down, it must leave the catalog as it was before, with the rows of `seed` in it; run up once
more, it must make what it made the first time. A migration without a way back (no `x.down.sql`, a
downgrade() that is empty or raises) is skipped: not to have one is a choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.checks.idempotent import unread_rows
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.session import FileRun
    from pytest_schemaguard.scenarios.endings import CatalogChange, WayBack


def judge(guard: Guard, migration: Migration | None) -> Verdict:
    """Fails on a way back that fails or leaves a trace, and on another result the second time."""
    assert migration is not None
    if migration.down is None:
        return Verdict(outcome=Outcome.SKIPPED, reason="it has no way back")
    way = guard.way_back(migration)
    if way is None:
        return Verdict(outcome=Outcome.PASSED, reason="up, down and up leave no trace")
    found = tuple(findings(way, guard.relative(migration.path), guard.relative(migration.down)))
    return verdict(
        found,
        strict=guard.config.strict,
        reason="up, down and up leave no trace",
        unproven=unread_rows(way.unread),
    )


def looked_at(guard: Guard, migration: Migration | None) -> tuple[str, ...]:
    assert migration is not None
    return (f"back-{guard.states.before(migration).name}",)


def findings(way: WayBack, up: str, down: str) -> Iterator[Finding]:
    """What the way up, down and up again did that it should not have."""
    if not way.down.applied:
        yield _fails("down-fails", "the way back fails", way.down, down)
        return
    for one in way.left:
        yield _catalog(one, "left", down)
    for change in way.rows:
        yield Finding(
            code="reversible.rows",
            severity=Severity.WARNING if change.only_timestamps else Severity.ERROR,
            subject=".".join(change.table),
            message=(
                f"up and down change rows: {change.before} before, {change.after} after"
                + (f", values of {', '.join(change.columns)}" if change.columns else "")
                + f"\n{down} loses what was there"
            ),
            path=down,
        )
    if way.up_again is None:
        return
    if not way.up_again.applied:
        yield _fails("up-again-fails", "after the way back it fails to run again", way.up_again, up)
    told = {one.subject for one in way.left}
    for one in way.differs:
        if one.subject in told:
            continue  # it follows from what the way back left
        yield _catalog(one, "differs", up)


def _fails(kind: str, fact: str, run: FileRun, path: str) -> Finding:
    return Finding(
        code=f"reversible.{kind}",
        severity=Severity.ERROR,
        subject=path,
        message=f"{fact}: {run.words}",
        actual=run.error.sqlstate if run.error else None,
        fix=run.advice,
        path=run.place(path)[0],
        line=run.place(path)[1],
    )


_WORDS = {
    "left": "{path} does not restore it ({kind}): {first} before, {second} afterwards",
    "differs": "{path} makes it otherwise the second time ({kind}): {first} first, {second} then",
}


def _catalog(one: CatalogChange, kind: str, path: str) -> Finding:
    return Finding(
        code=f"reversible.{kind}",
        severity=Severity.ERROR,
        subject=one.subject,
        message=_WORDS[kind].format(
            path=path, kind=one.kind, first=one.first or "nothing", second=one.second or "nothing"
        ),
        expected=one.first,
        actual=one.second,
        path=path,
    )
