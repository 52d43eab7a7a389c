"""`schema-guard check --json`: schema-guard-check/1, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.reports.json import write_whole
from pytest_schemaguard.reports.report import finding_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_schemaguard.findings import Outcome
    from pytest_schemaguard.live.fleet import Result

VERSION = "schema-guard-check/1"


def write(path: Path, *, outcome: Outcome, results: Sequence[Result]) -> None:
    """Each target in the order in which it was named; no password. Raises OSError."""
    write_whole(
        path,
        {
            "version": VERSION,
            "outcome": outcome.value,
            "databases": [
                {
                    "url": one.target.url,
                    "schema": one.target.schema,
                    "outcome": one.outcome.value,
                    "reason": one.reason,
                    "findings": [finding_values(finding) for finding in one.findings],
                }
                for one in results
            ],
        },
    )
