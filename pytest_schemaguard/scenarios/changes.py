"""What differs between two moments of a database: its catalog, and its rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.version_tables import is_version_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.catalog.snapshot import Name, Snapshot
    from pytest_schemaguard.rows.prints import Prints


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


@dataclass(frozen=True, kw_only=True)
class Changes:
    """From one moment to another."""

    catalog: tuple[CatalogChange, ...]
    rows: tuple[RowChange, ...] = ()


def catalog_changes(first: Snapshot, then: Snapshot) -> Iterator[CatalogChange]:
    for one in diff(first, then):
        yield CatalogChange(
            kind=one.kind, subject=".".join(one.name), first=one.expected, then=one.actual
        )


def row_changes(before: Prints, after: Prints, snapshot: Snapshot) -> Iterator[RowChange]:
    """Of the tables that were there both times; `snapshot` is of the later moment."""
    for table in before.of.keys() & after.of.keys():
        first, then = before.of[table], after.of[table]
        if first == then:
            continue
        values, columns = dict(then.columns), []
        if first.count == then.count:
            columns = [name for name, total in first.columns if values.get(name, total) != total]
            if not columns and values.keys() != dict(first.columns).keys():
                continue  # columns came or went, as the catalog says
        known = snapshot.columns_of(table)
        types = [known[(table[0], table[1], name)].type for name in columns]
        yield RowChange(
            table=table,
            before=first.count,
            after=then.count,
            columns=tuple(columns),
            only_timestamps=bool(types) and all(one.startswith("timestamp") for one in types),
        )


def tables_of_tools(snapshot: Snapshot) -> set[Name]:
    """Where a tool keeps what it has run; Alembic's may be called anything."""
    return {
        table
        for table in snapshot.relations
        if is_version_table(table[1])
        or [column[-1] for column in snapshot.columns_of(table)] == ["version_num"]
    }
