"""Ignore rules: what is known and accepted, for a reason, perhaps until a day. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_schemaguard.checks import NAMES
from pytest_schemaguard.findings import Outcome, Severity, Verdict, fails

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Sequence
    from datetime import date

    from pytest_schemaguard.config import Ignore
    from pytest_schemaguard.findings import Finding


@dataclass(frozen=True)
class Found:
    """What is to be known of a finding to tell which rules match nothing."""

    code: str
    subject: str
    severity: str


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
    """The verdict without what the rules have it ignore: it passes where nothing else fails it.

    What could not be looked at besides is then what is left: the check is unproven.
    """
    findings = applied(verdict.findings, rules, today=today)
    ignored = [one for one in findings if one.ignored]
    decided = any(fails(one, strict=strict) for one in verdict.findings)
    verdict = replace(verdict, findings=findings)
    if not (decided and ignored) or any(fails(one, strict=strict) for one in findings):
        return verdict
    if verdict.unproven is not None:
        return replace(verdict, outcome=Outcome.UNPROVEN, reason=verdict.unproven)
    # The reason of a check that failed can be what it proves where it passes.
    told = [verdict.reason] if verdict.outcome is Outcome.UNPROVEN and verdict.reason else []
    return replace(verdict, outcome=Outcome.PASSED, reason="; ".join([*told, *counted(findings)]))


def is_about(rule: Ignore, code: str, subject: str) -> bool:
    return fnmatchcase(code, rule.code) and fnmatchcase(subject, rule.subject)


def counted(findings: Iterable[Finding]) -> list[str]:
    """`2 ignored: the old index goes with release 7`, a line for each reason."""
    reasons = Counter(one.reason for one in findings if one.ignored)
    return [f"{count} ignored: {reason}" for reason, count in reasons.items()]


def stale(
    rules: Sequence[Ignore], *, looked: Container[str], found: Collection[Found]
) -> tuple[Ignore, ...]:
    """The rules that match nothing any more.

    `looked` are the checks that ran to their end, `found` is all that they report. A rule that is
    also about another check may match there, and one whose finding another hides may match again:
    they are none of these.
    """
    return tuple(
        rule
        for rule in rules
        if (checks := _checks_of(rule))
        and all(name in looked for name in checks)
        and not any(is_about(rule, one.code, one.subject) or _hides(one, rule) for one in found)
    )


def stale_words(rule: Ignore) -> str:
    """What is to be said of a rule that matches nothing any more."""
    subject = "" if rule.subject == "*" else f" {rule.subject}"
    return (
        f"{rule.place}: the ignore rule for {rule.code}{subject} matches nothing any more\n"
        f"  next: remove it; its reason was: {rule.reason}"
    )


def can_report(check: str, code: str) -> bool:
    """Whether this pattern can match a finding's code of this check: `<check>.<kind>`."""
    return any(
        fnmatchcase(f"{check}.", code[:end])
        # What is left is about the kind: the pattern's rest, or the wildcard that goes on.
        for end in range(1, len(code) + 1)
        if code[end:] or code[end - 1] == "*"
    )


def _checks_of(rule: Ignore) -> list[str]:
    return [one for one in NAMES if can_report(one, rule.code)]


def _hides(one: Found, rule: Ignore) -> bool:
    """Whether a finding of the rule's could be there, and not be told because of this one.

    `drift` compares on, but nothing of what is missing or refused; the other checks can end at
    their first error.
    """
    check, _, kind = one.code.partition(".")
    if not can_report(check, rule.code):
        return False
    if check != "drift":
        return one.severity == Severity.ERROR
    return kind == "refused" or (
        kind in {"missing-table", "missing-column"} and _reaches(rule.subject, one.subject)
    )


def _reaches(pattern: str, subject: str) -> bool:
    """Whether the pattern may match the subject, or what is in it."""
    literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    inside = f"{literal}.".startswith(f"{subject}.")
    return inside or (literal != pattern and f"{subject}.".startswith(literal))


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
