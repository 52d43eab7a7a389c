"""Equal fingerprints stand for equal snapshots."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class

from pytest_schemaguard.catalog.fingerprint import QUERIES, fingerprint
from pytest_schemaguard.catalog.read import query, read_by
from pytest_schemaguard.catalog.transaction import read_only
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address

BEFORE = """
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE SEQUENCE n;
CREATE SCHEMA other;
CREATE TABLE other.apart (id integer);
CREATE TABLE t (id serial PRIMARY KEY, m mood, name text NOT NULL DEFAULT 'x', p positive);
CREATE INDEX by_name ON t (name);
CREATE VIEW v AS SELECT id FROM t;
CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
"""
CHANGES = [
    "ALTER TYPE mood ADD VALUE 'c'",
    "ALTER DOMAIN positive SET NOT NULL",
    "ALTER SEQUENCE n INCREMENT 2",
    "ALTER TABLE t ALTER name DROP NOT NULL",
    "ALTER TABLE t ALTER name SET DEFAULT 'y'",
    "ALTER TABLE t ADD UNIQUE (name)",
    "ALTER INDEX by_name RENAME TO other_name",
    "ALTER TABLE t SET UNLOGGED",
    "COMMENT ON TABLE t IS 'x'",
    "COMMENT ON COLUMN t.name IS 'a, (b)'",
    "CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM t",
    "CREATE OR REPLACE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
    "ALTER TABLE other.apart ADD more text",
]


def mark(connection: Any, **schema: str) -> str:
    with read_only(connection) as cursor:
        return fingerprint(cursor, **schema)


def test_databases_made_in_another_order_with_other_oids_are_equal(postgres: Address) -> None:
    with (
        fresh(postgres) as one,
        fresh(postgres) as other,
        closing(connected(one)) as first,
        closing(connected(other)) as second,
    ):
        execute(first, BEFORE)
        execute(second, "CREATE TABLE gone (id serial); DROP TABLE gone;" + BEFORE)
        assert mark(first) == mark(second)
        assert mark(first, schema="other") == mark(second, schema="other")
        execute(second, "ALTER TABLE t ADD more text")
        assert mark(first) != mark(second)
        assert mark(first, schema="other") == mark(second, schema="other")


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_snapshot_changes_the_fingerprint(
    postgres: Address, change: str
) -> None:
    with fresh(postgres) as address, closing(connected(address)) as connection:
        execute(connection, BEFORE)
        before = mark(connection)
        assert mark(connection) == before
        execute(connection, change)
        assert mark(connection) != before


class Recording(Cursor):  # type: ignore[misc] # psycopg2 has no types
    """Remembers what was executed."""

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        self.executed: list[str] = []

    def execute(self, text: Any, values: Any = None) -> None:
        self.executed.append(text)
        super().execute(text, values)


@pytest.mark.parametrize("schema", [None, "public"])
def test_it_asks_exactly_what_a_read_asks(database: Address, schema: str | None) -> None:
    """A query that the fingerprint left out would let an unequal database pass for an equal one."""
    with closing(psycopg2.connect(database.url(), cursor_factory=Recording)) as connection:
        connection.autocommit = True
        with read_only(connection) as cursor:
            cursor.executed.clear()
            read_by(cursor, schema=schema)
            assert sorted(cursor.executed) == sorted(query(one, schema=schema) for one in QUERIES)
            cursor.executed.clear()
            fingerprint(cursor, schema=schema)
            (asked,) = cursor.executed
            assert all(query(one, schema=schema) in asked for one in QUERIES)
