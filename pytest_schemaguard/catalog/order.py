"""Tables whose columns stand in another order than before. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Name, Snapshot


def order_changes(first: Snapshot, then: Snapshot) -> tuple[Name, ...]:
    """The tables of both whose common columns stand in another order, sorted by name.

    A column that is dropped and added again stands last. It is no difference of the catalog: what
    names its columns does not notice it, `SELECT *` and an INSERT without a list of columns do.
    """
    tables = first.relations.keys() & then.relations.keys()
    return tuple(
        sorted(
            table
            for table in tables
            if first.relations[table].is_table
            and _common(first, then, table) != _common(then, first, table)
        )
    )


def _common(one: Snapshot, other: Snapshot, table: Name) -> list[Name]:
    """The columns of one that the other has too, as they stand there (columns.sql orders them)."""
    return [name for name in one.columns_of(table) if name in other.columns]
