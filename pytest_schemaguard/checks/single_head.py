"""single-head: no two revisions stand at the end of Alembic's history.

Two pull requests that each add a revision to the same one leave two heads, and `alembic upgrade
head` refuses to run from then on. Where branches are meant, `target = "heads"` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on several heads where one is expected."""
    heads = guard.source.heads()
    names = ", ".join(head.revision for head in heads)
    if len(heads) == 1 or guard.source.branches_meant:
        return Verdict(outcome=Outcome.PASSED, reason=f"the heads are {names}")
    return Verdict(outcome=Outcome.FAILED, findings=(_finding(heads, names, guard),), reason=names)


def _finding(heads: Sequence[Migration], names: str, guard: Guard) -> Finding:
    places = [f"{head.revision} ({guard.relative(head.path)})" for head in heads]
    newest = heads[-1]
    return Finding(
        code="single-head.several",
        severity=Severity.ERROR,
        subject=guard.relative(newest.path),
        message=(
            f"the history has {len(heads)} heads: {', '.join(places)}\n"
            "`alembic upgrade head` refuses to run"
        ),
        expected="one head",
        actual=names,
        fix="set the newer one's down_revision to the other, or `alembic merge heads`; where "
        'branches are meant: migrations = { alembic = ..., target = "heads" }',
        path=guard.relative(newest.path),
        line=newest.up.line,
    )
