"""Has the guard write as an application, in the tests' database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from pytest_schemaguard.rows.application_writes import write_as_an_application
from pytest_schemaguard.rows.fill import Kind

if TYPE_CHECKING:
    from pytest_schemaguard.rows.application_writes import Written


def rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found


def write(connection: Any, *tables: str, **more: Any) -> Written:
    written = write_as_an_application(
        connection,
        [("public", table) for table in tables],
        guard=connection,
        kind=Kind.MILD,
        **more,
    )
    assert connection.get_transaction_status() == TRANSACTION_STATUS_IDLE
    return written
