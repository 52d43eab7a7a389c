"""Databases of these tests, and the way by which comparison.py compares them."""

from __future__ import annotations

import secrets
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.catalog.read import read, read_by
from pytest_schemaguard.catalog.transaction import LOOK
from pytest_schemaguard.expected.make import build, clear
from pytest_schemaguard.expected.settle import settled_differences
from pytest_schemaguard.project.answers.models import Models
from pytest_schemaguard.project.tasks.models.ddl import create_all
from pytest_schemaguard.project.tasks.models.naming import dialect
from tests.conftest import create_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import MetaData

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.catalog.snapshot import Snapshot


def connected(address: Address) -> Any:
    connection = psycopg2.connect(address.url())
    connection.autocommit = True
    return connection


@contextmanager
def fresh(postgres: Address, *, template: str = "template1") -> Iterator[Address]:
    """A database, dropped at the end."""
    name = f"test_{secrets.token_hex(4)}"
    with closing(connected(postgres)) as admin, admin.cursor() as cursor:
        create_database(cursor, name, template=template)
        try:
            yield postgres.at(name)
        finally:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def execute(connection: Any, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def read_inside(cursor: Any) -> Snapshot:
    """What a transaction that is open already, and may have written, sees."""
    cursor.execute(f"SET LOCAL search_path = pg_catalog; SAVEPOINT {LOOK}")
    return read_by(cursor)


def models_of(metadata: MetaData, *, major: int = 15) -> Models:
    """What the project's side tells of a MetaData."""
    ddl, unrendered = create_all([metadata], dialect((major, 0)))
    assert unrendered == {}
    return Models(tables=(), ddl=ddl)


def make(connection: Any, models: Models) -> None:
    """Executes the models' DDL, one statement at a time, and tells the one that fails."""
    with connection.cursor() as cursor:
        for one in models.ddl:
            try:
                cursor.execute(one.sql)
            except psycopg2.Error as error:
                raise AssertionError(f"{one.sql}\n{error}") from error


def differences(
    postgres: Address, actual: Address, models: Models, *, snapshot: Snapshot | None = None
) -> tuple[Difference, ...]:
    """What is different between the models and this database, to which nobody is connected."""
    with (
        fresh(postgres, template=actual.database) as scratch,
        closing(connected(scratch)) as admin,
    ):
        there = snapshot or read(admin)
        clear(admin, models, owner=postgres.user)
        assert build(admin, models) == {}
        return settled_differences(admin, read(admin), there)


def dumped(address: Address, bindir: str) -> str:
    """Its schema as pg_dump writes it."""
    result = subprocess.run(
        [f"{bindir}/pg_dump", "--schema-only", "--dbname", address.url()],
        check=True,
        capture_output=True,
    )
    return result.stdout.decode()  # text=True would make another of each carriage return


def load(address: Address, dump: str, bindir: str) -> None:
    result = subprocess.run(
        [f"{bindir}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "--dbname", address.url()],
        check=False,
        input=dump.encode(),
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr.decode()
