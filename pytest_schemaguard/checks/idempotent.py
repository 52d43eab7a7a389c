"""idempotent: a second run succeeds and changes nothing.

Between the two runs the guard changes rows as an application would. The second run must leave the
catalog, the rows and those changes as they are: a deployment that is repeated, or resumed, then
does no harm. Timestamps that only the second run itself sets are a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.checks.applies import counted
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.scenarios.engine import Again, Compared, Scenario, Write, ending_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
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
    ending = guard.look(ending_of(second_run(state, migration, guard.config)))
    written, again = ending.taken
    assert again.run is not None
    return verdict(
        tuple(findings(ending, subject)),
        strict=guard.config.strict,
        reason=f"{guard.source.repeats}: {counted(again.run)}, {written.written} columns written "
        "between",
        unproven=unread_rows(ending.unread),
    )


def second_run(state: State, migration: Migration, config: Config) -> Scenario:
    """The second run, on the state that the first left, after the writes of an application."""
    return Scenario(
        name=f"again-{state.name}",
        doing=f"running {config.relative(migration.path)} again",
        start=state,
        steps=(Write(), Again(migration)),
        compared={AGAIN: Compared(first=1, then=2)},
    )


def looked_at(guard: Guard, migration: Migration | None) -> tuple[str, ...]:
    assert migration is not None
    return (second_run(guard.states.after(migration), migration, guard.config).name,)


def unread_rows(tables: Sequence[str]) -> str | None:
    """What is to be said of tables whose rows the guard could not read; None: there are none."""
    if not tables:
        return None
    names = ", ".join(tables)
    return (
        f"the rows of {names} were not compared: the role that runs the migrations may not read "
        f"them\n  next: GRANT SELECT ON TABLE {names} TO PUBLIC in `prepare`, or name the table in "
        "`exclude`"
    )


def findings(ending: Ending, subject: str) -> Iterator[Finding]:
    """What the second run did that it should not have."""
    run, changes = ending.taken[-1].run, ending.changes[AGAIN]
    assert run is not None
    if not run.applied:
        error = run.error
        yield Finding(
            code="idempotent.second-run-fails",
            severity=Severity.ERROR,
            subject=subject,
            message=f"the second run fails: {run.words}",
            actual=error.sqlstate if error else None,
            fix="guard each statement, such as ADD COLUMN IF NOT EXISTS, or look in the catalog",
            path=run.place(subject)[0],
            line=run.place(subject)[1],
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
        columns = ", ".join(change.columns)
        added = change.after > change.before
        yield Finding(
            code="idempotent.timestamps" if change.only_timestamps else "idempotent.rows",
            severity=Severity.WARNING if change.only_timestamps else Severity.ERROR,
            subject=".".join(change.table),
            message=(
                f"the second run of {subject} changes rows: {change.before} rows before, "
                f"{change.after} after"
                + (f", values of {columns}" if columns else "")
                + "\n"
                + (
                    "each further run would add more"
                    if added
                    else "what an application wrote between the runs would be lost"
                )
            ),
            fix="write only what the first run has to: WHERE ... IS NULL, ON CONFLICT DO NOTHING",
            path=subject,
        )
