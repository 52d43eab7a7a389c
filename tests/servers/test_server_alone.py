"""A server of our own that has no network, and the other one when that cannot be."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from pytest_schemaguard import namespaces
from pytest_schemaguard.servers import Wanted, obtain
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers import Server
    from tests.servers.conftest import Process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's namespaces")
ALONE = (
    "the server ran with no network (namespace), the sockets of PostgreSQL servers that ran here "
    "covered"
)
NETWORK = ": dblink and postgres_fdw in a migration reach other servers from there"


def shown(server: Server, command: str) -> str:
    """What a command says that the superuser runs in the server."""
    connection = psycopg2.connect(server.admin.url())
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE said (line text)")
        # What is tried may fail, and its exit code with it.
        cursor.execute(f"COPY said FROM PROGRAM $${command} 2>&1 || true$$")
        cursor.execute("SELECT coalesce(string_agg(line, chr(10)), '') FROM said")
        text = str(cursor.fetchone()[0])
    connection.close()
    return text


@pytest.fixture
def listening() -> Iterator[tuple[int, list[int]]]:
    """A port of this machine on which somebody listens, and who came."""
    came: list[int] = []
    one = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                came.append(one.accept()[1][1])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield one.getsockname()[1], came
    one.close()


@pytest.fixture
def in_tmp() -> Iterator[Path]:
    """A socket of another PostgreSQL's, as far as its name tells."""
    path = Path(namespaces.DEFAULT) / f".s.PGSQL.{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
        path.chmod(0o777)
        yield path
    path.unlink()


def connects(port: int) -> str:
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        return f'bash -c "echo hello > /dev/tcp/127.0.0.1/{port}"'
    return f"""{python} -c "import socket; socket.create_connection(('127.0.0.1', {port}))" """


def test_server_of_our_own_has_no_network_and_sees_no_other_socket(
    run: Run, listening: tuple[int, list[int]], in_tmp: Path
) -> None:
    server = obtain(Wanted(**OWN), run)
    port, came = listening
    assert server.reach == ALONE
    interfaces = re.findall(r"^ *(\S+):", shown(server, "cat /proc/net/dev"), re.MULTILINE)
    assert [name for name in interfaces if name not in {"tunl0", "sit0", "gre0", "ip6tnl0"}] == [
        "lo"
    ]
    assert "refused" in shown(server, connects(port))
    assert came == []
    assert shown(server, f"stat -c %F {in_tmp}") == "character special file"
    with psycopg2.connect(server.admin.url()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'dblink'")
        if cursor.fetchone():
            cursor.execute("CREATE EXTENSION dblink")
            with pytest.raises(psycopg2.Error, match="refused"):
                cursor.execute(
                    "SELECT dblink_connect(%s)", [f"host=127.0.0.1 port={port} user=a dbname=b"]
                )
    connection.close()


def test_server_with_tcp_has_the_machines_network_and_says_so(
    run: Run, listening: tuple[int, list[int]]
) -> None:
    server = obtain(Wanted(**OWN, tcp=True), run)
    port, came = listening
    assert server.reach == f"the server has the machine's network (`tcp = true`){NETWORK}"
    shown(server, connects(port))
    assert len(came) == 1


def test_where_no_namespace_can_be_had_the_server_starts_and_says_so(
    process: Callable[..., Process],
) -> None:
    refusing = Path(__file__).with_name("without_namespaces.py")
    prefix = (sys.executable, str(refusing))
    server = process("begin", wanted=OWN, prefix=prefix).server
    assert server.reach == (
        f"the server has the machine's network (the system permits no namespace){NETWORK}"
    )
    psycopg2.connect(server.admin.url()).close()


def test_root_without_the_right_to_mount_starts_it_in_a_user_namespace(
    process: Callable[..., Process],
) -> None:
    if os.getuid() or shutil.which("setpriv") is None:
        pytest.skip("only root can give that up")
    prefix = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all")
    server = process("begin", wanted=OWN, prefix=prefix).server
    assert server.reach == ALONE
    data = Path(server.admin.host) / "data"
    assert shown(server, "id -u") == str(data.stat().st_uid)
