"""What the models describe and could not be made: told, and the verdict on the rest."""

from __future__ import annotations

from tests.checks.drift.test_drift import COLUMN, comparison, difference, judged_whole


def test_what_postgresql_refuses_to_make_is_unproven_and_named() -> None:
    refused = {("public", "a", "c"): 'constraint "c" already exists'}
    found = judged_whole(comparison(refused=refused))
    assert found.outcome.value == "unproven"
    assert found.reason == (
        "what the models describe could not be made whole; the rest was compared"
    )
    (finding,) = found.findings
    assert (finding.code, finding.subject) == ("drift.refused", "public.a.c")
    assert finding.message == (
        'in the models, but PostgreSQL does not make it: constraint "c" already exists\n'
        "it is not compared"
    )
    assert finding.fix == "give one of the two constraints another name"


def test_what_needs_what_is_refused_is_named_with_it_and_no_more_than_five() -> None:
    refused: dict[tuple[str, ...], str] = {("public", "a"): "no"}
    refused |= {("public", f"b{n}", "fk"): 'relation "public.a" does not exist' for n in range(6)}
    refused |= {("public", "b0", "x"): 'column "fk" does not exist', ("public", "c"): "no"}
    first, second = judged_whole(comparison(refused=refused)).findings
    assert (first.subject, second.subject) == ("public.a", "public.c")
    assert first.message == (
        "in the models, but PostgreSQL does not make it: no\n"
        "it is not compared, nor what needs it: public.b0.fk, public.b1.fk, public.b2.fk, "
        "public.b3.fk, public.b4.fk and 2 more"
    )
    assert first.fix == "mend the model, or make what it needs in a migration or in `prepare`"


def test_two_that_need_each_other_are_both_told() -> None:
    refused = {
        ("public", "a"): 'relation "b" does not exist',
        ("public", "b"): 'relation "a" does not exist',
    }
    found = judged_whole(comparison(refused=refused)).findings
    assert [one.subject for one in found] == ["public.a", "public.b"]


def test_an_error_beside_what_is_refused_fails_and_both_are_told() -> None:
    found = judged_whole(
        comparison(
            difference("missing-column", COLUMN, expected="text"),
            refused={("public", "a", "c"): "no"},
        )
    )
    assert found.outcome.value == "failed"
    assert [finding.code for finding in found.findings] == ["drift.refused", "drift.missing-column"]
