"""Rows for a baseline, also those that a newer pg_dump writes, or that refer to each other."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.baseline.seed import load_rows
from pytest_schemaguard.catalog.read import read
from tests.catalog.conftest import bindir  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.migrations.file_run import FileRun
    from tests.migrations.conftest import Sides

    Load = Callable[[str], FileRun]

EMP = "CREATE TABLE emp (id integer PRIMARY KEY, boss integer REFERENCES emp); "
TWO = """
CREATE TABLE a (id integer PRIMARY KEY, b integer NOT NULL);
CREATE TABLE b (id integer PRIMARY KEY, a integer NOT NULL CONSTRAINT to_a REFERENCES a);
ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b DEFERRABLE;
CREATE TABLE c (id integer PRIMARY KEY, a integer CONSTRAINT c_to_a REFERENCES a);
"""
CIRCLE = "INSERT INTO a VALUES (1, 2); INSERT INTO b VALUES (2, 1);"
FOREMAN = "INSERT INTO emp VALUES (1, 2); INSERT INTO emp VALUES (2, 1);"
TRIGGERS = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a trigger ran'; END $$;
CREATE TRIGGER t1 BEFORE INSERT ON emp FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER t2 AFTER DELETE ON emp FOR EACH ROW EXECUTE FUNCTION refuse();
ALTER TABLE emp DISABLE TRIGGER t2;
CREATE TRIGGER t3 AFTER UPDATE ON emp FOR EACH ROW EXECUTE FUNCTION refuse();
ALTER TABLE emp ENABLE ALWAYS TRIGGER t3;
CREATE TRIGGER t4 AFTER UPDATE ON emp FOR EACH ROW EXECUTE FUNCTION refuse();
ALTER TABLE emp ENABLE REPLICA TRIGGER t4;
"""
OFF = "ALTER TABLE public.emp DISABLE TRIGGER ALL;\n"
ON = "ALTER TABLE public.emp ENABLE TRIGGER ALL;\n"


@pytest.fixture
def owner(sides: Sides) -> Any:
    connection = sides.connect(sides.owner)
    connection.autocommit = True
    return connection


@pytest.fixture
def load(sides: Sides, write: Callable[..., Path], tmp_path: Path, owner: Any) -> Load:
    def load(text: str) -> FileRun:
        before = read(owner)
        session = sides.connect(sides.owner)
        run = load_rows(
            write("rows.sql", text), owner=session, statement_timeout_s=60, root=tmp_path
        )
        # What was altered for the rows' sake is as it was, whether or not they went in.
        session.close()
        assert read(owner) == before
        return run

    return load


def rows(sides: Sides, table: str) -> list[tuple[Any, ...]]:
    return sorted(sides.rows(f"SELECT * FROM {table}"))


def made(owner: Any, sql: str) -> None:
    with owner.cursor() as cursor:
        cursor.execute(sql)


# Settings of newer dumps, and roles of production


@pytest.mark.parametrize(
    "table", ["CREATE TABLE t (id integer);", TWO + "CREATE TABLE t (id int);"]
)
def test_what_only_productions_server_knows_is_left_out(
    load: Load, owner: Any, sides: Sides, table: str
) -> None:
    made(owner, table)
    run = load(
        "\\restrict aB9\n"
        "SET statement_timeout = 0;\n"
        "SET no_such_setting = 0;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\n"
        "SELECT pg_catalog.set_config('no_such_setting', '1', false);\n"
        "SET SESSION AUTHORIZATION 'production';\n"
        "SET ROLE production;\n"
        "SET default_tablespace = fast;\n"
        "ALTER TABLE public.t OWNER TO production;\n"
        "COPY public.t (id) FROM stdin;\n1\n\\.\n"
        "INSERT INTO public.t VALUES (2);\n"
        "\\unrestrict aB9\n"
    )
    assert run.applied, run.words
    assert rows(sides, "t") == [(1,), (2,)]


