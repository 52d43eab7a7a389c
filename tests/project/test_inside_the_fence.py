from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.fence import drivers, watch
from pytest_schemaguard.project.process import FENCES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.project import Project
    from tests.project.conftest import Server


def test_foreign_host_is_named_in_the_failure(project: Callable[..., Project], place: Path) -> None:
    one = project(
        "import socket\n"
        "def run(arguments):\n"
        "    socket.create_connection(('db.prod.example', 5432))\n"
    )
    with pytest.raises(ProjectError) as failure:
        one.call("inside.task", {"subject": "models app:Base"}, timeout_s=30)
    text = str(failure.value)
    assert text.startswith("inside/task.py:3: models app:Base: socket.gaierror: ")
    assert "it tried to connect to db.prod.example:5432, which the fence refused" in text
    assert one.refused() == ["tried to connect to db.prod.example:5432"]
    # A later failure is told what it tried itself.
    (place / "root" / "inside" / "fails.py").write_text("def run(arguments): raise ValueError")
    for task, told in (("fails", False), ("task", True)):
        with pytest.raises(ProjectError) as failure:
            one.call(f"inside.{task}", {}, timeout_s=30)
        assert ("db.prod.example" in str(failure.value)) is told


@pytest.mark.parametrize("fence", FENCES)
def test_application_may_serve_http_to_itself(project: Callable[..., Project], fence: str) -> None:
    one = project(SERVING, fences=(fence,))
    assert one.call("inside.task", {}, timeout_s=30) == [200, 200]
    assert one.refused() == []


SERVING = """
import http.server, subprocess, sys, threading, time, urllib.error, urllib.request
from pytest_schemaguard.project.child import inside

def status(port):
    deadline = time.monotonic() + 20
    while True:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/").status
        except urllib.error.URLError:
            assert time.monotonic() < deadline
            time.sleep(0.05)

def run(arguments):
    port = inside.here().serving_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    serving = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    by_command = status(port)
    serving.kill()
    serving.wait()
    port = inside.here().serving_port()
    server = http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return [by_command, status(port)]
"""


def test_serving_ports_come_round_and_taken_ones_are_left_out(
    project: Callable[..., Project],
) -> None:
    code = """
import socket
from pytest_schemaguard.project.child import inside

def run(arguments):
    ports = [inside.here().serving_port() for _ in range(4)]
    taken = socket.create_server(("127.0.0.1", ports[0]))
    again = [inside.here().serving_port() for _ in range(3)]
    rest = [socket.create_server(("127.0.0.1", port)) for port in ports[1:]]
    print(len(set(ports)), again == ports[1:])
    inside.here().serving_port()
"""
    with pytest.raises(ProjectError) as failure:
        (one := project(code)).call("inside.task", {}, timeout_s=30)
    assert one.stderr_tail() == "4 True"
    assert str(failure.value).startswith("the application: all ports kept for it are taken: ")


def test_network_of_its_own_is_open_to_whatever_the_project_starts_there(
    project: Callable[..., Project],
) -> None:
    code = """
import socket, subprocess, sys
LISTEN = (
    "import socket; one = socket.create_server(('127.0.0.1', 0)); "
    "print(one.getsockname()[1], flush=True); one.accept()"
)

def run(arguments):
    serving = subprocess.Popen([sys.executable, "-c", LISTEN], stdout=subprocess.PIPE)
    port = int(serving.stdout.readline())
    socket.create_connection(("127.0.0.1", port)).close()
    answers = []
    for host in ("127.0.0.1", "10.1.2.3"):
        try:
            socket.create_connection((host, 5432))
        except OSError as error:
            answers.append("fence refuses" in str(error))
    return answers
"""
    one = project(code, fences=("namespace",))
    if "namespace" not in one.fence:
        pytest.skip("no namespaces here")
    assert one.call("inside.task", {}, timeout_s=30) == [True, True]
    refused = ["tried to connect to 127.0.0.1:5432", "tried to connect to 10.1.2.3:5432"]
    assert one.refused() == refused


