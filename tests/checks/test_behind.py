"""What is said of ids that were written without their sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.checks.applies.behind import findings
from pytest_schemaguard.findings import Severity
from pytest_schemaguard.rows.sequences import Refusal, SequenceState

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Name

ID: Name = ("public", "users", "id")
SEQUENCE: Name = ("public", "users_id_seq")


def state(
    following: int = 1,
    *,
    furthest: int | None = 7,
    at: int | None = 1,
    column: tuple[str, ...] = ID,
    owned: bool = True,
    ascending: bool = True,
) -> SequenceState:
    refusal = [] if at is None or furthest is None else [(at, furthest)]
    return SequenceState(
        next=following,
        ascending=ascending,
        owner=column if owned else None,
        drawn_by=(column,),
        furthest=furthest,
        refusals=tuple(Refusal(column=column, at=one, furthest=two) for one, two in refusal),
    )


def test_ids_that_were_written_are_told_with_what_mends_them() -> None:
    (one,) = findings(
        {SEQUENCE: state(furthest=None)}, {SEQUENCE: state()}, path="migrations/x.sql"
    )
    assert (one.code, one.severity) == ("applies.sequence-behind", Severity.ERROR)
    assert (one.subject, one.path) == ("public.users.id", "migrations/x.sql")
    assert one.message == (
        "the migration wrote ids up to 7 and left public.users_id_seq at 1: the next INSERT fails "
        "with 23505 (duplicate key)"
    )
    assert one.fix == (
        "SELECT setval(pg_get_serial_sequence('public.users', 'id'), "
        "(SELECT max(id) FROM public.users));"
    )


def test_a_sequence_that_was_set_back_is_told_as_that() -> None:
    (one,) = findings({SEQUENCE: state(8, at=None)}, {SEQUENCE: state()}, path="x.sql")
    assert one.message == (
        "the migration left public.users_id_seq at 1, and the column has ids up to 7: the next "
        "INSERT fails with 23505 (duplicate key)"
    )


def test_a_value_that_the_sequence_comes_to_later_is_told_with_that() -> None:
    (one,) = findings({}, {SEQUENCE: state(4, at=7)}, path="x.sql")
    assert one.message == (
        "the migration wrote ids up to 7 and left public.users_id_seq at 4: an INSERT fails with "
        "23505 (duplicate key) when the sequence comes to 7"
    )


def test_what_was_so_before_is_no_fault_of_the_migration() -> None:
    was = {SEQUENCE: state(furthest=5)}
    assert list(findings(was, {SEQUENCE: state()}, path="x.sql")) == []
    renamed: dict[Name, SequenceState] = {
        ("public", "s"): state(column=("public", "accounts", "id"))
    }
    assert list(findings({SEQUENCE: state()}, renamed, path="x.sql")) == []
    other: dict[Name, SequenceState] = {
        SEQUENCE: state(),
        ("public", "s"): state(column=("public", "accounts", "id")),
    }
    (one,) = findings({SEQUENCE: state()}, other, path="x.sql")
    assert one.subject == "public.accounts.id"


def test_a_sequence_that_the_column_does_not_own_is_named_and_names_are_quoted() -> None:
    column = ("My", "It's", "user")
    sequence: Name = ("My", "s'q")
    (one,) = findings({}, {sequence: state(column=column, owned=False)}, path="x.sql")
    assert one.fix == ("""SELECT setval('"My"."s''q"', (SELECT max("user") FROM "My"."It's"));""")
    (one,) = findings({}, {sequence: state(column=column)}, path="x.sql")
    assert one.fix == (
        """SELECT setval(pg_get_serial_sequence('"My"."It''s"', 'user'), """
        """(SELECT max("user") FROM "My"."It's"));"""
    )


def test_a_shared_or_a_descending_sequence_is_set_behind_all_that_draw_from_it() -> None:
    shared = SequenceState(
        next=1,
        ascending=False,
        owner=None,
        drawn_by=(ID, ("public", "b", "id")),
        furthest=-9,
        refusals=(Refusal(column=ID, at=-1, furthest=-3),),
    )
    (one,) = findings({}, {SEQUENCE: shared}, path="x.sql")
    assert one.fix == (
        "SELECT setval('public.users_id_seq', least((SELECT min(id) FROM public.users), "
        "(SELECT min(id) FROM public.b)));"
    )
    assert one.message.startswith("the migration wrote ids down to -3 and left ")
