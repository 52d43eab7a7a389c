"""What orders do between two statements: look, hold and cut."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest

from pytest_schemaguard.wire.conductor import Order
from pytest_schemaguard.wire.wire import Look
from tests.wire.conftest import ask, connected

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.wire.wire import Line

TABLES = (
    "SELECT relname FROM pg_catalog.pg_class WHERE relname LIKE 'item%' AND relkind = 'r' "
    "ORDER BY 1"
)
WAIT_S = 10.0


def look(sql: str, **more: Any) -> Order:
    return Order("look", "after", None, sql, **more)


def test_look_behind_each_statement_sees_what_its_transaction_sees(
    listen: Callable[..., Line], database: Address
) -> None:
    line = listen(orders=[look(TABLES), look("SELECT NULL, count(*) FROM pg_catalog.pg_locks")])
    with connected(line.address, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE item_a (id int)")
        assert ask(database, TABLES) == []
        cursor.execute("CREATE TABLE item_b (id int)")
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
        connection.rollback()
    found = [[one.rows for one in each.looks] for each in line.seen().statements]
    assert [each[0] for each in found if each] == [
        (("item_a",),),
        (("item_a",), ("item_b",)),
        (("item_a",), ("item_b",)),
        (),
    ]
    assert found[0] == []  # BEGIN: SET TRANSACTION may follow it
    assert found[1][1][0][0] is None


@pytest.mark.parametrize("transaction", [True, False])
def test_a_look_that_fails_is_told_and_aborts_nothing(
    listen: Callable[..., Line], transaction: bool
) -> None:
    line = listen(orders=[look("SELECT 1/0"), look("SELECT 'still'")])
    with connected(line.address) as connection, connection.cursor() as cursor:
        if transaction:
            cursor.execute("BEGIN")
        cursor.execute("CREATE TABLE item (id int)")
        cursor.execute("INSERT INTO item VALUES (1)")
        if transaction:
            cursor.execute("COMMIT")
        cursor.execute("SELECT * FROM item")
        assert cursor.fetchall() == [(1,)]
    seen = line.seen().statements
    assert {one.looks for one in seen if one.tags != ("BEGIN",)} == {
        (
            Look(rows=(), error="division by zero (SQLSTATE 22012)"),
            Look(rows=(("still",),), error=None),
        )
    }


def test_looks_leave_the_unnamed_statement_alone(listen: Callable[..., Line]) -> None:
    line = listen(orders=[look(TABLES)])
    with psycopg.connect(line.address.url(), autocommit=True) as connection:
        pg = connection.pgconn
        pg.prepare(b"", b"SELECT $1::int")
        for value in (b"1", b"2"):
            assert pg.exec_prepared(b"", [value]).get_value(0, 0) == value
        with connection.pipeline() as pipeline:
            for number in range(3):
                connection.execute("SELECT %s", (number,))
                pipeline.sync()
    assert [len(one.looks) for one in line.seen().statements] == [1] * 5


def test_serializable_transactions_may_begin_under_a_look(listen: Callable[..., Line]) -> None:
    line = listen(orders=[look(TABLES)])
    with connected(line.address) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("serializable",)


def test_cut_after_a_statement_keeps_what_was_committed_and_no_more(
    listen: Callable[..., Line], database: Address
) -> None:
    line = listen(orders=[Order("cut", "after", 4)])
    with connected(line.address) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE item_a (id int)")
        cursor.execute("BEGIN")
        cursor.execute("CREATE TABLE item_b (id int)")
        with pytest.raises(psycopg2.OperationalError, match="closed the connection unexpectedly"):
            cursor.execute("CREATE TABLE item_c (id int)")
    seen = line.seen()
    assert [one.tags for one in seen.statements][2:] == [("CREATE TABLE",)] * 2
    assert seen.cut == (seen.statements[0].session,)
    assert ask(database, TABLES) == [("item_a",)]


def test_cut_after_a_commit_that_the_client_never_hears_of(
    listen: Callable[..., Line], database: Address
) -> None:
    line = listen(orders=[Order("cut", "after", 1)])
    with psycopg.connect(line.address.url(), autocommit=True) as connection:
        pg = connection.pgconn
        pg.send_query(b"CREATE TABLE item (id int)")
        result = pg.get_result()
        assert result is not None
        assert result.status == psycopg.pq.ExecStatus.FATAL_ERROR
    assert ask(database, TABLES) == [("item",)]


def test_cut_before_a_statement_which_the_server_never_gets(
    listen: Callable[..., Line], database: Address
) -> None:
    line = listen(orders=[Order("cut", "before", 2)])
    with connected(line.address) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE item_a (id int)")
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("CREATE TABLE item_b (id int)")
    assert [one.sql for one in line.seen().statements] == ["CREATE TABLE item_a (id int)"]
    assert ask(database, TABLES) == [("item_a",)]


def test_hold_lets_another_session_run_between_two_statements(
    listen: Callable[..., Line], database: Address
) -> None:
    line = listen(orders=[Order("hold", "after", 2), Order("hold", "before", 4)])
    order: list[str] = []

    def work() -> None:
        with connected(line.address) as connection, connection.cursor() as cursor:
            for number in range(1, 5):
                cursor.execute(f"CREATE TABLE item_{number} (id int)")
                order.append(f"{number}")

    thread = threading.Thread(target=work)
    thread.start()
    held = line.wait(WAIT_S)
    assert held is not None
    assert (held.number, held.is_after) == (2, True)
    assert line.wait(0.1) == held
    assert order == ["1"]
    assert ask(database, TABLES) == [("item_1",), ("item_2",)]
    assert ask(database, f"SELECT state FROM pg_stat_activity WHERE pid = {held.session}") == [
        ("idle",)
    ]
    line.release(held)
    held = line.wait(WAIT_S)
    assert held is not None
    assert (held.number, held.is_after) == (4, False)
    assert ask(database, TABLES) == [("item_1",), ("item_2",), ("item_3",)]
    line.release(held)
    thread.join(WAIT_S)
    assert order == ["1", "2", "3", "4"]
    assert line.wait(0) is None


def test_a_hold_ends_with_a_cut_or_at_its_deadline(
    listen: Callable[..., Line], database: Address
) -> None:
    line = listen(orders=[Order("hold", "before", 1, within_s=0.2)])
    with pytest.raises(psycopg2.OperationalError):
        ask(line.address, "CREATE TABLE item (id int)")
    assert line.seen().late == ("a hold took more than 0.2 s",)
    assert ask(database, TABLES) == []

    other = listen(orders=[Order("hold", "before", 1)])
    errors: list[psycopg2.Error] = []

    def work() -> None:
        with connected(other.address) as connection, connection.cursor() as cursor:
            try:
                cursor.execute("CREATE TABLE item (id int)")
            except psycopg2.Error as error:
                errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    held = other.wait(WAIT_S)
    assert held is not None
    other.cut(held)
    thread.join(WAIT_S)
    assert len(errors) == 1
    other.release(held)  # it has ended: nothing happens


def test_a_look_that_does_not_end_is_cut(listen: Callable[..., Line]) -> None:
    line = listen(orders=[look("SELECT pg_catalog.pg_sleep(60)", within_s=0.2)])
    with connected(line.address) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")
        (pid,) = line.seen().cut
    assert pid > 0
