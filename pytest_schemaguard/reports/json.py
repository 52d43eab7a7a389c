"""`--schema-guard-json`: schema-guard-report/1, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_schemaguard.reports.report import Report

VERSION = "schema-guard-report/1"


def write(path: Path, report: Report) -> None:
    """Writes the report. Raises OSError."""
    write_whole(
        path,
        {
            "version": VERSION,
            "server": report.server,
            "outcome": report.outcome.value,
            "checks": list(report.checks),
            "ignores": list(report.stale),
        },
    )


def write_whole(path: Path, report: dict[str, Any]) -> None:
    """Writes it whole, or not at all: a reader never sees half of it. Raises OSError.

    In ASCII, so that nothing in it moves a terminal's cursor, and a lone surrogate can be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="ascii")
    unfinished.replace(path)
