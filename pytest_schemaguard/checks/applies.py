"""applies: the migration runs on the baseline, as the tables' owner and no superuser.

It runs as `psql -v ON_ERROR_STOP=1 -f` would run it: a session of its own, statement by statement,
its own BEGIN and COMMIT obeyed. Besides an error of PostgreSQL it fails when the file ends with its
transaction still open (nothing of it would be kept) or rolled back (nothing was).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Finding, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migration import Migration
    from pytest_schemaguard.sources.session import FileRun


def judge(guard: Guard, migration: Migration | None) -> Verdict:
    """Fails on an error of PostgreSQL, and on a file that kept nothing without saying so."""
    assert migration is not None
    run = guard.states.after(migration).run
    assert run is not None
    subject = guard.relative(migration.path)
    return verdict(
        tuple(_findings(run, subject)),
        strict=guard.config.strict,
        reason=f"{run.statements} statements",
    )


def _findings(run: FileRun, subject: str) -> Iterator[Finding]:
    if run.error is not None:
        yield Finding(
            code="applies.timeout" if run.error.sqlstate == "57014" else "applies.error",
            severity=Severity.ERROR,
            subject=subject,
            message=run.words,
            actual=run.error.sqlstate,
            fix=run.advice,
            path=subject,
            line=run.error.line,
        )
    elif run.transaction == "open":
        yield Finding(
            code="applies.open-transaction",
            severity=Severity.ERROR,
            subject=subject,
            message="the file ends with its transaction open\nnothing of it is kept",
            fix="end it with COMMIT;",
            path=subject,
        )
    elif run.transaction == "aborted":
        yield Finding(
            code="applies.aborted-transaction",
            severity=Severity.ERROR,
            subject=subject,
            message="the file ends with its transaction aborted\nnothing of it is kept",
            fix="let no statement fail before the end, and end it with COMMIT;",
            path=subject,
        )
    elif run.rolled_back:
        yield Finding(
            code="applies.rolled-back",
            severity=Severity.ERROR,
            subject=subject,
            message="the file rolls its own work back\nnothing of it is kept",
            fix="end it with COMMIT;",
            path=subject,
        )
