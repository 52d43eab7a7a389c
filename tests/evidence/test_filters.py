"""What Alembic's filters would be asked about, and what their answer hides."""

from __future__ import annotations

import pytest

from pytest_schemaguard.catalog.diff import Difference
from pytest_schemaguard.evidence.filters import hidden, objects_of

USER = ("public", "user")


def difference(
    kind: str, name: tuple[str, ...], expected: str | None = "x", actual: str | None = "y"
) -> Difference:
    return Difference(kind=kind, name=name, expected=expected, actual=actual)


@pytest.mark.parametrize(
    ("one", "kind", "name", "side"),
    [
        (difference("missing-table", USER, "table", None), "table", "user", "models"),
        (difference("extra-table", USER, None, "table"), "table", "user", "database"),
        (difference("comment", USER), "table", "user", "models"),
        (difference("comment", (*USER, "id")), "column", "id", "models"),
        (difference("missing-column", (*USER, "id"), "x", None), "column", "id", "models"),
        (difference("extra-column", (*USER, "id"), None), "column", "id", "database"),
        # The column itself is on both sides.
        (difference("default", (*USER, "id"), None), "column", "id", "models"),
        (difference("type", (*USER, "id")), "column", "id", "models"),
        (difference("serial-or-identity", (*USER, "id")), "column", "id", "models"),
        (difference("extra-index", (*USER, "i"), None), "index", "i", "database"),
        (difference("redundant-index", (*USER, "i"), None), "index", "i", "database"),
        (difference("invalid-index", (*USER, "i")), "index", "i", "models"),
        (difference("missing-unique", (*USER, "u")), "unique_constraint", "u", "models"),
        (difference("foreign-key", (*USER, "f")), "foreign_key_constraint", "f", "models"),
        # Alembic has no filter for these: only their table's can hide them.
        (difference("missing-check", (*USER, "c")), "constraint", "c", "models"),
        (difference("extra-primary-key", (*USER, "p"), None), "constraint", "p", "database"),
        (difference("renamed-constraint", (*USER, "c")), "constraint", "c", "models"),
    ],
)
def test_each_difference_is_about_an_object_of_alembics(
    one: Difference, kind: str, name: str, side: str
) -> None:
    assert objects_of([one]) == [
        {"kind": kind, "schema": "public", "table": "user", "name": name, "side": side}
    ]


@pytest.mark.parametrize("kind", ["missing-enum", "enum-labels", "extra-domain", "sequence-owner"])
def test_what_alembic_does_not_look_at_is_not_asked_about(kind: str) -> None:
    assert objects_of([difference(kind, ("public", "status"))]) == []
    assert hidden([difference(kind, ("public", "status"))], {"hidden": []}) == {}


def test_an_object_is_asked_about_once_and_hides_all_its_differences() -> None:
    type_ = difference("type", (*USER, "id"))
    nullability = difference("nullability", (*USER, "id"))
    other = difference("type", (*USER, "name"))
    objects = objects_of([type_, nullability, other])
    assert [one["name"] for one in objects] == ["id", "name"]
    by = "include_object in alembic/env.py:31"
    assert hidden([type_, nullability, other], {"hidden": [[objects[0], by]]}) == {
        type_: by,
        nullability: by,
    }
