"""Which statements make sense in a transaction alone, held against PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.sqltext.in_a_transaction import may_need_one, needs_one
from pytest_schemaguard.sqltext.statements import split

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address

NEEDING = {
    "LOCK TABLE t": "LOCK",
    "savepoint a": "SAVEPOINT",
    "DECLARE c CURSOR FOR SELECT 1": "DECLARE",
    "CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1 AS i": "ON COMMIT",
    "CREATE LOCAL TEMPORARY TABLE x (i int) /* soon */ ON COMMIT\nDELETE ROWS": "ON COMMIT",
}
OTHERS = (
    "CREATE TABLE lock (i int)",
    "SELECT 'on commit drop'",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "DO $$ DECLARE a int; BEGIN LOCK TABLE t; END $$",
    "CREATE TEMP TABLE x (i int) ON COMMIT PRESERVE ROWS",
    "SET LOCAL lock_timeout = '1s'",
)


def needs(text: str) -> tuple[str, int] | None:
    return needs_one(split(text, path="m.sql")) if may_need_one(text) else None


@pytest.mark.parametrize("statement", [*NEEDING, *OTHERS])
def test_postgresql_agrees(
    connect: Callable[[Address], Any], database: Address, statement: str
) -> None:
    """Outside of a transaction it is refused, or leaves no table with rows that a next one sees."""
    word = NEEDING.get(statement)
    assert needs(f"SELECT 1;\n{statement};") == (None if word is None else (word, 2))
    with connect(database).cursor() as cursor:
        cursor.execute("CREATE TABLE t (i int)")
        try:
            cursor.execute(statement)
            if "TABLE x" in statement or "TABLE lock" in statement:
                table = "lock" if "TABLE lock" in statement else "x"
                inserts = "AS SELECT" not in statement
                if inserts:
                    cursor.execute(f"INSERT INTO {table} VALUES (1)")
                cursor.execute(f"SELECT count(*) FROM {table}")
                works = cursor.fetchone() == (1,)
            else:
                works = True
        except psycopg2.Error:
            works = False
    assert works is (word is None)


def test_a_file_that_begins_one_itself_needs_no_other() -> None:
    assert needs("BEGIN; LOCK TABLE t; COMMIT;") is None
    assert needs("START TRANSACTION; SAVEPOINT a; COMMIT;") is None
