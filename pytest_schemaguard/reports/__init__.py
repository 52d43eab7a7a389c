"""The formats of the run's report. A new one is a file here and an entry in FORMATS.

Each module has `write(path, report)`, which raises OSError; `report` is a report.Report.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_schemaguard.reports.report import Report


@dataclass(frozen=True)
class Format:
    name: str
    """Of the module, and of the option: `--schema-guard-<name> PATH`."""
    help: str

    @property
    def option(self) -> str:
        return f"--schema-guard-{self.name}"

    def write(self, path: Path, report: Report) -> None:
        """Writes the report to this file. Raises OSError."""
        import_module(f"{__name__}.{self.name}").write(path, report)


FORMATS = (Format("json", "write the report as JSON to this file"),)
