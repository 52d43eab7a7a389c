from __future__ import annotations

import itertools
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.wire.wire import Wire
from tests.project.conftest import Server, served
from tests.servers.conftest import databases, run, shared_run, shared_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.servers import Databases
    from pytest_schemaguard.wire.wire import Line

__all__ = ["databases", "run", "shared_run", "shared_server"]
_names = itertools.count()


@pytest.fixture(scope="session")
def wire() -> Iterator[Wire]:
    with tempfile.TemporaryDirectory(prefix="wire-") as name:
        one = Wire(Path(name))
        yield one
        one.close()


@pytest.fixture(scope="session")
def there() -> Iterator[Server]:
    """A server of somebody else's, by socket and TCP, without passwords and TLS."""
    with served("wire") as server:
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: a socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="wire-") as name:
        yield Path(name)


@pytest.fixture
def database(databases: Databases) -> Iterator[Address]:
    """A database of its own, logged in as its owner, by SCRAM."""
    name = f"wire{next(_names)}"
    databases.create(name)
    yield databases.address(name)
    databases.drop(name)


@pytest.fixture
def listen(wire: Wire, database: Address) -> Iterator[Callable[..., Line]]:
    """Makes lines to the database, or to another; they are closed after the test."""
    lines = []

    def line(address: Address = database, **keywords: Any) -> Line:
        lines.append(wire.listen(address, **keywords))
        return lines[-1]

    yield line
    for one in lines:
        one.close()


@pytest.fixture
def line(listen: Callable[..., Line]) -> Line:
    return listen()


@contextmanager
def connected(address: Address, *, autocommit: bool = True) -> Iterator[Any]:
    connection = psycopg2.connect(address.url())
    connection.autocommit = autocommit
    try:
        yield connection
    finally:
        connection.close()


def ask(address: Address, sql: str) -> list[tuple[Any, ...]]:
    with connected(address) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []
