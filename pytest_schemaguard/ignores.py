"""Ignore rules: what is known and accepted, for a reason, perhaps until a day. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_schemaguard.config import CHECKS
from pytest_schemaguard.findings import Outcome, Verdict, fails

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Sequence
    from datetime import date

    from pytest_schemaguard.config import Ignore
    from pytest_schemaguard.findings import Finding


def applied(
    findings: Iterable[Finding], rules: Sequence[Ignore], *, today: date
) -> tuple[Finding, ...]:
    """The findings, of which those that a rule is about are ignored, through its last day.

    One whose rule has ended counts again, and says so.
    """
    return tuple(_applied(one, rules, today) for one in findings)


def ignoring(
    verdict: Verdict, rules: Sequence[Ignore], *, today: date, strict: bool = False
) -> Verdict:
    """The verdict without what the rules have it ignore: it passes where nothing else fails it."""
    findings = applied(verdict.findings, rules, today=today)
    ignored = [one for one in findings if one.ignored]
    decided = any(fails(one, strict=strict) for one in verdict.findings)
    outcome = verdict.outcome
    if decided and ignored and not any(fails(one, strict=strict) for one in findings):
        outcome = Outcome.PASSED
    return replace(verdict, outcome=outcome, findings=findings)


def is_about(rule: Ignore, code: str, subject: str) -> bool:
    return fnmatchcase(code, rule.code) and fnmatchcase(subject, rule.subject)


def counted(findings: Iterable[Finding]) -> list[str]:
    """`2 ignored: the old index goes with release 7`, a line for each reason."""
    reasons = Counter(one.reason for one in findings if one.ignored)
    return [f"{count} ignored: {reason}" for reason, count in reasons.items()]


def stale(
    rules: Sequence[Ignore], *, looked: Container[str], found: Collection[tuple[str, str]]
) -> tuple[Ignore, ...]:
    """The rules that match nothing any more.

    `looked` are the checks that ran to their end, `found` the codes and subjects of all that they
    report. A rule that is also about another check may match there, and is none of these.
    """
    return tuple(
        rule
        for rule in rules
        if all(name in looked for name in _checks_of(rule))
        and not any(is_about(rule, code, subject) for code, subject in found)
    )


def stale_words(rule: Ignore) -> str:
    """What is to be said of a rule that matches nothing any more."""
    subject = "" if rule.subject == "*" else f" {rule.subject}"
    return (
        f"{rule.place}: the ignore rule for {rule.code}{subject} matches nothing any more\n"
        f"  next: remove it; its reason was: {rule.reason}"
    )


def _checks_of(rule: Ignore) -> list[str]:
    name, dot, _ = rule.code.partition(".")
    # A wildcard before the first dot may stand for a dot too.
    return [one for one in CHECKS if not dot or "*" in name or fnmatchcase(one, name)]


def _applied(finding: Finding, rules: Sequence[Ignore], today: date) -> Finding:
    about = [one for one in rules if is_about(one, finding.code, finding.subject)]
    for rule in about:
        if rule.until is None or today <= rule.until:
            return replace(finding, ignored=True, reason=rule.reason)
    if not about:
        return finding
    rule = about[0]
    said = f"the ignore rule at {rule.place} ended on {rule.until}: {rule.reason}"
    return replace(finding, message=f"{finding.message}\n{said}")
