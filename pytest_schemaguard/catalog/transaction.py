"""The transaction in which a catalog is read: it writes nothing and sees one moment."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a database of others may be kept busy."""

    statement_ms: int = 30_000
    lock_ms: int = 1_000
    """PostgreSQL opens a table to deparse some of its expressions, and then waits behind DDL."""


@contextmanager
def read_only(connection: Any, *, limits: Limits | None = None) -> Iterator[Any]:
    """A cursor in a transaction of this autocommit connection; whoever writes there fails (25006).

    With an empty search_path all deparsed text names schemas, the same in every session, and no
    function of the database's own is found under the name of PostgreSQL's. All of it holds for the
    transaction alone, so that a pooler hands the session on as it was.
    https://www.postgresql.org/docs/current/sql-set-transaction.html
    """
    begin = [
        "BEGIN",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "SET LOCAL search_path = pg_catalog",
        "SET LOCAL quote_all_identifiers = off",
    ]
    if limits is not None:
        begin += [
            f"SET LOCAL statement_timeout = {limits.statement_ms}",
            f"SET LOCAL lock_timeout = {limits.lock_ms}",
            f"SET LOCAL idle_in_transaction_session_timeout = {limits.statement_ms}",
        ]
    with rolled_back(connection) as cursor:
        cursor.execute("; ".join(begin))
        yield cursor
        cursor.execute("COMMIT")


@contextmanager
def rolled_back(connection: Any) -> Iterator[Any]:
    """A cursor; what an error leaves open is rolled back, so that the connection serves on."""
    with connection.cursor() as cursor:
        try:
            yield cursor
        except BaseException:
            with suppress(psycopg2.Error):  # of a connection that broke, the first error tells
                cursor.execute("ROLLBACK")
            raise
