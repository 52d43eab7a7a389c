"""The database that has what the migrations make, in which spellings are settled."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.transaction import rolled_back
from pytest_schemaguard.expected.make import hand_over
from pytest_schemaguard.servers.settings import Settings

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
        self._connection = databases.connect(DATABASE, settings=Settings.GUARD)
        self.snapshot: Snapshot = read(self._connection, exclude=exclude)
        # The owner settles what other databases say; a superuser would run what they brought along.
        with databases.session(DATABASE, as_admin=True) as admin:
            hand_over(admin, owner=databases.server.owner.user)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """As a connection has it; what an error leaves open is rolled back."""
        with self._mutex, rolled_back(self._connection) as cursor:
            yield cursor

    def close(self) -> None:
        self._connection.close()
