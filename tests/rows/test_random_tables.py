"""Random tables: each is filled, or refused with a reason, and nothing else happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_schemaguard.rows.fill import Kind, fill
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from pytest_schemaguard.servers.databases import Databases

TYPES = (
    *("integer", "smallint", "bigint", "numeric", "numeric(3,2)", "real", "text", "varchar(2)"),
    *("char(3)", "boolean", "date", "timestamptz", "interval", "uuid", "jsonb", "json", "bytea"),
    *("inet", "mood", "pair", "positive", "code", "integer[]", "mood[]", "positive[]", "int4range"),
    *("point", "bit(2)", "tsvector", "xml", '"char"', "money", "datemultirange", "narrow"),
)
BEFORE = """
    CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a integer, b text);
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE DOMAIN narrow AS positive NOT NULL CHECK (VALUE < 4);
    CREATE DOMAIN code AS varchar(8) CHECK (VALUE ~ '^[A-Z]{2}-[0-9]+$');
"""
CHECKS = (
    *(
        "{a} IS NOT NULL",
        "({a})::text <> ''",
        "length(({a})::text) < 12",
        "{a} IS DISTINCT FROM {b}",
    ),
    *("({a})::text < ({b})::text", "({a} IS NULL) = ({b} IS NULL)", "({a})::text LIKE '%1%'"),
    *("({a})::text IN ('1', 'ok', 'x')", "({a})::text::integer > 3", "num_nonnulls({a}, {b}) = 1"),
    *("false", "true", "({a})::text = ({b})::text", "{a} IS NULL"),
)


@st.composite
def tables(draw: Any) -> str:
    """The SQL of a few tables; some of it PostgreSQL does not take."""
    made = []
    count = draw(st.integers(1, 4))
    for table in range(count):
        types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=7))
        names = [f'"c {place}"' for place in range(len(types))]
        parts = [
            f"{name} {one}{draw(st.sampled_from(('', '', ' NOT NULL')))}"
            for name, one in zip(names, types, strict=True)
        ]
        name = st.sampled_from(names)
        some = st.lists(name, min_size=1, max_size=3, unique=True)
        parts += [
            f"{draw(st.sampled_from(('UNIQUE', 'UNIQUE', 'PRIMARY KEY')))} ({', '.join(columns)})"
            for columns in draw(st.lists(some, max_size=2))
        ]
        parts += [
            f"CHECK ({check.format(a=draw(name), b=draw(name))})"
            for check in draw(st.lists(st.sampled_from(CHECKS), max_size=3))
        ]
        made.append(f"CREATE TABLE t{table} (id serial UNIQUE, {', '.join(parts)})")
    for _ in range(draw(st.integers(0, 4))):
        child, parent = (draw(st.integers(0, count - 1)) for _ in range(2))
        null = draw(st.sampled_from(("", " NOT NULL")))
        deferrable = draw(st.sampled_from(("", " DEFERRABLE")))
        made.append(
            f"ALTER TABLE t{child} ADD of{len(made)} integer{null}"
            f" REFERENCES t{parent} (id){deferrable}"
        )
    return ";".join(made)


@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
@given(sql=tables(), kind=st.sampled_from(Kind), rows=st.sampled_from((1, 5, 20)))
def test_each_table_is_filled_or_refused_with_a_reason(
    databases: Databases, sql: str, kind: Kind, rows: int
) -> None:
    databases.create("random")
    try:
        with databases.session("random", settings=Settings.STAND_IN) as owner:
            with owner.cursor() as cursor:
                cursor.execute(BEFORE)
                there = 0
                for statement in sql.split(";"):
                    try:
                        cursor.execute(statement)
                    except psycopg2.Error:
                        continue
                    there += statement.startswith("CREATE")
            filled = fill(owner, rows=rows, kind=kind)
            assert owner.info.transaction_status == 0
            assert not filled.rows.keys() & filled.refused.keys()
            assert len(filled.rows) + len(filled.refused) == there
            assert all(filled.refused.values())
            with owner.cursor() as cursor:
                for (_, table), count in filled.rows.items():
                    cursor.execute(f"SELECT count(*) FROM {table}")
                    assert cursor.fetchone() == (count,)
                    assert 0 < count <= rows
                for _, table in filled.refused:
                    cursor.execute(f"SELECT count(*) FROM {table}")
                    assert cursor.fetchone() == (0,)
    finally:
        databases.drop("random")
