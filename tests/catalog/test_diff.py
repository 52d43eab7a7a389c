"""diff() is pure: these need no PostgreSQL."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.catalog.diff import Difference, diff
from pytest_schemaguard.catalog.snapshot import (
    OWN_SEQUENCE,
    Column,
    Constraint,
    Index,
    Relation,
    Snapshot,
)

TABLE = ("public", "t")
NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from([None, "x", "y", OWN_SEQUENCE])
RELATIONS = st.builds(
    Relation,
    kind=st.sampled_from(["table", "partitioned table", "view"]),
    unlogged=st.booleans(),
    partitioned_by=st.sampled_from([None, "RANGE (a)"]),
    comment=st.sampled_from([None, "x"]),
)
COLUMNS = st.builds(
    Column,
    type=st.sampled_from(["integer", "text"]),
    nullable=st.booleans(),
    default=TEXTS,
    identity=st.sampled_from([None, "GENERATED ALWAYS AS IDENTITY"]),
    generated=st.sampled_from([None, "GENERATED ALWAYS AS (a) STORED"]),
    collation=st.sampled_from([None, 'pg_catalog."C"']),
    comment=st.sampled_from([None, "x"]),
)
CONSTRAINTS = st.builds(
    Constraint,
    kind=st.sampled_from(["primary key", "foreign key", "unique", "check", "exclusion"]),
    definition=st.sampled_from(["X", "Y"]),
    columns=st.just(("a",)),
    index=st.sampled_from([None, "UNIQUE ON t (a)"]),
)
INDEXES = st.builds(
    Index,
    definition=st.sampled_from(["ON t (a)", "UNIQUE ON t (a)"]),
    valid=st.booleans(),
    columns=st.just(("a",)),
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    relations = draw(st.dictionaries(NAMES, RELATIONS))

    def parts(values: Any) -> dict[tuple[str, ...], Any]:
        found: dict[tuple[str, ...], Any] = {}
        for table in relations:
            for name, value in draw(st.dictionaries(NAMES, values)).items():
                found["public", table, name] = value
        return found

    return Snapshot(
        relations={("public", name): one for name, one in relations.items()},
        columns=parts(COLUMNS),
        constraints=parts(CONSTRAINTS),
        indexes=parts(INDEXES),
        enums=draw(
            st.dictionaries(
                NAMES.map(lambda name: ("public", name)),
                st.lists(st.sampled_from(["x", "it's"]), unique=True).map(tuple),
            )
        ),
    )


def kinds(differences: tuple[Difference, ...]) -> list[str]:
    return [one.kind for one in differences]


@given(snapshots())
def test_nothing_differs_from_itself(snapshot: Snapshot) -> None:
    assert diff(snapshot, snapshot) == ()


@given(snapshots(), snapshots())
def test_two_that_differ_are_never_called_equal(first: Snapshot, second: Snapshot) -> None:
    if diff(first, second) == ():
        views = {
            name
            for side in (first, second)
            for name, one in side.relations.items()
            if not one.is_table
        }
        assert first.relations.keys() == second.relations.keys()
        assert first.enums == second.enums
        for name in first.relations.keys() - views:
            assert first.columns_of(name) == second.columns_of(name)


@given(snapshots(), snapshots())
def test_the_order_is_that_of_the_names(first: Snapshot, second: Snapshot) -> None:
    found = diff(first, second)
    assert [one.name[:2] for one in found] == sorted(one.name[:2] for one in found)


@given(snapshots(), snapshots())
def test_what_one_side_lacks_the_other_has_too_much(first: Snapshot, second: Snapshot) -> None:
    # A class mapped to a view is compared by its columns only, which is not the same both ways; and
    # an invalid index stands for nothing.
    tables = all(one.is_table for side in (first, second) for one in side.relations.values())
    valid = all(one.valid for side in (first, second) for one in side.indexes.values())
    there, back = kinds(diff(first, second)), kinds(diff(second, first))
    opposite = {"missing": "extra", "extra": "missing"}
    turned = [re.sub("^(missing|extra)", lambda it: opposite[it[1]], kind) for kind in there]
    if tables and valid and not any("-for-" in kind for kind in [*there, *back]):
        assert sorted(turned) == sorted(back)


def snapshot(**parts: Any) -> Snapshot:
    table = Relation(kind="table", unlogged=False, partitioned_by=None, comment=None)
    values = {"columns": {}, "constraints": {}, "indexes": {}, "enums": {}, **parts}
    return Snapshot(**{"relations": {TABLE: table}, **values})


def unique(definition: str, index: str | None = "UNIQUE ON t (a)") -> Constraint:
    return Constraint(kind="unique", definition=definition, columns=("a",), index=index)


def index(definition: str, *, valid: bool = True) -> Index:
    return Index(definition=definition, valid=valid, columns=("a",))


def test_an_equal_unique_index_stands_for_the_constraint() -> None:
    wanted = snapshot(constraints={(*TABLE, "uq"): unique("UNIQUE (a)")})
    there = snapshot(indexes={(*TABLE, "ux"): index("UNIQUE ON t (a)")})
    assert diff(wanted, there) == (
        Difference(
            kind="unique-index-for-constraint",
            name=(*TABLE, "ux"),
            expected="UNIQUE (a)",
            actual="UNIQUE ON t (a)",
        ),
    )
    assert diff(there, wanted) == (
        Difference(
            kind="unique-constraint-for-index",
            name=(*TABLE, "uq"),
            expected="UNIQUE ON t (a)",
            actual="UNIQUE (a)",
        ),
    )


@pytest.mark.parametrize(
    ("constraint", "found"),
    [
        (unique("UNIQUE (a)"), index("UNIQUE ON t (a)", valid=False)),
        (unique("UNIQUE (a) DEFERRABLE", None), index("UNIQUE ON t (a)")),
    ],
)
def test_an_invalid_index_stands_for_nothing_and_nothing_stands_for_a_deferrable_one(
    constraint: Constraint, found: Index
) -> None:
    wanted = snapshot(constraints={(*TABLE, "uq"): constraint})
    there = snapshot(indexes={(*TABLE, "ux"): found})
    assert {"missing-unique", "extra-index"} <= {*kinds(diff(wanted, there))}


def test_an_index_that_a_kept_constraint_makes_superfluous_is_redundant() -> None:
    constraint = {(*TABLE, "uq"): unique("UNIQUE (a)")}
    wanted = snapshot(constraints=constraint)
    there = snapshot(constraints=constraint, indexes={(*TABLE, "ux"): index("UNIQUE ON t (a)")})
    assert kinds(diff(wanted, there)) == ["redundant-index"]
    assert kinds(diff(there, wanted)) == ["redundant-index"]


def test_one_index_does_not_stand_for_two_constraints() -> None:
    wanted = snapshot(
        constraints={
            (*TABLE, "one"): unique("UNIQUE (a)"),
            (*TABLE, "two"): unique("UNIQUE (a)"),
        }
    )
    there = snapshot(indexes={(*TABLE, "ux"): index("UNIQUE ON t (a)")})
    assert kinds(diff(wanted, there)) == ["redundant-constraint", "unique-index-for-constraint"]


def test_of_two_equal_indexes_that_are_both_missing_neither_is_redundant() -> None:
    wanted = snapshot(
        indexes={(*TABLE, "one"): index("ON t (a)"), (*TABLE, "two"): index("ON t (a)")}
    )
    assert kinds(diff(wanted, snapshot())) == ["missing-index", "missing-index"]


def test_an_index_that_is_invalid_on_both_sides_is_no_difference_and_one_that_becomes_so_is() -> (
    None
):
    good = snapshot(indexes={(*TABLE, "ix"): index("ON t (a)")})
    bad = snapshot(indexes={(*TABLE, "ix"): index("ON t (a)", valid=False)})
    assert diff(bad, bad) == ()
    assert [(one.kind, one.expected, one.actual) for one in diff(good, bad)] == [
        ("invalid-index", "valid", "invalid")
    ]


def test_of_a_table_that_is_missing_its_parts_are_not_told() -> None:
    wanted = snapshot(
        constraints={(*TABLE, "uq"): unique("UNIQUE (a)")},
        indexes={(*TABLE, "ix"): index("ON t (a)")},
    )
    nothing = snapshot(relations={})
    assert kinds(diff(wanted, nothing)) == ["missing-table"]
    assert kinds(diff(nothing, wanted)) == ["extra-table"]


def test_what_either_side_excludes_is_not_compared() -> None:
    wanted, nothing = snapshot(), snapshot(relations={}, excluded=(TABLE,))
    assert diff(wanted, nothing) == ()
    assert diff(nothing, wanted) == ()


def test_labels_are_told_as_create_type_lists_them() -> None:
    wanted = snapshot(enums={("public", "e"): ("a", "it's")})
    there = snapshot(enums={("public", "e"): ("it's", "a")})
    assert [(one.kind, one.expected, one.actual) for one in diff(wanted, there)] == [
        ("enum-order", "'a', 'it''s'", "'it''s', 'a'")
    ]


def test_a_check_called_as_the_model_s_key_is_no_changed_key() -> None:
    key = Constraint(kind="primary key", definition="PRIMARY KEY (a)", columns=("a",), index=None)
    check = Constraint(kind="check", definition="CHECK (a > 0)", columns=("a",), index=None)
    wanted = snapshot(constraints={(*TABLE, "c"): key})
    there = snapshot(constraints={(*TABLE, "c"): check})
    assert sorted(kinds(diff(wanted, there))) == ["extra-check", "missing-primary-key"]
