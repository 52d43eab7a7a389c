"""TLS towards a server of the user's, as its URL asks for it."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.wire.wire import Wire
from tests.project.conftest import served
from tests.wire.conftest import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.wire.wire import Line
    from tests.project.conftest import Server

ROLE, OWN = "owner_of_the_run", "of_the_run"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that is its own authority, and another."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "other"):
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=DNS:localhost"),
                *("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"),
            ],
            check=True,
            capture_output=True,
        )
    return folder


@pytest.fixture(scope="module")
def encrypted(certificates: Path) -> Iterator[Server]:
    """A server that takes nobody without TLS, and passwords by SCRAM."""
    with served("encrypted") as server:
        password, folder = secrets.token_hex(8), Path(server.by_socket.host)
        for name in ("server.crt", "server.key"):
            copy = folder / "data" / name
            shutil.copy(certificates / name, copy)
            owner = (folder / "data").stat()
            os.chown(copy, owner.st_uid, owner.st_gid)
            copy.chmod(0o600)
        connection = psycopg2.connect(server.by_socket.url())
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{password}'")
            cursor.execute(f"CREATE DATABASE {OWN}")
            cursor.execute("ALTER SYSTEM SET ssl = on")
            cursor.execute("SELECT pg_reload_conf()")
        connection.close()
        (folder / "data" / "pg_hba.conf").write_text(
            "local all super trust\nhostssl all all all scram-sha-256\n"
        )
        connection = psycopg2.connect(server.by_socket.url())
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_reload_conf(), pg_sleep(0.5)")
        connection.close()
        address = dataclasses.replace(server.by_tcp, host="localhost", password=password)
        yield dataclasses.replace(server, by_tcp=address)


def of_the_run(server: Server, host: str, **options: str) -> Address:
    return dataclasses.replace(
        server.by_tcp.at(OWN), host=host, user=ROLE, options=tuple(options.items())
    )


def _much(address: Address) -> tuple[int, int, bool]:
    connection = psycopg2.connect(address.url())
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT length(%s), repeat('y', 3000000)", ["x" * 3000000])
        length, text = cursor.fetchone()
        cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return length, len(text), cursor.fetchone()[0]


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("mode", [None, "require", "verify-ca", "verify-full"])
def test_the_wire_speaks_tls_with_the_users_server_as_its_url_says(
    encrypted: Server,
    certificates: Path,
    listen: Callable[..., Line],
    *,
    mode: str | None,
    is_read: bool,
) -> None:
    root = str(certificates / "server.crt")
    options = {"sslmode": mode, "sslrootcert": root} if mode else {}
    line = listen(of_the_run(encrypted, "localhost", **options), is_read=is_read)
    assert line.address.options == ()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(_much, [line.address] * 8))
    assert answers == [(3000000, 3000000, True)] * 8
    assert len(line.seen().statements) == (32 if is_read else 0)


def test_the_systems_authorities_are_those_that_the_environment_names(
    encrypted: Server, certificates: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = of_the_run(encrypted, "localhost", sslrootcert="system")
    for name, works in (("server.crt", True), ("other.crt", False)):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / name))
        wire = Wire(folder)
        with wire.listen(address) as line:
            if works:
                assert ask(line.address, "SELECT 1") == [(1,)]
            else:
                with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
                    ask(line.address, "SELECT 1")
        wire.close()


def test_a_query_is_cancelled_by_tls(encrypted: Server, listen: Callable[..., Line]) -> None:
    line = listen(of_the_run(encrypted, "localhost"))
    connection = psycopg2.connect(line.address.url())
    with ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
        cancelled = pool.submit(_cancel_soon, connection)
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute("SELECT pg_sleep(20)")
        cancelled.result()
    connection.close()


def _cancel_soon(connection: Any) -> None:
    time.sleep(0.3)
    connection.cancel()


@pytest.mark.parametrize(
    ("host", "mode", "root", "said"),
    [
        ("localhost", "verify-full", "other.crt", "certificate verify failed"),
        ("localhost", "require", "other.crt", "certificate verify failed"),
        ("127.0.0.1", "verify-full", "server.crt", "certificate verify failed"),
        ("localhost", "disable", "server.crt", "no pg_hba.conf entry"),
    ],
)
def test_wrong_certificate_ends_the_connection_and_is_said(
    encrypted: Server,
    certificates: Path,
    listen: Callable[..., Line],
    *,
    host: str,
    mode: str,
    root: str,
    said: str,
) -> None:
    options = {"sslmode": mode, "sslrootcert": str(certificates / root)}
    line = listen(of_the_run(encrypted, host, **options))
    with pytest.raises(psycopg2.OperationalError, match=said):
        ask(line.address, "SELECT 1")


def test_server_without_tls_is_refused_where_the_url_asks_for_it(
    there: Server, listen: Callable[..., Line]
) -> None:
    line = listen(dataclasses.replace(there.by_tcp, options=(("sslmode", "require"),)))
    with pytest.raises(
        psycopg2.OperationalError,
        match=f"pytest-schemaguard's wire cannot connect to 127.0.0.1:{there.by_tcp.port}: the "
        "server does not support TLS, and sslmode asks for it",
    ):
        ask(line.address, "SELECT 1")
