"""No text from outside moves a cursor, forges a line of ours or starts a command."""

from __future__ import annotations

import json
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_schemaguard import cli
from pytest_schemaguard.cli import check
from pytest_schemaguard.cli.output import COULD_NOT_LOOK
from pytest_schemaguard.config import Ignore
from pytest_schemaguard.errors import GuardError, ServerError
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.ignores import ignoring
from pytest_schemaguard.live.fleet import Result
from pytest_schemaguard.live.targets import Target
from pytest_schemaguard.printable import paragraph, printable, printable_lines
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.reports import json as json_report
from pytest_schemaguard.reports import live, report, terminal

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "a\x1b[2J\x1b]8;;http://x\x07b\x9b\r\n::error::c\n##[group]d\u202e\u2028\udcff\n=== 5 passed"
)
PIECES = [
    "::error::",
    "\n",
    "\r\n",
    "##[",
    "##vso[",
    "\x1b[2J",
    "\u202e",
    "\udc80",
    " ",
    "schema-guard: ",
]
TEXT = st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=5), max_size=6).map(
    "".join
)
FINDINGS = st.builds(
    Finding,
    code=st.sampled_from(["drift.missing-column", "applies.error"]),
    severity=st.sampled_from(list(Severity)),
    subject=TEXT,
    message=TEXT,
    expected=st.none() | TEXT,
    actual=st.none() | TEXT,
    fix=st.none() | TEXT,
    path=st.none() | TEXT,
    line=st.none() | st.integers(1, 9),
)
ERRORS = st.builds(GuardError, TEXT, TEXT, fix=TEXT, detail=TEXT, path=TEXT, line=st.integers(0, 9))


def assert_printable(text: str) -> None:
    for line in text.split("\n"):
        assert not {unicodedata.category(one) for one in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}, (
            line
        )
        assert not line.strip().startswith("::"), line
        for command in ("##[", "##vso[", "##teamcity["):
            assert command not in line, line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb\x07\x00\x9b", r"a\x1b[2Jb\x07\x00\x9b"),
        ("a\nb\r\nc\td", r"a\nb\r\nc\td"),
        ("\u202ea\u2066b\u200fc\u061cd", r"\u202ea\u2066b\u200fc\u061cd"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("a\udcffb\U000e0041", r"a\udcffb\U000e0041"),
        ("::error::x", r"\x3a:error::x"),
        ("\u3000::error::x", "\u3000" + r"\x3a:error::x"),
        ("x ##[error]y", r"x \x23#[error]y"),
        ("##vso[a]##teamcity[b]", r"\x23#vso[a]\x23#teamcity[b]"),
        ("a::text, x ## y #[z]", "a::text, x ## y #[z]"),
    ],
)
def test_what_a_terminal_or_a_ci_system_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "name",
    ["naïve", "straße", "用户", "مستخدم", "пользователь", "🎉 e\u0301", r"a\nb", "x ∑ ½ “q”"],
)
def test_letters_of_every_script_stay_as_they_are(name: str) -> None:
    assert printable(name) == name
    assert printable_lines(name) == [name]


def test_a_text_of_several_lines_keeps_them_below_its_first() -> None:
    text = "syntax error\r\nstatement:\n\tSELECT 1\n    ::int\n\n"
    assert paragraph(text) == "syntax error\n  statement:\n    SELECT 1\n    \\x3a:int"


@settings(derandomize=True, max_examples=300, deadline=None)
@given(text=TEXT | st.text(st.characters()))
@example(HOSTILE)
def test_any_text_is_printable(text: str) -> None:
    assert_printable(printable(text))
    assert "\n" not in printable(text)
    assert printable(printable(text)) == printable(text)
    first, *rest = paragraph(text).split("\n")
    assert_printable(first)
    for line in rest:
        assert line.startswith("  ")
        assert_printable(line)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(found=st.lists(FINDINGS, min_size=1, max_size=3), reason=st.none() | TEXT)
def test_each_line_of_a_failed_check_is_ours(found: list[Finding], reason: str | None) -> None:
    text = terminal.failure(Verdict(outcome=Outcome.UNPROVEN, findings=tuple(found), reason=reason))
    assert_printable(text)
    begins = ["unproven: ", "  ", "info: ", *(_begin(one) for one in found)]
    for line in text.split("\n"):
        assert line.startswith(tuple(begins)), line
        assert not line.startswith(("schema-guard: ", "=")) or line.startswith(tuple(begins[3:]))


def _begin(finding: Finding) -> str:
    """How the line of a finding that is not indented begins: its mark, its subject whole."""
    mark = "" if finding.severity is Severity.ERROR else f"{finding.severity.value}: "
    subject = printable(finding.subject)
    return mark + (f'"{subject}"' if " " in subject else f"{subject}:")


