from __future__ import annotations

from pytest_schemaguard.checks.queries import findings
from pytest_schemaguard.findings import Finding, Severity
from pytest_schemaguard.models import Models, Place
from pytest_schemaguard.planning import Refusal

MODELS = Models(
    tables=(),
    ddl=(),
    places={("public", "user"): Place(path="app/models.py", line=9, model="User")},
)


def refusal(verb: str, message: str = 'column "x" does not exist', **values: str) -> Refusal:
    state = {"sqlstate": "42703", "error": "UndefinedColumn", "entity": "User", **values}
    return Refusal(
        verb=verb, table=("public", "user"), sql=f"{verb} ...\n  of user", message=message, **state
    )


def test_what_is_refused_alike_is_told_once_with_all_its_verbs() -> None:
    refusals = [refusal("delete"), refusal("insert"), refusal("update")]
    assert list(findings(refusals, MODELS)) == [
        Finding(
            code="queries.missing-column",
            severity=Severity.ERROR,
            subject="public.user",
            message=(
                "every INSERT, UPDATE and DELETE of User (app/models.py:9) fails: "
                'column "x" does not exist (UndefinedColumn)\n'
                "the statement: delete ... of user"
            ),
            actual="42703",
            path="app/models.py",
            line=9,
        )
    ]


def test_other_words_and_other_classes_are_findings_of_their_own() -> None:
    refusals = [refusal("select"), refusal("select", "permission denied"), refusal("select")]
    refusals.append(refusal("select", entity="Admin"))
    assert len(list(findings(refusals, MODELS))) == 3


def test_a_missing_grant_and_a_missing_table_have_codes_of_their_own() -> None:
    refusals = [
        refusal("select", "a", sqlstate="42501"),
        refusal("select", "b", sqlstate="42P01"),
        refusal("select", "c", sqlstate="42804"),
    ]
    assert [one.code for one in findings(refusals, MODELS)] == [
        "queries.missing-grant",
        "queries.missing-table",
        "queries.refused",
    ]


def test_a_class_whose_place_is_unknown_is_told_without_it() -> None:
    (one,) = findings([refusal("select")], Models(tables=(), ddl=()))
    assert one.message.startswith("every SELECT of User fails: ")
    assert one.path is None


def test_a_long_statement_is_shortened() -> None:
    long = Refusal(**{**vars(refusal("select")), "sql": "SELECT " + "x, " * 300})
    (one,) = findings([long], MODELS)
    assert len(one.message.splitlines()[-1]) < 330
    assert one.message.endswith(" ...")
