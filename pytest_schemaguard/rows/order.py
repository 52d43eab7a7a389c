"""In which order tables get rows: those that a foreign key refers to come first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.rows.tables import Reference, Table

    Edge = tuple[Name, str]
    """A table and its foreign key."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """The tables in order, in groups: those of a group refer to each other in a circle."""

    groups: tuple[tuple[Name, ...], ...]
    later: frozenset[Edge]
    """Keys that are NULL at first, and get their values when the whole group has rows."""
    deferred: frozenset[Edge]
    """Keys whose rows come later in the same transaction."""
    stuck: Mapping[Name, str]
    """Tables of which none can be the first, with the keys that say so."""


def in_order(tables: Mapping[Name, Table]) -> Order:
    """The order among these. A table that refers to itself alone is in no circle."""
    later: set[Edge] = set()
    deferred: set[Edge] = set()
    stuck: dict[Name, str] = {}
    groups = []
    for group in _circles(tables, sorted(tables), ()):
        circles = [group]
        if len(group) > 1:
            inside = [(table, one) for table, one in _edges(tables, group) if one.parent in group]
            later |= {(table.name, one.name) for table, one in inside if nullable(table, one)}
            circles = list(_circles(tables, group, later))
        if any(len(one) > 1 for one in circles):
            # Only those that still close a circle: what is deferred is drawn beforehand.
            deferred |= {
                (table.name, one.name)
                for circle in circles
                for table, one in _edges(tables, circle)
                if one.parent in circle and one.deferrable and (table.name, one.name) not in later
            }
            circles = list(_circles(tables, group, later | deferred))
        for circle in circles:
            if len(circle) > 1:
                keys = {
                    one.name
                    for table, one in _edges(tables, circle)
                    if one.parent in circle and (table.name, one.name) not in later | deferred
                }
                stuck |= dict.fromkeys(circle, ", ".join(sorted(keys)))
        groups.append(tuple(name for circle in circles for name in circle))
    return Order(
        groups=tuple(groups), later=frozenset(later), deferred=frozenset(deferred), stuck=stuck
    )


def nullable(table: Table, reference: Reference) -> tuple[str, ...]:
    """The columns of the key in which NULLs spare it; none where they cannot.

    https://www.postgresql.org/docs/current/sql-createtable.html (MATCH)
    """
    columns = {column.name: column for column in table.columns}
    free = tuple(name for name in reference.columns if not columns[name].not_null)
    return () if reference.full and len(free) < len(reference.columns) else free


def _edges(
    tables: Mapping[Name, Table], names: Iterable[Name]
) -> Iterator[tuple[Table, Reference]]:
    """The keys of these tables to others."""
    for name in names:
        for one in tables[name].references:
            if one.parent != name:
                yield tables[name], one


def _circles(
    tables: Mapping[Name, Table], names: Collection[Name], without: Collection[Edge]
) -> Iterator[tuple[Name, ...]]:
    """The strongly connected parts of the graph, parents first.

    Tarjan's algorithm (SIAM Journal on Computing 1, 1972), without recursion: chains may be long.
    """
    known = set(names)
    number: dict[Name, int] = {}
    lowest: dict[Name, int] = {}
    open_: list[Name] = []
    for first in names:
        walk = [] if first in number else [(first, iter([first]))]
        while walk:
            here, ahead = walk[-1]
            following = next(ahead, None)
            if following is None:
                walk.pop()
                if walk:
                    lowest[walk[-1][0]] = min(lowest[walk[-1][0]], lowest[here])
                if lowest.get(here) == number[here] and here in open_:
                    place = open_.index(here)
                    yield tuple(sorted(open_[place:]))
                    del open_[place:]
            elif following not in number:
                number[following] = lowest[following] = len(number)
                open_.append(following)
                parents = [
                    one.parent
                    for table, one in _edges(tables, [following])
                    if one.parent in known and (table.name, one.name) not in without
                ]
                walk.append((following, iter(parents)))
            elif following in open_:
                lowest[here] = min(lowest[here], number[following])
