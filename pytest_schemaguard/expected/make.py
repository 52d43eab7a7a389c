"""Makes the schema that the models describe, in a scratch database beside the migrated one.

It is a clone of that, or has the same surroundings (surroundings.py): so extensions, schemas,
functions and domains that the models need are there, and PostgreSQL itself normalises both sides.
Its tables go first, and so do the types and sequences that the models create: `create_all` would
keep an existing enum and hide a difference of labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg2 import errorcodes, sql

from pytest_schemaguard.catalog.fetch import query
from pytest_schemaguard.expected.piecewise import make_in_parts, refusal, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.project.answers.models import Models

CHUNK = 150
"""Statements sent as one string: few round trips, within the locks of one transaction."""
_KINDS = {
    "view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
    "foreign table": "FOREIGN TABLE",
}
_ALREADY_THERE = {
    errorcodes.DUPLICATE_OBJECT,
    errorcodes.DUPLICATE_FUNCTION,
    errorcodes.DUPLICATE_TABLE,
    errorcodes.DUPLICATE_COLUMN,
    errorcodes.DUPLICATE_SCHEMA,
}


def silence(connection: Any) -> None:
    """Has no event trigger of the database run any more: each statement of ours would fire them.

    Raises psycopg2.Error.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT evtname FROM pg_event_trigger"
            " WHERE evtenabled <> 'D' AND pg_has_role(evtowner, 'USAGE')"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(sql.Identifier(name)))


def hand_over(connection: Any, *, owner: str) -> None:
    """Makes the tables, views and their like that others own the owner's, as `prepare`'s may be.

    Raises psycopg2.Error.
    """
    silence(connection)
    with connection.cursor() as cursor:
        cursor.execute(_OF_OTHERS, (owner,))
        statements = [
            sql.SQL("ALTER TABLE {} OWNER TO {}").format(
                sql.Identifier(schema, name), sql.Identifier(owner)
            )
            for schema, name in cursor.fetchall()
        ]
        for chunk in _chunks([*statements, *_opened(cursor, owner)]):
            cursor.execute(sql.SQL("; ").join(chunk))


def _opened(cursor: Any, owner: str) -> list[sql.Composed]:
    """What lets the owner create in every schema."""
    cursor.execute(_CLOSED_SCHEMAS, (owner,))
    return [
        sql.SQL("GRANT ALL ON SCHEMA {} TO {}").format(
            sql.Identifier(schema), sql.Identifier(owner)
        )
        for (schema,) in cursor.fetchall()
    ]


_CLOSED_SCHEMAS = """
    SELECT nspname FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
      AND NOT has_schema_privilege(%s, oid, 'CREATE') AND pg_has_role(nspowner, 'USAGE')
"""
_OF_OTHERS = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT pg_has_role(%s, c.relowner, 'USAGE') AND pg_has_role(c.relowner, 'USAGE')
      AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
"""


def clear(connection: Any, models: Models, *, owner: str) -> None:
    """Drops what the models are to make anew, and lets `owner` make it.

    As a superuser where there is one: `prepare` may have made tables, and schemas that the owner
    may use but not create in. Excluded tables go too, since the models describe them all the same.
    Raises psycopg2.Error.
    """
    silence(connection)
    with connection.cursor() as cursor:
        cursor.execute(query("relations"))
        # IF EXISTS: a table takes the views over it along.
        statements = [
            sql.SQL("DROP {} IF EXISTS {} CASCADE").format(
                sql.SQL(_KINDS.get(kind, "TABLE")), sql.Identifier(schema, name)
            )
            for schema, name, kind, *_ in cursor.fetchall()
        ]
        # A type or a sequence that stays would be in the way of the models' own.
        statements += [
            sql.SQL("DROP {} IF EXISTS {} CASCADE").format(
                sql.SQL(one.kind.upper()), sql.Identifier(*one.name)
            )
            for one in models.ddl
            if one.kind in {"type", "sequence"}
        ]
        statements += _opened(cursor, owner)
        for chunk in _chunks(statements):
            cursor.execute(sql.SQL("; ").join(chunk))


def build(connection: Any, models: Models) -> dict[Name, str]:
    """Runs the models' DDL; returns the objects that PostgreSQL refused, with its message.

    Of a table that it refuses, all is made but the columns and constraints that are at fault.

    A function, or whatever a listener of the models makes, that the migrated database has already
    is not refused. Raises psycopg2.Error where the connection itself fails.
    """
    refused: dict[Name, str] = {}
    with connection.cursor() as cursor:
        for chunk in _chunks(models.ddl):
            # In autocommit mode one string is one transaction: when it fails, nothing is left.
            # A line of its own for the semicolon: a statement may end with a comment.
            if refusal(cursor, "\n;\n".join(one.sql for one in chunk)) is None:
                continue
            for one in chunk:
                error = refusal(cursor, one.sql)
                if error is None or (one.kind == "other" and error.pgcode in _ALREADY_THERE):
                    continue
                parts = make_in_parts(cursor, one) if one.kind == "table" else None
                refused.update({one.name: words(error)} if parts is None else parts)
    return refused


def _chunks(statements: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(statements), CHUNK):
        yield statements[start : start + CHUNK]
