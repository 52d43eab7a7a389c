"""What drift says that an application would see, seen by queries on a server."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import sqlalchemy as sa

from pytest_schemaguard.catalog.diff import Depth, diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.checks.drift.consequences import MEANINGS, Sees
from pytest_schemaguard.checks.drift.meanings import key_of
from pytest_schemaguard.findings import Severity
from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Wanted, obtain
from pytest_schemaguard.sqltext.identifiers import KEYWORDS, quoted
from tests.catalog.databases import connected, execute, fresh, read_inside
from tests.checks.proofs import PROOFS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot
    from tests.checks.proofs.shape import Proof

SINCE = {"generated: stored": 180000, "missing-not-null": 180000, "extra-not-null": 180000}
"""Versions of PostgreSQL that first know what a proof is about."""
PROVEN_BELOW = {
    *("enum-labels: gained", "unlogged", "unlogged: gained", "tablespace", "index-tablespace")
}
PATIENCE_S = 10


@pytest.fixture(scope="module")
def cursor(postgres: Address) -> Iterator[Any]:
    with (
        fresh(postgres) as database,
        closing(connected(database)) as connection,
        connection.cursor() as one,
    ):
        yield one


def outcome(cursor: Any, query: str) -> Any:
    """Its rows, its plan as text, or the name of its error, which leaves the transaction usable."""
    cursor.execute("SAVEPOINT before")
    try:
        cursor.execute(query)
        rows = cursor.fetchall() if cursor.description else []
    except psycopg2.Error as error:
        cursor.execute("ROLLBACK TO before")
        return type(error).__name__
    return "\n".join(row[0] for row in rows) if query.startswith("EXPLAIN") else rows


def side(cursor: Any, schema: str, proof: Proof) -> tuple[Snapshot, list[Any]]:
    """The schema's catalog, and what each query does there; nothing of it stays."""
    cursor.execute("BEGIN")
    try:
        cursor.execute(schema or "SELECT")
        snapshot = read_inside(cursor)
        cursor.execute("SET LOCAL search_path = public; SET LOCAL enable_bitmapscan = off")
        return snapshot, [outcome(cursor, one.sql) for one in proof.queries]
    finally:
        cursor.execute("ROLLBACK")


def is_as(wanted: Any, got: Any) -> bool:
    return wanted == got or (isinstance(got, str) and isinstance(wanted, str) and wanted in got)


@pytest.mark.parametrize("proof", PROOFS, ids=[f"{n}-{one.key}" for n, one in enumerate(PROOFS)])
def test_the_consequence_that_is_told_is_what_queries_see(proof: Proof, cursor: Any) -> None:
    if cursor.connection.server_version < SINCE.get(proof.key, 0):
        pytest.skip("this PostgreSQL has no such thing")
    if "x-icu" in proof.database:
        cursor.execute("SELECT FROM pg_collation WHERE collname = 'und-x-icu'")
        if not cursor.rowcount:
            pytest.skip("this PostgreSQL was built without ICU")
    expected, on_model = side(cursor, proof.model, proof)
    actual, on_database = side(cursor, proof.database, proof)
    keys = {
        key_of(one, fills_itself=fills_itself(actual, one.name), types=types_of(expected, actual))
        for one in diff(expected, actual, depth=Depth.MODELS)
    }
    assert proof.key in keys
    for query, one, other in zip(proof.queries, on_model, on_database, strict=True):
        assert is_as(query.on_model, one), (query.sql, one)
        assert is_as(query.on_database, other), (query.sql, other)


def fills_itself(there: Snapshot, name: tuple[str, ...]) -> bool:
    column = there.columns.get(name)
    return column is None or column.fills_itself


def types_of(expected: Snapshot, actual: Snapshot) -> dict[str, str]:
    """As drift knows them: the models' own types, and enums of the database alone."""
    enums = {quoted(*name): "enum" for name in {*expected.enums, *actual.enums}}
    return {**enums, **{quoted(*name): "domain" for name in expected.domains}}


def test_every_meaning_is_proven() -> None:
    assert {one.key for one in PROOFS} | PROVEN_BELOW == MEANINGS.keys()


@pytest.mark.parametrize("key", sorted(MEANINGS.keys() - PROVEN_BELOW))
def test_what_is_said_is_what_the_proof_sees(key: str) -> None:
    meaning = MEANINGS[key]
    apart = [
        query
        for proof in PROOFS
        if proof.key == key
        for query in proof.queries
        if query.on_model != query.on_database
    ]
    raised = [
        base.__name__
        for query in apart
        if isinstance(query.on_database, str) and not query.sql.startswith("EXPLAIN")
        for base in getattr(psycopg2.errors, query.on_database).__mro__
    ]
    for error in re.findall(r"\((\w+)\)", meaning.consequence):
        assert error in raised
    breaks = [one for one in apart if not isinstance(one.on_model, str)]
    lets_in = [one for one in apart if isinstance(one.on_model, str)]
    if meaning.sees is Sees.COSMETIC:
        assert raised == []
    elif meaning.sees is Sees.BREAKS_SELECT:
        assert any(one.sql.startswith("SELECT") for one in breaks)
    elif meaning.sees is Sees.BREAKS_WRITE:
        assert breaks
    elif meaning.sees is Sees.SLOWER:
        assert any(one.sql.startswith("EXPLAIN") for one in apart)
    elif meaning.sees is Sees.BAD_DATA:
        assert lets_in or breaks
    else:
        assert apart


