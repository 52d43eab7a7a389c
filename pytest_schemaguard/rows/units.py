"""Which columns of a table take other values together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pytest_schemaguard.rows.tables import Check, Column, Reference, Table


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Columns that a constraint ties to each other, or one column that is by itself."""

    columns: tuple[Column, ...]
    places: tuple[int, ...]
    """Theirs among the table's columns."""
    keys: tuple[tuple[str, ...], ...]
    """Of these columns: what no two rows may have alike."""
    stays: bool
    """Whether rows that are there keep its values: they are unique, or a foreign key leads here."""
    references: tuple[Reference, ...]
    checks: tuple[Check, ...]
    """Of these columns."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def units(
    table: Table, *, keys: Sequence[Sequence[str]], referred: Collection[str]
) -> tuple[Unit, ...]:
    """The table's units, in the order of its columns; what is automatic is in none.

    `keys` are the columns of each unique index and exclusion constraint, those of its expressions
    and its condition too; `referred` those to which foreign keys lead.
    """
    chosen = {one.name: place for place, one in enumerate(table.columns) if not one.is_automatic}
    # A key with a column that PostgreSQL numbers is kept whatever the others are.
    kept = [tuple(key) for key in keys if key and set(key) <= chosen.keys()]
    ties = [key for key in kept if len(key) > 1]
    ties += [one.columns for one in table.references]
    ties += [one.columns for one in table.checks]
    found = []
    for names in _joined(chosen, ties):
        columns = tuple(table.columns[chosen[name]] for name in names)
        mine = set(names)
        found.append(
            Unit(
                columns=columns,
                places=tuple(chosen[name] for name in names),
                keys=tuple(key for key in kept if set(key) <= mine),
                stays=any(set(key) <= mine for key in kept) or not mine.isdisjoint(referred),
                references=tuple(one for one in table.references if {*one.columns} <= mine),
                checks=tuple(one for one in table.checks if {*one.columns} <= mine),
            )
        )
    return tuple(found)


def _joined(names: Iterable[str], ties: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """The names in groups: each tie's are in one."""
    group = {name: [name] for name in names}
    for tie in ties:
        for first, name in pairwise(name for name in tie if name in group):
            if group[name] is not group[first]:
                group[first] += group[name]
                group.update(dict.fromkeys(group[first], group[first]))
    order = {name: place for place, name in enumerate(group)}
    distinct = {id(one): tuple(sorted(one, key=order.__getitem__)) for one in group.values()}
    return list(distinct.values())
