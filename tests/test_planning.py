from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.models import OrmStatement
from pytest_schemaguard.planning import Refusal, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address


@pytest.fixture
def connection(database: Address, connect: Callable[[Address], Any]) -> Any:
    connection = connect(database)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL);
            CREATE VIEW counted AS SELECT name, count(*) AS n FROM item GROUP BY name;
            """
        )
    return connection


def statement(verb: str, sql: str, table: str = "item") -> OrmStatement:
    return OrmStatement(verb=verb, entity="Item", table=("public", table), sql=sql)


def test_statements_that_fit_the_table_are_planned_and_not_executed(connection: Any) -> None:
    statements = [
        statement("select", "SELECT id, name FROM item"),
        statement("insert", "INSERT INTO item (name) VALUES ($1) RETURNING item.id"),
        statement("update", "UPDATE item SET name = $1 WHERE id = $2"),
        statement("delete", "DELETE FROM item WHERE id = $1"),
    ]
    assert refused(connection, statements) == ()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), nextval('item_id_seq') FROM item")
        assert cursor.fetchone() == (0, 1)
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)


def test_a_missing_column_is_refused_and_the_rest_is_still_looked_at(connection: Any) -> None:
    wrong = statement("select", "SELECT item.id, item.price FROM item")
    last = statement("delete", "DELETE FROM item WHERE nr = $1")
    found = refused(connection, [wrong, statement("select", "SELECT id FROM item"), last])
    assert [one.sql for one in found] == [wrong.sql, last.sql]
    assert found[0] == Refusal(
        entity="Item",
        verb="select",
        table=("public", "item"),
        sql=wrong.sql,
        sqlstate="42703",
        error="UndefinedColumn",
        message="column item.price does not exist",
    )
    assert Refusal.from_json(found[0].to_json()) == found[0]


def test_a_missing_grant_is_refused(
    connection: Any, database: Address, connect: Callable[[Address], Any]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE planner LOGIN; GRANT SELECT ON item TO planner")
    try:
        planner = connect(database.logged_in_as("planner", "x"))
        found = refused(
            planner,
            [
                statement("select", "SELECT id, name FROM item"),
                statement("insert", "INSERT INTO item (name) VALUES ($1)"),
            ],
        )
        assert [(one.verb, one.error) for one in found] == [("insert", "InsufficientPrivilege")]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP OWNED BY planner; DROP ROLE planner")


def test_a_view_that_cannot_be_written_is_only_selected_from(connection: Any) -> None:
    statements = [
        statement("select", "SELECT name, n FROM counted", "counted"),
        statement("insert", "INSERT INTO counted (name) VALUES ($1)", "counted"),
        statement("delete", "DELETE FROM counted WHERE name = $1", "counted"),
    ]
    assert refused(connection, statements) == ()
    wrong = statement("select", "SELECT title FROM counted", "counted")
    assert [one.error for one in refused(connection, [wrong])] == ["UndefinedColumn"]
