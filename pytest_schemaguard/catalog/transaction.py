"""The transaction in which a catalog is read: it writes nothing and sees one moment."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.sqltext.spelling import SEARCH_PATH, SPELLED_SO

if TYPE_CHECKING:
    from collections.abc import Iterator


LOOK = "looked"
"""The savepoint to which each query is rolled back: its locks are let go, and the snapshot stays.
https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES"""
LET_GO = f"ROLLBACK TO SAVEPOINT {LOOK}"
PINNED = (
    f"SET LOCAL search_path = {SEARCH_PATH}",
    "SET LOCAL standard_conforming_strings = on",
    *SPELLED_SO,
)
STOP_WITHOUT_CLIENT = (
    "SELECT set_config('client_connection_check_interval', '1000', true) WHERE version() ~ 'linux'"
)
"""The server ends a query whose client is gone; other systems may refuse the setting.
https://www.postgresql.org/docs/current/runtime-config-connection.html"""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a database of others may be kept busy, in milliseconds."""

    statement_ms: int = 30_000
    """For each query of the catalog, which locks none of the database's own tables."""
    lock_ms: int = 1_000
    """For waiting behind DDL."""
    held_ms: int = 1_000
    """For a query that locks tables (ACCESS SHARE): DDL behind it waits no longer than this."""
    silence_ms: int = 10_000
    """Besides: how long the server may take to answer at all before its connection is cut."""


@contextmanager
def read_only(connection: Any, *, limits: Limits | None = None) -> Iterator[Any]:
    """A cursor in a transaction of this autocommit connection; whoever writes there fails (25006).

    With this search_path all deparsed text names schemas, the same in every session, and no
    function of the database's own is found under the name of PostgreSQL's. All of it holds for the
    transaction alone, so that a pooler hands the session on as it was.
    https://www.postgresql.org/docs/current/sql-set-transaction.html
    """
    begin = [
        "BEGIN",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        *PINNED,
    ]
    if limits is not None:
        begin += [
            f"SET LOCAL statement_timeout = {limits.statement_ms}",
            f"SET LOCAL lock_timeout = {limits.lock_ms}",
            f"SET LOCAL idle_in_transaction_session_timeout = {limits.statement_ms}",
            "SET LOCAL max_parallel_workers_per_gather = 0",
            "SET LOCAL jit = off",
            STOP_WITHOUT_CLIENT,
        ]
    begin.append(f"SAVEPOINT {LOOK}")
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
