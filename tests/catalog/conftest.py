from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.catalog.databases import execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address


@pytest.fixture(scope="session")
def bindir() -> str:
    """Where pg_dump and psql are."""
    config = shutil.which("pg_config")
    if config is None:
        pytest.skip("no pg_config, so no pg_dump to dump with")
    return subprocess.run(
        [config, "--bindir"], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def connection(database: Address, connect: Callable[[Address], Any]) -> Any:
    return connect(database)


@pytest.fixture
def run(connection: Any) -> Callable[[str], None]:
    """Executes SQL in the test's database."""
    return lambda sql: execute(connection, sql)
