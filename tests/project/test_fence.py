from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard import namespaces
from tests.project.conftest import HERE, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address
    from tests.project.conftest import Server

DRIVERS = {"psycopg2", "psycopg2-class", "psycopg", "psycopg.pq", "asyncpg", "pg8000", "psql"}
SEEN_BY_PYTHON = DRIVERS - {"psql"}
ACCIDENTS = "it is a guard against accidents, no sandbox for hostile code"
SOCKETS = (
    "other PostgreSQL servers' sockets are refused to Python and its drivers, not to other "
    "libraries in C or commands"
)
SENTENCES = {
    "namespace": "no network (namespace), the sockets of PostgreSQL servers that ran here covered; "
    f"{SOCKETS}; {ACCIDENTS}",
    "landlock": "no TCP but to the guard's database and to ports kept for the application "
    f"(Landlock); {SOCKETS}; {ACCIDENTS}",
    "python": "connections refused as far as Python and its drivers can see, not those of other "
    f"libraries in C or of commands; {ACCIDENTS}",
}
ENV = {
    "DATABASE_URL": "{url}",
    "APP_URL": "{url}",
    "APP_HOST": "{host}",
    "APP_PORT": "{port}",
    "APP_USER": "{user}",
    "APP_PASSWORD": "{password}",
    "APP_DATABASE": "{database}",
}
CONFIGURED = {"place": "configured"}

NOBODY = 65534
USERS: dict[str, dict[str, Any]] = {
    "as we are": {},
    "nobody": {"user": NOBODY, "group": NOBODY, "extra_groups": []},
    "root without CAP_SYS_ADMIN": {},
}


