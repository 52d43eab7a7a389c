"""Which tables a script of SQL may write to. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.catalog.snapshot import Name, Snapshot

_DYNAMIC = frozenset({"execute", "call", "pg_class", "pg_tables", "information_schema", "gexec"})
"""Words of scripts whose tables are not named in them."""
_ACTS = frozenset({"trigger", "rule", "event-trigger"})


def reach(snapshot: Snapshot, names: frozenset[str]) -> frozenset[Name] | None:
    """The tables that a script with these words in it may write to; None: nobody can say.

    Those that it names, or whose sequences it names, their partitions' roots, their heirs, and
    whatever refers to them, since CASCADE may follow a key. Functions, views, triggers and rules
    write elsewhere.
    https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
    """
    if names & _DYNAMIC or names & set(_functions(snapshot)):
        return None
    found = {name for name in snapshot.relations if name[1] in names}
    found |= set(_drawing(snapshot, names))
    found |= {root for part, root in snapshot.partitions.items() if part[1] in names}
    todo = list(found)
    while todo:
        table = todo.pop()
        new = set(_after(snapshot, table)) - found
        found |= new
        todo += new
    if not all(snapshot.relations[name].is_table for name in found if name in snapshot.relations):
        return None
    if any(
        key[0] in _ACTS and (key[0] == "event-trigger" or key[1:3] in found)
        for key in snapshot.others
    ):
        return None
    return frozenset(found)


def _functions(snapshot: Snapshot) -> Iterator[str]:
    return (key[2].partition("(")[0] for key in snapshot.others if key[0] == "function")


def _drawing(snapshot: Snapshot, names: frozenset[str]) -> Iterator[Name]:
    """The tables with a column that draws from a sequence of these names."""
    for name, one in snapshot.sequences.items():
        if name[1] in names and one.owner is not None:
            yield one.owner[:2]
    for (schema, table, _), column in snapshot.columns.items():
        drawn = column.identity_sequence or ""
        if column.default is not None and "nextval(" in column.default:
            drawn = column.default
        if names.intersection(re.findall(r"[\w$]+", drawn)):
            yield schema, table


def _after(snapshot: Snapshot, table: Name) -> Iterator[Name]:
    """What follows a table: its heirs, and the tables with a foreign key to it."""
    for name, one in snapshot.relations.items():
        if one.inherits and table[1] in one.inherits:
            yield name
    for name, key in snapshot.constraints.items():
        if key.kind == "foreign key" and table[1] in key.definition:
            yield name[:2]
