from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.checks.queries import findings
from pytest_schemaguard.evidence.planning import Refusal, refused
from pytest_schemaguard.project.answers.models import Models, OrmStatement
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    assert through_json(found[0]) == found[0]


def test_a_view_that_cannot_be_written_is_only_selected_from(connection: Any) -> None:
    statements = [
        statement("select", "SELECT name, n FROM counted", "counted"),
        statement("insert", "INSERT INTO counted (name) VALUES ($1)", "counted"),
        statement("delete", "DELETE FROM counted WHERE name = $1", "counted"),
    ]
    assert refused(connection, statements) == ()
    wrong = statement("select", "SELECT title FROM counted", "counted")
    assert [one.error for one in refused(connection, [wrong])] == ["UndefinedColumn"]


# As production's role


class Role:
    """A role without any grant, its session, and the database's superuser."""

    def __init__(self, admin: Any, session: Any, name: str) -> None:
        self.name = name
        self._admin = admin
        self._session = session

    def prepare(self, sql: str) -> None:
        self._admin.cursor().execute(sql.replace("planner", self.name))

    def refused(self, *statements: OrmStatement) -> list[Refusal]:
        found = refused(self._session, statements)
        assert through_json(found, tuple[Refusal, ...]) == found
        return list(found)

    def missing(self, *statements: OrmStatement) -> list[tuple[str, str | None]]:
        """Subject and fix of each finding."""
        found = findings(self.refused(*statements), Models(tables=(), ddl=()), role=self.name)
        return [(one.subject, one.fix and one.fix.replace(self.name, "planner")) for one in found]

    def run(self, sql: str) -> None:
        self._session.cursor().execute(sql)

    def mended(self, *statements: OrmStatement) -> None:
        """Grants what the findings say: then nothing is left to say."""
        for _, fix in self.missing(*statements):
            assert fix is not None
            self.prepare(fix)
        assert self.refused(*statements) == []


@pytest.fixture
def role(connection: Any, database: Address, connect: Callable[[Address], Any]) -> Iterator[Role]:
    name = f"planner_{secrets.token_hex(3)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        yield Role(connection, connect(database.logged_in_as(name, "x")), name)
        cursor.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


SELECT = statement("select", "SELECT item.id, item.name FROM item")
INSERT = statement("insert", "INSERT INTO item (id, name) VALUES ($1, $2) RETURNING item.id")
UPDATE = statement("update", "UPDATE item SET name=$1 WHERE item.id = $2")
DELETE = statement("delete", "DELETE FROM item WHERE item.id = $1")
ALL = (SELECT, INSERT, UPDATE, DELETE)


def test_a_table_without_any_grant_says_all_that_the_class_needs(role: Role) -> None:
    assert role.missing(*ALL) == [
        ("public.item", "GRANT SELECT, INSERT, UPDATE, DELETE ON public.item TO planner;"),
        ("public.item_id_seq", "GRANT USAGE ON SEQUENCE public.item_id_seq TO planner;"),
    ]
    role.mended(*ALL)
    role.run("INSERT INTO item (name) VALUES ('a') RETURNING id")
    role.run("UPDATE item SET name = 'b' WHERE item.id = 1; DELETE FROM item WHERE id = 1")


@pytest.mark.parametrize(
    ("granted", "fix"),
    [
        ("SELECT, INSERT, DELETE", "GRANT UPDATE ON public.item TO planner;"),
        ("INSERT, UPDATE, DELETE", "GRANT SELECT ON public.item TO planner;"),
        ("SELECT, UPDATE", "GRANT INSERT, DELETE ON public.item TO planner;"),
    ],
)
def test_only_what_is_missing_is_asked_for(role: Role, granted: str, fix: str) -> None:
    role.prepare(f"GRANT {granted} ON item TO planner; GRANT USAGE ON item_id_seq TO planner")
    assert role.missing(*ALL) == [("public.item", fix)]
    role.mended(*ALL)


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT INTO item (id, name) VALUES ($1, $2) RETURNING item.id",
        "INSERT INTO item (name) VALUES ($1)",
        "INSERT INTO item (id, name) VALUES (nextval('item_id_seq'), $1)",
        "INSERT INTO item (id, name) VALUES (nextval('public.\"item_id_seq\"'), $1)",
    ],
)
def test_a_sequence_that_an_insert_may_not_draw_from_is_found_though_it_is_planned(
    role: Role, insert: str
) -> None:
    role.prepare("GRANT ALL ON item TO planner")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege) as caught:
        role.run("INSERT INTO item (name) VALUES ('a')")
    (found,) = role.refused(statement("insert", insert))
    assert found.message == caught.value.diag.message_primary
    assert (found.error, found.sqlstate) == ("InsufficientPrivilege", "42501")
    role.mended(statement("insert", insert))
    role.run("INSERT INTO item (name) VALUES ('a')")


