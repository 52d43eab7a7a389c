"""What a deployment that runs all pending revisions in one run meets, and others do not."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_schemaguard.checks.of_run import of_run
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.findings import Finding, Severity
from pytest_schemaguard.scenarios.engine import Compared, Scenario, Up, ending_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration

MIGRATED = "migrated"
"""How all pending migrations in one run end otherwise than each by itself."""


def all_in_one_run(guard: Guard) -> Scenario:
    """All pending migrations in one run; compared with the state that each by itself leads to."""
    compared, states = {}, guard.states
    start = states.baseline()
    with suppress(GuardError):  # one of them failed by itself
        compared[MIGRATED] = Compared(first=states.migrated(), then=1, rows=False)
    # On rows of the guard's own that one of them fails on, all in one run fail too.
    with suppress(GuardError):
        after = map(states.after, guard.judging.judged)
        if any(one.on_rows is not None and one.on_rows != one.run for one in after):
            start = states.bare_baseline()
    return Scenario(
        name="together",
        doing="applying all pending migrations in one run",
        start=start,
        steps=(Up(guard.judging.pending),),
        compared=compared,
    )


def in_one_run(guard: Guard, migration: Migration, by_itself: FileRun) -> Iterator[Finding]:
    """What a deployment that runs all pending migrations in one run meets, and others do not."""
    together, pending, judged = guard.source.together, guard.judging.pending, guard.judging.judged
    if together is None or len(pending) == 1:
        return
    ending = guard.look(ending_of(all_in_one_run(guard)))
    (up,) = ending.taken
    assert up.run is not None
    revisions = [one.revision for one in pending]
    place = revisions.index(migration.revision)
    fails_at = None if up.run.applied else revisions.index(str(up.revision))
    subject = guard.relative(migration.path)
    if not by_itself.applied:
        if place and (fails_at is None or fails_at > place):
            yield Finding(
                code="applies.only-in-one-run",
                severity=Severity.ERROR,
                subject=subject,
                message=f"in one `{together}` with {_those(pending[:place])} it applies\n"
                f"a deployment that already has {revisions[place - 1]} fails, and one from the "
                "baseline does not",
                fix="let it find what it needs also where the revisions before it ran earlier",
                path=subject,
            )
    elif fails_at is not None and migration == _responsible(pending, judged, fails_at):
        yield of_run(
            up.run,
            subject,
            code="applies.fails-in-one-run",
            severity=Severity.ERROR,
            message=f"in one `{together}` with {_those(pending[:fails_at])} "
            f"{guard.relative(pending[fails_at].path)} fails: {up.run.words}\n"
            "by itself it applies: a deployment that has each revision before the next one is "
            "added does not fail, and one from the baseline does",
            fix=_IN_ONE_RUN.get(up.run.error.sqlstate if up.run.error else "", _IN_ONE_RUN[""]),
        )
    elif fails_at is None and MIGRATED in ending.changes and migration == judged[-1]:
        for one in ending.changes[MIGRATED].catalog:
            yield Finding(
                code="applies.differs-in-one-run",
                severity=Severity.ERROR,
                subject=one.subject,
                message=f"one `{together}` of {_those(pending)} makes it otherwise than each by "
                f"itself ({one.kind}): {one.then or 'nothing'} in one run, "
                f"{one.first or 'nothing'} one by one\n"
                "a deployment from the baseline, and one that has each revision before the next "
                "one is added, differ from now on",
                expected=one.first,
                actual=one.then,
                fix=_IN_ONE_RUN[""],
                path=subject,
            )


def _those(pending: Sequence[Migration]) -> str:
    if len(pending) == 1:
        return pending[0].revision
    return f"{pending[0].revision} to {pending[-1].revision}"


def _responsible(
    pending: Sequence[Migration], judged: Sequence[Migration], place: int
) -> Migration:
    """The judged migration that tells of this one: itself, or the nearest before it."""
    before = [one for one in pending[: place + 1] if one in judged]
    return before[-1] if before else judged[0]


_TRANSACTIONS = (
    "let each revision commit by itself, transaction_per_migration=True in env.py's "
    "context.configure(), or "
)
_IN_ONE_RUN = {
    "55P04": f"{_TRANSACTIONS}add the value in `with op.get_context().autocommit_block():`",
    "55006": f"{_TRANSACTIONS}let the rows be written in a revision that commits before",
    "": "look at what an earlier revision leaves in the session or its transaction, such as a SET",
}
"""By SQLSTATE: what lets it run beside the revisions before it."""