@settings(derandomize=True, max_examples=200, deadline=None)
@given(error=ERRORS)
def test_each_line_of_an_error_is_ours(error: GuardError) -> None:
    text = terminal.words(error)
    assert_printable(text)
    for line in text.split("\n")[1:]:
        assert line.startswith("  ")


@settings(derandomize=True, max_examples=200, deadline=None)
@given(found=st.lists(FINDINGS, max_size=3), reason=st.none() | TEXT, schema=st.none() | TEXT)
def test_each_line_about_a_live_database_is_ours(
    found: list[Finding], reason: str | None, schema: str | None, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "x"
    targets = [Target(dump=path, schema=schema), Target(dump=path / "y", schema="other")]
    results = [
        Result(
            target=one, outcome=Outcome.FAILED, findings=tuple(found), reason=reason, looked=looked
        )
        for one, looked in zip(targets, (True, reason is None), strict=True)
    ]
    for one in results:
        first, *rest = live.line_of(one).split("\n")
        assert first.startswith((str(path), f'"{path}'))
        assert_printable(first)
        for line in rest:
            assert line.startswith("  ")
            assert_printable(line)
    for text in (*live.groups(results), *live.groups(results[:1])):
        assert_printable(text)


def test_a_name_that_is_a_line_of_ours_stands_in_quotes() -> None:
    finding = Finding(
        code="drift.extra-table",
        severity=Severity.ERROR,
        subject="schema-guard: of 400 databases 400 hold.t",
        message="in the database, but in no model",
    )
    assert terminal.failure(Verdict(outcome=Outcome.FAILED, findings=(finding,))) == (
        '"schema-guard: of 400 databases 400 hold.t": in the database, but in no model'
    )


def test_a_line_end_within_a_name_is_shown_as_one() -> None:
    finding = Finding(
        code="drift.extra-table",
        severity=Severity.ERROR,
        subject="public.b\n::error::x",
        message='in the database, but in no model\nwhat is "b\n::error::x"?',
        fix='DROP TABLE "b\n::error::x";\nCOMMIT',
    )
    assert terminal.failure(Verdict(outcome=Outcome.FAILED, findings=(finding,))) == (
        "public.b\\n::error::x: in the database, but in no model\n"
        '  what is "b\\n::error::x"?; fix: DROP TABLE "b\\n::error::x";\n'
        "  COMMIT"
    )


def test_an_ignore_rule_s_reason_is_printable() -> None:
    rule = Ignore(code="drift.*", subject="*", reason="\n::error::x\x1b", until=None, place="x:1")
    finding = Finding(code="drift.x", severity=Severity.ERROR, subject="a", message="b")
    verdict = ignoring(
        Verdict(outcome=Outcome.FAILED, findings=(finding,)), (rule,), today=date(2026, 1, 1)
    )
    (line,) = terminal.findings(verdict.findings)
    assert line == r"1 ignored: \n::error::x\x1b"


def test_progress_is_printable() -> None:
    written: list[str] = []
    Progress(written.append).tell("reading \x1b[2Jx\n::error::y")
    assert written == ["\r\033[Kschema-guard: reading \\x1b[2Jx\\n::error::y"]


def test_json_keeps_the_true_characters_and_is_ascii(tmp_path: Path) -> None:
    finding = Finding(
        code="applies.error", severity=Severity.ERROR, subject=HOSTILE, message=f"naïve {HOSTILE}"
    )
    entry = report.entry(
        nodeid="n",
        check="applies",
        subject=HOSTILE,
        seconds=0,
        verdict=Verdict(outcome=Outcome.FAILED, findings=(finding,), reason=HOSTILE),
    )
    assert report.values_of(report.text_of(entry)) == entry
    json_report.write(tmp_path / "r.json", report.Report(server=None, checks=[entry]))
    written = (tmp_path / "r.json").read_bytes()
    assert all(byte in b"\n" or 32 <= byte < 127 for byte in written)
    (one,) = json.loads(written)["checks"]
    assert one["findings"][0]["message"] == f"naïve {HOSTILE}"
    assert one["reason"] == one["subject"] == HOSTILE


def test_an_argument_that_is_not_understood_shows_no_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["postgresql://app:canary-pw@db/app\x1b[2J"])
    said = capsys.readouterr().err
    assert "postgresql://app:***@db/app" in said
    assert "canary-pw" not in said
    assert "\x1b" not in said


def test_a_terminal_that_knows_few_characters_gets_the_others_escaped(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    error = ServerError("用户", "fact")
    monkeypatch.setattr(check, "run", lambda _: (_ for _ in ()).throw(error))
    assert cli.main(["check"]) == COULD_NOT_LOOK
    assert raw.getvalue() == b"schema-guard: \\u7528\\u6237: fact\n"
