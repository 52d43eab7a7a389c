from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.rows.application_writes import write_as_an_application

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address

TABLE = ("public", "It's %s")


@pytest.fixture
def connection(database: Address, connect: Callable[[Address], Any]) -> Any:
    return connect(database)


def rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found


def test_every_value_that_may_change_alone_is_changed(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE "It's %s" (
          id integer PRIMARY KEY, "a %" text, flag boolean, price numeric, born date,
          at timestamptz, code varchar(9) UNIQUE, twice numeric GENERATED ALWAYS AS (price * 2)
          STORED, gone text, data json, empty integer
        );
        ALTER TABLE "It's %s" DROP COLUMN gone;
        INSERT INTO "It's %s" (id, "a %", flag, price, born, at, code, data)
        VALUES (1, 'x', true, 1.5, '2020-01-01', '2020-01-01 00:00Z', 'c', '{}');
        """,
    )
    assert write_as_an_application(connection, {TABLE}, guard=connection) == 5
    assert rows(
        connection,
        """SELECT id, "a %", flag, price, born::text, at = '2020-01-02 00:00Z', code, data::text,
        empty FROM "It's %s" """,
    ) == [(1, "x~", False, 2.5, "2020-01-02", True, "c", "{}", None)]


def test_other_tables_stay_as_they_are(connection: Any) -> None:
    rows(connection, "CREATE TABLE a (n integer); INSERT INTO a VALUES (1)")
    assert write_as_an_application(connection, set(), guard=connection) == 0
    assert rows(connection, "SELECT n FROM a") == [(1,)]


@pytest.mark.parametrize(
    "guard",
    [
        "ALTER TABLE a ADD CHECK (n = 1)",
        "ALTER TABLE a ALTER n TYPE varchar(1)",
        "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION refuse()",
        """CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON a DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse()""",
        "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION ignore()",
        "CREATE RULE r AS ON UPDATE TO a DO INSTEAD NOTHING",
        "CREATE UNIQUE INDEX ON a (n)",
        """CREATE TABLE b (n integer REFERENCES a (k)); ALTER TABLE a DROP n;
        ALTER TABLE a RENAME k TO n""",
    ],
)
def test_what_a_constraint_or_trigger_protects_stays_and_the_rest_is_written(
    connection: Any, guard: str
) -> None:
    rows(
        connection,
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
          IF NEW.n <> OLD.n THEN RAISE 'no'; END IF; RETURN NEW; END$$;
        CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
          RETURN NULL; END$$;
        CREATE TABLE a (n integer, k integer UNIQUE);
        INSERT INTO a VALUES (1, 1);
        CREATE TABLE free (n integer);
        INSERT INTO free VALUES (1);
        {guard};
        """,
    )
    assert (
        write_as_an_application(connection, {("public", "a"), ("public", "free")}, guard=connection)
        == 1
    )
    assert rows(connection, "SELECT n::text FROM a") == [("1",)]
    assert rows(connection, "SELECT n FROM free") == [(2,)]


def test_tables_of_other_roles_stay_as_they_are(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE theirs (n integer); INSERT INTO theirs VALUES (1);
        GRANT SELECT ON theirs TO PUBLIC;
        DROP ROLE IF EXISTS application_writes_test; CREATE ROLE application_writes_test;
        SET ROLE application_writes_test;
        """,
    )
    assert write_as_an_application(connection, {("public", "theirs")}, guard=connection) == 0
    rows(connection, "RESET ROLE; DROP ROLE application_writes_test")
