"""Verifiers that PostgreSQL takes for its own, whatever the server makes of passwords."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Wanted, obtain
from pytest_schemaguard.servers.scram import ITERATIONS, NOBODY, OWN_ITERATIONS, verifier
from pytest_schemaguard.servers.sessions import connect
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_schemaguard.address import Address

METHODS = ("scram-sha-256", "md5", "password")
"""Of pg_hba.conf: https://www.postgresql.org/docs/current/auth-password.html"""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The superuser of a server with md5 as its encryption, and a database for each method."""
    rules = tmp_path_factory.mktemp("rules")
    for folder in (rules, *rules.parents[:2]):
        folder.chmod(0o755)
    lines = [f"host of_{name.partition('-')[0]} all 127.0.0.1/32 {name}\n" for name in METHODS]
    file: Path = rules / "pg_hba.conf"
    file.write_text("local all all scram-sha-256\n" + "".join(lines))
    file.chmod(0o644)
    settings = (("hba_file", str(file)), ("password_encryption", "md5"))
    run = Run.begin()
    server = obtain(Wanted(**OWN, tcp=True, settings=settings), run)
    connection = connect(server.admin)
    for name in METHODS:
        connection.cursor().execute(f"CREATE DATABASE of_{name.partition('-')[0]}")
    connection.close()
    yield server.admin
    run.close(wait=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("driver", "iterations"),
    [
        ("psycopg2", OWN_ITERATIONS),  # the guard's own
        ("psycopg2", ITERATIONS),
        ("psycopg", ITERATIONS),
        ("asyncpg", ITERATIONS),
        ("pg8000", ITERATIONS),
    ],
)
def test_each_driver_logs_in_by_each_method(
    there: Address, driver: str, method: str, iterations: int
) -> None:
    role, password = f"user_{secrets.token_hex(4)}", secrets.token_hex(16)
    told = verifier(password, iterations=iterations)
    admin = connect(there)
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{told}'")
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (role,))
        assert cursor.fetchone() == (told,), "it is stored as it is"
    try:
        place = {"host": "127.0.0.1", "port": there.port, "user": role}
        database = f"of_{method.partition('-')[0]}"
        assert logged_in(driver, {**place, "password": password, "database": database}) == role
        with pytest.raises(Exception, match=r"password authentication failed|28P01"):
            logged_in(driver, {**place, "password": told, "database": database})
    finally:
        admin.cursor().execute(f"DROP ROLE {role}")
        admin.close()


def logged_in(driver: str, place: dict[str, Any]) -> str:
    """Who the driver is, once it has logged in there."""
    if driver == "asyncpg":
        import asyncpg

        async def ask() -> str:
            connection = await asyncpg.connect(**place)
            try:
                return str(await connection.fetchval("SELECT current_user::text"))
            finally:
                await connection.close()

        return asyncio.run(ask())
    if driver == "pg8000":
        import pg8000.dbapi

        connection: Any = pg8000.dbapi.connect(**place)
    else:
        module = pytest.importorskip(driver)
        connection = module.connect(
            **{key: value for key, value in place.items() if key != "database"},
            dbname=place["database"],
        )
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT current_user::text")
        return str(cursor.fetchone()[0])
    finally:
        connection.close()


def test_a_verifier_is_postgresqls_own(there: Address) -> None:
    """Its shape and its lengths, beside one that the server makes."""
    connection = connect(there)
    with connection.cursor() as cursor:
        cursor.execute("SET password_encryption = 'scram-sha-256'")
        cursor.execute("CREATE ROLE by_server PASSWORD 'x'")
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'by_server'")
        (by_server,) = cursor.fetchone()
        cursor.execute("DROP ROLE by_server")
    connection.close()
    assert lengths(verifier("x")) == lengths(by_server)
    assert len(verifier("x", iterations=OWN_ITERATIONS)) == len(NOBODY)
    assert verifier("x") != verifier("x"), "each has a salt of its own"


def lengths(text: str) -> tuple[str, str, int, int, int]:
    kind, (iterations, salt), (stored, server) = (
        text.partition("$")[0],
        text.split("$")[1].split(":"),
        text.split("$")[2].split(":"),
    )
    sizes = [len(base64.b64decode(part)) for part in (salt, stored, server)]
    return kind, iterations, sizes[0], sizes[1], sizes[2]


@pytest.mark.parametrize("password", ["", "x", NOBODY, "schema_guard_superuser", "0" * 32])
def test_nobody_logs_in_with_the_verifier_of_the_cached_folder(
    there: Address, password: str
) -> None:
    connection = connect(there)
    connection.cursor().execute(f"CREATE ROLE locked LOGIN PASSWORD '{NOBODY}'")
    try:
        with pytest.raises(psycopg2.OperationalError, match=r"authentication failed|no password"):
            psycopg2.connect(there.logged_in_as("locked", password).url())
    finally:
        connection.cursor().execute("DROP ROLE locked")
        connection.close()
