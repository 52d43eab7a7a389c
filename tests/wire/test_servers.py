"""Servers of all kinds are reached, and on one with other databases only what the run made."""

from __future__ import annotations

import dataclasses
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import psycopg2
import pytest

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.wire.wire import Wire
from tests.wire.conftest import ask, connected

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.wire.wire import Line
    from tests.project.conftest import Server

OWN, OTHER = "schema_guard_0a1b2c3d_of_the_run", "precious"
ROLE = "schema_guard_0a1b2c3d_owner"
BEGINS = "schema_guard_0a1b2c3d_"
NAMES = f'alone that this run made, whose names begin with "{BEGINS}"'


def test_server_by_tcp(there: Server, listen: Callable[..., Line]) -> None:
    line = listen(there.by_tcp)
    assert ask(line.address, "SELECT inet_server_port()") == [(there.by_tcp.port,)]
    assert [one.sql for one in line.seen().statements] == ["SELECT inet_server_port()"]


def test_hostaddr_goes_before_the_name(there: Server, listen: Callable[..., Line]) -> None:
    address = dataclasses.replace(
        there.by_tcp, host="no-such-host.invalid", options=(("hostaddr", "127.0.0.1"),)
    )
    line = listen(address)
    assert line.address.options == ()
    assert ask(line.address, "SELECT 1") == [(1,)]


@pytest.mark.docker
def test_server_in_a_container(run: Run, listen: Callable[..., Line]) -> None:
    from pytest_schemaguard.servers import Wanted, obtain
    from tests.servers.test_docker import image_to_test, reach_engine

    reach_engine()
    server = obtain(Wanted(provider="docker", image=image_to_test()), run)
    line = listen(server.owner)
    ask(line.address, "CREATE TEMPORARY TABLE item (id int)")
    with connected(line.address) as connection, connection.cursor() as cursor:
        threading.Timer(0.5, connection.cancel).start()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute("SELECT pg_sleep(20)")
    told = [(one.sql, one.tags) for one in line.seen().statements]
    assert told == [
        ("CREATE TEMPORARY TABLE item (id int)", ("CREATE TABLE",)),
        ("SELECT pg_sleep(20)", ()),
    ]


def test_server_that_is_not_there_is_said(listen: Callable[..., Line], database: Address) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = listen(dataclasses.replace(database, host="127.0.0.1", port=port))
    with pytest.raises(
        psycopg2.OperationalError,
        match=f"FATAL:  pytest-schemaguard's wire cannot connect to 127.0.0.1:{port}: .*refused",
    ):
        ask(line.address, "SELECT 1")


@pytest.mark.parametrize("is_read", [True, False])
def test_query_is_cancelled(listen: Callable[..., Line], is_read: bool) -> None:
    line, other = listen(is_read=is_read), listen()
    with (
        connected(line.address) as connection,
        connected(other.address) as unharmed,
        connection.cursor() as cursor,
    ):
        threading.Timer(0.3, connection.cancel).start()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute("SELECT pg_sleep(20)")
        unharmed.cursor().execute("SELECT 1")
    if is_read:
        (one,) = line.seen().statements
        assert one.error is not None
        assert one.error.sqlstate == "57014"


def test_line_by_tcp_from_where_nobody_else_can_listen(line: Line) -> None:
    """A process in another network hands over a socket that listens there."""
    with socket.socket() as listening, socket.socket(socket.AF_UNIX) as lending:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        lending.connect(f"{line.address.host}/.s.PGSQL.{line.address.port}")
        socket.send_fds(lending, [b"\0"], [listening.fileno()])
        assert lending.recv(1) == b"L"
    by_tcp = dataclasses.replace(line.address, host="127.0.0.1", port=port)
    assert ask(by_tcp, "SELECT 1") == [(1,)]
    assert [one.sql for one in line.seen().statements] == ["SELECT 1"]


# A server with other databases


@pytest.fixture(scope="module")
def shared(there: Server) -> Server:
    """It has a database and a role of the run, and a database of somebody else's."""
    names = (OWN, OTHER, ROLE)
    for sql in (f"CREATE ROLE {ROLE} LOGIN", *(f"CREATE DATABASE {name}" for name in names)):
        ask(there.by_tcp, sql)
    return there


@pytest.fixture
def confined(shared: Server, listen: Callable[..., Line]) -> Line:
    address = dataclasses.replace(shared.by_tcp.at(OWN), user=ROLE, confined_to=BEGINS)
    return listen(address)


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
    "another protocol": (struct.pack("!ii", 8, 2 << 16), b"C0A000\0"),
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


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", RAW)
def test_whatever_is_sent_first_is_read_as_the_server_would(
    shared: Server, confined: Line, *, name: str, whole: bool
) -> None:
    sent, expected = RAW[name]
    logged = len(shared.log.read_text())
    received = say(confined.address, sent, whole=whole)
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
        assert "connection received" not in shared.log.read_text()[logged:]
    assert all(line.isprintable() for line in confined.seen().refused)


def say(address: Address, data: bytes, *, whole: bool = True) -> bytes:
    """What is answered to this, whole or a byte at a time."""
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(10)
        end.connect(f"{address.host}/.s.PGSQL.{address.port}")
        try:
            for part in [data] if whole else [bytes([one]) for one in data]:
                end.sendall(part)
            end.shutdown(socket.SHUT_WR)
        except OSError:  # it has been answered already
            time.sleep(0.05)
        received = b""
        while part := end.recv(1000):
            received += part
    return received


def test_another_database_or_role_is_refused_in_words(confined: Line) -> None:
    attempts = {
        f'the database "{OTHER}": it lets the project through to databases': confined.address.at(
            OTHER
        ),
        'the role "super": it lets the project log in as roles': confined.address.logged_in_as(
            "super", "p"
        ),
    }
    for words, address in attempts.items():
        with pytest.raises(psycopg2.OperationalError) as raised:
            ask(address, "SELECT 1")
        assert (
            f"FATAL:  pytest-schemaguard's fence refuses {words} {NAMES}\n"
            "HINT:  Take the URL, or database, user and password, from the variables of `env`.\n"
        ) in str(raised.value)
    assert confined.seen().refused == (
        f'tried to connect to the database "{OTHER}"',
        'tried to connect to its database as "super"',
    )


def test_database_that_is_not_named_is_the_users_name(confined: Line) -> None:
    """As libpq has it: psycopg2, asked for no database, says none."""
    with pytest.raises(psycopg2.OperationalError, match='refuses the database "super"'):
        psycopg2.connect(
            host=confined.address.host, port=confined.address.port, user="super", password="p"
        )


def test_path_too_long_for_a_socket_is_said(tmp_path: Path, database: Address) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    wire = Wire(folder)
    with pytest.raises(ServerError, match="AF_UNIX path too long") as raised:
        wire.listen(database)
    wire.close()
    assert raised.value.fix == "set TMPDIR to a short path of a folder that can be written"