def test_a_wrong_value_of_a_known_setting_is_told(load: Load) -> None:
    run = load("SELECT 1;\nSET statement_timeout = 'long';")
    assert run.error is not None
    assert (run.error.sqlstate, run.error.line) == ("22023", 2)


def test_a_role_that_is_not_there_is_told_where_rows_need_it(load: Load, owner: Any) -> None:
    made(owner, "CREATE TABLE t (id integer)")
    run = load("SELECT 1;\nGRANT SELECT ON t TO production;")
    assert run.error is not None
    assert (run.error.sqlstate, run.error.line) == ("42704", 2)


# Rows that refer to each other


def test_rows_in_a_circle_go_in(load: Load, owner: Any, sides: Sides) -> None:
    made(owner, EMP + TWO)
    run = load(FOREMAN + CIRCLE + "INSERT INTO c VALUES (1, 1);")
    assert run.applied, run.words
    assert run.statements == 5
    assert rows(sides, "emp") == [(1, 2), (2, 1)]
    assert rows(sides, "a") == [(1, 2)]


def test_a_circle_over_three_tables_one_of_them_partitioned(
    load: Load, owner: Any, sides: Sides
) -> None:
    made(
        owner,
        'CREATE SCHEMA "s.x"; CREATE TABLE x (id int PRIMARY KEY, y int);'
        'CREATE TABLE "s.x"."y Y" (id int PRIMARY KEY, z int) PARTITION BY RANGE (id);'
        'CREATE TABLE y1 PARTITION OF "s.x"."y Y" DEFAULT;'
        "CREATE TABLE z (id int PRIMARY KEY, x int REFERENCES x);"
        'ALTER TABLE x ADD CONSTRAINT "to y" FOREIGN KEY (y) REFERENCES "s.x"."y Y";'
        'ALTER TABLE "s.x"."y Y" ADD CONSTRAINT "to ""z" FOREIGN KEY (z) REFERENCES z;',
    )
    run = load(
        "SELECT set_config('search_path', '', false); INSERT INTO public.x VALUES (1, 1);"
        'INSERT INTO "s.x"."y Y" VALUES (1, 1); INSERT INTO public.z VALUES (1, 1);'
    )
    assert run.applied, run.words
    assert rows(sides, '"s.x"."y Y"') == [(1, 1)]


def test_a_row_that_refers_to_none_is_told_and_nothing_is_kept(
    load: Load, owner: Any, sides: Sides
) -> None:
    made(owner, EMP)
    run = load("INSERT INTO emp VALUES (1, 2); INSERT INTO emp VALUES (2, 9);")
    assert run.error is not None
    assert run.error.line is None
    assert run.words == (
        'insert or update on table "emp" violates foreign key constraint "emp_boss_fkey" '
        '(SQLSTATE 23503)\nDETAIL: Key (boss)=(9) is not present in table "emp".'
    )
    assert rows(sides, "emp") == []


def test_keys_that_are_in_no_circle_are_looked_at_where_they_stand(load: Load, owner: Any) -> None:
    made(owner, TWO)
    run = load(CIRCLE + "\nINSERT INTO c VALUES (1, 7);\nSELECT 1;")
    assert run.error is not None
    assert (run.error.sqlstate, run.error.line) == ("23503", 2)
    assert not run.applied


def test_an_error_within_is_told_with_its_line(load: Load, owner: Any) -> None:
    made(owner, EMP)
    run = load("INSERT INTO emp VALUES (1, 1);\nINSERT INTO emp VALUES (1, 1);")
    assert run.error is not None
    assert (run.error.sqlstate, run.error.line, run.transaction) == ("23505", 2, "idle")


def test_transactions_of_the_file_are_one_with_it(load: Load, owner: Any, sides: Sides) -> None:
    made(owner, EMP)
    run = load(FOREMAN.replace("INSERT", "COMMIT; BEGIN; INSERT").removeprefix("COMMIT;") + "END;")
    assert run.applied, run.words
    assert rows(sides, "emp") == [(1, 2), (2, 1)]


