"""One file run as `psql -v ON_ERROR_STOP=1 -f` runs it."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.codec import dumps
from pytest_schemaguard.errors import MigrationError, ServerError
from pytest_schemaguard.migrations.migration import Script
from pytest_schemaguard.migrations.session import excerpt, run_script
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.migrations.file_run import FileRun

    Run = Callable[..., FileRun]


@pytest.fixture
def session(database: Address, connect: Callable[[Address], Any]) -> Any:
    return connect(database)


@pytest.fixture
def run(session: Any, tmp_path: Path) -> Run:
    def run_(text: str, *, statement_timeout_s: float = 20) -> FileRun:
        script = Script(path=tmp_path / "migrations/x.sql", sql=text)
        return run_script(session, script, statement_timeout_s=statement_timeout_s, root=tmp_path)

    return run_


@pytest.fixture
def rows(database: Address, connect: Callable[[Address], Any]) -> Callable[[str], Any]:
    """Asks on another session, which sees what was committed."""

    def rows_(sql: str) -> Any:
        with connect(database).cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    return rows_


def test_file_runs_to_its_end(run: Run, rows: Callable[[str], Any]) -> None:
    result = run("CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n")
    assert (result.statements, result.error, result.transaction) == (2, None, "idle")
    assert result.applied
    assert result.words == ""
    assert result.seconds > 0
    assert rows("SELECT a FROM t") == [(1,)]


def test_statements_commit_one_by_one_up_to_the_error(run: Run, rows: Callable[[str], Any]) -> None:
    result = run("CREATE TABLE t (a int);\nSELECT 1/0;\nCREATE TABLE u (a int);")
    assert result.statements == 1
    assert result.error is not None
    assert not result.applied
    assert result.error.sqlstate == "22012"
    assert result.transaction == "idle"
    assert rows("SELECT to_regclass('t')::text, to_regclass('u')::text") == [("t", None)]


def test_transaction_of_the_file_is_kept_whole_or_not_at_all(
    run: Run, rows: Callable[[str], Any]
) -> None:
    result = run("BEGIN;\nCREATE TABLE t (a int);\nSELECT 1/0;\nCOMMIT;")
    assert (result.statements, result.transaction) == (2, "aborted")
    assert rows("SELECT to_regclass('t')") == [(None,)]


def test_statements_that_refuse_a_transaction_run(run: Run) -> None:
    text = "CREATE TABLE t (a int);\nCREATE INDEX CONCURRENTLY i ON t (a); VACUUM t;"
    assert run(text).applied


def test_file_that_leaves_its_transaction_open_is_told(run: Run) -> None:
    result = run("BEGIN;\nCREATE TABLE t (a int);")
    assert (result.error, result.transaction, result.applied) == (None, "open", False)
    assert result.words == "the file ends with its transaction open, so nothing of it is kept"


def test_file_that_rolls_itself_back_is_told(run: Run) -> None:
    result = run("BEGIN;\nCREATE TABLE t (a int);\nROLLBACK;")
    assert (result.error, result.transaction, result.applied) == (None, "idle", False)
    assert result.words == (
        "line 3 (ROLLBACK) undoes 1 statement, and the file does not do it again\n"
        "undone:\n"
        "  CREATE TABLE t (a int)"
    )
    assert result.place("x.sql") == ("x.sql", 3)


def test_rollback_to_a_savepoint_is_no_rollback(run: Run) -> None:
    text = "BEGIN; SAVEPOINT a; SELECT 1; ROLLBACK TO SAVEPOINT a; COMMIT; ROLLBACK;"
    result = run(text)
    assert result.applied


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN; SELECT 1; ROLLBACK; CREATE TABLE t (a int);",
        "BEGIN; CREATE TABLE t (a int); ROLLBACK; BEGIN; CREATE TABLE t (a int); COMMIT;",
        "BEGIN; create table T(a int); ABORT; -- again\nCREATE TABLE t ( /* no b */ a int ) ;",
        "BEGIN; SAVEPOINT a; CREATE TABLE t (a int); ROLLBACK TO a; CREATE TABLE t (a int); END;",
        "BEGIN; CREATE TABLE t (a int); ROLLBACK AND CHAIN; CREATE TABLE t (a int); COMMIT;",
        "BEGIN; SET LOCAL work_mem = 64; LOCK pg_class; ROLLBACK; CREATE TABLE t (a int);",
    ],
)
def test_what_was_tried_and_then_done_is_kept(
    run: Run, rows: Callable[[str], Any], text: str
) -> None:
    result = run(text)
    assert (result.words, result.applied) == ("", True)
    assert rows("SELECT to_regclass('t')::text") == [("t",)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            (
                "BEGIN; CREATE TABLE t (a int); INSERT INTO t VALUES (1);\nROLLBACK;\n"
                "CREATE TABLE t (a int);"
            ),
            (
                "line 2 (ROLLBACK) undoes 1 statement, and the file does not do it again\n"
                "undone:\n"
                "  INSERT INTO t VALUES (1)"
            ),
        ),
        (
            (
                "CREATE TABLE t (a int);\nBEGIN;\nINSERT INTO t VALUES (1);\nSAVEPOINT s;\n"
                "DELETE FROM t;\nDELETE FROM t WHERE a = 1;\nROLLBACK  TO s;\nCOMMIT;"
            ),
            (
                "line 7 (ROLLBACK TO s) undoes 2 statements, and the file does not do them again\n"
                "undone:\n"
                "  DELETE FROM t\n"
                "  and 1 more"
            ),
        ),
        (
            (
                "BEGIN;\nCREATE TABLE t (a int);\nROLLBACK;\nBEGIN;\nCREATE TABLE t (a int);\n"
                "ROLLBACK;"
            ),
            (
                "line 3 (ROLLBACK) undoes 1 statement, and the file does not do it again\n"
                "undone:\n"
                "  CREATE TABLE t (a int)"
            ),
        ),
        (
            (
                "BEGIN;\nCREATE TABLE t (a int);\nCOMMIT AND CHAIN;\nCREATE TABLE u (a int);\n"
                "ROLLBACK;"
            ),
            (
                "line 5 (ROLLBACK) undoes 1 statement, and the file does not do it again\n"
                "undone:\n"
                "  CREATE TABLE u (a int)"
            ),
        ),
        (
            "BEGIN;\nCREATE ROLE x PASSWORD 'secret';\nROLLBACK;",
            (
                "line 3 (ROLLBACK) undoes 1 statement, and the file does not do it again\n"
                "undone:\n"
                "  CREATE ROLE x PASSWORD '***'"
            ),
        ),
        (
            "BEGIN;\nINSERT INTO \"T\" VALUES ('A');\nROLLBACK;\nINSERT INTO \"T\" VALUES ('a');",
            (
                "line 3 (ROLLBACK) undoes 1 statement, and the file does not do it again\n"
                "undone:\n"
                "  INSERT INTO \"T\" VALUES ('A')"
            ),
        ),
    ],
)
def test_what_was_undone_for_good_is_told(
    run: Run, rows: Callable[[str], Any], text: str, words: str
) -> None:
    if '"T"' in text:
        run('CREATE TABLE "T" (a text)')
    result = run(text)
    assert (result.words, result.applied) == (words, False)


def test_syntax_error_names_line_message_and_statement(run: Run) -> None:
    result = run("SELECT 1;\n\n-- next\nCREATE TABLE t (\n  a int,\n  b itn eger\n);")
    assert result.error is not None
    assert (result.error.line, result.error.sqlstate) == (6, "42601")
    assert result.words == (
        'syntax error at or near "eger" (SQLSTATE 42601)\n'
        "statement:\n"
        "  CREATE TABLE t (\n"
        "    a int,\n"
        "    b itn eger\n"
        "  )"
    )


def test_error_position_counts_characters(run: Run) -> None:
    error = run("SELECT 'éé\né', /* é */\n nope;").error
    assert error is not None
    assert (error.message, error.line) == ('column "nope" does not exist', 3)


def test_error_in_a_do_block_names_its_line_in_the_file(run: Run) -> None:
    block = "DO\n$$\nBEGIN\n  PERFORM 1;\n  RAISE EXCEPTION 'no' USING HINT = 'try';\nEND $$;"
    error = run(f"SELECT 1;\n{block}").error
    assert error is not None
    assert (error.message, error.hint, error.line) == ("no", "try", 6)
    assert error.context is not None
    assert "HINT: try" in error.words


def test_error_in_a_row_of_copy_names_its_line_in_the_file(run: Run) -> None:
    error = run("CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n2\nx\n\\.\n").error
    assert error is not None
    assert (error.sqlstate, error.line) == ("22P02", 5)


def test_rows_of_copy_arrive(run: Run, rows: Callable[[str], Any]) -> None:
    result = run("CREATE TABLE t (a text);\nCOPY t FROM stdin;\né;\n%s\n\\.\nSELECT 1;")
    assert result.statements == 3
    assert rows("SELECT a FROM t") == [("é;",), ("%s",)]


def test_copy_to_the_client_is_read(run: Run) -> None:
    assert run("COPY (SELECT generate_series(1, 1000)) TO STDOUT;").applied


def test_percent_signs_are_text(run: Run, rows: Callable[[str], Any]) -> None:
    run("CREATE TABLE t AS SELECT '%s %(x)s 100%' AS a, 7 % 4 AS b;")
    assert rows("SELECT * FROM t") == [("%s %(x)s 100%", 3)]


def test_bytes_go_as_they_are_whatever_the_file_sets(run: Run, rows: Callable[[str], Any]) -> None:
    result = run("SET client_encoding = 'LATIN1';\nCREATE TABLE t AS SELECT 'é' AS a;")
    assert result.applied
    assert rows("SELECT a FROM t") == [("Ã©",)]  # as psql's: two bytes, two characters of Latin-1


def test_all_notices_are_kept(run: Run) -> None:
    text = "DO $$ BEGIN FOR i IN 1..200 LOOP RAISE NOTICE 'step %', i; END LOOP; END $$;"
    notices = run(text).notices
    assert len(notices) == 200
    assert notices[-1] == "NOTICE:  step 200"


def test_statement_that_never_ends_is_cancelled(run: Run) -> None:
    result = run("SELECT 1;\nSELECT pg_sleep(60);", statement_timeout_s=0.2)
    assert result.error is not None
    assert (result.error.sqlstate, result.error.line) == ("57014", 2)
    assert result.error.message == "canceling statement due to statement timeout"
    assert result.advice is not None
    assert "statement-timeout-s" in result.advice
    assert result.seconds < 5


def test_statement_that_never_ends_is_cancelled_whatever_the_file_sets(run: Run) -> None:
    result = run("SET statement_timeout = 0;\nSELECT pg_sleep(60);", statement_timeout_s=0.2)
    assert result.error is not None
    assert (result.error.sqlstate, result.error.line) == ("57014", 2)
    assert result.error.message == "the statement ran longer than 0.2 s"
    assert result.seconds < 5


def test_statement_that_ignores_its_cancellation_is_cut_off(
    run: Run, session: Any, database: Address
) -> None:
    text = """SET statement_timeout = 0;
        DO $$ BEGIN LOOP
            BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
        END LOOP; END $$;"""
    pid = session.info.backend_pid
    result = run(text, statement_timeout_s=0.1)
    assert result.error is not None
    assert result.error.sqlstate == "57014"
    assert "went on when it was cancelled, and was cut off" in result.error.message
    assert result.transaction == "aborted"
    assert session.closed
    end(pid, database)


def end(pid: int, database: Address) -> None:
    connection = psycopg2.connect(database.url())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))
    connection.close()


def test_interrupt_ends_the_statement(run: Run, session: Any, database: Address) -> None:
    pid = session.info.backend_pid
    began = time.monotonic()
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run("SELECT pg_sleep(60);", statement_timeout_s=30)
    assert time.monotonic() - began < 5
    connection = psycopg2.connect(database.url())
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", (pid,))
        assert cursor.fetchall() == [("idle",)]
    connection.close()


def test_lost_connection_is_the_servers_error(run: Run) -> None:
    with pytest.raises(ServerError) as caught:
        run("SELECT 1;\nSELECT pg_terminate_backend(pg_backend_pid());")
    said = str(caught.value)
    assert said.startswith("migrations/x.sql:2: PostgreSQL: the connection was lost while this")
    assert "SELECT pg_terminate_backend(pg_backend_pid())" in said
    assert "next: look into the server's log" in said


def test_connection_lost_before_the_file_is_the_servers_error(
    run: Run, session: Any, database: Address
) -> None:
    end(session.info.backend_pid, database)
    with pytest.raises(ServerError, match="the connection was lost"):
        run("SELECT 1;")


def test_full_disk_is_the_servers_error(run: Run) -> None:
    text = "DO $$ BEGIN RAISE disk_full USING MESSAGE = 'could not extend file'; END $$;"
    with pytest.raises(ServerError) as caught:
        run(text)
    assert "the server's disk failed it: could not extend file" in str(caught.value)
    assert "free space where the server keeps its files" in str(caught.value)


def test_file_that_cannot_be_split_does_not_run_at_all(
    run: Run, rows: Callable[[str], Any]
) -> None:
    with pytest.raises(MigrationError, match=r"^migrations/x.sql:2: string: has no end"):
        run("CREATE TABLE t (a int);\nSELECT 'a")
    assert rows("SELECT to_regclass('t')") == [(None,)]


def test_missing_extension_names_where_to_have_it(run: Run) -> None:
    result = run("CREATE EXTENSION IF NOT EXISTS vector;")
    assert result.error is not None
    assert 'extension "vector" is not available' in result.words
    assert result.advice is not None
    assert 'server = "docker" with image = "pgvector/pgvector:pg' in result.advice
    assert "apt install postgresql-" in result.advice


def test_what_needs_a_superuser_says_so(sides: Any, tmp_path: Path) -> None:
    script = Script(path=tmp_path / "x.sql", sql="CREATE EXTENSION earthdistance CASCADE;")
    result = run_script(sides.connect(sides.owner), script, statement_timeout_s=20, root=tmp_path)
    assert result.error is not None
    assert result.error.sqlstate == "42501"
    assert "who is no superuser" in (result.advice or "")
    assert "`prepare`" in (result.advice or "")


@pytest.mark.parametrize("text", ["SELECT 1;", "SELECT 1;\nSELECT\n nope;", "BEGIN;"])
def test_runs_cross_processes_as_json(run: Run, text: str) -> None:
    result = run(text)
    assert through_json(result) == result


def test_lines_that_pg_dump_writes_for_psql_are_left_out(run: Run) -> None:
    assert run("\\restrict x\nSELECT 1;\n\\unrestrict x\n").statements == 1


def test_long_statements_are_shortened_around_the_error() -> None:
    sql = "\n".join(f"line {number}" for number in range(100))
    assert excerpt("SELECT 1") == "SELECT 1"
    assert excerpt(sql).splitlines() == [f"line {n}" for n in range(12)] + ["..."]
    shown = excerpt(sql, 50).splitlines()
    assert shown[:3] == ["line 0", "...", "line 44"]
    assert "line 50" in shown
    assert shown[-1] == "..."
    assert excerpt("x" * 300) == "x" * 200 + " ..."


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("ALTER ROLE none PASSWORD 'it''s secret'", "ALTER ROLE none PASSWORD '***'"),
        (
            "ALTER ROLE none\nWITH password E'a\\'b secret'",
            "ALTER ROLE none\n  WITH password E'***'",
        ),
        ("ALTER ROLE none PASSWORD $x$secret$x$", "ALTER ROLE none PASSWORD $x$***$x$"),
        ("SELECT 1/0, 'postgresql://a:se/cret@h/d'", "SELECT 1/0, 'postgresql://a:***@h/d'"),
        ("CREATE USER a PASSWORD secret", "CREATE USER a PASSWORD ***"),
        ("ALTER ROLE none PASSWORD 'secret' secret", "ALTER ROLE none PASSWORD '***' ***"),
        (
            "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'u', password 'secret')",
            "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'u', password '***')",
        ),
        (
            "DO $$BEGIN RAISE 'no role' USING DETAIL = 'password=secret'; END$$",
            "DO $$BEGIN RAISE 'no role' USING DETAIL = 'password=***'; END$$",
        ),
        (
            "DO $$BEGIN EXECUTE 'ALTER ROLE none PASSWORD ''secret'''; END$$",
            "DO $$BEGIN EXECUTE 'ALTER ROLE none PASSWORD ''***'''; END$$",
        ),
    ],
)
def test_passwords_of_a_statement_that_fails_are_not_shown(run: Run, sql: str, shown: str) -> None:
    result = run(f"{sql};")
    assert result.error is not None
    assert "secret" not in dumps(result)
    assert result.words.endswith(f"statement:\n  {shown}")


def test_passwords_of_notices_are_not_kept(run: Run) -> None:
    result = run("DO $$BEGIN RAISE NOTICE 'at %', 'postgresql://a:secret@h/d'; END$$;")
    assert result.notices == ("NOTICE:  at postgresql://a:***@h/d",)


def test_a_literal_that_the_excerpt_cuts_shows_nothing_of_the_password() -> None:
    text = excerpt(f"CREATE ROLE a PASSWORD {' ' * 90}'{'secret' * 40}'")
    assert "secret" not in text
    assert text.endswith("'***")


def test_strings_end_as_the_server_says_at_each_statement(session: Any, run: Run) -> None:
    session.cursor().execute("SET standard_conforming_strings = off")
    result = run(
        r"""CREATE TABLE t (a text);
        INSERT INTO t VALUES ('it\'s; (');
        DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'on', false); END $$;
        INSERT INTO t VALUES ('C:\');
        BEGIN; SET LOCAL standard_conforming_strings = off;
        INSERT INTO t VALUES ('\'');
        ROLLBACK;
        INSERT INTO t VALUES ('D:\');
        SELECT * FROM nowhere
        """
    )
    assert result.statements == 9
    assert result.error is not None
    assert (result.error.sqlstate, result.error.line) == ("42P01", 9)
    with session.cursor() as cursor:
        cursor.execute("SELECT a FROM t")
        assert cursor.fetchall() == [("it's; (",), ("C:\\",), ("D:\\",)]
