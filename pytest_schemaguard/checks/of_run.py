"""What a run of a migration failed on, as a finding. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_schemaguard.findings import Finding

if TYPE_CHECKING:
    from pytest_schemaguard.migrations.file_run import FileRun


def of_run(run: FileRun, subject: str, **more: Any) -> Finding:
    """About the migration's file `subject`, with the state and the place of the run's error.

    `more` are the finding's other fields.
    """
    path, line = run.place(subject)
    actual = run.error.sqlstate if run.error else None
    return Finding(**{"subject": subject, "actual": actual, "path": path, "line": line, **more})
