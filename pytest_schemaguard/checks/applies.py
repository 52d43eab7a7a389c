"""applies: the migration runs on the baseline, as the tables' owner and no superuser.

A file of SQL runs as `psql -v ON_ERROR_STOP=1 -f` would run it: a session of its own, statement by
statement, its own BEGIN and COMMIT obeyed. Besides an error of PostgreSQL it fails when the file
ends with its transaction still open (nothing of it would be kept) or rolled back (nothing was). A
revision of Alembic, a command or a function runs as its tool runs it, in a process of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.config import CommandMigrations, PythonMigrations
from pytest_schemaguard.findings import Finding, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.config import Baseline
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.session import FileRun


def judge(guard: Guard, migration: Migration | None) -> Verdict:
    """Fails on an error of PostgreSQL, and on a file that kept nothing without saying so."""
    assert migration is not None
    run = guard.states.after(migration).run
    assert run is not None
    subject = guard.relative(migration.path)
    found = tuple(_findings(run, subject, guard.config.baseline))
    is_a_tool = isinstance(guard.config.migrations, (CommandMigrations, PythonMigrations))
    if is_a_tool and run.applied and run.statements == 0:
        found = (*found, _nothing_written(subject, guard.source.name))
    return verdict(found, strict=guard.config.strict, reason=counted(run))


def looked_at(guard: Guard, migration: Migration | None) -> tuple[str, ...]:
    assert migration is not None
    return (guard.states.after(migration).name,)


def _nothing_written(subject: str, name: str) -> Finding:
    return Finding(
        code="applies.nothing-written",
        severity=Severity.WARNING,
        subject=subject,
        message=f"{name} ran without an error and wrote nothing to the database\n"
        "what it was to apply may not be applied",
        fix="look whether it knows this migration, and takes it for pending",
        path=subject,
    )


def counted(run: FileRun) -> str:
    """How much ran, for people."""
    return "statements not seen" if run.statements is None else f"{run.statements} statements"


_KINDS = {
    "open": ("applies.open-transaction", "end it with COMMIT;"),
    "aborted": (
        "applies.aborted-transaction",
        "let no statement fail before the end, and end it with COMMIT;",
    ),
    "idle": ("applies.rolled-back", "end it with COMMIT;"),
}
"""By the transaction that the file ends with: what it is called, and what mends it."""


def _findings(run: FileRun, subject: str, baseline: Baseline) -> Iterator[Finding]:
    if run.applied:
        return
    fix: str | None
    code, fix = _KINDS[run.transaction]
    if run.error is not None:
        from pytest_schemaguard.baseline.load import has_it_already

        fix = run.advice or has_it_already(baseline, run.error)
        code = "applies.timeout" if run.error.sqlstate == "57014" else "applies.error"
    yield Finding(
        code=code,
        severity=Severity.ERROR,
        subject=subject,
        message=run.words,
        actual=(run.error.sqlstate or None) if run.error else None,
        fix=fix,
        path=run.place(subject)[0],
        line=run.place(subject)[1],
    )