def test_relay_carries_many_connections_and_much_data(
    guarded: Server, project: Callable[..., Project]
) -> None:
    code = """
import psycopg2
from concurrent.futures import ThreadPoolExecutor
from pytest_schemaguard.project.child import inside

def ask(number):
    connection = psycopg2.connect(inside.here().address.url())
    with connection.cursor() as cursor:
        cursor.execute("SELECT repeat('x', 5000000) || %s", [str(number)])
        return len(cursor.fetchone()[0])

def run(arguments):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, range(20)))
"""
    one = project(code, address=guarded.by_tcp, fences=("namespace", "landlock"))
    if "as far as" in one.fence and "Landlock" not in one.fence:
        pytest.skip("no relay without a fence of the kernel's")
    answer = one.call("inside.task", {}, timeout_s=60)
    assert answer == [5_000_000 + len(str(number)) for number in range(20)]


def test_sockets_of_the_project_are_its_own_and_others_are_not(
    project: Callable[..., Project], place: Path, tmp_path: Path
) -> None:
    code = """
import os, socket

def run(arguments):
    answers = {}
    own = os.environ["TMPDIR"]
    for path in [own + "/own", own + "/.s.PGSQL.5432", arguments["foreign"], "/dev/log"]:
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(path)
            except OSError as error:
                answers[os.path.basename(path)] = "fence" in str(error)
    return answers
"""
    one = project(code)
    path = str(tmp_path / "foreign")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        answer = one.call("inside.task", {"foreign": path}, timeout_s=30)
    assert answer["own"] is False  # nobody listens, and the fence lets it see that
    assert answer[".s.PGSQL.5432"] is True
    assert answer["foreign"] is True
    assert answer.get("log", False) is False
    assert one.refused() == [
        f"tried to connect to {place}/folder/tmp/.s.PGSQL.5432",
        f"tried to connect to {path}",
    ]


@pytest.mark.parametrize(
    ("parameters", "foreign"),
    [
        ({"host": "/run/guard", "port": "5433"}, None),
        ({"host": "/run/guard/", "port": "5433"}, None),
        ({"host": "/run/guard"}, "/run/guard:5432"),
        ({"host": "/run/guard", "port": "5433", "hostaddr": "10.0.0.1"}, "10.0.0.1:5433"),
        ({"host": "/run/guard,db.example", "port": "5433"}, "db.example:5433"),
        ({"host": "/run/guard,/run/guard", "port": "5433,5432"}, "/run/guard:5432"),
        ({"host": "/run/guard", "hostaddr": ",10.0.0.1", "port": "5433"}, "10.0.0.1:5433"),
        ({"host": "/run/guard", "port": "5433", "service": "production"}, "the service production"),
        ({"host": "@guard", "port": "5433"}, "@guard:5433"),
        ({"host": "localhost", "port": "5433"}, "localhost:5433"),
        ({"dbname": "app"}, "libpq's default server"),
    ],
)
@pytest.mark.parametrize("by_variables", [False, True])
def test_parameters_of_libpq_lead_to_the_guard_or_elsewhere(
    parameters: dict[str, str],
    foreign: str | None,
    *,
    by_variables: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in ("HOST", "HOSTADDR", "PORT", "SERVICE", "DBNAME"):
        monkeypatch.delenv(f"PG{name}", raising=False)
    if by_variables:
        for name, value in parameters.items():
            monkeypatch.setenv(f"PG{name.upper()}", value)
        parameters = {}
    address = Address(host="/run/guard", port=5433, user="u", password="p", database="d")
    rules = watch.Rules(
        address=address,
        hosts=frozenset(),
        ports=(),
        own_loopback=False,
        folders=(tmp_path,),
        log=tmp_path / "log",
    )
    assert drivers.foreign(parameters, watch.Watcher(rules)) == foreign
