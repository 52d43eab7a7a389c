from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.config import Ignore
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict, judge
from pytest_schemaguard.ignores import (
    Found,
    applied,
    can_report,
    counted,
    ignoring,
    is_about,
    stale,
    stale_words,
)

TODAY = date(2026, 11, 23)
INDEX = Finding(
    code="drift.extra-index", severity=Severity.ERROR, subject="public.user.ix", message="fact\nwhy"
)


def rule(code: str = "drift.extra-index", subject: str = "*", until: date | None = None) -> Ignore:
    return Ignore(
        code=code, subject=subject, reason="it is known", until=until, place="pyproject.toml:9"
    )


@pytest.mark.parametrize("until", [None, TODAY, date(2027, 1, 1)])
def test_a_rule_holds_through_its_last_day(until: date | None) -> None:
    (one,) = applied((INDEX,), [rule(until=until)], today=TODAY)
    assert (one.ignored, one.reason, one.message) == (True, "it is known", INDEX.message)


def test_past_its_day_the_finding_counts_again_and_says_so() -> None:
    verdict = ignoring(judge((INDEX,)), [rule(until=date(2026, 11, 22))], today=TODAY)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.findings[0].message == (
        "fact\nwhy\nthe ignore rule at pyproject.toml:9 ended on 2026-11-22: it is known"
    )


def test_another_rule_that_still_holds_is_enough() -> None:
    rules = [rule(until=date(2020, 1, 1)), rule("drift.*")]
    (one,) = applied((INDEX,), rules, today=TODAY)
    assert one.ignored


@pytest.mark.parametrize(
    ("code", "subject", "about"),
    [
        ("drift.extra-index", "public.user.ix", True),
        ("drift.*", "public.*", True),
        ("*", "*", True),
        ("drift.extra", "*", False),
        ("drift.extra-index", "public.user", False),
        ("DRIFT.extra-index", "*", False),
    ],
)
def test_patterns_are_those_of_a_shell_and_match_the_whole(
    code: str, subject: str, about: bool
) -> None:
    assert is_about(rule(code, subject), INDEX.code, INDEX.subject) is about


def test_a_check_passes_where_nothing_else_fails_it() -> None:
    other = Finding(code="drift.type", severity=Severity.ERROR, subject="t", message="fact")
    rules = [rule()]
    assert ignoring(judge((INDEX,)), rules, today=TODAY).outcome is Outcome.PASSED
    assert ignoring(judge((INDEX, other)), rules, today=TODAY).outcome is Outcome.FAILED


def test_where_warnings_fail_an_ignored_one_does_not() -> None:
    warning = Finding(
        code="drift.extra-index", severity=Severity.WARNING, subject="t", message="fact"
    )
    verdict = judge((warning,), strict=True)
    assert verdict.outcome is Outcome.FAILED
    assert ignoring(verdict, [rule()], today=TODAY, strict=True).outcome is Outcome.PASSED


def test_what_could_not_be_looked_at_stays_unproven() -> None:
    unproven = Verdict(outcome=Outcome.UNPROVEN, reason="no server")
    assert ignoring(unproven, [rule("*")], today=TODAY) == unproven
    info = Finding(code="drift.comment", severity=Severity.INFO, subject="t", message="fact")
    told = Verdict(outcome=Outcome.UNPROVEN, findings=(info,), reason="half of it")
    assert ignoring(told, [rule("*")], today=TODAY).outcome is Outcome.UNPROVEN


def test_a_model_that_is_refused_can_be_accepted() -> None:
    refused = Finding(code="drift.refused", severity=Severity.ERROR, subject="t", message="fact")
    verdict = Verdict(outcome=Outcome.UNPROVEN, findings=(refused,), reason="not whole")
    assert ignoring(verdict, [rule("drift.refused")], today=TODAY).outcome is Outcome.PASSED


def test_a_reason_is_told_once_with_its_count() -> None:
    found = applied((INDEX, INDEX, INDEX), [rule()], today=TODAY)
    assert counted(found) == ["3 ignored: it is known"]


