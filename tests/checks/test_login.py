"""What the check says of the evidence: whole words, severities, and what stays unproven."""

from __future__ import annotations

from typing import Any

from pytest_schemaguard.checks.login import findings, verdict_on
from pytest_schemaguard.config import Login, Request
from pytest_schemaguard.evidence.logins import LoginEvidence
from pytest_schemaguard.findings import Finding, Outcome, Severity
from pytest_schemaguard.project.answers.login import Answer, Attempt, LoginReport, RequestReport
from tests.through_json import through_json

LOGIN = Login(model="User", by="email", request=Request(app="app:app", path="/login"))
CALL = Login(call="app.guard:ada")


def attempt(kind: str = "existing", outcome: str = "ok", **values: Any) -> Attempt:
    return Attempt(**{"kind": kind, "outcome": outcome, "step": "read", "value": "ada", **values})


BOTH = (attempt(), attempt("new"))


def evidence(*attempts: Attempt, answers: tuple[Answer, ...] = (), **values: Any) -> LoginEvidence:
    orm = LoginReport(
        entity="User",
        by="email",
        table=("public", "user"),
        attempts=attempts or BOTH,
        path="app/models.py",
        line=7,
    )
    request = RequestReport(application="app:app", protocol="wsgi", answers=answers)
    asked = request if answers else None
    found = LoginEvidence(orm=orm, request=asked, migrated_itself=(), **values)
    return through_json(found)


def test_error_of_an_attribute_names_the_column_and_the_model() -> None:
    one = attempt(
        outcome="error",
        error="UndefinedColumn",
        sqlstate="42703",
        message="column user.x does not exist",
        statement="SELECT ...",
        column=("public", "user", "x"),
    )
    assert list(findings(evidence(one, attempt("new")), LOGIN)) == [
        Finding(
            code="login.existing-row",
            severity=Severity.ERROR,
            subject="public.user.x",
            message=(
                "User: an existing row (email = 'ada') cannot log in, read fails: column user.x "
                "does not exist (UndefinedColumn)\nthe statement: SELECT ..."
            ),
            actual="42703",
            path="app/models.py",
            line=7,
        )
    ]


def test_error_of_create_names_its_own_place() -> None:
    login = Login(model="User", by="email", create=("flask", "add", "{value}"))
    one = attempt(
        "new",
        "error",
        step="create",
        message="exit code 2",
        detail="no such command",
        fix="run it",
        path="cli.py",
        line=3,
    )
    (found,) = findings(evidence(attempt(), one), login)
    assert found == Finding(
        code="login.create",
        severity=Severity.ERROR,
        subject="login.create",
        message=(
            "flask add {value} fails, so that nobody new can log in: exit code 2\nno such command"
        ),
        fix="run it",
        path="cli.py",
        line=3,
    )


def test_log_of_the_server_explains_what_is_broken_and_nothing_else() -> None:
    answers = (
        Answer(kind="existing", status=401),
        Answer(kind="new", status=500, error="web.py:3: boom"),
        Answer(kind="new", problem="no-answer", error="no answer within 1 s"),
    )
    found = list(findings(evidence(answers=answers, answered=("ERROR: x\nSTATEMENT: y",)), LOGIN))
    assert [one.message for one in found] == [
        "app:app answers 401, not 200 to an existing row that logs in: POST /login",
        (
            "app:app answers 500, not 200 to a new row that logs in: POST /login\nweb.py:3: boom\n"
            "PostgreSQL answered it:\nERROR: x\nSTATEMENT: y"
        ),
        (
            "app:app gives no answer (no-answer) to a new row that logs in: POST /login\n"
            "no answer within 1 s\nPostgreSQL answered it:\nERROR: x\nSTATEMENT: y"
        ),
    ]
    assert [one.code for one in found] == ["login.status", "login.status", "login.no-answer"]


def test_one_of_several_statuses_passes() -> None:
    login = Login(
        model="User", by="email", request=Request(app="app:app", path="/", status=(200, 302))
    )
    answers = (Answer(kind="existing", status=302), Answer(kind="new", status=200))
    assert verdict_on(evidence(answers=answers), login, strict=True).outcome is Outcome.PASSED
    other = (Answer(kind="existing", status=303),)
    (found,) = findings(evidence(answers=other), login)
    assert (found.expected, found.actual) == ("200 or 302", "303")


def test_only_existing_rows_are_a_warning() -> None:
    verdict = verdict_on(evidence(attempt()), CALL, strict=False)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.findings == (
        Finding(
            code="login.no-new-row",
            severity=Severity.WARNING,
            subject="login.call app.guard:ada",
            message="only rows that were there before have logged in: nothing makes a new one",
            fix="add `create`, or `model` and `by`",
        ),
    )
    assert verdict_on(evidence(attempt()), CALL, strict=True).outcome is Outcome.FAILED


def test_what_could_not_be_looked_at_is_unproven_unless_something_failed() -> None:
    unproven = attempt("new", "unproven", message="no row could be made", fix="add a row")
    verdict = verdict_on(evidence(attempt(), unproven), LOGIN, strict=False)
    assert (verdict.outcome, verdict.reason) == (
        Outcome.UNPROVEN,
        "User: new row: no row could be made\n  next: add a row",
    )
    broken = (Answer(kind="existing", status=500),)
    verdict = verdict_on(evidence(attempt(), unproven, answers=broken), LOGIN, strict=False)
    assert verdict.outcome is Outcome.FAILED


def test_what_could_not_be_looked_at_is_kept_beside_what_failed() -> None:
    unproven = attempt("new", "unproven", message="no row could be made", fix="add a row")
    broken = (Answer(kind="existing", status=500),)
    verdict = verdict_on(evidence(attempt(), unproven, answers=broken), LOGIN, strict=False)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.unproven == "User: new row: no row could be made\n  next: add a row"


def test_request_that_names_no_row_is_unproven() -> None:
    answers = (Answer(kind="existing", status=200), Answer(kind="new", problem="no-substitution"))
    verdict = verdict_on(evidence(answers=answers), LOGIN, strict=False)
    assert (verdict.outcome, verdict.reason) == (
        Outcome.UNPROVEN,
        (
            "app:app: the request names no existing row, so no new one can log in by it\n"
            "  next: log in by a row of `seed`, with its email in the request"
        ),
    )