def test_a_sequence_that_no_insert_draws_from_is_not_needed(role: Role) -> None:
    role.prepare("GRANT ALL ON item TO planner; CREATE SEQUENCE other")
    chosen = statement("insert", "INSERT INTO item (id, name) VALUES ($1, $2)")
    assert role.refused(chosen, SELECT, UPDATE, DELETE) == []
    role.run("INSERT INTO item (id, name) VALUES (1, 'a')")


def test_the_sequence_of_an_identity_needs_no_grant(role: Role) -> None:
    role.prepare(
        "CREATE TABLE own (id integer GENERATED BY DEFAULT AS IDENTITY, n integer);"
        "GRANT ALL ON own TO planner"
    )
    insert = statement("insert", "INSERT INTO own (n) VALUES ($1) RETURNING own.id", "own")
    assert role.refused(insert) == []
    role.run("INSERT INTO own (n) VALUES (1)")


def test_a_default_of_a_sequence_that_is_shared_needs_the_grant_too(role: Role) -> None:
    role.prepare(
        "CREATE SEQUENCE shared; CREATE TABLE own (id int DEFAULT nextval('shared'), n int);"
        "GRANT ALL ON own TO planner"
    )
    insert = statement("insert", "INSERT INTO own (n) VALUES ($1)", "own")
    assert [subject for subject, _ in role.missing(insert)] == ["public.shared"]
    role.prepare("GRANT UPDATE ON shared TO planner")
    assert role.refused(insert) == []
    role.run("INSERT INTO own (n) VALUES (1)")


def test_a_new_column_that_column_grants_leave_out_is_named(role: Role) -> None:
    role.prepare(
        "GRANT SELECT (id, name), INSERT (id, name), UPDATE (name), DELETE ON item TO planner;"
        "GRANT USAGE ON item_id_seq TO planner"
    )
    assert role.refused(*ALL) == []
    role.prepare("ALTER TABLE item ADD COLUMN price integer, ADD COLUMN unused integer")
    more = (
        statement("select", "SELECT item.id, item.name, item.price FROM item"),
        statement("insert", "INSERT INTO item (name, price) VALUES ($1, $2) RETURNING item.id"),
        statement("update", "UPDATE item SET name=$1, price=$2 WHERE item.id = $3"),
    )
    assert role.missing(*more) == [
        (
            "public.item.price",
            "GRANT SELECT (price), INSERT (price), UPDATE (price) ON public.item TO planner;",
        )
    ]
    role.mended(*more)
    role.prepare('REVOKE DELETE ON item FROM planner; ALTER TABLE item ADD "A b" integer')
    mixed = (DELETE, statement("select", 'SELECT item.price, item."A b" FROM item'))
    assert role.missing(*mixed) == [
        ("public.item", 'GRANT SELECT ("A b"), DELETE ON public.item TO planner;')
    ]
    role.mended(*mixed)


def test_the_table_that_a_join_may_not_read_is_named(role: Role) -> None:
    role.prepare('CREATE TABLE "order" (item integer, name text); GRANT ALL ON item TO planner')
    join = statement(
        "select",
        'SELECT "order".item, "order".name FROM item AS item_1 '
        'JOIN "order" ON item_1.id = "order".item',
    )
    of_target = statement("select", 'SELECT "order".item FROM "order"', "order")
    assert role.missing(join, of_target) == [
        ("public.order", 'GRANT SELECT ON public."order" TO planner;')
    ]
    role.mended(join, of_target)


