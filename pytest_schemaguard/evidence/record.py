"""Evidence, computed once: by the first process of a run in need of it, and read by the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_schemaguard.codec import decode, dumps
from pytest_schemaguard.errors import GuardError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.run import Run

T = TypeVar("T")

LOOKING_DEADLINE_S = 3600.0
"""How long another process may look: a migration of many statements, each within its timeout."""


class Evidence:
    """What was looked at in this run, by name: values, or the error that hid them.

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

    def once(self, name: str, shape: type[T], look: Callable[[], T]) -> T:
        """The value of `look()`, from whichever process of this run looked first.

        `shape` is what they read it as (codec.py). Raises the GuardError that `look` raised, in
        each process that asks.
        """
        record = self._records.get(name)
        if record is None:
            record = self._look_together(name, shape, look) if self._shared else _look(look)
            self._records[name] = record
        if "error" in record:
            raise GuardError(**record["error"])
        value: T = record["value"]
        return value

    def _look_together(self, name: str, shape: Any, look: Callable[[], Any]) -> dict[str, Any]:
        name = f"{self._prefix}{name}"
        folder = self._run.folder / "evidence"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.json"
        with self._run.lock(f"evidence-{name}", deadline_s=LOOKING_DEADLINE_S):
            if path.exists():
                found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                return decode(({"value": shape}, {"error": Any}), found)  # type: ignore[no-any-return]
            record = _look(look)
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(dumps(record), encoding="utf-8")
            unfinished.replace(path)
            return record


def _look(look: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"value": look()}
    except GuardError as error:
        return {"error": error.fields()}
