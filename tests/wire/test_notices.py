"""What PostgreSQL says beside its results, as the wire tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.notices import FIRST, LAST, LONGEST
from tests.wire.conftest import ask, connected

if TYPE_CHECKING:
    from pytest_schemaguard.wire.wire import Line

RAISE = "DO $$ BEGIN RAISE {}; END $$"


def test_what_is_said_is_told_in_its_order_and_counted_by_statement(line: Line) -> None:
    with connected(line.address) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS a, b")
        cursor.execute("SELECT 1")
        cursor.execute(RAISE.format("WARNING 'é' USING DETAIL = 'one', HINT = 'two'"))
        cursor.execute(RAISE.format("INFO 'no notice'"))
        cursor.execute("SET client_min_messages = error; DROP TABLE IF EXISTS a")
    seen = line.seen()
    assert seen.notices == (
        'NOTICE:  table "a" does not exist, skipping',
        'NOTICE:  table "b" does not exist, skipping',
        "WARNING:  é\nDETAIL:  one\nHINT:  two",
        "INFO:  no notice",
    )
    assert [one.notices for one in seen.statements] == [2, 0, 1, 0, 0]
    assert seen.begun == 1


def test_notices_of_several_sessions_and_of_prepared_statements(line: Line) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(line.address.url(), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS a", prepare=True)
    ask(line.address, "DROP TABLE IF EXISTS b; SELECT 1")
    seen = line.seen()
    assert [one[-26:] for one in seen.notices] == [
        '"a" does not exist, skipping'[-26:],
        '"b" does not exist, skipping'[-26:],
    ]
    assert [one.notices for one in seen.statements if one.sql.startswith("DROP")] == [1, 1]
    assert seen.begun == 2


def test_however_many_and_long_they_are_few_are_kept(line: Line) -> None:
    many = f"FOR i IN 1..5000 LOOP RAISE NOTICE '% %', i, repeat('x', {2 * LONGEST}); END LOOP"
    ask(line.address, f"DO $$ BEGIN {many}; END $$; SELECT 1")
    seen = line.seen()
    assert len(seen.notices) == FIRST + 1 + LAST
    assert seen.notices[FIRST] == f"... ({5000 - FIRST - LAST} more notices)"
    assert max(map(len, seen.notices)) < LONGEST + 50
    assert seen.statements[0].notices == 5000
