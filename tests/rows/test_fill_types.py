"""Values of every type that PostgreSQL, and the extensions beside it, have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import psycopg2
import pytest

from pytest_schemaguard.rows.fill import Kind, fill
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.servers.databases import Databases

    Select = Callable[[str], list[tuple[Any, ...]]]

EXTENSIONS = ("citext", "hstore", "ltree", "cube", "seg", "isn")
TYPES = """
    SELECT oid::regtype::text FROM pg_type
    WHERE typtype IN ('b', 'r', 'm') AND typisdefined AND typnamespace::regnamespace::text
      IN ('pg_catalog', 'public')
    -- Of these no column can be, or no value can be written.
      AND typname !~ 'pg_node_tree|pg_ndistinct|pg_dependencies|pg_mcv|gtsvector|brin|cstring'
      AND typname !~ 'ghstore|ltree_gist|intbig' AND typelem NOT IN
        (SELECT reltype FROM pg_class WHERE reltype <> 0)
    ORDER BY 1
"""
MODIFIED = (
    *("varchar(1)", "varchar(3)", "char(5)", "numeric(1)", "numeric(2,2)", "numeric(38,10)"),
    *("numeric(1000)", "bit(7)", "varbit(3)", "time(0)", "timestamp(0)", "timestamptz(3)"),
    *("interval year", "interval(0)", "varchar(20)[]", "numeric(3,1)[]", "integer[][]"),
)
READ_BY_NO_DRIVER = {"int2vector[]", "oidvector[]"}
"""psycopg2 itself fails on them."""


@pytest.fixture
def columns(
    owner: Any, select: Select, prepare: Callable[[str], None]
) -> dict[tuple[str, ...], str]:
    """A table of each type, and its type: one column that may be NULL, and one that may not."""
    prepare("".join(f"CREATE EXTENSION {name};" for name in EXTENSIONS))
    types = [*(name for (name,) in select(TYPES)), *MODIFIED]
    try:
        select("SELECT '<a/>'::xml")
    except psycopg2.errors.FeatureNotSupported:  # it was built without
        types = [name for name in types if not name.startswith("xml")]
    if owner.server_version >= 150000:
        types.append("numeric(3,-2)")
    for n, name in enumerate(types):
        select(f"CREATE TABLE t{n} (id serial PRIMARY KEY, a {name}, b {name} NOT NULL)")
    assert len(types) > 190
    return {("public", f"t{n}"): name for n, name in enumerate(types)}


@pytest.mark.parametrize("kind", Kind)
def test_every_type_has_values_that_drivers_can_read(
    owner: Any, databases: Databases, fresh: str, columns: dict[tuple[str, ...], str], kind: Kind
) -> None:
    filled = fill(owner, rows=20, kind=kind)
    assert {columns[name]: reason for name, reason in filled.refused.items()} == {}
    assert filled.rows == dict.fromkeys(columns, 20)
    for (_, table), name in columns.items():
        if name not in READ_BY_NO_DRIVER:
            with owner.cursor() as cursor:
                cursor.execute(f"SELECT a, b FROM {table}")
                values = cursor.fetchall()  # Python's values are made here
            assert any(a is None for a, _ in values) == (kind is Kind.WILD), name
    address = databases.address(fresh)
    with psycopg.connect(address.url()) as connection:
        for _, table in columns:
            connection.execute(f"SELECT * FROM {table}").fetchall()
    asyncio.run(_read_by_asyncpg(address, [table for _, table in columns]))


async def _read_by_asyncpg(address: Any, tables: list[str]) -> None:
    connection = await asyncpg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
    )
    for table in tables:
        await connection.fetch(f"SELECT * FROM {table}")
    await connection.close()


def test_types_that_are_made_of_others(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TYPE mood AS ENUM ('it''s', '"so so"', E'back\\\\slash');
        CREATE TYPE pair AS (name text, mood mood, days daterange);
        CREATE TYPE pairs AS (first pair, rest pair[]);
        CREATE TYPE words AS RANGE (SUBTYPE = text);
        CREATE TABLE t (id serial, a mood NOT NULL, b mood[], c pair NOT NULL, d pairs, e pairs[],
          f words, g int4multirange NOT NULL, h box[], i text[][] NOT NULL, j json[]);
        """
    )
    assert fill(owner, rows=20).rows == {("public", "t"): 20}
    assert select("SELECT count(DISTINCT a), count(DISTINCT c), count(DISTINCT b) FROM t") == [
        (3, 20, 4)
    ]
    assert select("SELECT DISTINCT array_ndims(i) FROM t WHERE i <> '{}'") == [(2,)]
    assert select("SELECT count(*) FROM t x JOIN t y ON x.id < y.id AND x.f && y.f") != [(0,)]
    select("TRUNCATE t")
    fill(owner, rows=20, kind=Kind.MILD)
    assert select("SELECT count(*) FROM t x JOIN t y ON x.id < y.id AND x.f && y.f") == [(0,)]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_keep_every_text(
    databases: Databases, prepare: Callable[[str], None], encoding: str
) -> None:
    name = f"rows-{encoding}"
    prepare(
        f'CREATE DATABASE "{databases.full_name(name)}" OWNER {databases.server.owner.user}'
        f" TEMPLATE template0 LOCALE 'C' ENCODING '{encoding}'"
    )
    with databases.session(name, settings=Settings.STAND_IN) as owner, owner.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id serial, a text, b json, c xml)")
        assert fill(owner, rows=20).rows == {("public", "t"): 20}
        cursor.execute("SELECT max(id) FROM t")
        assert cursor.fetchone() == (20,)  # none was refused
    databases.drop(name)
