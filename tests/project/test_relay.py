"""The relay to a server that has other databases: what passes, and what is told of the rest."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from pytest_schemaguard.address import Address
from pytest_schemaguard.project.process import FENCES
from tests.project.conftest import HERE, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.project import Project
    from tests.project.conftest import Server

    Make = Callable[..., Project]

DRIVERS = {"psycopg2", "psycopg2-class", "psycopg", "psycopg.pq", "asyncpg", "pg8000", "psql"}
OWN, OTHER = "schema_guard_0a1b2c3d_of_the_run", "precious"
ROLE = "schema_guard_0a1b2c3d_owner"
BEGINS = "schema_guard_0a1b2c3d_"
NAMES = f'alone that this run made, whose names begin with "{BEGINS}"'
REFUSED = f"it lets the project through to databases {NAMES}"
ANOTHER_RUNS = "schema_guard_0a1b2c3e_of_the_run"


@pytest.fixture(scope="module")
def there(foreign: Server) -> Server:
    """A server of the user's: with a database and a role of the run, and a database of his own."""
    connection = psycopg2.connect(foreign.by_tcp.url())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN; GRANT pg_read_all_settings TO {ROLE}")
        for name in (OWN, OTHER, ROLE):
            cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION pg_control_system() TO {ROLE}")
    connection.close()
    in_own = psycopg2.connect(foreign.by_tcp.at(OWN).url())
    with in_own, in_own.cursor() as cursor:
        cursor.execute(f"GRANT EXECUTE ON FUNCTION pg_control_system() TO {ROLE}")
    in_own.close()
    return foreign


def of_the_run(server: Server, way: str) -> Address:
    address: Address = getattr(server, way)
    return dataclasses.replace(address.at(OWN), user=ROLE, confined_to=BEGINS)


ATTEMPTS = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import attempts, dataclasses
from pytest_schemaguard.project.child import inside

def run(arguments):
    own = inside.here().address
    answers = {{}}
    for name, changes in arguments["places"].items():
        address = dataclasses.replace(own, **changes)
        place = {{**dataclasses.asdict(address), "url": address.url()}}
        answers[name] = attempts.run({{"place": place}})
    answers["reached at"] = own.host
    return answers
"""


@pytest.mark.parametrize("fence", FENCES)
@pytest.mark.parametrize("way", ["by_socket", "by_tcp"])
def test_every_driver_reaches_the_runs_database_and_no_other_of_that_server(
    there: Server, project: Make, fence: str, way: str
) -> None:
    one = project(ATTEMPTS, address=of_the_run(there, way), fences=(fence,))
    logged = len(there.log.read_text())
    answers = one.call(
        "inside.task",
        {
            "places": {
                "own": {},
                "by localhost": {"host": "localhost"},
                "another": {"database": OTHER},
                "postgres": {"database": "postgres"},
                "another run's": {"database": ANOTHER_RUNS},
                "as another": {"user": "super"},
            }
        },
        timeout_s=120,
    )
    assert answers.pop("reached at") == "127.0.0.1"
    for name in ("own", "by localhost"):
        assert answers.pop(name) == dict.fromkeys(DRIVERS, there.identifier)
    as_another = answers.pop("as another")
    for by_driver in answers.values():
        for text in by_driver.values():
            assert REFUSED in text
    for text in as_another.values():
        assert f"it lets the project log in as roles {NAMES}" in text
    seen = there.log.read_text()[logged:]
    assert "connection authorized: user=super" not in seen
    assert f"database={OTHER}" not in seen
    refused = [
        f'tried to connect to the database "{name}"' for name in (OTHER, "postgres", ANOTHER_RUNS)
    ]
    assert sorted(one.refused()) == sorted(
        [*refused, 'tried to connect to its database as "super"']
    )


def test_database_that_is_not_named_is_the_users_name_as_libpq_has_it(
    there: Server, project: Make
) -> None:
    """Psycopg2, asked for no database, says none."""
    code = """
import psycopg2
from pytest_schemaguard.project.child import inside

def run(arguments):
    own = inside.here().address
    try:
        psycopg2.connect(host=own.host, port=own.port, user="super", password="p")
    except psycopg2.OperationalError as error:
        return str(error)
"""
    one = project(code, address=of_the_run(there, "by_tcp"))
    said = one.call("inside.task", {}, timeout_s=30)
    assert (
        f'FATAL:  pytest-schemaguard\'s fence refuses the database "super": {REFUSED}\n'
        "HINT:  Take the URL, or database, user and password, from the variables of `env`.\n"
    ) in said


def started(*words: str) -> bytes:
    body = struct.pack("!i", 3 << 16) + b"".join(f"{word}\0".encode() for word in words) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


OWN_WORDS = ("user", ROLE, "database", OWN)
RAW: dict[str, tuple[bytes, bytes]] = {
    "own": (started(*OWN_WORDS), b"R"),
    "the last of a name wins": (started("database", OTHER, *OWN_WORDS), b"R"),
    "and that may be another": (started(*OWN_WORDS, "database", OTHER), b"C3D000\0"),
    "no replication": (started(*OWN_WORDS, "replication", "off"), b"R"),
    "replication": (started(*OWN_WORDS, "replication", "true"), b"C28000\0"),
    "replication of a database": (started(*OWN_WORDS, "replication", "database"), b"C28000\0"),
    "other letters": (started("user", ROLE, "database", OWN.upper()), b"C3D000\0"),
    "a longer name": (started("user", ROLE, "database", OWN.ljust(70, "x")), b"R"),
    "what a terminal obeys": (started("user", ROLE, "database", "a\x1b[2J\nb"), b"C3D000\0"),
    "a word too few": (started(*OWN_WORDS, "database"), b"C08P01\0"),
    "no end": (started(*OWN_WORDS)[:-1], b""),
    "another protocol": (struct.pack("!ii", 8, 2 << 16), b"C08P01\0"),
    "no length": (struct.pack("!ii", 0, 3 << 16), b"C08P01\0"),
    "too long": (struct.pack("!ii", 10001, 3 << 16), b"C08P01\0"),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"C08P01\0"),
    "TLS at once": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"C08P01\0"),
    "TLS, then another": (
        struct.pack("!ii", 8, 80877103) + started("user", ROLE, "database", OTHER),
        b"C3D000\0",
    ),
    "GSSAPI and TLS, then own": (
        struct.pack("!ii", 8, 80877104) + struct.pack("!ii", 8, 80877103) + started(*OWN_WORDS),
        b"R",
    ),
}


@pytest.mark.parametrize("name", RAW)
def test_whatever_is_sent_first_is_read_as_the_server_would(
    there: Server, project: Make, name: str
) -> None:
    sent, expected = RAW[name]
    code = """
