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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.scenarios.endings import SecondRun


def judge(guard: Guard, migration: Migration | None) -> Verdict:
    """Fails on a second run that fails, or that leaves the catalog or the rows different."""
    assert migration is not None
    subject = guard.relative(migration.path)
    first = guard.states.after(migration).run
    if first is None or not first.applied:
        return Verdict(
            outcome=Outcome.UNPROVEN,
            reason=f"{subject}: its first run did not apply, so there was no second\n"
            "  next: its check `applies` tells what PostgreSQL said",
        )
    again = guard.second_run(migration)
    return verdict(
        tuple(findings(again, subject)),
        strict=guard.config.strict,
        reason=f"{guard.source.repeats}: {counted(again.run)}, {again.written} columns written "
        "between",
        unproven=unread_rows(again.unread),
    )


def looked_at(guard: Guard, migration: Migration | None) -> tuple[str, ...]:
    assert migration is not None
    return (f"again-{guard.states.after(migration).name}",)


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


def findings(again: SecondRun, subject: str) -> Iterator[Finding]:
    """What the second run did that it should not have."""
    if not again.run.applied:
        error = again.run.error
        yield Finding(
            code="idempotent.second-run-fails",
            severity=Severity.ERROR,
            subject=subject,
            message=f"the second run fails: {again.run.words}",
            actual=error.sqlstate if error else None,
            fix="guard each statement, such as ADD COLUMN IF NOT EXISTS, or look in the catalog",
            path=again.run.place(subject)[0],
            line=again.run.place(subject)[1],
        )
    for difference in again.differences:
        yield Finding(
            code="idempotent.catalog",
            severity=Severity.ERROR,
            subject=difference.subject,
            message=(
                f"the second run of {subject} changes it ({difference.kind}): "
                f"{difference.first or 'nothing'} before, {difference.second or 'nothing'} after"
            ),
            expected=difference.first,
            actual=difference.second,
            path=subject,
        )
    for change in again.changed:
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
