"""What differs by its name alone is told as that; what differs by more too, once."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.checks.drift.meanings import meaning_of
from pytest_schemaguard.expected.settle import settled_differences
from pytest_schemaguard.findings import Severity
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address

BASE = """
CREATE TABLE other (id integer PRIMARY KEY);
CREATE TABLE t (id integer NOT NULL, a integer, b integer, v varchar(9));
"""
ADD = "ALTER TABLE t ADD "
NAME_ONLY = [
    ("CONSTRAINT uq_t_a UNIQUE (a)", "UNIQUE (a)", {"renamed-constraint t_a_key"}),
    ("UNIQUE (a)", "CONSTRAINT uq_t_a UNIQUE (a)", {"renamed-constraint uq_t_a"}),
    ("CONSTRAINT pk PRIMARY KEY (id)", "PRIMARY KEY (id)", {"renamed-constraint t_pkey"}),
    (
        "CONSTRAINT fk FOREIGN KEY (a) REFERENCES other",
        "FOREIGN KEY (a) REFERENCES other (id)",
        {"renamed-constraint t_a_fkey"},
    ),
    (
        "CHECK (v IN ('x', 'y'))",
        "CONSTRAINT ck CHECK (v = 'y' OR v = 'x')",
        {"renamed-constraint ck"},
    ),
    (
        "EXCLUDE (a WITH =) WHERE (b > 0)",
        "CONSTRAINT ex EXCLUDE (a WITH =) WHERE (b > 0)",
        {"renamed-constraint ex"},
    ),
    # Unnamed ones are numbered in the order in which they are made.
    (
        "CHECK (a > b), ADD CHECK (b > id)",
        "CHECK (b > id), ADD CHECK (a > b)",
        {"renamed-constraint t_check", "renamed-constraint t_check1"},
    ),
    (
        "CHECK (a > b), ADD CHECK (b > id), ADD CHECK (v IN ('x', 'y') AND a > b)",
        "CHECK (b > id), ADD CHECK ((v = 'x' OR v = 'y') AND a > b), ADD CHECK (a > b)",
        {f"renamed-constraint t_check{number}" for number in ("", "1", "2")},
    ),
]
CHANGED = [
    (
        "CONSTRAINT fk FOREIGN KEY (a) REFERENCES other ON DELETE CASCADE",
        "FOREIGN KEY (a) REFERENCES other",
        {"foreign-key t_a_fkey"},
    ),
    (
        "CONSTRAINT pk PRIMARY KEY (id)",
        "PRIMARY KEY (id, a)",
        {"primary-key t_pkey", "nullability t"},
    ),
    ("CONSTRAINT uq UNIQUE (a, b)", "UNIQUE (b, a)", {"unique t_b_a_key"}),
    ("CONSTRAINT uq UNIQUE (a)", "UNIQUE (a) DEFERRABLE", {"unique t_a_key"}),
    ("CONSTRAINT uq UNIQUE (a)", "UNIQUE (b)", {"missing-unique uq", "extra-unique t_b_key"}),
    (
        "CONSTRAINT fk FOREIGN KEY (a) REFERENCES other",
        "FOREIGN KEY (b) REFERENCES other",
        {"missing-foreign-key fk", "extra-foreign-key t_b_fkey"},
    ),
    # Two rules are two rules, though they speak of the same column.
    (
        "CONSTRAINT ck CHECK (a > 0)",
        "CHECK (a < 9)",
        {"missing-check ck", "extra-check t_a_check"},
    ),
    (
        "CHECK (a > b), ADD CHECK (b > id)",
        "CHECK (b > id), ADD CHECK (a > id)",
        {"check t_check", "check t_check1"},
    ),
]


def told(postgres: Address, model: str, migrated: str) -> tuple[set[str], set[Severity]]:
    """The differences with the last part of their names, and how bad they are."""
    with (
        fresh(postgres) as first,
        fresh(postgres) as second,
        closing(connected(first)) as scratch,
        closing(connected(second)) as there,
    ):
        execute(scratch, BASE + model)
        execute(there, BASE + migrated)
        found = settled_differences(scratch, read(scratch), read(there))
    severities = {meaning_of(one, fills_itself=True).severity for one in found}
    return {f"{one.kind} {one.name[2 if len(one.name) == 3 else 1]}" for one in found}, severities


@pytest.mark.parametrize(("model", "migrated", "kinds"), NAME_ONLY)
def test_what_differs_by_its_name_alone_is_an_info(
    postgres: Address, model: str, migrated: str, kinds: set[str]
) -> None:
    assert told(postgres, ADD + model, ADD + migrated) == (kinds, {Severity.INFO})


@pytest.mark.parametrize(("model", "migrated", "kinds"), CHANGED)
def test_what_is_called_otherwise_and_is_otherwise_is_told_by_its_columns(
    postgres: Address, model: str, migrated: str, kinds: set[str]
) -> None:
    found, severities = told(postgres, ADD + model, ADD + migrated)
    assert found == {one.replace("nullability t", "nullability a") for one in kinds}
    assert severities & {Severity.ERROR, Severity.WARNING}


@pytest.mark.parametrize(
    ("constraint", "index"),
    [
        ("UNIQUE (a)", "CREATE UNIQUE INDEX ix ON t (a)"),
        ("UNIQUE (a, b)", "CREATE UNIQUE INDEX ix ON t USING btree (a, b)"),
        ("UNIQUE (a) INCLUDE (b)", "CREATE UNIQUE INDEX ix ON t (a) INCLUDE (b)"),
    ],
)
def test_a_unique_constraint_and_the_equal_unique_index_are_an_info(
    postgres: Address, constraint: str, index: str
) -> None:
    name = "t_a_b_key" if "b)" in constraint else "t_a_key"
    stands = told(postgres, ADD + constraint, index)
    assert stands == ({"unique-index-for-constraint ix"}, {Severity.INFO})
    stands = told(postgres, index, ADD + constraint)
    assert stands == ({f"unique-constraint-for-index {name}"}, {Severity.INFO})


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX ix ON t (a)",
        "CREATE UNIQUE INDEX ix ON t (b)",
        "CREATE UNIQUE INDEX ix ON t (a) WHERE b > 0",
        "CREATE UNIQUE INDEX ix ON t (a, b)",
        "CREATE UNIQUE INDEX ix ON t (abs(a))",
    ],
)
def test_another_index_does_not_stand_for_a_unique_constraint(
    postgres: Address, index: str
) -> None:
    found, severities = told(postgres, ADD + "UNIQUE (a)", index)
    assert found == {"missing-unique t_a_key", "extra-index ix"}
    assert Severity.ERROR in severities


def test_a_deferrable_unique_constraint_is_no_index(postgres: Address) -> None:
    """It refuses later: in the middle of a transaction doubled rows may be there."""
    found, _ = told(postgres, ADD + "UNIQUE (a) DEFERRABLE", "CREATE UNIQUE INDEX ix ON t (a)")
    assert found == {"missing-unique t_a_key", "extra-index ix"}