def test_severity_follows_from_what_is_seen_or_is_justified() -> None:
    for key, meaning in MEANINGS.items():
        assert meaning.sees is not None, key
        follows = {Sees.SLOWER: Severity.WARNING, Sees.COSMETIC: Severity.INFO}.get(
            meaning.sees, Severity.ERROR
        )
        assert (meaning.because is None) == (meaning.severity is follows), key


def test_label_that_the_model_lacks_cannot_be_read(postgres: Address) -> None:
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("a", sa.Enum("x", name="mood")))
    with fresh(postgres) as database, closing(connected(database)) as connection:
        engine = sa.create_engine("postgresql+psycopg2://", creator=lambda: connected(database))
        execute(connection, "CREATE TYPE mood AS ENUM ('x', 'more'); CREATE TABLE t (a mood)")
        with engine.connect() as orm:
            execute(connection, "INSERT INTO t VALUES ('x')")
            assert orm.execute(sa.select(table.c.a)).all() == [("x",)]
            execute(connection, "INSERT INTO t VALUES ('more')")
            with pytest.raises(LookupError, match="'more' is not among the defined enum values"):
                orm.execute(sa.select(table.c.a)).all()
        engine.dispose()
    assert MEANINGS["enum-labels: gained"].consequence == (
        "rows with labels that the model lacks cannot be read (LookupError): {labels}"
    )


def test_no_query_sees_a_tablespace(postgres: Address) -> None:
    with closing(connected(postgres)) as admin:
        execute(admin, "SET allow_in_place_tablespaces = on")
        execute(admin, "CREATE TABLESPACE elsewhere LOCATION ''")
        try:
            snapshots = []
            for place in ("elsewhere", "pg_default"):
                with fresh(postgres) as database, closing(connected(database)) as connection:
                    execute(connection, f"CREATE TABLE t (a int) TABLESPACE {place}")
                    execute(connection, f"CREATE INDEX ix ON t (a) TABLESPACE {place}")
                    execute(connection, "INSERT INTO t VALUES (1)")
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT a FROM t WHERE a = 1")
                        assert cursor.fetchall() == [(1,)]
                    snapshots.append(read(connection))
        finally:
            execute(admin, "DROP TABLESPACE elsewhere")
    kinds = [one.kind for one in diff(*snapshots, depth=Depth.MODELS)]
    assert kinds == ["tablespace", "index-tablespace"]


def test_rows_of_an_unlogged_table_are_gone_after_a_crash_and_of_no_other() -> None:
    major = os.environ.get("SCHEMA_GUARD_TEST_MAJOR")
    run = Run.begin()
    try:
        settings = (("restart_after_crash", "on"),)
        server = obtain(Wanted(major=int(major) if major else None, settings=settings), run)
        with closing(connected(server.admin)) as connection:
            execute(
                connection,
                "CREATE TABLE kept AS SELECT 1; CREATE UNLOGGED TABLE lost AS SELECT 1; CHECKPOINT",
            )
            session = connection.info.backend_pid
            os.kill(session, signal.SIGKILL)
            while Path(f"/proc/{session}").exists():  # until the postmaster has seen it
                time.sleep(0.01)
        assert counts(server.admin, "kept", "lost") == [1, 0]
    finally:
        run.close(wait=True)


def counts(address: Address, *tables: str) -> list[int]:
    """Of rows, as soon as the server has recovered."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with closing(connected(address)) as connection, connection.cursor() as cursor:
                found = []
                for table in tables:
                    cursor.execute(f"SELECT count(*) FROM {table}")
                    found += cursor.fetchone()
                return found
        except psycopg2.OperationalError:
            if time.monotonic() > until:
                raise


def test_names_are_quoted_where_postgresql_quotes_them(postgres: Address) -> None:
    with closing(connected(postgres)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(word) FROM pg_get_keywords() WHERE catcode <> 'U'")
        (words,) = cursor.fetchone()
        assert set(words) <= KEYWORDS
        names = [*words, "plain", "a_1", "Upper", "it's", 'a"b', "1a", "ü", "", "a b", "%s"]
        cursor.execute(
            "SELECT array_agg(quote_ident(n) ORDER BY o) FROM unnest(%s)"
            " WITH ORDINALITY AS u (n, o)",
            (names,),
        )
        (wanted,) = cursor.fetchone()
    assert [quoted(name) for name in names] == wanted
