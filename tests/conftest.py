"""A PostgreSQL for the tests of single modules."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.address import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Address]:
    """The superuser on a server of this test run (interim: becomes our own servers/)."""
    binaries = Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())
    folder = Path(tempfile.mkdtemp(prefix="sgtest-", dir="/dev/shm"))
    user: dict[str, Any] = (
        {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    )
    if user:
        shutil.chown(folder, "postgres", "postgres")
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            folder / "data",
            "-U",
            "super",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **user,
    )
    server = subprocess.Popen(
        [
            binaries / "postgres",
            "-D",
            folder / "data",
            "-k",
            folder,
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_locks_per_transaction=256",
            "-c",
            "log_statement=all",
            "-c",
            "logging_collector=off",
        ],
        stderr=(folder / "log").open("w"),
        cwd=folder,
        **user,
    )
    address = Address(host=str(folder), port=5432, user="super", password="x", database="postgres")
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg2.connect(address.url()).close()
            break
        except psycopg2.OperationalError:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
    yield address
    server.terminate()
    server.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres: Address) -> Iterator[Address]:
    """A fresh database, dropped after the test."""
    name = f"test_{secrets.token_hex(4)}"
    admin = psycopg2.connect(postgres.url())
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
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
