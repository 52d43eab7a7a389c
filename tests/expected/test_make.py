from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.expected.make import CHUNK, build, clear
from pytest_schemaguard.project.answers.models import Ddl, Models
from tests.catalog.databases import execute, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address

OWNER = "expected_owner"


@pytest.fixture
def scratch(postgres: Address) -> Iterator[tuple[Any, Any]]:
    """A superuser and the owner, connected to a database of the owner."""
    with fresh(postgres) as address, closing(psycopg2.connect(address.url())) as admin:
        admin.autocommit = True
        execute(
            admin,
            f"DROP ROLE IF EXISTS {OWNER}; CREATE ROLE {OWNER} LOGIN PASSWORD 'x';"
            f'ALTER DATABASE "{address.database}" OWNER TO {OWNER}',
        )
        with closing(
            psycopg2.connect(
                host=address.host,
                port=address.port,
                user=OWNER,
                password="x",
                dbname=address.database,
            )
        ) as owner:
            owner.autocommit = True
            yield admin, owner
        execute(admin, f"REASSIGN OWNED BY {OWNER} TO CURRENT_USER; DROP OWNED BY {OWNER}")


def ddl(kind: str, name: str, sql: str) -> Ddl:
    return Ddl(sql=sql, kind=kind, subject=name, name=tuple(name.split(".")))


def models(*statements: Ddl) -> Models:
    return Models(tables=(), ddl=statements)


USER = ddl("table", "public.user", 'CREATE TABLE "user" (id integer PRIMARY KEY, m mood)')
MOOD = ddl("type", "public.mood", "CREATE TYPE mood AS ENUM ('good', 'bad')")


def test_what_the_models_make_anew_is_gone_and_what_they_need_stays(
    scratch: tuple[Any, Any],
) -> None:
    admin, owner = scratch
    execute(
        owner,
        """
        CREATE TYPE mood AS ENUM ('good');
        CREATE TYPE kept AS ENUM ('x');
        CREATE DOMAIN positive AS integer CHECK (VALUE > 1);
        CREATE SEQUENCE counter;
        CREATE TABLE "user" (id integer PRIMARY KEY, m mood, p positive);
        CREATE VIEW seen AS SELECT id FROM "user";
        CREATE MATERIALIZED VIEW held AS SELECT id FROM seen;
        CREATE TABLE hidden (id integer REFERENCES "user");
        CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        """,
    )
    execute(admin, "CREATE EXTENSION pg_stat_statements; CREATE TABLE by_admin (id integer)")
    told = models(
        MOOD,
        ddl("type", "public.positive", "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)"),
        ddl("sequence", "public.counter", "CREATE SEQUENCE counter START 5"),
        USER,
        ddl("table", "public.by_admin", "CREATE TABLE by_admin (n integer DEFAULT f())"),
        ddl("table", "public.seen", "CREATE TABLE seen (id integer)"),
        ddl("table", "public.hidden", "CREATE TABLE hidden (id positive)"),
    )
    clear(admin, told, owner=OWNER)
    left = read(admin)
    assert left.relations == {}
    assert left.enums == {("public", "kept"): ("x",)}
    assert build(owner, told) == {}
    made = read(admin)
    assert {name[1]: one.kind for name, one in made.relations.items()} == dict.fromkeys(
        ("user", "by_admin", "seen", "hidden"), "table"
    )
    assert made.enums["public", "mood"] == ("good", "bad")


def test_the_owner_may_make_tables_in_a_schema_of_the_superuser(scratch: tuple[Any, Any]) -> None:
    admin, owner = scratch
    execute(admin, 'CREATE SCHEMA "Audit %s"; CREATE TABLE "Audit %s".log (id integer)')
    told = models(
        ddl("schema", "Audit %s", 'CREATE SCHEMA IF NOT EXISTS "Audit %s"'),
        ddl("table", "Audit %s.log", 'CREATE TABLE "Audit %s".log (id integer)'),
    )
    clear(admin, told, owner=OWNER)
    assert build(owner, told) == {}
    assert list(read(admin).relations) == [("Audit %s", "log")]


def test_what_postgresql_refuses_is_named_and_the_rest_is_made(scratch: tuple[Any, Any]) -> None:
    admin, owner = scratch
    told = models(
        MOOD,
        USER,
        ddl(
            "table",
            "public.twice",
            "CREATE TABLE twice (a int, CONSTRAINT c CHECK (a > 0), CONSTRAINT c CHECK (a < 9))",
        ),
        ddl("table", "public.last", "CREATE TABLE last (id integer)"),
        ddl("index", "public.last.ix", "CREATE INDEX ix ON last ()"),
        ddl(
            "constraint",
            "public.last.fk",
            'ALTER TABLE last ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES "user" (m)',
        ),
    )
    assert build(owner, told) == {
        ("public", "twice"): 'check constraint "c" already exists',
        ("public", "last", "ix"): 'syntax error at or near ")"',
        ("public", "last", "fk"): "there is no unique constraint matching given keys for "
        'referenced table "user"',
    }
    assert list(read(admin).relations) == [("public", "last"), ("public", "user")]


def test_what_a_listener_makes_and_the_database_has_is_not_refused(
    scratch: tuple[Any, Any],
) -> None:
    _, owner = scratch
    function = "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1' -- mine"
    execute(owner, function)
    told = models(
        ddl("other", "public.CREATE FUNCTION", function),
        MOOD,
        USER,
        ddl("other", "public.INSERT", "INSERT INTO nowhere VALUES (1)"),
    )
    assert build(owner, told) == {("public", "INSERT"): 'relation "nowhere" does not exist'}


def test_a_comment_at_a_statement_s_end_hides_nothing_after_it(scratch: tuple[Any, Any]) -> None:
    admin, owner = scratch
    told = models(
        ddl("table", "public.a", "CREATE TABLE a (id integer) -- first"),
        ddl("table", "public.b", "CREATE TABLE b (id integer)"),
    )
    assert build(owner, told) == {}
    assert list(read(admin).relations) == [("public", "a"), ("public", "b")]


def test_more_tables_than_go_into_one_string_are_all_made(scratch: tuple[Any, Any]) -> None:
    admin, owner = scratch
    count = CHUNK + 3
    told = models(
        *(ddl("table", f"public.t{i}", f"CREATE TABLE t{i} (id integer)") for i in range(count))
    )
    assert build(owner, told) == {}
    assert len(read(admin).relations) == count
    clear(admin, told, owner=OWNER)
    assert read(admin).relations == {}


def test_a_connection_that_breaks_is_no_refusal(
    scratch: tuple[Any, Any], connect: Callable[[Address], Any]
) -> None:
    admin, owner = scratch
    execute(admin, f"SELECT pg_terminate_backend({owner.info.backend_pid})")
    with pytest.raises(psycopg2.Error):
        build(owner, models(MOOD, USER))


def test_event_triggers_of_the_migrated_database_do_not_run(scratch: tuple[Any, Any]) -> None:
    admin, owner = scratch
    execute(
        admin,
        "CREATE TABLE old (id integer); CREATE FUNCTION refuse() RETURNS event_trigger"
        " LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$;"
        "CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION refuse();"
        "CREATE EVENT TRIGGER ended ON ddl_command_end EXECUTE FUNCTION refuse()",
    )
    clear(admin, models(MOOD, USER), owner=OWNER)
    assert build(owner, models(MOOD, USER)) == {}
    assert list(read(admin).relations) == [("public", "user")]
