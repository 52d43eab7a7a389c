"""`transaction = "file"`: a file runs as `psql -1` runs it, and as one message does."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.migrations.file_run import FileRun, OwnEnd
from pytest_schemaguard.migrations.migration import Script
from pytest_schemaguard.migrations.session import run_script
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address

    Run = Callable[[str], FileRun]

BEFORE = """
DROP SCHEMA public CASCADE; CREATE SCHEMA public;
CREATE TABLE t (a integer UNIQUE); INSERT INTO t VALUES (1);
"""
AFTER = """
SELECT c.relname, a.attname FROM pg_class AS c LEFT JOIN pg_attribute AS a
    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace
 UNION ALL SELECT 'row', a::text FROM public.t ORDER BY 1, 2
"""
ADD = "ALTER TABLE t ADD b integer;\n"
MORE = "ALTER TABLE t ADD c integer;\n"
DEFERRED = """
CREATE TABLE p (id integer PRIMARY KEY);
CREATE TABLE c (id integer REFERENCES p DEFERRABLE INITIALLY DEFERRED);
INSERT INTO c VALUES (1);
"""
WITHOUT_CONTROL = [
    f"{ADD}{MORE}",
    f"{ADD}SELECT 1/0;\n{MORE}",
    f"{ADD}CREATE INDEX CONCURRENTLY i ON t (a);",
    f"{ADD}VACUUM t;",
    f"{ADD}DO $$BEGIN COMMIT; END$$;",
    f"{ADD}REINDEX TABLE CONCURRENTLY t;",
    "SET LOCAL lock_timeout = '1s'; ALTER TABLE t ADD b integer DEFAULT (5);",
    DEFERRED,
    "CREATE TYPE mood AS ENUM ('a'); ALTER TYPE mood ADD VALUE 'b'; CREATE TABLE m (m mood);",
    "INSERT INTO t VALUES (2); INSERT INTO t VALUES (1);",
    "SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1;",
]
WITH_CONTROL = [
    "CREATE INDEX CONCURRENTLY i ON t (a);",
    f"BEGIN;\n{ADD}COMMIT;",
    f"{ADD}COMMIT;\n{MORE}SELECT 1/0;",
    f"{ADD}COMMIT;\nCREATE INDEX CONCURRENTLY i ON t (a);",
    f"{ADD}END;\nBEGIN;\n{MORE}",
    f"{ADD}COMMIT;\nBEGIN;\n{MORE}SELECT 1/0;",
    f"{ADD}ROLLBACK;\n{MORE}",
    f"{ADD}COMMIT AND CHAIN;\n{MORE}SELECT 1/0;",
    f"{ADD}COMMIT AND CHAIN;\n{MORE}",
    f"SAVEPOINT s;\n{ADD}ROLLBACK TO s;\n{MORE}",
    f"{DEFERRED}COMMIT;\n{ADD}",
]


@pytest.fixture
def run(database: Address, connect: Callable[[Address], Any], tmp_path: Path) -> Run:
    """Runs a file on the tables of BEFORE."""

    def run_(text: str) -> FileRun:
        connection = connect(database)
        with connection.cursor() as cursor:
            cursor.execute(BEFORE)
        script = Script(path=tmp_path / "x.sql", sql=text, one_transaction=True)
        session = connect(database)
        done = run_script(session, script, statement_timeout_s=20, root=tmp_path)
        session.close()
        assert through_json(done) == done
        return done

    return run_


@pytest.fixture
def left(database: Address, connect: Callable[[Address], Any]) -> Callable[[], list[Any]]:
    """What another session sees."""

    def left_() -> list[Any]:
        with connect(database).cursor() as cursor:
            cursor.execute(AFTER)
            return list(cursor.fetchall())

    return left_


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is what it is held against")
@pytest.mark.parametrize("text", [*WITHOUT_CONTROL, *WITH_CONTROL])
def test_it_ends_as_psql_1_ends_it(
    run: Run, left: Callable[[], list[Any]], database: Address, tmp_path: Path, text: str
) -> None:
    ours = run(text)
    after = left()
    run("SELECT 1;")
    (tmp_path / "x.sql").write_text(text)
    psql = ["psql", "-X1q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=sqlstate"]
    theirs = subprocess.run(
        [*psql, "-f", tmp_path / "x.sql", "-d", database.url()],
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert left() == after
    assert (ours.error is None) == (theirs.returncode == 0), theirs.stderr
    if ours.error is not None:
        assert f"ERROR:  {ours.error.sqlstate}" in theirs.stderr


@pytest.mark.parametrize("text", WITHOUT_CONTROL)
def test_it_ends_as_one_message_of_several_statements_ends(
    run: Run,
    left: Callable[[], list[Any]],
    database: Address,
    connect: Callable[[Address], Any],
    text: str,
) -> None:
    ours, after = run(text), left()
    run("SELECT 1;")
    state = None
    try:
        connect(database).cursor().execute(text)
    except psycopg2.Error as error:
        state = error.pgcode
    assert (left(), ours.error and ours.error.sqlstate) == (after, state)


def test_an_error_keeps_nothing_of_the_file_and_says_so(
    run: Run, left: Callable[[], list[Any]]
) -> None:
    done = run(f"{ADD}\nSELECT\n 1/0;\n{MORE}")
    assert (done.statements, done.applied) == (1, False)
    assert done.place("x.sql") == ("x.sql", 3)
    assert done.words == (
        "division by zero (SQLSTATE 22012)\n"
        "statement:\n"
        "  SELECT\n"
        "   1/0\n"
        "the file runs in one transaction, so nothing of it is kept"
    )
    assert left() == [("row", "1"), ("t", "a"), ("t_a_key", "a")]


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a);", "25001"),
        ("VACUUM t;", "25001"),
        ("DO $$BEGIN COMMIT; END$$;", "2D000"),
    ],
)
def test_what_refuses_a_transaction_names_the_next_step(run: Run, sql: str, state: str) -> None:
    done = run(ADD + sql)
    assert done.error is not None
    assert (done.error.sqlstate, done.error.line) == (state, 2)
    assert done.advice == (
        'it runs only outside a transaction, and `transaction = "file"` runs each file in one: '
        "give it a file of its own that your tool runs outside of one (golang-migrate does so if "
        "it is the file's only statement), and have the guard run the tool itself: migrations = { "
        "command, versions }"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
        "COMMIT; BEGIN; VACUUM t;",
        "SELECT 1/0;",
    ],
)
def test_other_errors_have_no_such_next_step(run: Run, sql: str) -> None:
    done = run(sql)
    assert done.error is not None
    assert done.advice is None


def test_a_constraint_that_is_checked_at_the_end_fails_the_whole_file(run: Run) -> None:
    done = run(DEFERRED)
    assert done.error is not None
    assert (done.error.sqlstate, done.error.line, done.applied) == ("23503", None, False)
    assert done.words.endswith(
        "statement:\n  COMMIT\nthe file runs in one transaction, so nothing of it is kept"
    )


def test_a_commit_in_the_file_keeps_what_stands_above_it(run: Run) -> None:
    done = run(f"{ADD}COMMIT;\n{MORE}SELECT 1/0;")
    assert done.own_end == OwnEnd(word="COMMIT", line=2, after=1)
    assert done.words.endswith(
        "line 2 (COMMIT) ended the file's transaction, so what stands above it is kept"
    )


def test_a_rollback_in_the_file_keeps_nothing_that_stands_above_it(run: Run) -> None:
    done = run(f"{ADD}ROLLBACK;\n{MORE}SELECT 1/0;")
    assert done.words.endswith(
        "line 2 (ROLLBACK) ended the file's transaction, so what stands above it is not kept"
    )
    assert not run(f"{ADD}ROLLBACK;\n{MORE}").applied


def test_a_commit_that_ends_the_file_leaves_it_whole(run: Run) -> None:
    done = run(f"BEGIN;\n{ADD}{MORE}COMMIT;")
    assert (done.applied, done.own_end) == (True, OwnEnd(word="COMMIT", line=4, after=0))
