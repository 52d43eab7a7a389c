from __future__ import annotations

from typing import Any

from pytest_schemaguard.checks.queries import findings
from pytest_schemaguard.evidence.planning import Refusal
from pytest_schemaguard.evidence.privileges import Lack
from pytest_schemaguard.findings import Finding, Severity
from pytest_schemaguard.project.answers.models import Models, Place

MODELS = Models(
    tables=(),
    ddl=(),
    places={("public", "user"): Place(path="app/models.py", line=9, model="User")},
)


def refusal(verb: str, message: str = 'column "x" does not exist', **values: Any) -> Refusal:
    state: dict[str, Any] = {
        "sqlstate": "42703",
        "error": "UndefinedColumn",
        "entity": "User",
        **values,
    }
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


def without(
    privilege: str,
    verb: str,
    *,
    kind: str = "table",
    columns: tuple[str, ...] = (),
    entity: str = "User",
) -> Refusal:
    name = {"schema": ("public",), "sequence": ("public", "user_id_seq")}.get(
        kind, ("public", "user")
    )
    return Refusal(
        entity=entity,
        verb=verb,
        table=("public", "user"),
        sql="...",
        sqlstate="42501",
        error="InsufficientPrivilege",
        message=f"permission denied for {kind} {name[-1]}",
        lacks=(Lack(kind=kind, name=name, privilege=privilege, columns=columns),),
    )


def test_what_a_table_lacks_is_one_finding_with_one_grant_for_all_classes() -> None:
    refusals = [
        without("DELETE", "delete"),
        without("SELECT", "select"),
        without("SELECT", "select", entity="Team.members"),
        without("SELECT", "delete"),
    ]
    assert list(findings(refusals, MODELS, role="app")) == [
        Finding(
            code="queries.missing-grant",
            severity=Severity.ERROR,
            subject="public.user",
            message=(
                "role app may not SELECT and DELETE\n"
                "every SELECT and DELETE of User (app/models.py:9) and every SELECT of Team.members"
                " (app/models.py:9) fails: permission denied for table user (InsufficientPrivilege)"
            ),
            actual="42501",
            fix='GRANT SELECT, DELETE ON public."user" TO app;',
            path="app/models.py",
            line=9,
        )
    ]


def test_sequences_and_schemas_are_findings_of_their_own() -> None:
    refusals = [
        without("USAGE", "insert", kind="sequence"),
        without("USAGE", "select", kind="schema"),
    ]
    told = [
        (one.subject, one.message.splitlines()[0], one.fix)
        for one in findings(refusals, MODELS, role="My app")
    ]
    assert told == [
        (
            "public.user_id_seq",
            "role My app may not draw from it (USAGE)",
            'GRANT USAGE ON SEQUENCE public.user_id_seq TO "My app";',
        ),
        (
            "public",
            "role My app may not use it (USAGE)",
            'GRANT USAGE ON SCHEMA public TO "My app";',
        ),
    ]


def test_a_column_that_alone_lacks_grants_is_the_subject() -> None:
    refusals = [
        without("SELECT", "select", columns=("max reports",)),
        without("INSERT", "insert", columns=("max reports",)),
    ]
    (one,) = findings(refusals, MODELS, role="app")
    assert one.subject == "public.user.max reports"
    assert one.message.startswith("role app may not SELECT and INSERT\n")
    assert one.fix == (
        'GRANT SELECT ("max reports"), INSERT ("max reports") ON public."user" TO app;'
    )


def test_of_many_classes_some_are_named() -> None:
    refusals = [without("SELECT", "select", entity=f"E{number}") for number in range(6)]
    (one,) = findings(refusals, Models(tables=(), ddl=()), role="app")
    assert one.message.splitlines()[1].startswith(
        "every SELECT of E0, every SELECT of E1, every SELECT of E2 and more of 3 others fails: "
    )


def test_the_owner_is_told_what_postgresql_says_since_it_stands_for_another() -> None:
    (one,) = findings([without("SELECT", "select")], MODELS)
    assert one.code == "queries.missing-grant"
    assert one.message.startswith("every SELECT of User (app/models.py:9) fails: permission denied")
    assert one.fix is None
