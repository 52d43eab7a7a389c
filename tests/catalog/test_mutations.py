"""One property changed at a time: seen from both sides, called what it is, mended by its fix."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.checks.drift import findings
from pytest_schemaguard.evidence.comparison import Comparison
from pytest_schemaguard.expected.settle import settled_differences
from pytest_schemaguard.project.answers.models import Models
from tests.catalog.databases import connected, execute, fresh
from tests.catalog.mutations import CASES, HARMLESS, OTHER_SIDE, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.findings import Finding

_OPPOSITE = {"missing": "extra", "extra": "missing"}
_FIRST = "missing-enum", "missing-domain", "missing-sequence", "missing-column"
"""What other fixes stand on, in this order."""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """The schema that the models describe, and a clone of it to change."""

    expected: Snapshot
    scratch: Any
    """A connection to the database that `expected` was read from."""
    mutant: Any

    def drift(self, actual: Snapshot | None = None) -> list[Finding]:
        """What is told of the mutant, which may have been read already."""
        actual = actual or read(self.mutant)
        found = settled_differences(self.scratch, self.expected, actual)
        comparison = Comparison(
            differences=found,
            refused={},
            excluded=(),
            fills_itself={
                one.name: actual.columns[one.name].fills_itself
                for one in found
                if one.name in actual.columns
            },
        )
        return list(findings(comparison, Models(tables=(), ddl=())))

    def from_the_other_side(self, actual: Snapshot) -> list[str]:
        """The kinds that are told where the models are what was changed."""
        found = settled_differences(self.mutant, actual, self.expected)
        return [one.kind for one in found]


@pytest.fixture(scope="module")
def base(postgres: Address) -> Iterator[Address]:
    with fresh(postgres) as database:
        with closing(connected(database)) as connection:
            execute(connection, SCHEMA)
        yield database


@pytest.fixture(scope="module")
def described(postgres: Address, base: Address) -> Iterator[tuple[Any, Snapshot]]:
    with fresh(postgres, template=base.database) as scratch, closing(connected(scratch)) as one:
        yield one, read(one)


@pytest.fixture
def lab(postgres: Address, base: Address, described: tuple[Any, Snapshot]) -> Iterator[Lab]:
    scratch, expected = described
    with fresh(postgres, template=base.database) as mutant, closing(connected(mutant)) as one:
        yield Lab(expected=expected, scratch=scratch, mutant=one)


@pytest.mark.parametrize(("since", "mutation", "told"), CASES, ids=[one[1][-60:] for one in CASES])
def test_a_change_is_seen_from_both_sides_and_mended_by_its_fix(
    since: int, mutation: str, told: str, lab: Lab
) -> None:
    if lab.mutant.server_version < since:
        pytest.skip("this PostgreSQL has no such thing")
    execute(lab.mutant, mutation)
    actual = read(lab.mutant)
    found = lab.drift(actual)
    wanted = set(re.findall(r"([\w-]+) (error|warning|info)", told))
    assert {(kind_of(one), one.severity.value) for one in found} == wanted
    assert_the_way_back_is_the_same(lab.expected, actual)
    turned = sorted(map(opposite, map(kind_of, found)))
    other = [kinds for part, kinds in OTHER_SIDE.items() if part in mutation]
    back = lab.from_the_other_side(actual)
    assert {*back} == other[0] if other else sorted(back) == turned
    if not told.endswith("fixed"):
        return
    assert [one for one in found if one.fix is None] == []
    for one in sorted(found, key=lambda one: [*_FIRST, kind_of(one)].index(kind_of(one))):
        for statement in str(one.fix).split(";\n"):
            execute(lab.mutant, statement)
    assert lab.drift() == []


def assert_the_way_back_is_the_same(expected: Snapshot, actual: Snapshot) -> None:
    """Of the whole catalogs, in which nothing is left open."""
    there, back = diff(expected, actual), diff(actual, expected)
    assert there
    turned = [opposite(one.kind) for one in there]
    invalid = {"invalid-index", "unenforced-constraint"}
    if not any("-for-" in kind or kind in invalid for kind in turned):
        assert sorted(one.kind for one in back) == sorted(turned)
    assert diff(actual, actual) == ()


def kind_of(one: Finding) -> str:
    return one.code.removeprefix("drift.")


def opposite(kind: str) -> str:
    return re.sub("^(missing|extra)", lambda word: _OPPOSITE[word[1]], kind)


def test_there_are_many_changes() -> None:
    assert len({mutation for _, mutation, _ in CASES}) == len(CASES) >= 230
    for part in OTHER_SIDE:
        assert [mutation for _, mutation, _ in CASES if part in mutation], part


@pytest.mark.parametrize("mutation", HARMLESS)
def test_what_means_the_same_is_no_difference(mutation: str, lab: Lab) -> None:
    execute(lab.mutant, mutation)
    assert lab.drift() == []


@pytest.mark.parametrize(
    ("mutation", "insert"),
    [
        ("DROP SEQUENCE parent_id_seq CASCADE", "parent (code) VALUES ('b') RETURNING id"),
        (
            "ALTER TABLE child ALTER COLUMN id DROP IDENTITY",
            "child (parent_id, name) VALUES (7, 'b') RETURNING id",
        ),
    ],
)
def test_a_sequence_that_the_fix_makes_goes_on_after_the_rows(
    mutation: str, insert: str, lab: Lab
) -> None:
    execute(
        lab.mutant,
        "INSERT INTO parent (id, code) VALUES (7, 'a');"
        "INSERT INTO child (id, parent_id, name) VALUES (7, 7, 'a')",
    )
    execute(lab.mutant, mutation)
    for one in lab.drift():
        execute(lab.mutant, str(one.fix))
    with lab.mutant.cursor() as cursor:
        cursor.execute(f"INSERT INTO {insert}")
        assert cursor.fetchone() == (8,)
