"""How the guard reads rows: as the owner, in a transaction of one moment, many tables at a time.

To read a table runs what belongs to it, such as the functions of an index's expressions, which
PostgreSQL's planner calls: hence the owner.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_schemaguard.catalog.snapshot import Name

AT_A_TIME = 50
"""Tables that one query reads: few locks, and to plan more at once takes longer."""


@contextmanager
def reading(owner: Any) -> Iterator[Any]:
    """A cursor in a transaction of one moment, of which nothing stays."""
    with owner.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        try:
            yield cursor
        finally:
            with suppress(psycopg2.Error):  # of a connection that broke, the first error tells
                cursor.execute("ROLLBACK")


def show_all(cursor: Any, table: Name) -> None:
    """Has a table's policies not hold for its owner, in this transaction.

    With `row_security = off` PostgreSQL refuses a query instead of hiding rows from it.
    https://www.postgresql.org/docs/current/ddl-rowsecurity.html
    """
    cursor.execute(
        sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(*table))
    )


def each(cursor: Any, queries: Iterable[sql.Composable]) -> list[tuple[Any, ...]]:
    """The one row of each query, in their order. Raises psycopg2.Error."""
    numbered = [
        sql.SQL("(SELECT {}, q.* FROM ({}) AS q)").format(sql.Literal(number), query)
        for number, query in enumerate(queries)
    ]
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(numbered), AT_A_TIME):
        cursor.execute(sql.SQL(" UNION ALL ").join(numbered[start : start + AT_A_TIME]))
        found += [row[1:] for row in sorted(cursor.fetchall(), key=lambda row: row[0])]
    return found
