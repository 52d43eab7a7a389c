"""Two snapshots without the tables that are equal in both, which mostly are all of them. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.snapshot import PARTS

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Name, Snapshot

_PARTS = [name for name, part in PARTS.items() if part.is_of_tables]


def pruned(expected: Snapshot, actual: Snapshot) -> tuple[Snapshot, Snapshot]:
    """What is left has the same differences.

    A table is compared with its namesake alone, or as a partition with the table that it is part
    of: nothing else is told of the others. Where sequences differ, every column stays: what a
    sequence is depends on the columns that draw from it.
    """
    differing: set[Name] = {*expected.partitions.values(), *actual.partitions.values()}
    for part in _PARTS:
        wanted, there = getattr(expected, part), getattr(actual, part)
        for name, one in wanted.items():
            other = there.get(name)
            if other is not one and other != one:
                differing.add(name[:2])
        if len(wanted) != len(there) or wanted.keys() != there.keys():
            differing.update(name[:2] for name in there if name not in wanted)
    parts = [one for one in _PARTS if one != "columns" or expected.sequences == actual.sequences]
    return _only(expected, differing, parts), _only(actual, differing, parts)


def _only(side: Snapshot, tables: set[Name], parts: list[str]) -> Snapshot:
    kept: dict[str, Any] = {
        part: {name: one for name, one in getattr(side, part).items() if name[:2] in tables}
        if tables
        else {}
        for part in parts
    }
    return replace(side, **kept)
