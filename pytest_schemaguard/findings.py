"""What the checks say: findings, verdicts and their outcomes. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Severity(str, Enum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Outcome(str, Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not asked for: no login configured, no downgrade."""
    UNPROVEN = "unproven"
    """Asked for, and the guard could not look. It fails."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact that a check reports."""

    code: str
    """`<check>.<kind>`, such as `drift.missing-column`."""
    severity: Severity
    subject: str
    """`schema.table[.column]`, or a migration's path relative to the configuration."""
    message: str
    """The fact, a sentence or a few lines, without the subject."""
    expected: str | None = None
    actual: str | None = None
    fix: str | None = None
    """What mends it: SQL or a next step."""
    path: str | None = None
    line: int | None = None
    ignored: bool = False
    """By an ignore rule: it is told, and fails nothing."""
    reason: str | None = None
    """The ignore rule's."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check found: its outcome follows from the findings unless it says otherwise."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    """Why it was skipped or is unproven; what was proven where that needs saying."""
    unproven: str | None = None
    """What could not be looked at; it counts as soon as no finding fails the check."""
    notices: tuple[str, ...] = ()
    """What PostgreSQL said of the migration beside its results: `NOTICE:  ...`."""


def fails(finding: Finding, *, strict: bool = False) -> bool:
    """Whether it fails its check: an error does, with `strict` a warning too."""
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return finding.severity in failing and not finding.ignored


def judge(
    findings: tuple[Finding, ...],
    *,
    strict: bool = False,
    reason: str | None = None,
    unproven: str | None = None,
    notices: tuple[str, ...] = (),
) -> Verdict:
    """A verdict that fails on an error, and with `strict` on a warning too.

    Where nothing fails it, `unproven` is what could not be looked at.
    """
    if any(fails(one, strict=strict) for one in findings):
        outcome = Outcome.FAILED
    elif unproven is not None:
        outcome, reason = Outcome.UNPROVEN, unproven
    else:
        outcome = Outcome.PASSED
    return Verdict(
        outcome=outcome, findings=findings, reason=reason, unproven=unproven, notices=notices
    )


def mapped(finding: Finding, change: Callable[[str], str]) -> Finding:
    """The finding with its texts changed; what names its subject stays, since rules match it."""
    texts: dict[str, Any] = {
        name: change(text)
        for name in ("message", "expected", "actual", "fix", "reason")
        if (text := getattr(finding, name)) is not None
    }
    return replace(finding, **texts)


def mapped_verdict(verdict: Verdict, change: Callable[[str], str]) -> Verdict:
    """The verdict with all its texts changed."""
    return replace(
        verdict,
        findings=tuple(mapped(one, change) for one in verdict.findings),
        reason=None if verdict.reason is None else change(verdict.reason),
        unproven=None if verdict.unproven is None else change(verdict.unproven),
        notices=tuple(map(change, verdict.notices)),
    )
