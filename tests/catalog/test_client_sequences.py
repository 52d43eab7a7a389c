"""A model's `Sequence()` and a column of the database that draws from the same one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from pytest_schemaguard.checks.drift.meanings import meaning_of
from tests.catalog.databases import connected, differences, execute, fresh, models_of

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address

SERIAL = "CREATE TABLE person (id serial PRIMARY KEY, name text)"
FREE = "CREATE SEQUENCE person_id_seq; CREATE TABLE person (id integer PRIMARY KEY, name text)"


def told(postgres: Address, migrated: str, **options: int) -> set[str]:
    metadata = sa.MetaData()
    drawn = sa.Sequence("person_id_seq", **options)  # type: ignore[arg-type]
    sa.Table(
        "person",
        metadata,
        sa.Column("id", sa.Integer, drawn, primary_key=True),
        sa.Column("name", sa.Text),
    )
    with fresh(postgres) as actual:
        with closing(connected(actual)) as connection:
            execute(connection, migrated)
        found = differences(postgres, actual, models_of(metadata))
    return {
        f"{meaning_of(one, fills_itself=True).severity.value} {one.kind} {'.'.join(one.name[1:])}"
        for one in found
    }


def test_a_serial_column_that_draws_from_the_models_sequence_is_one_info(postgres: Address) -> None:
    assert told(postgres, SERIAL) == {"info sequence-owner person_id_seq"}


def test_a_sequence_of_its_own_is_nothing(postgres: Address) -> None:
    assert told(postgres, FREE) == set()


IDENTITY = "CREATE TABLE person (id integer GENERATED {} AS IDENTITY PRIMARY KEY, name text)"


@pytest.mark.parametrize(
    ("migrated", "findings"),
    [
        (IDENTITY.format("BY DEFAULT"), set()),
        (IDENTITY.format("ALWAYS"), {"error identity person.id"}),
        (
            IDENTITY.format("BY DEFAULT").replace("IDENTITY", "IDENTITY (INCREMENT BY 2)"),
            {"warning identity person.id"},
        ),
        (
            IDENTITY.format("BY DEFAULT") + "; ALTER SEQUENCE person_id_seq RENAME TO ids",
            {"error missing-sequence person_id_seq", "warning identity person.id"},
        ),
    ],
)
def test_an_identity_columns_own_sequence_can_be_drawn_from(
    postgres: Address, migrated: str, findings: set[str]
) -> None:
    assert told(postgres, migrated) == findings


@pytest.mark.parametrize(
    ("migrated", "findings"),
    [
        (
            "CREATE TABLE person (id integer PRIMARY KEY, name text)",
            {"error missing-sequence person_id_seq"},
        ),
        (
            SERIAL + "; ALTER SEQUENCE person_id_seq RENAME TO ids",
            {"error missing-sequence person_id_seq", "warning default person.id"},
        ),
        (
            SERIAL + "; ALTER SEQUENCE person_id_seq INCREMENT BY 2",
            {"info sequence-owner person_id_seq", "warning sequence person_id_seq"},
        ),
        (
            SERIAL + "; ALTER SEQUENCE person_id_seq MAXVALUE 100",
            {"info sequence-owner person_id_seq", "warning sequence person_id_seq"},
        ),
        (
            # The column was widened, its sequence was not: it ends where integers end.
            SERIAL + "; ALTER TABLE person ALTER id TYPE bigint",
            {
                "info sequence-owner person_id_seq",
                "warning sequence person_id_seq",
                "warning type person.id",
            },
        ),
        (
            SERIAL + "; CREATE SEQUENCE other;"
            " ALTER TABLE person ALTER id SET DEFAULT nextval('other')",
            {
                "info sequence-owner person_id_seq",
                "warning sequence person_id_seq",
                "warning default person.id",
            },
        ),
    ],
)
def test_another_sequence_is_told(postgres: Address, migrated: str, findings: set[str]) -> None:
    assert told(postgres, migrated) == findings


def test_a_sequence_that_counts_otherwise_in_the_model_is_told(postgres: Address) -> None:
    found = told(postgres, SERIAL, increment=10)
    assert found == {"info sequence-owner person_id_seq", "warning sequence person_id_seq"}
