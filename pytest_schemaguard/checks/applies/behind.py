"""Ids that a migration wrote, and the sequence that does not know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Finding, Severity
from pytest_schemaguard.scenarios.seen import seen
from pytest_schemaguard.sqltext.identifiers import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.rows.sequences import Refusal, SequenceState


def behind(guard: Guard, migration: Migration) -> Iterator[Finding]:
    """Of a migration that was applied. Raises GuardError."""
    after = guard.states.after(migration).sequences
    if any(one.refusals for one in after.values()):
        before = seen(guard, guard.states.before(migration)).sequences
        yield from findings(before, after, path=guard.relative(migration.path))


def findings(
    before: Mapping[Name, SequenceState], after: Mapping[Name, SequenceState], *, path: str
) -> Iterator[Finding]:
    """The columns that refuse what their sequence comes to, and did not before. Pure."""
    known = {one.column for state in before.values() for one in state.refusals}
    drawing = {column for state in after.values() for column in state.drawn_by}
    # Of a column that is called otherwise now, the values tell that it is the same.
    renamed = {
        (one.at, one.furthest)
        for state in before.values()
        for one in state.refusals
        if one.column not in drawing
    }
    for name, state in after.items():
        for one in state.refusals:
            if one.column not in known and (one.at, one.furthest) not in renamed:
                yield Finding(
                    code="applies.sequence-behind",
                    severity=Severity.ERROR,
                    subject=".".join(one.column),
                    message=_message(quoted(*name), state, one, before.get(name)),
                    actual=str(state.next),
                    fix=_fix(name, state, one),
                    path=path,
                )


def _message(name: str, state: SequenceState, one: Refusal, before: SequenceState | None) -> str:
    way = "up" if state.ascending else "down"
    if before is not None and before.furthest == state.furthest:
        fact = f"the migration left {name} at {state.next}, and the column has ids {way} to"
        fact = f"{fact} {one.furthest}"
    else:
        fact = f"the migration wrote ids {way} to {one.furthest} and left {name} at {state.next}"
    if one.at == state.next:
        return f"{fact}: the next INSERT fails with 23505 (duplicate key)"
    return f"{fact}: an INSERT fails with 23505 (duplicate key) when the sequence comes to {one.at}"


def _fix(name: Name, state: SequenceState, one: Refusal) -> str:
    """Runs as it is printed."""
    furthest, of_all = ("max", "greatest") if state.ascending else ("min", "least")
    ends = [
        f"(SELECT {furthest}({quoted(column[-1])}) FROM {quoted(*column[:2])})"  # noqa: S608
        for column in state.drawn_by
    ]
    end = ends[0] if len(ends) == 1 else f"{of_all}({', '.join(ends)})"
    sequence = literal(quoted(*name))
    if state.owner == one.column:
        table = literal(quoted(*one.column[:2]))
        sequence = f"pg_get_serial_sequence({table}, {literal(one.column[-1])})"
    return f"SELECT setval({sequence}, {end});"