def test_a_rule_is_stale_when_its_checks_have_looked_and_found_nothing_of_it() -> None:
    found = [Found("drift.type", "public.user.email", "error")]
    for code, looked, is_stale in [
        ("drift.extra-index", {"drift"}, True),
        ("drift.type", {"drift"}, False),
        ("drift.extra-index", {"queries"}, False),
        ("*.extra-index", {"drift", "queries"}, False),
        ("*", {"drift"}, False),
        ("*t.extra-index", {"drift"}, False),
    ]:
        assert bool(stale([rule(code)], looked=looked, found=found)) is is_stale, code


def test_a_rule_about_no_check_at_all_is_not_called_stale() -> None:
    assert stale([rule("locks.rewrite")], looked={"drift"}, found=[]) == ()


@pytest.mark.parametrize(
    ("one", "code", "subject", "is_stale"),
    [
        (Found("drift.type", "public.a.b", "error"), "drift.default", "public.a.b", True),
        (Found("drift.refused", "public.a", "error"), "drift.default", "public.b.c", False),
        (Found("drift.missing-column", "public.a.b", "error"), "drift.type", "public.a.b", False),
        (Found("drift.missing-table", "public.a", "error"), "drift.type", "public.a.b", False),
        (Found("drift.missing-table", "public.a", "error"), "drift.type", "public.*", False),
        (Found("drift.missing-table", "public.a", "error"), "drift.type", "*", False),
        (Found("drift.missing-table", "public.a", "error"), "drift.type", "public.ab.c", True),
        (Found("drift.missing-table", "public.a", "error"), "login.status", "*", True),
        (Found("login.status", "POST /", "error"), "login.no-answer", "*", False),
        (Found("login.not-asked", "app", "warning"), "login.no-answer", "*", True),
    ],
)
def test_a_rule_is_not_called_stale_where_another_finding_may_hide_its_own(
    one: Found, code: str, subject: str, *, is_stale: bool
) -> None:
    told = stale([rule(code, subject)], looked={"drift", "login"}, found=[one])
    assert bool(told) is is_stale


@pytest.mark.parametrize("code", ["*", "drift.*", "dr*", "*.type", "d?ift.type", "*type", "[d]r*"])
def test_codes_that_drift_can_report(code: str) -> None:
    assert can_report("drift", code)


@pytest.mark.parametrize("code", ["", "drift", "drift.", "?", "zzz*", "locks.*", "[drift.type"])
def test_codes_that_drift_can_never_report(code: str) -> None:
    assert not can_report("drift", code)


@given(
    code=st.text("drift.*?[]-ae", max_size=12),
    kind=st.text("drift-ae", min_size=1, max_size=8),
)
def test_no_code_is_refused_that_matches_a_finding(code: str, kind: str) -> None:
    if is_about(rule(code), f"drift.{kind}", ""):
        assert can_report("drift", code)


def test_what_could_not_be_looked_at_besides_is_left_when_the_findings_are_ignored() -> None:
    verdict = judge((INDEX,), reason="9 statements planned", unproven="public.b: not stated")
    assert verdict.outcome is Outcome.FAILED
    told = ignoring(verdict, [rule()], today=TODAY)
    assert (told.outcome, told.reason) == (Outcome.UNPROVEN, "public.b: not stated")


def test_a_check_that_passes_by_a_rule_does_not_say_that_it_proved_what_failed() -> None:
    verdict = judge((INDEX,), reason="up, down and up leave no trace")
    told = ignoring(verdict, [rule()], today=TODAY)
    assert (told.outcome, told.reason) == (Outcome.PASSED, "1 ignored: it is known")


def test_a_stale_rule_is_told_with_its_place_and_reason() -> None:
    assert stale_words(rule(subject="public.*")) == (
        "pyproject.toml:9: the ignore rule for drift.extra-index public.* matches nothing any "
        "more\n  next: remove it; its reason was: it is known"
    )


@given(code=st.text(), subject=st.text(), patterns=st.tuples(st.text(), st.text()))
def test_whatever_the_patterns_are_only_what_they_match_is_ignored(
    code: str, subject: str, patterns: tuple[str, str]
) -> None:
    finding = Finding(code=code, severity=Severity.ERROR, subject=subject, message="")
    one = rule(*patterns)
    (told,) = applied((finding,), [one], today=TODAY)
    assert told.ignored is is_about(one, code, subject)
    if not told.ignored:
        assert told == finding
