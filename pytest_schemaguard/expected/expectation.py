"""What the models describe, as a catalog: made once in a scratch database, or taken from the cache.

Many databases can be held against it, from several threads. The scratch database's tables are made
where the cache lacks the snapshot, or where the spelling of an expression has to be settled there.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.cache import user_cache
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.transaction import rolled_back
from pytest_schemaguard.expected import cache
from pytest_schemaguard.expected.make import build, clear
from pytest_schemaguard.expected.settle import settled_differences
from pytest_schemaguard.expected.surroundings import remade, surroundings
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.catalog.snapshot import Name, Snapshot
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.expected.surroundings import Thing
    from pytest_schemaguard.project.answers.models import Models
    from pytest_schemaguard.scenarios.states import State
    from pytest_schemaguard.servers.databases import Databases

DATABASE = "models"
MANY_TABLES = 200
"""To clone and to drop so many takes longer than the extensions that most projects have."""


class Expectation:
    """The models' schema beside the state `migrated`; to be closed.

    Every method raises ServerError, and psycopg2.Error where a connection of its own fails.
    """

    def __init__(
        self,
        config: Config,
        databases: Databases,
        migrated: State,
        models: Models,
        *,
        folder: Path | None = None,
    ) -> None:
        """`folder` keeps snapshots for the next runs; None: one in the user's cache folder."""
        self._config = config
        self._databases = databases
        self._migrated = migrated
        self._models = models
        self._folder = folder or user_cache()
        self._lock = threading.RLock()
        self._owner: Any = None
        """Of the scratch database, once the models' schema is in it."""
        self._refused: dict[Name, str] | None = None
        self._known: tuple[Snapshot, Mapping[Name, str]] | None = None

    def close(self) -> None:
        with self._lock:
            if self._owner is not None:
                self._owner.close()
                self._owner = None

    @property
    def snapshot(self) -> Snapshot:
        """What models express of the schema that they describe (`others` is empty)."""
        return self._made[0]

    @property
    def refused(self) -> Mapping[Name, str]:
        """What of the models PostgreSQL, or SQLAlchemy itself, refuses to make, and why."""
        return self._made[1]

    def differences(self, actual: Snapshot) -> tuple[Difference, ...]:
        """How this database differs from what the models describe; nothing is asked of it."""
        return settled_differences(self, self.snapshot, actual)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """In the scratch database, with the models' schema; one thread at a time has it."""
        with self._lock:
            self._build()
            with rolled_back(self._owner) as cursor:
                yield cursor

    @property
    def _made(self) -> tuple[Snapshot, Mapping[Name, str]]:
        if self._known is None:
            with self._lock:
                # Another thread may have made it meanwhile.
                self._known = self._known or self._make()
        return self._known

    def _make(self) -> tuple[Snapshot, Mapping[Name, str]]:
        key = cache.key_of(self._there, self._config, self._models, self._databases.server)
        snapshot = cache.look(self._folder, key)
        refused: dict[Name, str] = {}
        if snapshot is None:
            refused = self._build()
            snapshot = replace(read(self._owner, exclude=self._config.exclude), others={})
            # What is refused today may be made tomorrow: an extension gets installed.
            if not refused:
                cache.keep(self._folder, key, snapshot)
        return snapshot, {**self._models.unrendered, **refused}

    @cached_property
    def _there(self) -> Mapping[tuple[str, str], Thing]:
        """What the migrated database has besides its tables, as the models' DDL would meet it."""
        name = self._migrated.name
        # A clone would cost more. Whoever clones it meanwhile waits.
        self._databases.thaw(name)
        try:
            with self._databases.session(name, settings=Settings.STAND_IN) as owner:
                return surroundings(owner)
        finally:
            self._databases.freeze(name)

    def _build(self) -> dict[Name, str]:
        """The models' schema in the scratch database, once; returns what was refused of it."""
        if self._refused is None:
            databases = self._databases
            self._make_room()
            with databases.session(DATABASE, as_admin=True) as admin:
                clear(admin, self._models, owner=databases.server.owner.user)
            with databases.session(DATABASE, settings=Settings.STAND_IN) as owner:
                self._refused = build(owner, self._models)
            self._owner = databases.connect(DATABASE, settings=Settings.GUARD)
        return self._refused

    def _make_room(self) -> None:
        """A database with what the migrated one has besides its tables.

        To make that anew is quicker than to drop many tables, where it is possible.
        """
        databases, snapshot = self._databases, self._migrated.snapshot
        if snapshot is not None and len(snapshot.relations) >= MANY_TABLES:
            databases.create(DATABASE)
            with (
                databases.session(DATABASE, settings=Settings.STAND_IN) as owner,
                databases.looking(DATABASE) as by_owner,
                databases.session(DATABASE, as_admin=True) as by_admin,
            ):
                if remade(owner, self._there, self._models, by_owner=by_owner, by_admin=by_admin):
                    return
            databases.drop(DATABASE)
        databases.create(DATABASE, template=self._migrated.name)
