"""Clients of all kinds do over the wire what they do without, and their statements are told."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pg8000.native
import psycopg
import psycopg2
import pytest

from tests.wire.conftest import ask, connected

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address
    from pytest_schemaguard.wire.wire import Line, Statement

ROWS = 30_000


def statements(line: Line) -> tuple[Statement, ...]:
    return line.seen().statements


def told(line: Line) -> list[tuple[str, tuple[str, ...], str, str | None]]:
    return [(one.sql, one.tags, one.before, one.after) for one in statements(line)]


def test_psycopg2(line: Line) -> None:
    with connected(line.address, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE item (id int, name text)")
        cursor.execute("INSERT INTO item VALUES (%s, %s)", (1, "a"))
        with pytest.raises(psycopg2.errors.UndefinedTable):
            cursor.execute("SELECT 1;\nDROP TABLE missing; SELECT 2")
        connection.rollback()
        cursor.execute("CREATE TABLE item (id int); SELECT 1")
        cursor.copy_expert("COPY item FROM STDIN", io.StringIO("1\n" * ROWS))
        out = io.StringIO()
        cursor.copy_expert("COPY item TO STDOUT", out)
        assert out.getvalue() == "1\n" * ROWS
        connection.commit()
    error = statements(line)[3].error
    assert error is not None
    assert (error.sqlstate, error.message, error.position, error.is_fatal) == (
        "42P01",
        'table "missing" does not exist',
        None,
        False,
    )
    assert told(line) == [
        ("BEGIN", ("BEGIN",), "I", "T"),
        ("CREATE TABLE item (id int, name text)", ("CREATE TABLE",), "T", "T"),
        ("INSERT INTO item VALUES (1, 'a')", ("INSERT 0 1",), "T", "T"),
        ("SELECT 1;\nDROP TABLE missing; SELECT 2", ("SELECT 1",), "T", "E"),
        ("ROLLBACK", ("ROLLBACK",), "E", "I"),
        ("BEGIN", ("BEGIN",), "I", "T"),
        ("CREATE TABLE item (id int); SELECT 1", ("CREATE TABLE", "SELECT 1"), "T", "T"),
        ("COPY item FROM STDIN", (f"COPY {ROWS}",), "T", "T"),
        ("COPY item TO STDOUT", (f"COPY {ROWS}",), "T", "T"),
        ("COMMIT", ("COMMIT",), "T", "I"),
    ]


def test_a_commit_that_does_not_commit_answers_rollback(line: Line) -> None:
    with connected(line.address) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        with pytest.raises(psycopg2.errors.DivisionByZero):
            cursor.execute("SELECT 1 / 0")
        cursor.execute("COMMIT")
    assert told(line)[1:] == [("SELECT 1 / 0", (), "T", "E"), ("COMMIT", ("ROLLBACK",), "E", "I")]


def test_psycopg_3(line: Line) -> None:
    with psycopg.connect(line.address.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE item (id int, name text)")
        connection.execute("INSERT INTO item VALUES (%s, %s)", (1, "a"))
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT %s / 0", (1,))
        with connection.cursor().copy("COPY item FROM STDIN") as copy:
            for number in range(ROWS):
                copy.write_row((number, "x"))
        with connection.cursor().copy("COPY item TO STDOUT") as copy:
            assert len(list(copy.rows())) == ROWS + 1
        with connection.transaction(), connection.cursor(name="c") as cursor:
            cursor.execute("SELECT id FROM item")
            assert len(cursor.fetchmany(10)) == 10
    assert told(line)[:5] == [
        ("CREATE TABLE item (id int, name text)", ("CREATE TABLE",), "I", "I"),
        ("INSERT INTO item VALUES ($1, $2)", ("INSERT 0 1",), "I", "I"),
        ("SELECT $1 / 0", (), "I", "I"),
        ("COPY item FROM STDIN", (f"COPY {ROWS}",), "I", "I"),
        ("COPY item TO STDOUT", (f"COPY {ROWS + 1}",), "I", "I"),
    ]
    error = statements(line)[2].error
    assert error is not None
    assert error.sqlstate == "22012"


def test_pipeline_of_psycopg_3_is_one_batch_and_what_follows_an_error_was_not_run(
    line: Line,
) -> None:
    with psycopg.connect(line.address.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE item (id int)")
        with connection.pipeline():
            for number in range(100):
                connection.execute("INSERT INTO item VALUES (%s)", (number,))
        with pytest.raises(psycopg.errors.UndefinedTable):
            _insert_together(connection, "item", "missing", "item")
    assert ask(line.address, "SELECT count(*) FROM item") == [(100,)]
    seen = [one for one in statements(line) if one.sql.startswith("INSERT")]
    assert [one.tags for one in seen] == [("INSERT 0 1",)] * 101 + [(), ()]
    assert [one.error and one.error.sqlstate for one in seen[-3:]] == [None, "42P01", None]


def test_pipelined_batches_are_told_one_by_one(line: Line) -> None:
    with (
        psycopg.connect(line.address.url(), autocommit=True) as connection,
        connection.pipeline() as pipeline,
    ):
        for _ in range(3):
            connection.execute("BEGIN")
            connection.execute("SELECT 1")
            connection.execute("COMMIT")
            pipeline.sync()
    assert [one.sql for one in statements(line)] == ["BEGIN", "SELECT 1", "COMMIT"] * 3


def test_asyncpg(line: Line) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(host=line.address.host, **_words(line.address))
        await connection.execute("CREATE TABLE item (id int, name text); SELECT 1")
        await connection.execute("INSERT INTO item VALUES ($1, $2)", 1, "a")
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT $1::int FROM missing", 1)
        records = [(number, "x") for number in range(ROWS)]
        await connection.copy_records_to_table("item", records=records)
        async with connection.transaction():
            count = 0
            async for _ in connection.cursor("SELECT id FROM item", prefetch=1000):
                count += 1
        assert count == ROWS + 1
        await connection.close()

    asyncio.run(work())
    assert told(line) == [
        ("CREATE TABLE item (id int, name text); SELECT 1", ("CREATE TABLE", "SELECT 1"), "I", "I"),
        ("INSERT INTO item VALUES ($1, $2)", ("INSERT 0 1",), "I", "I"),
        ("SELECT $1::int FROM missing", (), "I", "I"),
        ('COPY "item" FROM STDIN (FORMAT binary) ', (f"COPY {ROWS}",), "I", "I"),
        ("BEGIN;", ("BEGIN",), "I", "T"),
        ("SELECT id FROM item", (), "T", "T"),
        ("COMMIT;", ("COMMIT",), "T", "I"),
    ]


def test_pg8000(line: Line) -> None:
    words = _words(line.address)
    connection = pg8000.native.Connection(
        unix_sock=f"{line.address.host}/.s.PGSQL.{line.address.port}",
        user=words["user"],
        password=words["password"],
        database=words["database"],
    )
    connection.run("CREATE TABLE item (id int, name text)")
    connection.run("INSERT INTO item VALUES (:id, :name)", id=1, name="a")
    with pytest.raises(pg8000.exceptions.DatabaseError, match="42P01"):
        connection.run("SELECT * FROM missing")
    connection.run("COPY item FROM STDIN", stream=io.BytesIO(b"1\tx\n" * ROWS))
    connection.close()
    assert [(sql, tags) for sql, tags, _, _ in told(line)] == [
        ("CREATE TABLE item (id int, name text)", ("CREATE TABLE",)),
        ("INSERT INTO item VALUES ($1, $2)", ("INSERT 0 1",)),
        ("SELECT * FROM missing", ()),
        ("COPY item FROM STDIN", (f"COPY {ROWS}",)),
    ]


PSQL = """
CREATE TABLE item (id int);
COPY item FROM STDIN;
1
2
\\.
DO $$BEGIN INSERT INTO item VALUES (3); END$$;
CREATE INDEX CONCURRENTLY item_id ON item (id);
VACUUM item;
BEGIN; SELECT 1/0; COMMIT;
SELECT count(*) FROM item;
\\copy item TO STDOUT
"""


def test_psql(line: Line) -> None:
    done = _psql(line.address, PSQL)
    assert (done.returncode, done.stdout) == (0, "3\n1\n2\n3\n")
    assert [(sql, tags) for sql, tags, _, _ in told(line)] == [
        ("CREATE TABLE item (id int);", ("CREATE TABLE",)),
        ("COPY item FROM STDIN;", ("COPY 2",)),
        ("DO $$BEGIN INSERT INTO item VALUES (3); END$$;", ("DO",)),
        ("CREATE INDEX CONCURRENTLY item_id ON item (id);", ("CREATE INDEX",)),
        ("VACUUM item;", ("VACUUM",)),
        ("BEGIN;", ("BEGIN",)),
        ("SELECT 1/0;", ()),
        ("COMMIT;", ("ROLLBACK",)),
        ("SELECT count(*) FROM item;", ("SELECT 1",)),
        ("COPY  item TO STDOUT ", ("COPY 3",)),
    ]


def test_large_rows_and_statements_pass(line: Line) -> None:
    size = 20 << 20
    with connected(line.address) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT length(%s)", ("x" * size,))
        assert cursor.fetchone() == (size,)
        cursor.execute(f"SELECT repeat('x', {size}) FROM generate_series(1, 2)")
        assert [len(value) for (value,) in cursor.fetchall()] == [size, size]
    long, short = statements(line)
    assert long.is_cut
    assert long.sql.startswith("SELECT length('xxx")
    assert len(long.sql) == 1 << 20
    assert not short.is_cut


NODE = """
const { Client } = require('pg');
(async () => {
  const client = new Client({
    host: process.env.W_HOST, port: Number(process.env.W_PORT), user: process.env.W_USER,
    password: process.env.W_PASSWORD, database: process.env.W_DATABASE,
  });
  await client.connect();
  await client.query('CREATE TABLE item (id int, name text)');
  await client.query('INSERT INTO item VALUES ($1, $2)', [1, 'a']);
  try { await client.query('SELECT * FROM missing'); } catch (error) { console.log(error.code); }
  const found = await client.query({ name: 'n', text: 'SELECT name FROM item WHERE id = $1',
                                     values: [1] });
  console.log(found.rows[0].name);
  await client.end();
})();
"""


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """`pg` of npm, installed once into a cache."""
    if shutil.which("npm") is None:
        pytest.skip("no npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "schema-guard-tests"
    if not (cache / "node_modules" / "pg" / "package.json").exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            done = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=0", "pg@8"],
                cwd=name,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            if done.returncode:
                pytest.skip(f"npm install pg: {done.stderr.strip().splitlines()[-1:]}")
            if not (cache / "node_modules").exists():
                (Path(name) / "node_modules").rename(cache / "node_modules")
    return cache / "node_modules"


def test_node_pg(line: Line, node_modules: Path) -> None:
    words = {f"W_{name.upper()}": str(value) for name, value in _words(line.address).items()}
    done = subprocess.run(
        ["node", "-e", NODE],
        env={
            **os.environ,
            **words,
            "W_HOST": line.address.host,
            "NODE_PATH": str(node_modules),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "42P01\na\n", "")
    assert [(sql, tags) for sql, tags, _, _ in told(line)] == [
        ("CREATE TABLE item (id int, name text)", ("CREATE TABLE",)),
        ("INSERT INTO item VALUES ($1, $2)", ("INSERT 0 1",)),
        ("SELECT * FROM missing", ()),
        ("SELECT name FROM item WHERE id = $1", ("SELECT 1",)),
    ]


def _insert_together(connection: psycopg.Connection, *tables: str) -> None:
    with connection.pipeline():
        for table in tables:
            connection.execute(f"INSERT INTO {table} VALUES (%s)", (1,))


def _words(address: Address) -> dict[str, Any]:
    return {
        "port": address.port,
        "user": address.user,
        "password": address.password,
        "database": address.database,
    }


def _psql(address: Address, script: str, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", *more, address.url()],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
