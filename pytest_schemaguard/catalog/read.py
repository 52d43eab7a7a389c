"""Reads a database's catalog into a Snapshot: eight queries in one read-only transaction."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.collecting import uncollected
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
from pytest_schemaguard.sqltext.identifiers import literal

if TYPE_CHECKING:
    import collections.abc
    from collections.abc import Callable

_FOLDER = Path(__file__).parent


def read(connection: Any, *, exclude: collections.abc.Sequence[str] = ()) -> Snapshot:
    """The catalog that this autocommit connection sees; `exclude` are patterns on `schema.table`.

    Raises psycopg2.Error.
    """
    with read_only(connection) as cursor:
        return read_by(cursor, exclude=exclude)


@uncollected()
def read_by(
    cursor: Any, *, exclude: collections.abc.Sequence[str] = (), schema: str | None = None
) -> Snapshot:
    """The same in a transaction that is open already; with `schema`, what is in that one alone.

    Executes nothing of the database's own: no default, no nextval. Raises psycopg2.Error.
    """
    relations = _rows(
        cursor,
        "relations",
        schema,
        lambda row: ((row[0], row[1]), _relation(row)),
    )
    partitions = {name: of for name, of in relations.items() if isinstance(of, tuple)}
    relations = {name: one for name, one in relations.items() if name not in partitions}
    columns = _rows(
        cursor,
        "columns",
        schema,
        lambda row: (row[:3], column_of(*row[3:])),
    )
    constraints = _rows(
        cursor,
        "constraints",
        schema,
        lambda row: (
            row[:3],
            Constraint(
                kind=row[3],
                definition=row[4],
                columns=tuple(row[5]),
                index=row[6],
                unenforced=row[7],
                comment=row[8],
            ),
        ),
    )
    indexes = _rows(
        cursor,
        "indexes",
        schema,
        lambda row: (
            row[:3],
            Index(definition=row[3], valid=row[4], columns=tuple(row[5]), tablespace=row[6]),
        ),
    )
    enums = _rows(cursor, "enums", schema, lambda row: (row[:2], tuple(row[2])))
    domains = _rows(cursor, "domains", schema, lambda row: (row[:2], row[2]))
    sequences = _rows(
        cursor,
        "sequences",
        schema,
        lambda row: (row[:2], Sequence(options=row[2], owner=row[3] and tuple(row[3]))),
    )
    others = _rows(cursor, "others", schema, lambda row: ((row[0], *row[1]), row[2]))
    if schema is not None:  # what belongs to none, an extension, is the database's
        others = {name: text for name, text in others.items() if name[1] == schema}
    excluded = {
        name for name in relations if any(fnmatchcase(".".join(name), one) for one in exclude)
    }
    kept = relations.keys() - excluded

    def of_kept(found: dict[Name, Any]) -> dict[Name, Any]:
        return {name: value for name, value in found.items() if name[:2] in kept}

    return Snapshot(
        relations=of_kept(relations),
        columns=of_kept(columns),
        constraints=of_kept(constraints),
        indexes=of_kept(indexes),
        enums=enums,
        domains=domains,
        sequences={
            name: one
            for name, one in sequences.items()
            if one.owner is None or one.owner[:2] not in excluded
        },
        others={name: text for name, text in others.items() if name[1:3] not in excluded},
        partitions=partitions,
        excluded=tuple(sorted(excluded)),
    )


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


def query(name: str, *, schema: str | None = None) -> str:
    """The text of one of the .sql files, about all schemas of the database or about one."""
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    if schema is None:
        return text
    return _OF_USERS.sub(lambda found: f"{found[1]} = {literal(schema)}", text)


_OF_USERS = re.compile(r"((?:\w+\.)?nspname) !~ '\^pg_' AND \1 <> 'information_schema'")
"""By which the .sql files leave PostgreSQL's own schemas out."""


def _rows(
    cursor: Any,
    name: str,
    schema: str | None,
    value: Callable[[tuple[Any, ...]], tuple[Name, Any]],
) -> dict[Name, Any]:
    cursor.execute(query(name, schema=schema))
    return dict(value(row) for row in cursor.fetchall())