import socket
from pytest_schemaguard.project.child import inside

def run(arguments):
    own = inside.here().address
    with socket.create_connection((own.host, own.port), 10) as end:
        end.sendall(bytes.fromhex(arguments["sent"]))
        end.shutdown(socket.SHUT_WR)
        received = b""
        while part := end.recv(1000):
            received += part
    return received.hex()
"""
    one = project(code, address=of_the_run(there, "by_tcp"))
    logged = len(there.log.read_text())
    arguments = {"sent": sent.hex()}
    received = bytes.fromhex(one.call("inside.task", arguments, timeout_s=30))
    answer = received.lstrip(b"N") if name.startswith(("TLS,", "GSS")) else received
    if expected == b"R":
        assert answer[:1] == b"R"
    elif expected:
        (length,) = struct.unpack_from("!i", answer, 1)
        assert answer[:1] == b"E"
        assert len(answer) == length + 1
        assert expected in answer
    else:
        assert answer == b""
    if expected != b"R":
        assert "connection received" not in there.log.read_text()[logged:]
    assert all(line.isprintable() for line in one.refused())


def test_query_is_cancelled_through_the_relay(there: Server, project: Make) -> None:
    code = """
import psycopg2, threading
from pytest_schemaguard.project.child import inside

def run(arguments):
    connection = psycopg2.connect(inside.here().address.url())
    threading.Timer(0.5, connection.cancel).start()
    try:
        connection.cursor().execute("SELECT pg_sleep(20)")
    except psycopg2.errors.QueryCanceled:
        return "cancelled"
"""
    one = project(code, address=of_the_run(there, "by_tcp"))
    assert one.call("inside.task", {}, timeout_s=30) == "cancelled"


# TLS towards the user's server


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


MUCH = """
import psycopg2
from concurrent.futures import ThreadPoolExecutor
from pytest_schemaguard.project.child import inside

def ask(number):
    connection = psycopg2.connect(inside.here().address.url())
    with connection.cursor() as cursor:
        cursor.execute("SELECT length(%s), repeat('y', 3000000)", ["x" * 3000000])
        length, text = cursor.fetchone()
        cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return [length, len(text), cursor.fetchone()[0]]

def run(arguments):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(ask, range(8)))
"""


@pytest.mark.parametrize("mode", [None, "require", "verify-ca", "verify-full"])
def test_relay_speaks_tls_with_the_users_server_as_its_url_says(
    encrypted: Server, certificates: Path, project: Make, mode: str | None
) -> None:
    options = (("sslmode", mode), ("sslrootcert", str(certificates / "server.crt"))) if mode else ()
    address = dataclasses.replace(of_the_run(encrypted, "by_tcp"), options=options)
    one = project(MUCH, address=address)
    assert one.call("inside.task", {}, timeout_s=60) == [[3000000, 3000000, True]] * 8
    drivers = project(ATTEMPTS, name="drivers", address=address)
    answers = drivers.call(
        "inside.drivers", {"places": {"another": {"database": OTHER}}}, timeout_s=60
    )
    for text in answers["another"].values():
        assert REFUSED in text


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
    project: Make,
    *,
    host: str,
    mode: str,
    root: str,
    said: str,
) -> None:
    options = (("sslmode", mode), ("sslrootcert", str(certificates / root)))
    address = dataclasses.replace(of_the_run(encrypted, "by_tcp"), host=host, options=options)
    one = project(ATTEMPTS, address=address)
    answers = one.call("inside.task", {"places": {"own": {}}}, timeout_s=60)
    for text in answers["own"].values():
        assert said in text


def test_server_without_tls_is_refused_where_the_url_asks_for_it(
    there: Server, project: Make
) -> None:
    address = dataclasses.replace(of_the_run(there, "by_tcp"), options=(("sslmode", "require"),))
    one = project(ATTEMPTS, address=address)
    answers = one.call("inside.task", {"places": {"own": {}}}, timeout_s=60)
    for text in answers["own"].values():
        assert "the server does not support TLS, and sslmode asks for it" in text


def test_server_that_is_gone_is_said(project: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = Address(
        host="127.0.0.1", port=port, user=ROLE, password="p", database=OWN, confined_to=BEGINS
    )
    one = project(ATTEMPTS, address=address)
    answers = one.call("inside.task", {"places": {"own": {}}}, timeout_s=60)
    for text in answers["own"].values():
        assert f"pytest-schemaguard's relay cannot connect to 127.0.0.1:{port}: " in text
