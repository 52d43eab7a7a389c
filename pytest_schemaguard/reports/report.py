"""What every format of the run's report gets: values, without passwords."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_schemaguard.findings import Finding, Verdict


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run."""

    server: Mapping[str, str] | None
    """`provider` and `version`; None where no server was used."""
    checks: Sequence[Mapping[str, Any]]
    """The entries of the checks that ran, in their order."""
    stale: Sequence[str] = ()
    """The ignore rules that match nothing any more, in words."""
    stale_fails: bool = False
    """Whether these fail the run."""
    none_due: bool = False
    """Whether checks of migrations alone are asked for, and none is judged."""

    @property
    def outcome(self) -> Outcome:
        """The worst of its checks'; that of a run without any is unproven, unless none was due."""
        outcomes = {one["outcome"] for one in self.checks}
        if self.stale and self.stale_fails:
            return Outcome.FAILED
        for worst in (Outcome.FAILED, Outcome.UNPROVEN, Outcome.PASSED):
            if worst.value in outcomes:
                return worst
        return Outcome.SKIPPED if outcomes or self.none_due else Outcome.UNPROVEN


def entry(
    *, nodeid: str, check: str, subject: str, seconds: float, verdict: Verdict
) -> dict[str, Any]:
    """One check of the report, as plain values."""
    return {
        "nodeid": nodeid,
        "check": check,
        "subject": subject,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "seconds": round(seconds, 3),
        "findings": [finding_values(finding) for finding in verdict.findings],
        "notices": list(verdict.notices),
    }


def finding_values(finding: Finding) -> dict[str, Any]:
    """One finding, as plain values."""
    return {**asdict(finding), "severity": finding.severity.value}


def text_of(entry: dict[str, Any]) -> str:
    """The entry as a text of ASCII characters."""
    return json.dumps(entry)


def values_of(text: str) -> dict[str, Any]:
    """The entry that `text_of` wrote."""
    entry: dict[str, Any] = json.loads(text)
    return entry


def failed(entry: Mapping[str, Any]) -> bool:
    """Whether this entry's check fails the run."""
    return entry["outcome"] in {Outcome.FAILED.value, Outcome.UNPROVEN.value}
