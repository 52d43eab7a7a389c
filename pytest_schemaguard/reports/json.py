"""`--schema-guard-json`: schema-guard-report/1, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_schemaguard.findings import Finding, Verdict

VERSION = "schema-guard-report/1"


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


def failed(entry: dict[str, Any]) -> bool:
    """Whether this entry's check fails the run."""
    return entry["outcome"] in {Outcome.FAILED.value, Outcome.UNPROVEN.value}


def overall(entries: Sequence[dict[str, Any]]) -> Outcome:
    """The run's outcome: the worst of its checks; a run without any is unproven."""
    outcomes = {entry["outcome"] for entry in entries}
    for worst in (Outcome.FAILED, Outcome.UNPROVEN, Outcome.PASSED):
        if worst.value in outcomes:
            return worst
    return Outcome.SKIPPED if outcomes else Outcome.UNPROVEN


def write(
    path: Path,
    *,
    server: dict[str, str] | None,
    entries: Sequence[dict[str, Any]],
    stale: Sequence[str] = (),
    strict: bool = False,
) -> None:
    """Writes the report. Raises OSError.

    `stale` are the ignore rules that match nothing any more, in words; with `strict` they fail it.
    """
    outcome = Outcome.FAILED if strict and stale else overall(entries)
    report = {
        "version": VERSION,
        "server": server,
        "outcome": outcome.value,
        "checks": list(entries),
        "ignores": list(stale),
    }
    write_whole(path, report)


def write_whole(path: Path, report: dict[str, Any]) -> None:
    """Writes it whole, or not at all: a reader never sees half of it. Raises OSError.

    In ASCII, so that nothing in it moves a terminal's cursor, and a lone surrogate can be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="ascii")
    unfinished.replace(path)
