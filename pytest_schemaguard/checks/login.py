"""login: users who were there before the migration, and new ones, can log in.

Rows are looked up as the application does it (`select(Model).where(Model.by == value)`), and every
attribute is read. A new row is made through the model, so that its defaults are used. Where
`[tool.schema-guard.login.request]` is configured, the application itself is started and asked, for
an existing row and for the new one; it must not change the schema as it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.config import Request
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.login import Answer, LoginReport
    from pytest_schemaguard.logins import LoginEvidence
    from pytest_schemaguard.migration import Migration


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on an error, a row that is not found, another status, a schema that changes."""
    login = guard.config.login
    if login is None:
        return Verdict(outcome=Outcome.SKIPPED, reason="no [tool.schema-guard.login] is configured")
    evidence = guard.login
    found = tuple(findings(evidence, login.request))
    if not any(finding.severity is Severity.ERROR for finding in found):
        unproven = _unproven(evidence)
        if unproven:
            return Verdict(outcome=Outcome.UNPROVEN, findings=found, reason=unproven)
    return verdict(found, strict=guard.config.strict, reason=_proven(evidence))


def findings(evidence: LoginEvidence, request: Request | None) -> Iterator[Finding]:
    """What went wrong with the logins."""
    yield from _of_orm(evidence.orm)
    if evidence.request is not None:
        assert request is not None
        for answer in evidence.request.answers:
            yield from _of_answer(answer, evidence.request.application, request)
    for change in evidence.migrated_itself:
        name, _, kind = change.partition(": ")
        assert evidence.request is not None
        yield Finding(
            code="login.migrates-itself",
            severity=Severity.ERROR,
            subject=name,
            message=(
                f"the application {evidence.request.application} changed the schema itself: {kind}"
                "\nits start hides what the migrations lack"
            ),
            fix="let migrations alone change the schema: no create_all as the application starts",
        )


def _of_orm(orm: LoginReport) -> Iterator[Finding]:
    for one in orm.attempts:
        if one.outcome != "error":
            continue
        whose = "an existing row" if one.kind == "existing" else "a new row"
        row = f" ({orm.by} = {one.value!r})" if one.value is not None else ""
        name = f" ({one.error})" if one.error else ""
        lines = [f"{orm.entity}: {whose}{row} cannot log in, {one.step} fails: {one.message}{name}"]
        if one.statement:
            lines.append(f"the statement: {one.statement}")
        yield Finding(
            code=f"login.{one.kind}-row",
            severity=Severity.ERROR,
            subject=".".join(one.column or orm.table),
            message="\n".join(lines),
            actual=one.sqlstate,
            fix=one.fix,
            path=orm.path,
            line=orm.line,
        )


def _of_answer(answer: Answer, application: str, request: Request) -> Iterator[Finding]:
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
    yield Finding(
        code="login.status" if answer.status is not None else "login.no-answer",
        severity=Severity.ERROR,
        subject=f"{request.method} {request.path}",
        message="\n".join(lines),
        expected=expected,
        actual=None if answer.status is None else str(answer.status),
    )


def _unproven(evidence: LoginEvidence) -> str | None:
    """What could not be looked at; a check that proves half must not pass."""
    for one in evidence.orm.attempts:
        if one.outcome == "unproven":
            fix = f"\n  next: {one.fix}" if one.fix else ""
            return f"{evidence.orm.entity}: {one.kind} row: {one.message}{fix}"
    for answer in evidence.request.answers if evidence.request else ():
        if answer.problem == "no-substitution":
            return (
                f"{evidence.request and evidence.request.application}: the request names no "
                "existing row, so no new one can log in by it\n"
                f"  next: log in by a row of `seed`, with its {evidence.orm.by} in the request"
            )
    return None


def _proven(evidence: LoginEvidence) -> str:
    kinds = [one.kind for one in evidence.orm.attempts if one.outcome == "ok"]
    words = f"{kinds.count('existing')} existing and {kinds.count('new')} new rows by the ORM"
    if evidence.request is None:
        return words
    return f"{words}, {len(evidence.request.answers)} requests to {evidence.request.application}"
