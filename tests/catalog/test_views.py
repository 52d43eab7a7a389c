"""A class mapped to a view, materialised view or foreign table: its columns' names and types."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tests.catalog.databases import connected, differences, execute, fresh, models_of

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address

STORED = "CREATE TABLE stored (id serial PRIMARY KEY, name varchar(20), n bigint DEFAULT 1);"
FOREIGN = """
CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE seen ({}) SERVER files OPTIONS (filename '/dev/null');
"""
COLUMNS = "id integer, name varchar(20), n bigint, more text"
REMOTE = """
CREATE EXTENSION postgres_fdw; CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw;
CREATE FOREIGN TABLE seen ({}) SERVER remote;
"""
SELECTED = "SELECT id, name, n, 'x'::text AS more FROM stored"
KINDS = {
    "view": STORED + f"CREATE VIEW seen AS {SELECTED}",
    "materialized view": STORED + f"CREATE MATERIALIZED VIEW seen AS {SELECTED}",
    "foreign table": STORED + FOREIGN.format(COLUMNS),
    "foreign table of postgres_fdw": STORED + REMOTE.format(COLUMNS),
}


def told(postgres: Address, migrated: str, *columns: Any, schema: str | None = None) -> set[str]:
    metadata = sa.MetaData()
    sa.Table(
        "stored",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(20)),
        sa.Column("n", sa.BigInteger, server_default="1"),
    )
    sa.Table("seen", metadata, *columns, schema=schema)
    with fresh(postgres) as actual:
        with closing(connected(actual)) as connection:
            execute(connection, migrated)
        found = differences(postgres, actual, models_of(metadata))
    return {f"{one.kind} {'.'.join(one.name)}" for one in found}


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_the_right_names_and_types_are_all_that_is_asked(
    postgres: Address, kind: str
) -> None:
    """Neither its keys nor what a table would be made with; a column more is nothing."""
    found = told(
        postgres,
        KINDS[kind],
        sa.Column("id", sa.Integer, sa.ForeignKey("stored.id"), primary_key=True),
        sa.Column("name", sa.String(20), unique=True, index=True, nullable=False, comment="c"),
        sa.Column("n", sa.BigInteger, server_default="5"),
        sa.CheckConstraint("n > 0"),
        sa.Index("of_both", "id", sa.text("lower(name)")),
    )
    assert found == set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_column_and_another_type_are_told(postgres: Address, kind: str) -> None:
    found = told(
        postgres,
        KINDS[kind],
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("name", sa.String(20)),
        sa.Column("absent", sa.Text),
    )
    assert found == {"type public.seen.id", "missing-column public.seen.absent"}


def test_a_missing_view_is_a_missing_table(postgres: Address) -> None:
    found = told(postgres, STORED, sa.Column("id", sa.Integer, primary_key=True))
    assert found == {"missing-table public.seen"}


def test_a_view_in_another_schema_is_another(postgres: Address) -> None:
    migrated = KINDS["view"] + "; CREATE SCHEMA reports"
    found = told(postgres, migrated, sa.Column("id", sa.Integer), schema="reports")
    assert found == {"missing-table reports.seen", "extra-table public.seen"}
