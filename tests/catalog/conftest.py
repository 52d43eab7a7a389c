from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.read import read
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot


@pytest.fixture(scope="session")
def bindir(postgres: Address) -> str:
    """Where pg_dump and psql are; pg_dump reads no server that is newer than itself."""
    config = shutil.which("pg_config")
    if config is None:
        pytest.skip("no pg_config, so no pg_dump to dump with")
    told = {
        option: subprocess.run(
            [config, option], check=True, capture_output=True, text=True
        ).stdout.strip()
        for option in ("--bindir", "--version")
    }
    with closing(connected(postgres)) as connection:
        server = connection.info.server_version // 10000
    if int(told["--version"].split()[1].split(".")[0]) < server:
        pytest.skip(f"pg_dump of {told['--version']} cannot dump a server {server}")
    return told["--bindir"]


@pytest.fixture
def connection(database: Address, connect: Callable[[Address], Any]) -> Any:
    return connect(database)


@pytest.fixture
def run(connection: Any) -> Callable[[str], None]:
    """Executes SQL in the test's database."""
    return lambda sql: execute(connection, sql)


@pytest.fixture(scope="module")
def base(request: pytest.FixtureRequest, postgres: Address) -> Iterator[tuple[Address, Snapshot]]:
    """A database with the module's SCHEMA, and its catalog."""
    with fresh(postgres) as database:
        with closing(connected(database)) as connection:
            execute(connection, request.module.SCHEMA)
            before = read(connection)
        yield database, before


@pytest.fixture
def changed(postgres: Address, base: tuple[Address, Snapshot]) -> Iterator[Any]:
    """A connection to a copy of it, the test's own."""
    database, _ = base
    with fresh(postgres, template=database.database) as copy, closing(connected(copy)) as one:
        yield one
