from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict, judge
from pytest_schemaguard.reports import json as json_report
from pytest_schemaguard.reports import report, terminal

if TYPE_CHECKING:
    from pathlib import Path

COLUMN = Finding(
    code="drift.missing-column",
    severity=Severity.ERROR,
    subject="public.user.max_reports",
    message="in the model User (app/models.py:17), missing in the database\nevery query fails",
    expected="integer",
    fix='ALTER TABLE "user" ADD COLUMN max_reports integer',
    path="app/models.py",
    line=17,
)
INDEX = Finding(
    code="drift.missing-index", severity=Severity.WARNING, subject="public.user.ix", message="gone"
)


def test_a_failure_reads_subject_fact_consequence_fix() -> None:
    verdict = Verdict(outcome=Outcome.FAILED, findings=(INDEX, COLUMN))
    assert terminal.failure(verdict) == (
        "public.user.max_reports: in the model User (app/models.py:17), missing in the database\n"
        '  every query fails; fix: ALTER TABLE "user" ADD COLUMN max_reports integer\n'
        "warning: public.user.ix: gone"
    )


def test_a_finding_about_a_file_names_its_line() -> None:
    finding = Finding(
        code="applies.error",
        severity=Severity.ERROR,
        subject="migrations/x.sql",
        message="syntax error\nstatement:\n  SELEC",
        fix="mend it",
        path="migrations/x.sql",
        line=3,
    )
    assert terminal.failure(Verdict(outcome=Outcome.FAILED, findings=(finding,))) == (
        "migrations/x.sql:3: syntax error\n  statement:\n    SELEC\n  fix: mend it"
    )


def test_of_many_infos_of_a_kind_the_first_are_told_and_the_rest_counted() -> None:
    infos = [
        Finding(code=code, severity=Severity.INFO, subject=f"t.{n}", message="fact\nwhy")
        for n in range(5)
        for code in ("drift.renamed-index", "drift.comment")
        if n < 3 or code != "drift.comment"
    ]
    lines = list(terminal.findings((*infos, INDEX)))
    assert lines[0] == "warning: public.user.ix: gone"
    assert [line for line in lines if line.startswith("info: t.")] == [
        f"info: t.{n}: fact" for n in (0, 0, 1, 1, 2, 2)
    ]
    assert lines[-1] == "info: 2 more of drift.renamed-index; --schema-guard-json has them all"


def test_a_fact_that_is_very_long_is_cut_and_its_fix_is_whole() -> None:
    long = "x" * 5000
    finding = Finding(
        code="drift.check", severity=Severity.ERROR, subject="t", message=f"{long}\nwhy", fix=long
    )
    fact, rest = terminal.findings((finding,))
    assert fact == f"t: {'x' * 600} ... (4400 more characters)"
    assert rest == f"  why; fix: {long}"


def test_what_could_not_be_looked_at_says_unproven_first() -> None:
    verdict = Verdict(outcome=Outcome.UNPROVEN, reason="server: gone\n  next: look")
    assert terminal.failure(verdict) == "unproven: server: gone\n  next: look"


def test_warnings_fail_only_when_strict() -> None:
    assert judge((INDEX,)).outcome is Outcome.PASSED
    assert judge((INDEX,), strict=True).outcome is Outcome.FAILED
    assert judge((COLUMN,)).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("outcomes", "overall"),
    [
        (["passed", "skipped"], "passed"),
        (["passed", "unproven"], "unproven"),
        (["unproven", "failed", "passed"], "failed"),
        (["skipped"], "skipped"),
        ([], "unproven"),
    ],
)
def test_the_report_has_the_shape_that_was_promised(
    tmp_path: Path, outcomes: list[str], overall: str
) -> None:
    entries = [
        report.entry(
            nodeid=f"pyproject.toml::{outcome}",
            check=outcome,
            subject="pyproject.toml",
            seconds=0.12345,
            verdict=Verdict(outcome=Outcome(outcome), findings=(COLUMN,), notices=("NOTICE:  é",)),
        )
        for outcome in outcomes
    ]
    path = tmp_path / "reports" / "guard.json"
    server = {"provider": "local", "version": "15.18"}
    json_report.write(path, report.Report(server=server, checks=entries))
    written = json.loads(path.read_text())
    assert list(written) == ["version", "server", "outcome", "checks", "ignores"]
    assert written["version"] == "schema-guard-report/1"
    assert written["outcome"] == overall
    for check in written["checks"]:
        assert list(check) == [
            "nodeid",
            "check",
            "subject",
            "outcome",
            "reason",
            "seconds",
            "findings",
            "notices",
        ]
        assert check["notices"] == ["NOTICE:  é"]
        assert check["findings"] == [
            {
                "code": "drift.missing-column",
                "severity": "error",
                "subject": "public.user.max_reports",
                "message": COLUMN.message,
                "expected": "integer",
                "actual": None,
                "fix": COLUMN.fix,
                "path": "app/models.py",
                "line": 17,
                "ignored": False,
                "reason": None,
            }
        ]
    assert list(path.parent.iterdir()) == [path]
