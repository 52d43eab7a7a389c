"""What env.py's filters hide of the differences. Pure: the project's side asks the filters.

`objects_of` names what alembic's autogenerate would ask about, the task `alembic_filters` asks, and
`hidden` reads its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.snapshot import Column, properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_schemaguard.catalog.diff import Difference

_OF_COLUMNS = {"column", "serial-or-identity", *(one.kind for _, one in properties(Column))}
_KINDS = {
    "index": "index",
    "invalid-index": "index",
    "index-tablespace": "index",
    "redundant-index": "index",
    "renamed-index": "index",
    "unique": "unique_constraint",
    "foreign-key": "foreign_key_constraint",
}
_WITHOUT_A_TABLE = ("enum", "domain", "sequence")


def objects_of(differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """What the filters are to be asked about, each object once, in the differences' order.

    `kind` as Alembic's filters call it, `constraint` for those that it has no filter for; `side` is
    `database` for what the models lack. Types and sequences are in no filter's sight.
    """
    found = {}
    for one in differences:
        thing = _object_of(one)
        if thing is not None:
            found[tuple(thing.values())] = thing
    return list(found.values())


def hidden(differences: Iterable[Difference], answer: Mapping[str, Any]) -> dict[Difference, str]:
    """The differences that a filter hides, each with `include_object in alembic/env.py:31`.

    `answer` is the task's: `{"hidden": [[object, filter], ...]}`.
    """
    by_object = {tuple(thing.values()): by for thing, by in answer["hidden"]}
    found = {}
    for one in differences:
        thing = _object_of(one)
        by = by_object.get(tuple(thing.values())) if thing is not None else None
        if by is not None:
            found[one] = by
    return found


def _object_of(one: Difference) -> dict[str, Any] | None:
    bare = one.kind.removeprefix("missing-").removeprefix("extra-")
    if bare.startswith(_WITHOUT_A_TABLE):
        return None
    alone = one.kind.startswith(("extra-", "redundant-"))
    schema, table, *rest = one.name
    if not rest:
        kind = "table"
    elif bare in _OF_COLUMNS:
        kind = "column"
    else:
        kind = _KINDS.get(bare, "constraint")
    return {
        "kind": kind,
        "schema": schema,
        "table": table,
        "name": rest[0] if rest else table,
        "side": "database" if alone and one.expected is None else "models",
    }
