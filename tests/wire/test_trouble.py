"""What goes wrong is told in words, and nothing waits for ever."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import psycopg2
import pytest

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.wire import wire as wire_module
from pytest_schemaguard.wire.conductor import Order
from pytest_schemaguard.wire.wire import Wire
from tests.project.conftest import served
from tests.wire.conftest import ask, connected
from tests.wire.test_servers import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.wire.wire import Line


def test_client_of_something_else(line: Line) -> None:
    answer = say(line.address, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"this is no connection to a PostgreSQL database" in answer
    assert line.seen().refused == (
        (
            'tried to say "GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" to the database, in '
            "another protocol than PostgreSQL's"
        ),
    )


def test_older_protocol(line: Line) -> None:
    answer = say(line.address, struct.pack("!ii", 8, 2 << 16))
    assert b"the client speaks version 2.0 of PostgreSQL's protocol, and no server since" in answer
    assert line.seen().refused == (
        "tried to speak version 2.0 of PostgreSQL's protocol, which is too old",
    )


def test_garbage_behind_the_start(line: Line) -> None:
    with connected(line.address) as connection:
        with socket.socket(fileno=os.dup(connection.fileno())) as raw:
            raw.sendall(b"Q\0\0\0\1")
        with pytest.raises(psycopg2.OperationalError):
            connection.cursor().execute("SELECT 1")
    assert line.seen().refused == (
        "sent what is no message of PostgreSQL's protocol: b'Q\\x00\\x00\\x00\\x01'",
    )


def test_message_longer_than_memory(wire: Wire, line: Line) -> None:
    """A Query of 2 GB, of which 200 MB are sent: the relay keeps its beginning."""
    before = _memory_kb(wire)
    with connected(line.address) as connection:
        with socket.socket(fileno=os.dup(connection.fileno())) as raw:
            raw.setblocking(True)
            raw.sendall(b"Q" + struct.pack("!i", (1 << 30) - 100) + b"SELECT '")
            part = b"x" * (1 << 20)
            for _ in range(200):
                raw.sendall(part)
        time.sleep(0.1)
        assert _memory_kb(wire) - before < 20_000
    (one,) = line.seen().statements
    assert one.is_cut
    assert one.sql.startswith("SELECT 'xxx")
    assert one.after is None


def _memory_kb(wire: Wire) -> int:
    status = Path(f"/proc/{wire._process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def test_client_that_does_not_read_takes_no_memory(wire: Wire, line: Line) -> None:
    before = _memory_kb(wire)
    with connected(line.address) as connection:
        with socket.socket(fileno=os.dup(connection.fileno())) as raw:
            sql = b"SELECT repeat('x', 1000000) FROM generate_series(1, 500)\0"
            raw.sendall(b"Q" + struct.pack("!i", len(sql) + 4) + sql)
        time.sleep(0.5)
        assert _memory_kb(wire) - before < 20_000
        (pid,) = line.seen().open
    assert pid > 0
    assert line.seen().open == ()


@pytest.mark.parametrize("kill", ["SIGTERM", "SIGKILL"])
def test_server_lost_in_the_middle_is_said(listen: Callable[..., Line], kill: str) -> None:
    """Whether it says why, as when it is shut down, or not."""
    with served("lost") as server:
        line = listen(server.by_socket)
        with psycopg.connect(line.address.url(), autocommit=True) as connection:
            pid = connection.info.backend_pid
            postmaster = Path(server.by_socket.host, "data", "postmaster.pid").read_text()
            if kill == "SIGKILL":
                kills = [(pid, signal.SIGKILL), (int(postmaster.split()[0]), signal.SIGQUIT)]
            else:
                kills = [(pid, signal.SIGTERM)]
            threading.Timer(0.3, _kill, [kills]).start()
            with pytest.raises(psycopg.OperationalError) as raised:
                connection.execute("SELECT pg_sleep(20)")
    seen = line.seen()
    assert (seen.statements[-1].tags, seen.statements[-1].after) == ((), None)
    error = seen.statements[-1].error
    if kill == "SIGKILL":
        words = "pytest-schemaguard's wire: the server closed the connection unexpectedly"
        assert words in str(raised.value)
        assert (error, seen.lost) == (None, (seen.statements[-1].session,))
    else:
        assert error is not None
        assert (error.sqlstate, error.is_fatal, seen.lost) == ("57P01", True, ())


def _kill(kills: list[tuple[int, int]]) -> None:
    for one in kills:
        os.kill(*one)


def test_200_connections_at_once(listen: Callable[..., Line], database: Address) -> None:
    """What the server does not take it refuses itself, in its words; the others work."""
    line = listen()
    outcomes: list[str] = []
    ready = threading.Barrier(200)

    def work() -> None:
        ready.wait(30)
        try:
            with connected(line.address) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                outcomes.append("worked")
                time.sleep(0.5)
        except psycopg2.OperationalError as error:
            outcomes.append(str(error).strip().rpartition("FATAL:  ")[2])

    threads = [threading.Thread(target=work) for _ in range(200)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(outcomes) == 200
    assert set(outcomes) <= {
        "worked",
        "sorry, too many clients already",
        "remaining connection slots are reserved for non-replication superuser connections",
        "remaining connection slots are reserved for roles with the SUPERUSER attribute",
    }
    assert outcomes.count("worked") >= 50
    assert len(line.seen().statements) == outcomes.count("worked")


def test_transaction_that_nobody_ends_is_told_and_goes_with_the_line(
    wire: Wire, database: Address
) -> None:
    with wire.listen(database) as line, connected(line.address) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute("CREATE TABLE item (id int)")
        seen = line.seen()
        assert [one.after for one in seen.statements] == ["T", "T"]
        assert seen.open == (seen.statements[0].session,)
        line.close()
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("COMMIT")
    deadline = time.monotonic() + 10
    while ask(database, f"SELECT 1 FROM pg_stat_activity WHERE pid = {seen.open[0]}"):
        assert time.monotonic() < deadline
    assert ask(database, "SELECT to_regclass('item')") == [(None,)]


def test_client_killed_in_a_statement_is_waited_for(line: Line, database: Address) -> None:
    """Its statement ends as it would without the wire, and is told with its tag."""
    code = (
        "import psycopg2, sys\n"
        "connection = psycopg2.connect(sys.argv[1])\n"
        "connection.autocommit = True\n"
        "print('ready', flush=True)\n"
        "connection.cursor().execute("
        "'CREATE TABLE item AS SELECT 1 FROM pg_sleep(1)')\n"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", code, line.address.url()], stdout=subprocess.PIPE
    )
    assert client.stdout is not None
    client.stdout.readline()
    time.sleep(0.3)
    client.kill()
    client.communicate()
    (one,) = line.seen().statements
    assert (one.tags, one.after) == (("SELECT 1",), "I")
    assert ask(database, "SELECT count(*) FROM item") == [(1,)]


def test_a_session_that_goes_on_without_its_client_is_cut(
    line: Line, database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_module, "QUIET_S", 0.2)
    with connected(line.address) as connection:
        with socket.socket(fileno=os.dup(connection.fileno())) as raw:
            sql = b"CREATE TABLE item AS SELECT 1 FROM pg_sleep(60)\0"
            raw.sendall(b"Q" + struct.pack("!i", len(sql) + 4) + sql)
            time.sleep(0.2)
            raw.shutdown(socket.SHUT_RDWR)
        seen = line.seen()
    (one,) = seen.statements
    assert (one.tags, one.after, seen.cut) == ((), None, (one.session,))
    assert seen.late == ("a session went on without its client, and was cut",)
    ask(database, f"SELECT pg_terminate_backend({one.session})")


def test_server_lost_while_a_session_is_held(listen: Callable[..., Line]) -> None:
    line = listen(orders=[Order("hold", "before", 1)])
    connection = psycopg.connect(line.address.url(), autocommit=True)
    connection.pgconn.send_query(b"SELECT 1")
    held = line.wait(10)
    assert held is not None
    os.kill(held.session, signal.SIGTERM)
    result = connection.pgconn.get_result()
    assert result is not None
    assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"57P01"
    line.release(held)  # it has ended: nothing happens
    assert line.wait(0) is None
    connection.close()


def test_relay_that_is_gone_is_said(folder: Path, database: Address) -> None:
    wire = Wire(folder)
    line = wire.listen(database)
    os.kill(wire._process.pid, signal.SIGKILL)
    with pytest.raises(ServerError) as raised:
        line.seen()
    assert raised.value.subject == "the wire"
    assert raised.value.fact == "the relay between the project and the server is gone"
    line.close()
    wire.close()


def test_too_much_text_is_said(wire: Wire, line: Line) -> None:
    with connected(line.address) as connection, connection.cursor() as cursor:
        text = "SELECT length('" + "x" * (1 << 20) + "')"
        for _ in range(257):
            cursor.execute(text)
    with pytest.raises(ServerError, match="what was sent to it takes 257 MB") as raised:
        line.seen()
    assert raised.value.fix == (
        "let it send less at once: COPY is one statement, however many rows it has"
    )