@pytest.mark.parametrize("more", ["CREATE TABLE more ();", "DO 'BEGIN END';", "ROLLBACK;"])
def test_a_file_of_more_than_rows_runs_as_it_stands(
    load: Load, owner: Any, sides: Sides, more: str
) -> None:
    made(owner, EMP + "CREATE TABLE IF NOT EXISTS t ()")
    run = load(more.replace("more", "IF NOT EXISTS t") + FOREMAN)
    assert run.error is not None
    assert run.error.sqlstate == "23503"
    assert rows(sides, "emp") == []


def test_keys_of_others_are_left_alone(load: Load, owner: Any, sides: Sides) -> None:
    admin = sides.connect(sides.admin)
    admin.autocommit = True
    made(admin, EMP + "GRANT ALL ON emp TO PUBLIC")
    run = load("INSERT INTO emp VALUES (1, 1);")
    assert run.applied, run.words


# Triggers


def test_a_dump_that_switches_triggers_off_goes_in_and_they_are_as_before(
    load: Load, owner: Any, sides: Sides
) -> None:
    made(owner, EMP + TRIGGERS + "CREATE TABLE late (id int REFERENCES emp)")
    run = load(f"INSERT INTO late VALUES (1);\n{OFF}{FOREMAN}\n{ON}")
    assert run.applied, run.words
    assert rows(sides, "emp") == [(1, 2), (2, 1)]


def test_a_trigger_that_is_not_switched_off_runs(load: Load, owner: Any) -> None:
    made(owner, EMP + TRIGGERS)
    run = load(FOREMAN)
    assert run.error is not None
    assert run.error.message == "a trigger ran"


def test_one_trigger_by_its_name(load: Load, owner: Any, sides: Sides) -> None:
    made(owner, EMP + TRIGGERS)
    run = load(f"ALTER TABLE emp DISABLE TRIGGER t1;{FOREMAN}ALTER TABLE emp ENABLE TRIGGER t1;")
    assert run.applied, run.words
    assert rows(sides, "emp") == [(1, 2), (2, 1)]


def test_where_more_than_rows_stands_beside_the_next_step_is_told(load: Load, owner: Any) -> None:
    made(owner, EMP)
    run = load(f"CREATE TEMPORARY TABLE IF NOT EXISTS more ();\n{OFF}")
    assert run.error is not None
    assert (run.error.sqlstate, run.error.line) == ("42501", 2)
    assert run.advice == (
        "only a superuser may switch the triggers of foreign keys: put the rows into a file of "
        "their own, which is loaded with the foreign keys looked at last"
    )


# What pg_dump writes


@pytest.mark.parametrize(
    "options",
    [(), ("--inserts",), ("--disable-triggers",), ("--rows-per-insert=1", "--column-inserts")],
)
def test_what_pg_dump_writes_of_rows_in_circles_goes_in(
    load: Load,
    owner: Any,
    sides: Sides,
    bindir: str,  # noqa: F811 - the fixture
    options: tuple[str, ...],
) -> None:
    made(owner, EMP + TWO + "CREATE TABLE s (id serial PRIMARY KEY, note text);")
    made(owner, "INSERT INTO emp VALUES (1, 2), (2, 3), (3, 1);")
    made(owner, f"BEGIN; SET CONSTRAINTS ALL DEFERRED; {CIRCLE} COMMIT;")
    made(owner, "INSERT INTO c VALUES (5, 1); INSERT INTO s (note) VALUES (E'a\\tb\\\\'), (NULL);")
    everything = {table: rows(sides, table) for table in ("emp", "a", "b", "c")}
    dump = subprocess.run(
        [f"{bindir}/pg_dump", "--data-only", *options, "--dbname", sides.admin.url()],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    made(owner, "TRUNCATE emp, a, b, c, s")
    run = load(dump)
    assert run.applied, run.words
    assert {table: rows(sides, table) for table in everything} == everything
    assert rows(sides, "s") == [(1, "a\tb\\"), (2, None)]
    assert sides.rows("SELECT last_value FROM s_id_seq") == [(2,)]