@pytest.fixture
def hostile(foreign: Server, place: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Every variable and file that could lead to the foreign server."""
    there = foreign.by_tcp
    service = place / "pg_service.conf"
    service.write_text(
        f"[foreign]\nhost={there.host}\nport={there.port}\nuser=super\ndbname=postgres\n"
    )
    passwords = place / "pgpass"
    passwords.write_text("*:*:*:*:foreign-password\n")
    variables = {
        "PGHOST": there.host,
        "PGHOSTADDR": there.host,
        "PGPORT": str(there.port),
        "PGUSER": there.user,
        "PGPASSWORD": "foreign-password",
        "PGDATABASE": there.database,
        "PGSERVICE": "foreign",
        "PGSERVICEFILE": str(service),
        "PGPASSFILE": str(passwords),
        "PGOPTIONS": "-c work_mem=65kB",
        "PGAPPNAME": "foreign",
        "PGSSLMODE": "disable",
        "PGCONNECT_TIMEOUT": "5",
        "PGCLIENTENCODING": "LATIN1",
        "PGTARGETSESSIONATTRS": "any",
        "DATABASE_URL": there.url(),
        "TEST_DATABASE_URL": there.url("asyncpg"),
        "SQLALCHEMY_DATABASE_URI": there.url("psycopg"),
        "APP_DSN": f"host={there.host} port={there.port} dbname=postgres",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    dotenv = {"DATABASE_URL": there.url(), "PGHOST": there.host, "PGPORT": str(there.port)}
    lines = "".join(f"{name}={value}\n" for name, value in {**variables, **dotenv}.items())
    (place / "root" / ".env").write_text(lines)
    return foreign


def drive(place: Path, user: str, *, address: Address, **order: Any) -> dict[str, Any]:
    """Run the calls in a Project that another user makes."""
    interpreter = sys.executable
    prefix = []
    if user != "as we are" and (os.getuid() or not shutil.which("setpriv")):
        pytest.skip("only root can become someone else")
    if user == "nobody":
        interpreter = interpreter_for_nobody()
        os.chown(place / "folder", NOBODY, NOBODY)
    if user == "root without CAP_SYS_ADMIN":
        prefix = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"]
    paths = [str(HERE.parents[1]), *(path for path in sys.path if path.endswith("-packages"))]
    done = subprocess.run(
        [*prefix, interpreter, HERE / "drive.py"],
        input=json.dumps(
            {
                "root": str(place / "root"),
                "folder": str(place / "folder"),
                "address": dataclasses.asdict(address),
                "env": ENV,
                **order,
            }
        ),
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": ":".join(paths), "HOME": str(place / "nowhere")},
        check=False,
        **USERS[user],
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def interpreter_for_nobody() -> str:
    """One of this version that another user can run: ours may be under a closed home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        try:
            subprocess.run([str(path), "-c", ""], check=True, cwd="/", **USERS["nobody"])
        except (OSError, subprocess.CalledProcessError):
            continue
        return str(path)
    pytest.skip(f"nobody can run no {version}")


def place_of(address: Address) -> dict[str, Any]:
    return {"place": {**dataclasses.asdict(address), "url": address.url()}}


def in_tmp(address: Address) -> Address:
    return dataclasses.replace(address, host="/tmp")  # noqa: S108 - where PostgreSQL listens by default


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("way", ["by_socket", "by_tcp"])
def test_no_driver_reaches_the_foreign_server_and_each_reaches_the_guards(
    guarded: Server, hostile: Server, place: Path, user: str, way: str
) -> None:
    before = hostile.connections()
    answer = drive(
        place,
        user,
        address=getattr(guarded, way),
        fences=["namespace"],
        calls=[
            CONFIGURED,
            {},
            place_of(hostile.by_tcp),
            place_of(hostile.by_socket),
            place_of(in_tmp(hostile.by_socket)),
            {"dotenv": True},
            {"dotenv": True, "place": "configured"},
        ],
    )
    own, *refused, after_dotenv = answer["answers"]
    assert hostile.connections() == before
    assert own == dict.fromkeys(DRIVERS, guarded.identifier)
    for answers in refused:
        assert set(answers) == DRIVERS
        for text in answers.values():
            assert hostile.identifier not in text
            assert guarded.identifier not in text
    assert set(after_dotenv) == DRIVERS
    assert answer["fence"] == SENTENCES["namespace"]
    assert f"tried to connect to {hostile.by_tcp.host}:{hostile.by_tcp.port}" in answer["refused"]
    # And the log would have told:
    psycopg2.connect(hostile.by_tcp.url()).close()
    assert hostile.connections() == before + 1


@pytest.mark.parametrize("way", ["by_socket", "by_tcp"])
def test_landlock_refuses_every_foreign_tcp_connection(
    guarded: Server, hostile: Server, place: Path, way: str
) -> None:
    before = hostile.connections()
    answer = drive(
        place,
        "as we are",
        address=getattr(guarded, way),
        fences=["landlock"],
        calls=[CONFIGURED, place_of(hostile.by_tcp), {"dotenv": True}, CONFIGURED],
    )
    if "Landlock" not in answer["fence"]:
        pytest.skip("this kernel is older than 6.7, or has no Landlock")
    own, explicit, by_dotenv, _ = answer["answers"]
    assert hostile.connections() == before
    assert own == dict.fromkeys(DRIVERS, guarded.identifier)
    for text in [*explicit.values(), *by_dotenv.values()]:
        assert hostile.identifier not in text
    assert answer["fence"] == SENTENCES["landlock"]


@pytest.mark.parametrize("way", ["by_socket", "by_tcp"])
def test_fence_of_python_refuses_what_it_says_it_sees(
    guarded: Server, hostile: Server, place: Path, way: str
) -> None:
    answer = drive(
        place,
        "as we are",
        address=getattr(guarded, way),
        fences=["python"],
        calls=[CONFIGURED, {}, place_of(hostile.by_tcp), place_of(hostile.by_socket)],
    )
    own, default, *explicit = answer["answers"]
    assert own == dict.fromkeys(DRIVERS, guarded.identifier)
    for text in default.values():
        assert hostile.identifier not in text
    for answers in explicit:
        assert reaching(answers, hostile) == DRIVERS - SEEN_BY_PYTHON
    assert answer["fence"] == SENTENCES["python"]
    assert f"tried to connect to {hostile.by_tcp.host}:{hostile.by_tcp.port}" in answer["refused"]


def reaching(answers: dict[str, str], server: Server) -> set[str]:
    return {name for name, text in answers.items() if text == server.identifier}


@pytest.fixture(scope="session")
def sidecar() -> Iterator[Server]:
    """A server of another container: its sockets are in shared folders, and listed nowhere here."""
    with served("sidecar", prepare=namespaces.leave) as server:
        listed = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace")
        listening = [line for line in listed.splitlines() if line.split()[3] == "00010000"]
        assert not [line for line in listening if server.by_socket.host in line]
        yield server


@pytest.mark.parametrize("fence", SENTENCES)
def test_socket_of_another_container_is_refused_to_every_driver_and_the_sentence_says_to_whom_not(
    guarded: Server, sidecar: Server, place: Path, fence: str
) -> None:
    folder = sidecar.by_socket.host
    link = place / "link"
    link.symlink_to(folder)
    there = dataclasses.replace(sidecar.by_socket, host=str(link))
    variables = {"PGHOST": folder, "PGPORT": str(there.port), "PGUSER": "super"}
    variables["PGDATABASE"] = "postgres"
    answer = drive(
        place,
        "as we are",
        address=guarded.by_socket,
        fences=[fence],
        calls=[
            CONFIGURED,
            place_of(sidecar.by_socket),
            place_of(there),
            {"variables": variables},
        ],
    )
    own, *others, by_variables = answer["answers"]
    assert answer["fence"] == SENTENCES[fence]
    assert own == dict.fromkeys(DRIVERS, guarded.identifier)
    for answers in others:
        assert reaching(answers, sidecar) == {"psql"}
        for name in SEEN_BY_PYTHON - {"pg8000"}:  # it has words of its own
            assert "pytest-schemaguard's fence refuses" in answers[name]
    assert reaching(by_variables, sidecar) == {"psql"}
    assert f"tried to connect to {folder}:{sidecar.by_socket.port}" in answer["refused"]
