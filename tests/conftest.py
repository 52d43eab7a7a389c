"""A PostgreSQL for the tests of single modules."""

from __future__ import annotations

import os
import secrets
import signal
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg2
import pytest

from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Wanted, obtain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pytest_schemaguard.address import Address

pytest_plugins = ["pytester"]

# A shell's background jobs and nohup's inherit these as ignored, and so would every process that a
# test starts and sends them to. A function is no longer a handler after exec: those have defaults.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)  # this process goes on after nohup, as asked

# In CI a test draws the same examples each time, however slow the machine is.
hypothesis.settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

STARTING = {
    *("databases", "killed", "logging_server", "place", "postgres", "process", "project"),
    *("pytester", "run", "shared_run", "there", "wheel"),
}
"""The fixtures by which tests start servers, processes of projects, or other pytests."""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Marks what is fast."""
    for item in items:
        starts = STARTING & {*getattr(item, "fixturenames", ())}
        if not starts and item.get_closest_marker("real") is None:
            item.add_marker("fast")


@pytest.fixture(scope="session")
def postgres_settings() -> tuple[tuple[str, str], ...]:
    """Settings of the server `postgres`; a module overrides it to have a server of its own."""
    return (("log_statement", "all"), ("log_line_prefix", "%m [%p] %e %u@%d "))


@pytest.fixture(scope="session")
def postgres(postgres_settings: tuple[tuple[str, str], ...]) -> Iterator[Address]:
    """The superuser on a server of this test run; its log is the file `log` in `host`.

    SCHEMA_GUARD_TEST_MAJOR names the major version to test with.
    """
    major = os.environ.get("SCHEMA_GUARD_TEST_MAJOR")
    run = Run.begin()
    try:
        wanted = Wanted(major=int(major) if major else None, settings=postgres_settings)
        yield obtain(wanted, run).admin
    finally:
        run.close(wait=True)


def create_database(cursor: Any, name: str, *, template: str = "template1") -> None:
    """A clone of the template, in a third of the time that a copy through the WAL takes."""
    strategy = " STRATEGY FILE_COPY" if cursor.connection.server_version >= 150000 else ""
    cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{strategy}')


@pytest.fixture
def database(postgres: Address) -> Iterator[Address]:
    """A fresh database, dropped after the test."""
    name = f"test_{secrets.token_hex(4)}"
    admin = psycopg2.connect(postgres.url())
    admin.autocommit = True
    with admin.cursor() as cursor:
        create_database(cursor, name)
    yield postgres.at(name)
    with admin.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    admin.close()


@pytest.fixture
def connect() -> Iterator[Callable[[Address], Connection]]:
    """Opens autocommit connections that are closed after the test."""
    opened: list[Connection] = []

    def open_(address: Address) -> Connection:
        connection = psycopg2.connect(address.url())
        connection.autocommit = True
        opened.append(connection)
        return connection

    yield open_
    for connection in opened:
        connection.close()
