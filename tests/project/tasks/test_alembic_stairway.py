"""Up, down and up again: what a way down leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.errors import ProjectError
from tests.project.tasks.alembic_project import (  # noqa: F401 - two of them are fixtures
    ASYNC,
    ENV,
    FIRST,
    UNDO_FIRST,
    AlembicProject,
    Tasks,
    small_fixture,
    tasks_fixture,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.answers.revisions import Stairway


def walked(way: Stairway) -> list[tuple[str, str, str]]:
    return [(one.revision, one.down, one.again) for one in way.steps]


def execute(*statements: str) -> str:
    return "\n".join(f"op.execute({one!r})" for one in statements)


def test_revisions_that_go_down_cleanly_are_ok(
    tasks: Tasks,
    small: AlembicProject,
    database: Address,
    connect: Callable[[Address], Any],
) -> None:
    small.add("one", FIRST, UNDO_FIRST)
    small.add(
        "two",
        "op.add_column('account', sa.Column('email', sa.String(50), unique=True, index=True))",
        "op.drop_column('account', 'email')",
        after="one",
    )
    way = tasks.stairway(small, database, "one", "two")
    assert walked(way) == [("one", "ok", "ok"), ("two", "ok", "ok")]
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        assert cursor.fetchall() == [("two",)]
        cursor.execute("SELECT email FROM account")


TRACES = {
    "ALTER TABLE account ADD IF NOT EXISTS b int": ("column", "public.account.b", None),
    "ALTER TABLE extra ALTER size TYPE varchar(80)": (
        "column",
        "public.extra.size",
        "character varying(50)",
    ),
    "ALTER TABLE account ALTER name SET DEFAULT 'x'": (
        "column",
        "public.account.name",
        "character varying(50)",
    ),
    "ALTER TABLE account ALTER name SET NOT NULL": (
        "column",
        "public.account.name",
        "character varying(50)",
    ),
    "ALTER TABLE account DROP CONSTRAINT IF EXISTS short, ADD CONSTRAINT short CHECK (id > 0)": (
        "constraint",
        "public.account.short",
        None,
    ),
    "CREATE INDEX IF NOT EXISTS by_name ON account (name)": (
        "index",
        "public.account.by_name",
        None,
    ),
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad'": ("type", "public.mood", "'sad'"),
    "CREATE OR REPLACE VIEW names AS SELECT name FROM account WHERE name <> ''": (
        "view",
        "public.names",
        "name\n   FROM public.account;",
    ),
    "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'": (
        "function",
        "public.one",
        None,
    ),
    "CREATE OR REPLACE TRIGGER keep BEFORE UPDATE ON account FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()": (
        "trigger",
        "public.account.keep",
        None,
    ),
    "COMMENT ON COLUMN account.name IS 'as spoken'": (
        "comment",
        "column name of table public.account",
        None,
    ),
    "CREATE SEQUENCE IF NOT EXISTS numbers": ("sequence", "public.numbers", None),
    "ALTER SEQUENCE account_id_seq START 7": (
        "sequence",
        "public.account_id_seq.options",
        "integer 1 1 1 2147483647 1 f",
    ),
    "CREATE SCHEMA IF NOT EXISTS other": ("schema", "other", None),
    "GRANT SELECT ON account TO PUBLIC": (
        "table",
        "public.account",
        "p r owner",
    ),
    "ALTER TABLE IF EXISTS extra RENAME TO more": (
        "table",
        "public.extra",
        "p r owner",
    ),
}
"""A statement that may run twice, with what a way down that does nothing leaves of it."""

START = (
    "CREATE TABLE account (id serial PRIMARY KEY, name varchar(50))",
    "CREATE TABLE extra (id int REFERENCES account, size varchar(50))",
    "CREATE VIEW names AS SELECT name FROM account",
    "CREATE TYPE mood AS ENUM ('sad')",
)


@pytest.mark.parametrize("up", TRACES)
def test_trace_that_a_way_down_leaves_is_told_and_the_looking_goes_on(
    tasks: Tasks, small: AlembicProject, database: Address, up: str
) -> None:
    kind, name, before = TRACES[up]
    small.add("one", execute(*START), None)
    small.add("two", execute(up), execute("SELECT 1"), after="one")
    small.add("three", execute("CREATE TABLE t ()"), execute("DROP TABLE t"), after="two")
    way = tasks.stairway(small, database, "one", "two", "three")
    assert walked(way) == [
        ("one", "no-way-back", "not-looked-at"),
        ("two", "differs", "ok"),
        ("three", "ok", "ok"),
    ]
    found = {(one.kind, one.name): one for one in way.steps[1].differences}
    assert (kind, name) in found
    told = found[kind, name]
    assert (told.before is None) == (before is None)
    assert (before or "") in (told.before or "")


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("CREATE INDEX i ON extra (id)", "DROP INDEX i"),
        ("ALTER TABLE extra ADD UNIQUE (id)", "ALTER TABLE extra DROP CONSTRAINT extra_id_key"),
        ("ALTER TABLE extra ALTER id SET DEFAULT 1", "ALTER TABLE extra ALTER id DROP DEFAULT"),
        ("COMMENT ON TABLE extra IS 'x'", "COMMENT ON TABLE extra IS NULL"),
        ("ALTER TABLE extra DROP size", "ALTER TABLE extra ADD size varchar(50)"),
        ("DROP VIEW names", "CREATE VIEW names AS SELECT name FROM account"),
        ("CREATE POLICY p ON extra", "DROP POLICY p ON extra"),
        (
            "CREATE TRIGGER g AFTER DELETE ON extra EXECUTE FUNCTION x()",
            "DROP TRIGGER g ON extra",
        ),
        ("CREATE FUNCTION y() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION y()"),
    ],
)
def test_objects_that_a_way_down_drops_or_makes_again_leave_no_trace(
    tasks: Tasks, small: AlembicProject, database: Address, up: str, down: str
) -> None:
    function = "CREATE FUNCTION x() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    small.add("one", execute(*START, function), None)
    small.add("two", execute(up), execute(down), after="one")
    way = tasks.stairway(small, database, "one", "two")
    assert walked(way)[1] == ("two", "ok", "ok"), way.steps[1]


def test_names_in_the_definitions_of_other_objects_make_no_difference(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.add("one", execute(*START), None)
    small.add(
        "two",
        execute("ALTER TABLE account RENAME TO person", "ALTER TYPE mood RENAME TO temper"),
        execute("ALTER TABLE person RENAME TO account", "ALTER TYPE temper RENAME TO mood"),
        after="one",
    )
    small.add(
        "three",
        execute("ALTER TABLE extra RENAME CONSTRAINT extra_id_fkey TO other"),
        execute("ALTER TABLE extra RENAME CONSTRAINT other TO extra_id_fkey"),
        after="two",
    )
    small.add(
        "four",
        execute("ALTER SCHEMA public RENAME TO main", "SET search_path = main"),
        execute("ALTER SCHEMA main RENAME TO public", "SET search_path = public"),
        after="three",
    )
    way = tasks.stairway(small, database, "one", "two", "three", "four")
    assert [one.differences for one in way.steps] == [(), (), (), ()]
    assert walked(way)[1:] == [(name, "ok", "ok") for name in ("two", "three", "four")]


def test_branches_a_merge_and_dependencies_are_walked_in_the_given_order(
    tasks: Tasks,
    small: AlembicProject,
    database: Address,
    connect: Callable[[Address], Any],
) -> None:
    small.add("first", FIRST, UNDO_FIRST)
    for name, after in (("west", "first"), ("east", "first")):
        small.add(
            name, execute(f"CREATE TABLE {name} ()"), execute(f"DROP TABLE {name}"), after=after
        )
    small.add("merge", after=("west", "east"))
    small.add("next", execute("CREATE TABLE n ()"), execute("DROP TABLE n"), after="merge")
    small.add(
        "apart",
        execute("CREATE TABLE apart ()"),
        execute("DROP TABLE apart"),
        depends_on="west",
        branch_labels=("other",),
    )
    small.add(
        "apart2",
        execute("CREATE TABLE a2 ()"),
        execute("DROP TABLE a2"),
        after="apart",
        depends_on="next",
    )
    order = [one.revision for one in tasks.history(small).revisions]
    way = tasks.stairway(small, database, *order)
    assert way.error is None
    assert walked(way) == [(name, "ok", "ok") for name in order]
    assert way.contexts[0].heads == ("apart2",)
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT FROM west, n")


@pytest.mark.parametrize(
    ("up", "down", "stair"),
    [
        ("CREATE TABLE a ()", "DROP TABLE b", ("two", "error", "not-looked-at")),
        ("CREATE TABLE a ()", "SELECT 1", ("two", "differs", "error")),
        (
            "DO 'BEGIN IF to_regclass(''account'') IS NULL THEN CREATE TABLE c (); END IF; END'",
            "DROP TABLE account",
            ("two", "differs", "differs"),
        ),
    ],
)
def test_looking_ends_where_the_state_is_no_deployments(
    tasks: Tasks,
    small: AlembicProject,
    database: Address,
    *,
    up: str,
    down: str,
    stair: tuple[str, str, str],
) -> None:
    small.add("one", FIRST, UNDO_FIRST)
    path = small.add("two", execute(up), execute(down), after="one")
    small.add("three", execute("CREATE TABLE t ()"), execute("DROP TABLE t"), after="two")
    way = tasks.stairway(small, database, "one", "two", "three")
    last = ("three", "not-looked-at", "not-looked-at")
    assert walked(way) == [("one", "ok", "ok"), stair, last]
    error = way.steps[1].error
    assert (error is not None) == ("error" in stair)
    if error is not None:
        line = 9 if stair[1] == "error" else 7
        assert (error.path, error.line, error.kind) == (str(path), line, "database")
    assert way.error is None


def test_first_way_up_that_fails_is_the_stairways_own_error(
    tasks: Tasks, small: AlembicProject, database: Address, connect: Callable[[Address], Any]
) -> None:
    small.add("one", FIRST, UNDO_FIRST)
    small.add("two", execute("CREATE TABLE account ()"), execute("SELECT 1"), after="one")
    way = tasks.stairway(small, database, "one", "two")
    assert walked(way) == [("one", "ok", "ok"), ("two", "not-looked-at", "not-looked-at")]
    assert way.error is not None
    assert (way.error.revision, way.error.sqlstate) == ("two", "42P07")
    with connect(database).cursor() as cursor:  # each step is committed by itself
        cursor.execute("SELECT version_num FROM alembic_version")
        assert cursor.fetchall() == [("one",)]


def test_database_that_does_not_stand_before_the_revisions_is_told(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.add("one", FIRST, UNDO_FIRST)
    small.add("two", execute("CREATE TABLE t ()"), execute("DROP TABLE t"), after="one")
    with pytest.raises(ProjectError) as failure:
        tasks.stairway(small, database, "two")
    assert str(failure.value) == (
        "stairway: alembic_version holds nothing: two needs one\n"
        "  next: start from a database that stands just before the revisions"
    )
    tasks.run(small, database, "one")
    assert walked(tasks.stairway(small, database, "two")) == [("two", "ok", "ok")]
    with pytest.raises(ProjectError, match="alembic_version holds two: two is applied already"):
        tasks.stairway(small, database, "two")


@pytest.mark.parametrize("search_path", ["public", ""])
def test_search_path_that_a_revision_sets_is_left_as_it_is(
    tasks: Tasks, small: AlembicProject, database: Address, search_path: str
) -> None:
    shown = search_path or '""'
    small.add(
        "one",
        execute(f"SET search_path = '{search_path}'", "CREATE TABLE public.t (a int DEFAULT 1)"),
        execute("DROP TABLE public.t"),
    )
    small.add(
        "two",
        execute(
            f"DO 'BEGIN ASSERT current_setting(''search_path'') = ''{shown}''; END'",
            "CREATE VIEW public.v AS SELECT a FROM public.t",
        ),
        execute("DROP VIEW public.v"),
        after="one",
    )
    small.write(
        "migrations/env.py",
        ENV.replace(
            "connection=connection", "connection=connection, version_table_schema='public'"
        ),
    )
    way = tasks.stairway(small, database, "one", "two")
    assert way.error is None
    assert walked(way) == [("one", "ok", "ok"), ("two", "ok", "ok")]


def test_async_env_py_is_walked_too(tasks: Tasks, small: AlembicProject, database: Address) -> None:
    pytest.importorskip("greenlet")
    small.write("migrations/env.py", ASYNC)
    small.add("one", FIRST, UNDO_FIRST)
    way = tasks.stairway(small, database, "one")
    assert walked(way) == [("one", "ok", "ok")]
    assert way.contexts[0].driver == "asyncpg"


def test_blocks_outside_of_a_transaction_and_a_discarded_session_are_walked(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.add("one", execute(*START), None)
    small.add(
        "two",
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY i ON account (name)')\n"
        "    op.execute('DISCARD ALL')",
        execute("DROP INDEX i"),
        after="one",
    )
    way = tasks.stairway(small, database, "one", "two")
    assert walked(way)[1] == ("two", "ok", "ok")
