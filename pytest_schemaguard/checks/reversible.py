"""reversible: where a migration has a downgrade, up, down and up again restore schema and rows.

Run down, it must leave the catalog, the rows and the sequences as they were before; run up once
more, it must make what it made the first time. Rows that a trigger adds meanwhile are a warning,
and another order of the columns is an info. A migration without a downgrade (no `x.down.sql`, a
downgrade() that is empty or raises) is skipped: not to have one is a choice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_schemaguard.checks.of_run import of_run
from pytest_schemaguard.checks.on_rows import (
    is_of_triggers,
    names_in,
    set_back,
    unfilled,
    unread_rows,
)
from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.scenarios.engine import Compared, Down, Scenario, Up, ending_of
from pytest_schemaguard.scenarios.look import Look
from pytest_schemaguard.scenarios.walk import without_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.scenarios.changes import CatalogChange, Changes, RowChange
    from pytest_schemaguard.scenarios.engine import Ending
    from pytest_schemaguard.scenarios.look import Sight
    from pytest_schemaguard.scenarios.states import State

LEFT, DIFFERS, AT_ANOTHER_TIME = "left", "differs", "at-another-time"
"""What the downgrade left other than before; what the second upgrade made other than the first; its
rows likewise, among them the times of the runs."""
NO_TRACE = "up, down and up leave no trace"


def judge(guard: Guard, migration: Migration | None) -> Verdict:
    """Fails on a downgrade that fails or leaves a trace, and on another result the second time."""
    assert migration is not None
    if migration.down is None:
        return Verdict(outcome=Outcome.SKIPPED, reason="it has no downgrade")
    before, names = guard.states.before(migration), names_in(migration)
    if migration.revision in guard.look(WITHOUT_TRACE):
        return verdict((), reason=NO_TRACE, unproven=unfilled(before, names))
    ending = guard.look(ending_of(there_and_again(before, migration, guard.config)))
    up, down = guard.relative(migration.path), guard.relative(migration.down.path)
    return verdict(
        tuple(findings(ending, up, down, names, line=migration.down.line)),
        strict=guard.config.strict,
        reason=NO_TRACE,
        unproven=unread_rows(ending.unread) or unfilled(before, names),
    )


def there_and_again(before: State, migration: Migration, config: Config) -> Scenario:
    """Up, down and up again, from the state before the migration."""
    return Scenario(
        name=f"back-{before.name}",
        doing=f"downgrading {config.relative(migration.path)}",
        start=before,
        steps=(Up((migration,)), Down(migration), Up((migration,))),
        compared={**COMPARED, AT_ANOTHER_TIME: Compared(first=1, then=3)},
    )


COMPARED = {
    LEFT: Compared(first=0, then=2, tools=False),
    DIFFERS: Compared(first=1, then=3, rows=False),
}


def _without_trace(guard: Sight) -> frozenset[str]:
    with guard.progress.step("downgrading migrations"):
        return without_trace(guard, COMPARED)


WITHOUT_TRACE = Look("without-trace", frozenset[str], _without_trace)
"""The revisions of which one process that runs all of them leaves no trace."""


def looked_at(guard: Guard, migration: Migration | None) -> tuple[str, ...]:
    assert migration is not None
    return (there_and_again(guard.states.before(migration), migration, guard.config).name,)


def findings(
    ending: Ending,
    up: str,
    down: str,
    names: frozenset[str],
    *,
    line: int | None = None,
) -> Iterator[Finding]:
    """What up, down and up again did that they should not have.

    `names` are those in the migration. `line`: where the downgrade begins, in a file that it shares
    with another script. Raises MigrationError where the first upgrade failed.
    """
    if not ending.taken[0].went_on:
        raise MigrationError(
            up,
            "it did not apply, so there was nothing to downgrade",
            fix="its check `applies` says why",
        )
    _, back, *again = (one.run for one in ending.taken)
    assert back is not None
    if not back.applied:
        yield _fails("down-fails", "the downgrade fails", back, down, line=line)
        return
    left = _with_values_lost(ending)
    yield from _left(left, names, down, line=line)
    for run in again:
        if run is not None and not run.applied:
            yield _fails("up-again-fails", "after the downgrade it fails to run again", run, up)
            return
    told = {difference.subject for difference in left.catalog}
    for difference in ending.changes[DIFFERS].catalog:
        if difference.subject in told:
            continue  # it follows from what the downgrade left
        yield _catalog(difference, DIFFERS, up)


def _with_values_lost(ending: Ending) -> Changes:
    """What the downgrade left; a timestamp that both upgrades leave is no time of a run."""
    left = ending.changes[LEFT]
    if AT_ANOTHER_TIME not in ending.changes:
        return left
    times = {one.table for one in ending.changes[AT_ANOTHER_TIME].rows}
    rows = (
        replace(one, only_timestamps=one.only_timestamps and one.table in times)
        for one in left.rows
    )
    return replace(left, rows=tuple(rows))


def _left(
    left: Changes, names: frozenset[str], down: str, *, line: int | None
) -> Iterator[Finding]:
    """What the downgrade did not bring back."""
    for difference in left.catalog:
        yield _catalog(difference, LEFT, down, line=line)
    for change in left.rows:
        yield _rows(change, names, down, line=line)
    for one in left.sequences:
        yield Finding(
            code="reversible.sequences",
            severity=Severity.ERROR,
            subject=".".join(one.sequence),
            message=set_back(one, "up and down set it back"),
            fix=f"let {_place(down, line)} set it behind what is there: setval(...)",
            path=down,
            line=line,
        )
    for table in left.order:
        yield Finding(
            code="reversible.column-order",
            severity=Severity.INFO,
            subject=".".join(table),
            message="its columns stand in another order after up and down, which only SELECT * and "
            "an INSERT without a list of columns notice",
            path=down,
            line=line,
        )


def _rows(change: RowChange, names: frozenset[str], down: str, *, line: int | None) -> Finding:
    code, severity, place = "reversible.rows", Severity.ERROR, _place(down, line)
    fact = f"up and down change rows: {change.before} before, {change.after} after"
    fact += f", values of {', '.join(change.columns)}" if change.columns else ""
    if change.only_timestamps:
        severity = Severity.WARNING
    if is_of_triggers(change, names):
        code, severity = "reversible.rows-of-triggers", Severity.WARNING
        harm = "no row that was there is lost: a trigger, or a function, adds rows"
    elif change.only_added:
        harm = f"no row that was there is lost, and {place} leaves {change.added} more"
    elif change.after < change.before:
        harm = f"{place} does not bring back the rows that were there"
    else:
        harm = f"{place} does not bring back the values that were there"
    return Finding(
        code=code,
        severity=severity,
        subject=".".join(change.table),
        message=f"{fact}\n{harm}",
        path=down,
        line=line,
    )


def _fails(kind: str, fact: str, run: FileRun, path: str, *, line: int | None = None) -> Finding:
    return of_run(
        run,
        path,
        code=f"reversible.{kind}",
        severity=Severity.ERROR,
        message=f"{fact}: {run.words}",
        fix=run.advice,
        line=run.place(path)[1] or line,
    )


_WORDS = {
    LEFT: "{path} does not restore it ({kind}): {first} before, {then} afterwards",
    DIFFERS: "{path} makes it otherwise the second time ({kind}): {first} first, {then} then",
}


def _place(path: str, line: int | None) -> str:
    return path if line is None else f"{path}:{line}"


def _catalog(one: CatalogChange, kind: str, path: str, *, line: int | None = None) -> Finding:
    return Finding(
        code=f"reversible.{kind}",
        severity=Severity.ERROR,
        subject=one.subject,
        message=_WORDS[kind].format(
            path=_place(path, line),
            kind=one.kind,
            first=one.first or "nothing",
            then=one.then or "nothing",
        ),
        expected=one.first,
        actual=one.then,
        path=path,
        line=line,
    )
