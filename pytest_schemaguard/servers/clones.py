"""Clones for the user's tests: while one test runs, the next one's database is made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from pytest_schemaguard.servers.databases import Databases


class Clones:
    """Databases cloned from one template, one for each test that asks.

    The first test waits for its own; from the second on the next clone is made, and the last one
    dropped, in a thread while the test runs. `databases` is for that thread alone.
    """

    def __init__(self, databases: Databases, *, template: str, prefix: str) -> None:
        self._databases = databases
        self._template = template
        self._prefix = prefix
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="schema-guard-clones")
        self._made = 0
        self._next: Future[str] | None = None

    @contextmanager
    def take(self) -> Iterator[str]:
        """The name of a clone that is nobody else's. Raises ServerError."""
        name = (self._next or self._worker.submit(self._make)).result()
        if self._made > 1:
            self._next = self._worker.submit(self._make)
        else:
            self._next = None
        try:
            yield name
        finally:
            # What this leaves, should it fail, the end of the run removes.
            self._worker.submit(self._databases.drop, name)

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)
        self._databases.close()

    def _make(self) -> str:
        self._made += 1
        name = f"{self._prefix}-{self._made}"
        self._databases.create(name, template=self._template)
        return name
