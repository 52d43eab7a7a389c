"""A database's catalog as a Snapshot: its rows, fetched in one read-only transaction, as values."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.collecting import uncollected
from pytest_schemaguard.catalog.fetch import fetch
from pytest_schemaguard.catalog.snapshot import (
    Constraint,
    Index,
    Name,
    Relation,
    Sequence,
    Snapshot,
    column_of,
)
from pytest_schemaguard.catalog.transaction import read_only

if TYPE_CHECKING:
    import collections.abc
    from collections.abc import Callable, Iterable, Mapping

    from pytest_schemaguard.catalog.fetch import Row


def read(connection: Any, *, exclude: collections.abc.Sequence[str] = ()) -> Snapshot:
    """The catalog that this autocommit connection sees; `exclude` are patterns on `schema.table`.

    Raises psycopg2.Error.
    """
    with read_only(connection) as cursor:
        return read_by(cursor, exclude=exclude)


@uncollected()
def read_by(cursor: Any, *, exclude: collections.abc.Sequence[str] = ()) -> Snapshot:
    """The same in a transaction of read_only() that is open already. Raises psycopg2.Error."""
    return _snapshot({name: _VALUES[name](rows) for name, rows in fetch(cursor)}, exclude)


@uncollected()
def snapshot_of(
    rows: Mapping[str, Iterable[Row]], *, exclude: collections.abc.Sequence[str] = ()
) -> Snapshot:
    """The snapshot of these rows of fetch(), by the names of their queries. Pure."""
    return _snapshot({name: _VALUES[name](several) for name, several in rows.items()}, exclude)


def _snapshot(
    parts: dict[str, dict[Name, Any]], exclude: collections.abc.Sequence[str]
) -> Snapshot:
    partitions = {name: of for name, of in parts["relations"].items() if isinstance(of, tuple)}
    relations = {name: one for name, one in parts["relations"].items() if name not in partitions}
    excluded = {
        name for name in relations if any(fnmatchcase(".".join(name), one) for one in exclude)
    }
    kept = relations.keys() - excluded

    def of_kept(found: dict[Name, Any]) -> dict[Name, Any]:
        return {name: value for name, value in found.items() if name[:2] in kept}

    return Snapshot(
        relations=of_kept(relations),
        columns=of_kept(parts["columns"]),
        constraints=of_kept(parts["constraints"]),
        indexes=of_kept(parts["indexes"]),
        enums=parts["enums"],
        domains=parts["domains"],
        sequences={
            name: one
            for name, one in parts["sequences"].items()
            if one.owner is None or one.owner[:2] not in excluded
        },
        others={name: text for name, text in parts["others"].items() if name[1:3] not in excluded},
        partitions=partitions,
        excluded=tuple(sorted(excluded)),
    )


def _relations(rows: Iterable[Row]) -> dict[Name, Relation | Name]:
    return {(row[0], row[1]): _relation(row) for row in rows}


def _relation(row: tuple[Any, ...]) -> Relation | Name:
    """A partition is only whose storage it is."""
    if row[11] is not None:
        return tuple(row[11])
    return Relation(
        kind=row[2],
        unlogged=row[3],
        partitioned_by=row[4],
        comment=row[5],
        options=", ".join(sorted(row[6])) if row[6] else None,
        inherits=row[7],
        definition=row[8],
        tablespace=row[9],
        access_method=row[10],
    )


def _columns(rows: Iterable[Row]) -> dict[Name, Any]:
    return {row[:3]: column_of(*row[3:]) for row in rows}


def _constraints(rows: Iterable[Row]) -> dict[Name, Any]:
    return {
        row[:3]: Constraint(
            kind=row[3],
            definition=row[4],
            columns=tuple(row[5]),
            index=row[6],
            unenforced=row[7],
            comment=row[8],
        )
        for row in rows
    }


def _indexes(rows: Iterable[Row]) -> dict[Name, Any]:
    return {
        row[:3]: Index(definition=row[3], valid=row[4], columns=tuple(row[5]), tablespace=row[6])
        for row in rows
    }


def _sequences(rows: Iterable[Row]) -> dict[Name, Any]:
    return {row[:2]: Sequence(options=row[2], owner=row[3] and tuple(row[3])) for row in rows}


_VALUES: dict[str, Callable[[Iterable[Row]], dict[Name, Any]]] = {
    "relations": _relations,
    "columns": _columns,
    "constraints": _constraints,
    "indexes": _indexes,
    "enums": lambda rows: {row[:2]: tuple(row[2]) for row in rows},
    "domains": lambda rows: {row[:2]: row[2] for row in rows},
    "sequences": _sequences,
    "others": lambda rows: {(row[0], *row[1]): row[2] for row in rows},
}
"""Of each query's rows, what its part of a snapshot holds."""
