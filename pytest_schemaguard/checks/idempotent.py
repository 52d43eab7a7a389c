"""idempotent: a second run succeeds and changes nothing.

Between the two runs the guard writes as an application would: it changes values, inserts and
deletes rows, draws sequences. The second run must leave the catalog, the rows and the sequences as
they are: a deployment that is repeated, or resumed, then does no harm. Rows that it adds once, for
what the application has written, are what a migration is for; those that each further run adds are
an error. Timestamps that only the second run itself sets, and rows of triggers, are a warning.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_schemaguard.checks.applies import counted
from pytest_schemaguard.checks.of_run import of_run
from pytest_schemaguard.checks.on_rows import (
    is_of_triggers,
    names_in,
    set_back,
    unfilled,
    unread_rows,
)
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.scenarios.engine import Again, Compared, Scenario, Write, ending_of
from pytest_schemaguard.scenarios.on_rows import hangs_on_rows
from pytest_schemaguard.scenarios.reach import reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.rows.application_writes import Written
    from pytest_schemaguard.scenarios.changes import RowChange
    from pytest_schemaguard.scenarios.engine import Ending
    from pytest_schemaguard.scenarios.states import State

AGAIN = "again"
"""What the second run changed."""


def judge(guard: Guard, migration: Migration | None) -> Verdict:
    """Fails on a second run that fails, or that leaves the catalog or the rows different."""
    assert migration is not None
    subject = guard.relative(migration.path)
    state = guard.states.after(migration)
    first = state.run
    if first is None or not first.applied:
        return Verdict(
            outcome=Outcome.UNPROVEN,
            reason=f"{subject}: its first run did not apply, so there was no second\n"
            "  next: its check `applies` tells what PostgreSQL said",
        )
    names, config = names_in(migration), guard.config
    tables = None
    if migration.up.sql is None:  # a tool, which may know that there is nothing to do
        idle = guard.look(ending_of(run_again(state, migration, config)))
        if _does_nothing(idle):
            return verdict((), reason=f"{guard.source.repeats}: 0 statements")
    elif state.snapshot is not None:
        tables = reach(state.snapshot, names)
    ending = guard.look(ending_of(second_run(state, migration, config, tables=tables)))
    found: list[Finding] = []
    again = ending.taken[-1].run
    assert again is not None
    if hangs_on_rows(again):
        without = guard.look(ending_of(second_run(state, migration, config, writes=False)))
        run = without.taken[-1].run
        if run is not None and run.applied:
            found.append(_on_written_rows(again, subject))
            ending = without
    if any(one.only_added or one.only_timestamps for one in ending.changes[AGAIN].rows):
        third = guard.look(ending_of(third_run(state, migration, config, tables=tables)))
        ending = _as_a_third_run_shows(ending, third)
    found += findings(ending, subject, names)
    return verdict(
        tuple(found),
        strict=guard.config.strict,
        reason=f"{guard.source.repeats}: {counted(again)}, {_told(ending.taken[0].written)}",
        unproven=unread_rows(ending.unread) or unfilled(state, names),
    )


def second_run(
    state: State,
    migration: Migration,
    config: Config,
    *,
    writes: bool = True,
    tables: frozenset[Name] | None = None,
) -> Scenario:
    """The second run, on the state that the first left, after the writes of an application.

    They are to `tables`, or to all.
    """
    steps = (Write(tables), Again(migration)) if writes else (Again(migration),)
    return Scenario(
        name=f"again-{state.name}" if writes else f"unwritten-{state.name}",
        doing=f"running {config.relative(migration.path)} again",
        start=state,
        steps=steps,
        compared={AGAIN: Compared(first=len(steps) - 1, then=len(steps))},
    )


def third_run(
    state: State, migration: Migration, config: Config, *, tables: frozenset[Name] | None = None
) -> Scenario:
    """One more: whether it adds rows each time, or writes the time of each run."""
    return Scenario(
        name=f"third-{state.name}",
        doing=f"running {config.relative(migration.path)} once more",
        start=state,
        steps=(Write(tables), Again(migration), Again(migration)),
        compared={AGAIN: Compared(first=2, then=3)},
    )


def run_again(state: State, migration: Migration, config: Config) -> Scenario:
    """The second run, to see whether it does anything."""
    return Scenario(
        name=f"idle-{state.name}",
        doing=f"running {config.relative(migration.path)} again",
        start=state,
        steps=(Again(migration),),
        compared={},
    )


def _does_nothing(ending: Ending) -> bool:
    (again,) = ending.taken
    return again.went_on and again.run is not None and not (again.run.statements or again.wrote)


def looked_at(guard: Guard, migration: Migration | None) -> tuple[str, ...]:
    assert migration is not None
    state = guard.states.after(migration)
    runs = [second_run(state, migration, guard.config, writes=one) for one in (True, False)]
    runs.append(run_again(state, migration, guard.config))
    return tuple(one.name for one in runs)


def _as_a_third_run_shows(ending: Ending, third: Ending) -> Ending:
    """The second run's changes, without rows that a third run adds no more of.

    A timestamp that it leaves alone is no time of a run: it came from the migration's text.
    """
    if AGAIN not in third.changes:
        return ending
    still = {one.table for one in third.changes[AGAIN].rows}
    changes = ending.changes[AGAIN]
    rows = tuple(
        replace(one, only_timestamps=one.only_timestamps and one.table in still)
        for one in changes.rows
        if not one.only_added or one.table in still
    )
    return replace(ending, changes={AGAIN: replace(changes, rows=rows)})


def findings(ending: Ending, subject: str, names: frozenset[str]) -> Iterator[Finding]:
    """What the second run did that it should not have; `names` are those in the migration."""
    run, changes = ending.taken[-1].run, ending.changes[AGAIN]
    assert run is not None
    if not run.applied:
        yield of_run(
            run,
            subject,
            code="idempotent.second-run-fails",
            severity=Severity.ERROR,
            message=f"the second run fails: {run.words}",
            fix="guard each statement, such as ADD COLUMN IF NOT EXISTS, or look in the catalog",
        )
    for difference in changes.catalog:
        yield Finding(
            code="idempotent.catalog",
            severity=Severity.ERROR,
            subject=difference.subject,
            message=(
                f"the second run of {subject} changes it ({difference.kind}): "
                f"{difference.first or 'nothing'} before, {difference.then or 'nothing'} after"
            ),
            expected=difference.first,
            actual=difference.then,
            path=subject,
        )
    for change in changes.rows:
        yield _rows(change, subject, names)
    for one in changes.sequences:
        yield Finding(
            code="idempotent.sequences",
            severity=Severity.ERROR,
            subject=".".join(one.sequence),
            message=set_back(one, f"the second run of {subject} sets it back"),
            fix="set a sequence forward only, or where it has not been set yet",
            path=subject,
        )


def _told(written: Written | None) -> str:
    """What was written between the runs, for people."""
    if written is None:
        return "nothing written between"
    told = (
        f"written between: values of {written.columns} columns, {written.inserted} rows inserted, "
        f"{written.deleted} deleted, {written.drawn} sequences drawn"
    )
    columns = sorted(".".join(name) for name in written.unwritten)
    if not columns:
        return told
    some = ", ".join(columns[:_SHOWN]) + (", ..." if len(columns) > _SHOWN else "")
    return f"{told}; not written: {len(columns)} ({some})"


_SHOWN = 3


def _on_written_rows(run: FileRun, subject: str) -> Finding:
    return of_run(
        run,
        subject,
        code="idempotent.depends-on-rows",
        severity=Severity.WARNING,
        message="the second run fails on a value that the guard wrote between, as an application "
        f"might, and without it does not: {run.words}",
        fix="let it pass over rows that it has been through, or values that it cannot take",
    )


def _rows(change: RowChange, subject: str, names: frozenset[str]) -> Finding:
    code, severity = "idempotent.rows", Severity.ERROR
    harm = "what an application wrote between the runs would be lost"
    if change.only_timestamps:
        code, severity = "idempotent.timestamps", Severity.WARNING
    elif is_of_triggers(change, names):
        code, severity = "idempotent.rows-of-triggers", Severity.WARNING
        harm = "it does not name the table: a trigger, or a function, adds more each time"
    elif change.only_added or (change.lost is None and change.after > change.before):
        harm = "each further run would add more"
    columns = f", values of {', '.join(change.columns)}" if change.columns else ""
    return Finding(
        code=code,
        severity=severity,
        subject=".".join(change.table),
        message=f"the second run of {subject} changes rows: {change.before} rows before, "
        f"{change.after} after{columns}\n{harm}",
        fix="write only what the first run has to: WHERE ... IS NULL, ON CONFLICT DO NOTHING",
        path=subject,
    )
