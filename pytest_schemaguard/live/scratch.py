"""The database that has what the migrations make, in which spellings are settled."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.expected import silence
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.transaction import rolled_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.servers.databases import Databases

DATABASE = "expected"


class Scratch:
    """A clone of the migrated database; one thread at a time works in it."""

    def __init__(self, databases: Databases, *, template: str, exclude: Sequence[str]) -> None:
        """Raises ServerError."""
        self._mutex = threading.Lock()
        databases.create(DATABASE, template=template)
        self._connection = databases.connect(DATABASE, as_admin=True)
        self.snapshot: Snapshot = read(self._connection, exclude=exclude)
        silence(self._connection)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """As a connection has it; what an error leaves open is rolled back."""
        with self._mutex, rolled_back(self._connection) as cursor:
            yield cursor

    def close(self) -> None:
        self._connection.close()