def test_a_table_that_a_write_reads_is_only_to_be_read(role: Role) -> None:
    role.prepare("CREATE TABLE gone (id integer)")
    delete = statement("delete", "DELETE FROM item WHERE item.id IN (SELECT gone.id FROM gone)")
    of_gone = statement("select", "SELECT gone.id FROM gone", "gone")
    assert role.missing(delete, of_gone) == [
        ("public.item", "GRANT SELECT, DELETE ON public.item TO planner;"),
        ("public.gone", "GRANT SELECT ON public.gone TO planner;"),
    ]
    role.mended(delete, of_gone)


def test_a_schema_that_may_not_be_used_is_named_with_what_is_lacking_inside(role: Role) -> None:
    role.prepare("CREATE SCHEMA app; CREATE TABLE app.own (id integer)")
    select = OrmStatement(
        verb="select", entity="Own", table=("app", "own"), sql="SELECT app.own.id FROM app.own"
    )
    assert role.missing(select) == [
        ("app", "GRANT USAGE ON SCHEMA app TO planner;"),
        ("app.own", "GRANT SELECT ON app.own TO planner;"),
    ]
    role.mended(select)


def test_a_schema_of_the_search_path_that_may_not_be_used_is_told_and_not_a_missing_table(
    role: Role,
) -> None:
    role.prepare(
        "CREATE SCHEMA app; CREATE TABLE app.own (id integer); GRANT ALL ON app.own TO planner"
    )
    role.run("SET search_path = app, public")
    select = statement("select", "SELECT own.id FROM own", "own")
    assert [one.error for one in role.refused(select)] == ["UndefinedTable"]
    assert role.missing(select) == [("app", "GRANT USAGE ON SCHEMA app TO planner;")]
    role.mended(select)


def test_a_schema_that_may_not_be_used_hides_no_table_behind_it(role: Role) -> None:
    role.prepare(
        "CREATE SCHEMA app; CREATE TABLE app.item (id integer); GRANT ALL ON item TO planner"
    )
    role.run("SET search_path = app, public")
    assert [subject for subject, _ in role.missing(*ALL)] == ["public.item_id_seq"]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="sequence item_id_seq"):
        role.run("INSERT INTO item (name) VALUES ('a')")


def test_a_table_out_of_the_search_path_is_told_with_where_it_is(role: Role) -> None:
    role.prepare(
        "GRANT ALL ON item TO planner; GRANT ALL ON item_id_seq TO planner; CREATE SCHEMA app"
    )
    role.run("SET search_path = app")
    (found,) = findings(role.refused(SELECT), Models(tables=(), ddl=()), role=role.name)
    assert found.code == "queries.missing-table"
    assert found.message == (
        'every SELECT of Item fails: relation "item" does not exist (UndefinedTable)\n'
        "the search_path is app; there is public.item\n"
        f"the statement: {SELECT.sql}"
    )
    role.run("SET search_path = app, public")
    assert role.refused(*ALL) == []


def test_the_search_path_decides_which_table_a_statement_means(role: Role) -> None:
    role.prepare(
        "CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO planner;"
        "CREATE VIEW app.item AS SELECT 1 AS id, 'a' AS name UNION SELECT 2, 'b';"
        "GRANT SELECT ON app.item TO planner"
    )
    role.run("SET search_path = app, public")
    assert role.refused(*ALL) == []  # a view that lawfully refuses to be written
    written_out = statement("select", "SELECT public.item.id FROM public.item")
    assert role.missing(written_out) == [("public.item", "GRANT SELECT ON public.item TO planner;")]


def test_a_policy_is_no_matter_of_planning(role: Role) -> None:
    role.prepare(
        "ALTER TABLE item ENABLE ROW LEVEL SECURITY; GRANT ALL ON item, item_id_seq TO planner"
    )
    assert role.refused(*ALL) == []


def test_a_function_that_may_not_be_called_is_told_as_postgresql_says_it(role: Role) -> None:
    role.prepare(
        "CREATE FUNCTION secret() RETURNS integer LANGUAGE sql AS 'SELECT 1';"
        "REVOKE ALL ON FUNCTION secret() FROM public; GRANT ALL ON item, item_id_seq TO planner"
    )
    select = statement("select", "SELECT item.id, secret() FROM item")
    (found,) = findings(role.refused(select), Models(tables=(), ddl=()), role=role.name)
    assert (found.code, found.subject, found.fix) == ("queries.missing-grant", "public.item", None)
    assert "permission denied for function secret (InsufficientPrivilege)" in found.message
