"""What differs between two moments of a database: its catalog, and its rows. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.rows.sequences import Refusal  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.version_tables import is_of_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_schemaguard.catalog.snapshot import Name, Snapshot
    from pytest_schemaguard.rows.prints import Prints, RowPrint
    from pytest_schemaguard.rows.sequences import SequenceState


@dataclass(frozen=True, kw_only=True)
class CatalogChange:
    """One difference of the catalog."""

    kind: str
    subject: str
    first: str | None
    then: str | None


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """A table whose rows are others than before."""

    table: tuple[str, ...]
    before: int
    """Rows before."""
    after: int
    columns: tuple[str, ...]
    """Whose values changed, where the rows are as many as before."""
    only_timestamps: bool
    lost: int | None
    """Rows of before that are not there any more as they were; None where that is not known."""
    added: int | None
    """Rows that were not there before; None likewise."""

    @property
    def only_added(self) -> bool:
        """Whether all rows of before are there as they were."""
        return self.lost == 0


@dataclass(frozen=True, kw_only=True)
class SequenceChange:
    """A sequence that gives numbers again which it has given before."""

    sequence: tuple[str, ...]
    before: int | None
    """What nextval would have returned; None: it had come to its end."""
    after: int | None
    refusals: tuple[Refusal, ...]
    """Unique columns that hold a number to which it comes, and did not before."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """From one moment to another."""

    catalog: tuple[CatalogChange, ...]
    rows: tuple[RowChange, ...] = ()
    sequences: tuple[SequenceChange, ...] = ()
    order: tuple[tuple[str, ...], ...] = ()
    """Tables whose columns stand in another order."""

    @property
    def are_none(self) -> bool:
        """Whether nothing is lost or left: another order of columns is nothing of this."""
        return not (self.catalog or self.rows or self.sequences)


def catalog_changes(
    first: Snapshot, then: Snapshot, *, tools: bool = True, settings: bool = True
) -> Iterator[CatalogChange]:
    """What differs; without `tools`, what is called as their tables are is none of it."""
    without = set() if tools else tables_of_tools(first, then)
    prefixes = tuple(".".join(table) for table in without)
    for one in diff(first, then):
        subject = ".".join(one.name)
        if subject.startswith(prefixes) or (not settings and one.kind.endswith("setting")):
            continue
        yield CatalogChange(kind=one.kind, subject=subject, first=one.expected, then=one.actual)


def row_changes(before: Prints, after: Prints, snapshot: Snapshot) -> Iterator[RowChange]:
    """Of the tables that were there both times; `snapshot` is of the later moment."""
    for table in sorted(before.of.keys() & after.of.keys()):
        first, then = before.of[table], after.of[table]
        if first == then:
            continue
        values, columns = dict(then.columns), []
        same_columns = values.keys() == dict(first.columns).keys()
        if first.count == then.count:
            columns = [name for name, total in first.columns if values.get(name, total) != total]
            if not columns and not same_columns:
                continue  # columns came or went, as the catalog says
        lost, added = _apart(first, then) if same_columns else (None, None)
        known = snapshot.columns_of(table)
        types = [known[(table[0], table[1], name)].type for name in columns]
        yield RowChange(
            table=table,
            before=first.count,
            after=then.count,
            columns=tuple(columns),
            only_timestamps=bool(types) and all(one.startswith("timestamp") for one in types),
            lost=lost,
            added=added,
        )


def sequence_changes(
    before: Mapping[Name, SequenceState], after: Mapping[Name, SequenceState]
) -> Iterator[SequenceChange]:
    """Of the sequences that were there both times, those that were set back to their harm.

    One that a unique column draws may go back to behind what the column holds: its numbers are
    given once all the same.
    """
    for name in sorted(before.keys() & after.keys()):
        first, then = before[name], after[name]
        told = {(one.column, one.at) for one in first.refusals}
        refusals = tuple(one for one in then.refusals if (one.column, one.at) not in told)
        if refusals or (_is_behind(first, then) and _gives_again(then)):
            yield SequenceChange(
                sequence=name, before=first.next, after=then.next, refusals=refusals
            )


def _is_behind(first: SequenceState, then: SequenceState) -> bool:
    if then.next is None or first.ascending is not then.ascending:
        return False
    if first.next is None:
        return True
    return then.next < first.next if then.ascending else then.next > first.next


def _gives_again(then: SequenceState) -> bool:
    if not then.drawn_by:
        return True  # what has drawn from it, and where that is kept, nobody knows
    if then.furthest is None or then.next is None:
        return False
    return then.next <= then.furthest if then.ascending else then.next >= then.furthest


def _apart(first: RowPrint, then: RowPrint) -> tuple[int, int] | tuple[None, None]:
    """How many rows are in one of them alone."""
    if first.hashes is None or then.hashes is None:
        return None, None
    before, after = Counter(first.hashes), Counter(then.hashes)
    return (before - after).total(), (after - before).total()


def tables_of_tools(*snapshots: Snapshot) -> set[Name]:
    """Where a tool keeps what it has run, in any of these."""
    return {
        table
        for snapshot in snapshots
        for table in snapshot.relations
        if is_of_tools(table[1], [column[-1] for column in snapshot.columns_of(table)])
    }
