"""login: users who were there before the migration, and new ones, can log in.

Rows are looked up as the application does it (`select(Model).where(Model.by == value)`), and every
attribute is read. With `call`, the application's own query is asked instead, and must find
something. A new row is made through the model, so that its defaults are used, or by `create`. Where
`[tool.schema-guard.login.request]` is configured, the application itself is started and asked, for
an existing row and for the new one; it must not change the schema as it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.evidence.logins import DATABASE, LOGINS
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.project.answers.login import ANSWERED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.config import Login, Request
    from pytest_schemaguard.evidence.logins import LoginEvidence
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.project.answers.login import Answer, Attempt, LoginReport


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on an error, a row that is not found, another status, a schema that changes."""
    login = guard.config.login
    if login is None:
        return Verdict(outcome=Outcome.SKIPPED, reason="no [tool.schema-guard.login] is configured")
    return verdict_on(guard.look(LOGINS), login, strict=guard.config.strict)


def verdict_on(evidence: LoginEvidence, login: Login, *, strict: bool) -> Verdict:
    """What the evidence says; what could not be looked at makes it unproven."""
    found = tuple(findings(evidence, login))
    unproven = _unproven(evidence, login)
    if not any(finding.severity is Severity.ERROR for finding in found):
        if unproven:
            return Verdict(outcome=Outcome.UNPROVEN, findings=found, reason=unproven)
    elif evidence.not_asked is not None:
        found = (*found, _not_asked(evidence.not_asked, login))
    return verdict(found, strict=strict, reason=_proven(evidence), unproven=unproven)


def findings(evidence: LoginEvidence, login: Login) -> Iterator[Finding]:
    """What went wrong with the logins."""
    for one in evidence.orm.attempts:
        if one.outcome == "error":
            yield (
                _of_create(one, login)
                if one.step == "create"
                else _of_row(one, evidence.orm, login)
            )
    if evidence.request is not None:
        assert login.request is not None
        for answer in evidence.request.answers:
            log = evidence.answered if answer.is_broken else ()
            yield from _of_answer(answer, evidence.request.application, login.request, log)
    for change in evidence.migrated_itself:
        yield _of_change(change, login)
    if not any(one.kind == "new" for one in evidence.orm.attempts):
        yield Finding(
            code="login.no-new-row",
            severity=Severity.WARNING,
            subject=f"login.call {login.call}",
            message="only rows that were there before have logged in: nothing makes a new one",
            fix="add `create`, or `model` and `by`",
        )


def looked_at(guard: Guard, _: Migration | None) -> tuple[str, ...]:
    return (guard.states.migrated().name, DATABASE)


def _of_create(one: Attempt, login: Login) -> Finding:
    create = _words(login.create)
    lines = [f"{create} fails, so that nobody new can log in: {_said(one)}"]
    lines += [f"the statement: {one.statement}"] if one.statement else []
    lines += one.detail.splitlines() if one.detail else []
    return Finding(
        code="login.create",
        severity=Severity.ERROR,
        subject="login.create",
        message="\n".join(lines),
        actual=one.sqlstate,
        fix=one.fix or "mend it there; it runs on the migrated database",
        path=one.path,
        line=one.line,
    )


def _of_row(one: Attempt, orm: LoginReport, login: Login) -> Finding:
    whose = "an existing row" if one.kind == "existing" else "a new row"
    row = f" ({orm.by or 'value'} = {one.value!r})" if one.value is not None else ""
    step = login.call if one.step == "call" else one.step
    lines = [f"{orm.entity}: {whose}{row} cannot log in, {step} fails: {_said(one)}"]
    lines += [f"the statement: {one.statement}"] if one.statement else []
    lines += one.detail.splitlines() if one.detail else []
    return Finding(
        code=f"login.{one.kind}-row",
        severity=Severity.ERROR,
        subject=".".join(one.column or orm.table) or f"login.call {login.call}",
        message="\n".join(lines),
        actual=one.sqlstate,
        fix=one.fix,
        path=one.path or orm.path,
        line=one.line if one.path else orm.line,
    )


def _said(one: Attempt) -> str:
    """The fact, with the class of what says it where that is not there already."""
    message = one.message or ""
    named = one.error is None or message.startswith(one.error)
    return message if named else f"{message} ({one.error})"


def _of_change(change: str, login: Login) -> Finding:
    name, _, kind = change.rpartition(": ")
    if login.request is not None:
        who = f"the application {_application(login.request)}"
    else:
        who = " or ".join(_words(one) for one in (login.call, login.create) if one)
    what = "the schema itself"
    if kind == "rows":
        what, kind = "what a migration tool has noted there", "its rows are others"
    return Finding(
        code="login.migrates-itself",
        severity=Severity.ERROR,
        subject=name,
        message=f"{who} changed {what}: {kind}\nits start hides what the migrations lack",
        fix="let migrations alone change the schema: no create_all as the application starts",
    )


def _application(request: Request) -> str:
    return request.app or _words(request.serve)


def _words(command: str | tuple[str, ...] | None) -> str:
    return " ".join(command) if isinstance(command, tuple) else str(command)


def _of_answer(
    answer: Answer, application: str, request: Request, log: tuple[str, ...]
) -> Iterator[Finding]:
    if answer.status in request.status or answer.problem == "no-substitution":
        return
    expected = " or ".join(str(status) for status in request.status)
    whose = "an existing row" if answer.kind == "existing" else "a new row"
    if answer.status is None:
        fact = f"gives no answer ({answer.problem})"
    else:
        fact = f"answers {answer.status}, not {expected}"
    lines = [f"{application} {fact} to {whose} that logs in: {request.method} {request.path}"]
    lines += [f"it says: {answer.excerpt}"] if answer.excerpt else []
    lines += answer.error.splitlines() if answer.error else []
    lines += [ANSWERED, *(line for one in log for line in one.splitlines())] if log else []
    yield Finding(
        code="login.status" if answer.status is not None else "login.no-answer",
        severity=Severity.ERROR,
        subject=f"{request.method} {request.path}",
        message="\n".join(lines),
        expected=expected,
        actual=None if answer.status is None else str(answer.status),
    )


def _not_asked(why: str, login: Login) -> Finding:
    assert login.request is not None
    return Finding(
        code="login.not-asked",
        severity=Severity.WARNING,
        subject=_application(login.request),
        message=f"it did not start, so it was not asked to log anybody in\n{why}",
    )


def _unproven(evidence: LoginEvidence, login: Login) -> str | None:
    """What could not be looked at; a check that proves half must not pass."""
    for one in evidence.orm.attempts:
        if one.outcome == "unproven":
            fix = f"\n  next: {one.fix}" if one.fix else ""
            return f"{evidence.orm.entity}: {one.kind} row: {one.message}{fix}"
    if evidence.not_asked is not None:
        return evidence.not_asked
    if evidence.request is None:
        return None
    for answer in evidence.request.answers:
        if answer.problem == "no-substitution":
            fix = f"log in by a row of `seed`, with its {evidence.orm.by} in the request"
            if login.create:
                fix = (
                    "let `create` be a function that returns {text of the request: what the new "
                    "row's has in its place}"
                )
            return (
                f"{evidence.request.application}: the request names no existing row, so no new one "
                f"can log in by it\n  next: {fix}"
            )
    return None


def _proven(evidence: LoginEvidence) -> str:
    kinds = [one.kind for one in evidence.orm.attempts if one.outcome == "ok"]
    words = f"{kinds.count('existing')} existing and {kinds.count('new')} new rows by the ORM"
    if evidence.request is None:
        return words
    return f"{words}, {len(evidence.request.answers)} requests to {evidence.request.application}"
