"""The fixtures of the catalog's tests, and a database as its owner has it."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.servers.settings import Settings
from tests.catalog.conftest import bindir, connection, run  # noqa: F401 - fixtures
from tests.guarded import run_databases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.servers.databases import Databases

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    major = os.environ.get("SCHEMA_GUARD_TEST_MAJOR")
    with run_databases(int(major) if major else None) as found:
        yield found


@pytest.fixture
def fresh(databases: Databases) -> Iterator[str]:
    """The name of a database that belongs to the owner role."""
    name = f"rows-{next(_NUMBERS)}"
    databases.create(name)
    yield name
    databases.drop(name)


@pytest.fixture
def prepare(databases: Databases, fresh: str) -> Callable[[str], None]:
    """Executes SQL there as the superuser."""

    def execute(sql: str) -> None:
        with databases.session(fresh, as_admin=True, settings=Settings.OWN) as admin:
            admin.cursor().execute(sql)

    return execute


@pytest.fixture
def owner(databases: Databases, fresh: str) -> Iterator[Any]:
    """A session of the owner's, in which the guard stands in for the application."""
    with databases.session(fresh, settings=Settings.STAND_IN) as found:
        yield found


@pytest.fixture
def select(owner: Any) -> Callable[[str], list[tuple[Any, ...]]]:
    """Executes SQL as the owner, and returns the rows of it."""

    def execute(sql: str) -> list[tuple[Any, ...]]:
        with owner.cursor() as cursor:
            cursor.execute(sql)
            found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
            return found

    return execute
