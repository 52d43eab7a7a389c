"""Writes to existing rows as an application might between two runs of a migration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

if TYPE_CHECKING:
    from collections.abc import Collection

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pytest_schemaguard.project.answers.models import Name

_COLUMNS = Path(__file__).with_suffix(".sql")


def write_as_an_application(
    application: Connection, tables: Collection[Name], *, guard: Connection
) -> int:
    """Changes every value of these tables that may change alone; returns how many columns.

    `guard` asks the catalog, with the guard's own settings. What a constraint or a trigger of the
    table refuses stays as it is.
    """
    written = 0
    with guard.cursor() as cursor:
        cursor.execute(_COLUMNS.read_text(encoding="utf-8"))
        columns = cursor.fetchall()
    with application.cursor() as cursor:
        # Deferred constraints speak at their statement, not at the COMMIT.
        cursor.execute("BEGIN; SET CONSTRAINTS ALL IMMEDIATE")
        for schema, table, column, expression in columns:
            if (schema, table) not in tables:
                continue
            cursor.execute("SAVEPOINT value")
            update = sql.SQL("UPDATE {} SET {} = {} WHERE {} IS NOT NULL").format(
                sql.Identifier(schema, table),
                sql.Identifier(column),
                sql.SQL(expression),
                sql.Identifier(column),
            )
            try:
                cursor.execute(update)
                written += cursor.rowcount > 0
            except psycopg2.Error as error:
                if error.pgcode is None:  # the connection broke
                    raise
                cursor.execute("ROLLBACK TO SAVEPOINT value")
            cursor.execute("RELEASE SAVEPOINT value")
        cursor.execute("COMMIT")
    return written
