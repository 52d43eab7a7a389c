"""Evidence, computed once: by the first process of a run in need of it, and read by the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import GuardError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.run import Run

LOOKING_DEADLINE_S = 3600.0
"""How long another process may look: a migration of many statements, each within its timeout."""


class Evidence:
    """What was looked at in this run, by name: plain JSON values, or the error that hid them.

    An error is evidence too: what could not be looked at once is not tried again by each check.
    Nothing of an earlier run is believed: the files live in this run's folder.
    """

    def __init__(self, run: Run, *, shared: bool, prefix: str = "") -> None:
        self._run = run
        self._shared = shared
        """Other processes (xdist's workers) read and write it too."""
        self._prefix = prefix
        """Of the names that are shared, where several configurations look in one run."""
        self._records: dict[str, dict[str, Any]] = {}

    def once(self, name: str, look: Callable[[], Any]) -> Any:
        """The value of `look()`, from whichever process of this run looked first.

        Raises the GuardError that `look` raised, in each process that asks.
        """
        record = self._records.get(name)
        if record is None:
            record = (
                self._look_together(f"{self._prefix}{name}", look) if self._shared else _look(look)
            )
            self._records[name] = record
        if "error" in record:
            raise GuardError(**record["error"])
        return record["value"]

    def _look_together(self, name: str, look: Callable[[], Any]) -> dict[str, Any]:
        folder = self._run.folder / "evidence"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.json"
        with self._run.lock(f"evidence-{name}", deadline_s=LOOKING_DEADLINE_S):
            if path.exists():
                found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                return found
            record = _look(look)
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(record), encoding="utf-8")
            unfinished.replace(path)
            return record


def _look(look: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"value": look()}
    except GuardError as error:
        return {
            "error": {
                "subject": error.subject,
                "fact": error.fact,
                "fix": error.fix,
                "detail": error.detail,
                "path": error.path,
                "line": error.line,
            }
        }
