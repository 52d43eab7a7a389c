"""applies: the migration runs on the baseline, as the tables' owner and no superuser.

A file of SQL runs as `psql -v ON_ERROR_STOP=1 -f` would run it: a session of its own, statement by
statement, its own BEGIN and COMMIT obeyed. Besides an error of PostgreSQL it fails when the file
ends with its transaction still open (nothing of it would be kept) or rolled back (nothing was).
With `transaction = "file"` it runs as `psql -1` would run it: in one transaction, so that an error
keeps nothing of it. A COMMIT in the file ends that transaction, and what follows runs statement by
statement, which is a warning. A revision of Alembic, a command or a function runs as its tool runs
it, in a process of its own. What a ROLLBACK in the file undid must be done again and kept.

It warns of a migration that does nothing: an empty file, IF [NOT] EXISTS that skipped everything,
an exception that a DO block caught. Neither the catalog nor a row is then other than before. A
revision that joins branches is to do nothing; where no row was there to be changed, it says so.

Ids that are written without their sequence are an error: the next INSERT that draws from it fails
with 23505 (unique_violation).

Alembic runs all pending revisions in one `upgrade`, by default in one transaction. So they are run
in one too, and it fails where that does not end as each revision by itself does.

With `since`, it also fails where the merge base has the migration and the branch has edited it:
databases that ran it will not run it again. It says what those then lack.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_schemaguard.checks.applies.behind import behind
from pytest_schemaguard.checks.applies.in_one_run import in_one_run
from pytest_schemaguard.checks.applies.nothing_done import nothing_done
from pytest_schemaguard.checks.history import edited
from pytest_schemaguard.checks.of_run import of_run
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.findings import Finding, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.scenarios.on_rows import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.config import Baseline
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.file_run import FileRun, OwnEnd
    from pytest_schemaguard.migrations.migration import Migration


def judge(guard: Guard, migration: Migration | None) -> Verdict:
    """Fails on an error of PostgreSQL, and on a file that kept nothing without saying so."""
    assert migration is not None
    released = tuple(edited(guard, migration))
    try:
        state = guard.states.after(migration)
    except GuardError as error:
        if not released:
            raise
        return verdict(released, unproven=str(error))
    run = state.run
    assert run is not None
    subject = guard.relative(migration.path)
    found = tuple(_findings(run, subject, guard.config.baseline))
    if run.applied:
        found = (*found, *nothing_done(guard, migration, run), *behind(guard, migration))
    if run.applied and run.own_end is not None and run.own_end.after:
        found = (*found, _ends_early(run.own_end, subject))
    if run.applied and migration.up.needs_one is not None:
        found = (*found, _needs_one(*migration.up.needs_one, subject))
    if state.on_rows is not None and run.applied:
        found = (*found, _on_rows(state.on_rows, subject))
    elif state.on_rows is not None:
        made = guard.states.before(migration).made
        found = tuple(_with_rows_made(one, run, made) for one in found)
    found = (*released, *found, *in_one_run(guard, migration, run))
    return verdict(found, strict=guard.config.strict, reason=counted(run), notices=run.notices)


def looked_at(guard: Guard, migration: Migration | None) -> tuple[str, ...]:
    assert migration is not None
    return (guard.states.after(migration).name,)


def _ends_early(own: OwnEnd, subject: str) -> Finding:
    after = "1 statement runs" if own.after == 1 else f"{own.after} statements run"
    return Finding(
        code="applies.not-in-one-transaction",
        severity=Severity.WARNING,
        subject=subject,
        message=(
            f"its {own.word} ends the file's transaction, and {after} after it, outside of any\n"
            "an error there would leave the file applied in part"
        ),
        fix=f"take the {own.word} out, or put what follows it into a file of its own",
        path=subject,
        line=own.line,
    )


_ADD_IN_STEPS = (
    "give the column a DEFAULT, or add it without NOT NULL, fill it, and SET NOT NULL after that"
)


def _with_rows_made(finding: Finding, run: FileRun, made: Mapping[Name, int]) -> Finding:
    """The finding, which says whose rows the migration failed on."""
    named = [(table, count) for table, count in made.items() if table[-1] in names_of(run)]
    if not named:
        return finding
    table, count = named[0]
    return replace(
        finding,
        message=f"{finding.message}\n{'.'.join(table)} has {count} rows there, made by the guard "
        "since `seed` has none for it; no row can pass",
        fix=finding.fix or _ADD_IN_STEPS,
    )


def _on_rows(run: FileRun, subject: str) -> Finding:
    return of_run(
        run,
        subject,
        code="applies.depends-on-rows",
        severity=Severity.WARNING,
        message=f"on rows that the guard made it fails, and without them it applies: {run.words}\n"
        "it fails in production too if a row there has such a value",
        fix="look for such rows in production; name rows like production's as `seed`, and they "
        "decide",
    )


def _needs_one(word: str, line: int, subject: str) -> Finding:
    return Finding(
        code="applies.needs-a-transaction",
        severity=Severity.WARNING,
        subject=subject,
        message=f"its {word} works in a transaction alone, and the file begins none: it ran in "
        "one\n"
        "what runs the file statement by statement, as psql -f without -1 does, fails or does "
        "something else",
        fix="write BEGIN and COMMIT into the file, or say that your tool does it: migrations = "
        '{ sql = "...", transaction = "file" }',
        path=subject,
        line=line,
    )


def counted(run: FileRun) -> str:
    """How much ran, for people."""
    return f"{run.statements} statements"


_KINDS = {
    "open": ("applies.open-transaction", "end it with COMMIT;"),
    "aborted": (
        "applies.aborted-transaction",
        "let no statement fail before the end, and end it with COMMIT;",
    ),
    "idle": ("applies.rolled-back", "end it with COMMIT;, or take out what is not to be kept"),
}
"""By the transaction that the file ends with: what it is called, and what mends it."""


def _findings(run: FileRun, subject: str, baseline: Baseline) -> Iterator[Finding]:
    if run.applied:
        return
    fix: str | None
    code, fix = _KINDS[run.transaction]
    if run.undone is not None and (run.one_transaction or " " in run.undone.by):
        fix = f"take the {run.undone.by} out"
    if run.error is not None:
        from pytest_schemaguard.baseline.load import has_it_already

        fix = run.advice or has_it_already(baseline, run.error)
        code = "applies.timeout" if run.error.sqlstate == "57014" else "applies.error"
    yield of_run(
        run,
        subject,
        code=code,
        severity=Severity.ERROR,
        message=run.words,
        actual=(run.error.sqlstate or None) if run.error else None,
        fix=fix,
    )
