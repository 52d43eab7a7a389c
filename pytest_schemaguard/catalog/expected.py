"""Makes the schema that the models describe, in a scratch database cloned from the migrated one.

So extensions, schemas, functions and domains that the models need are there, and PostgreSQL itself
normalises both sides. Its tables go first, and so do the enum types that the models create:
`create_all` would keep an existing one and hide a difference of labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.catalog.snapshot import Name, Snapshot
    from pytest_schemaguard.models import Models

CHUNK = 500
"""Statements sent as one string: few round trips, within the locks of one transaction."""
_KINDS = {
    "view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
    "foreign table": "FOREIGN TABLE",
}


def clear(connection: Any, models: Models, snapshot: Snapshot) -> None:
    """Drops what the models are to make anew; `snapshot` is this database's catalog.

    As a superuser where there is one: `prepare` may have made tables. Raises psycopg2.Error.
    """
    made = {one.name for one in models.ddl if one.kind == "type"}
    # Views go before the tables under them, which would take the views along.
    relations = sorted(snapshot.relations.items(), key=lambda item: item[1].is_table)
    statements = [
        sql.SQL("DROP {} IF EXISTS {} CASCADE").format(
            sql.SQL(_KINDS.get(relation.kind, "TABLE")), sql.Identifier(*name)
        )
        for name, relation in relations
    ]
    statements += [
        sql.SQL("DROP TYPE IF EXISTS {} CASCADE").format(sql.Identifier(*name))
        for name in snapshot.enums
        if name in made
    ]
    with connection.cursor() as cursor:
        for chunk in _chunks(statements):
            cursor.execute(sql.SQL("; ").join(chunk))


def build(connection: Any, models: Models) -> dict[Name, str]:
    """Runs the models' DDL; returns the objects that PostgreSQL refused, with its message.

    Raises psycopg2.Error where the connection itself fails.
    """
    refused: dict[Name, str] = {}
    with connection.cursor() as cursor:
        for chunk in _chunks(models.ddl):
            # In autocommit mode one string is one transaction: when it fails, nothing is left.
            if _refusal(cursor, ";\n".join(one.sql for one in chunk)) is None:
                continue
            for one in chunk:
                refusal = _refusal(cursor, one.sql)
                if refusal is not None:
                    refused[one.name] = refusal
    return refused


def _refusal(cursor: Any, statement: str) -> str | None:
    try:
        cursor.execute(statement)
    except psycopg2.Error as error:
        if error.pgcode is None:  # the connection broke: no word on the statement
            raise
        return error.diag.message_primary or str(error)
    return None


def _chunks(statements: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(statements), CHUNK):
        yield statements[start : start + CHUNK]
