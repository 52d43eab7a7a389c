"""A small project, two real servers (the guard's and a foreign one), and processes for them."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard import namespaces
from pytest_schemaguard.address import Address
from pytest_schemaguard.config import Config
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project import Project
from pytest_schemaguard.project.fence.watch import LOG
from pytest_schemaguard.wire.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.wire.wire import Line

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Server:
    """A PostgreSQL that listens on a socket in its folder, one in /tmp, and on 127.0.0.1."""

    by_tcp: Address
    by_socket: Address
    identifier: str
    log: Path

    def connections(self) -> int:
        return self.log.read_text().count("connection received")


@contextmanager
def served(
    name: str, *, prepare: Callable[[], object] | None = None, **more: str
) -> Iterator[Server]:
    """`prepare` is called in the server's process, before it is PostgreSQL and as who we are."""
    binaries = Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/dev/shm"))
    account: dict[str, Any] = {}
    if os.getuid() == 0:
        account = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")
    folder.chmod(0o755)  # the project may be another user
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        folder / "data",
        "-U",
        "super",
        "--auth=trust",
    ]
    subprocess.run(
        [*initdb, "--no-sync", "-E", "UTF8", "--locale=C"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **account,
    )
    settings = {
        **more,
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": f"{folder},/tmp",
        "fsync": "off",
        "log_connections": "on",
        "log_statement": "all",
    }

    def begin() -> None:
        if prepare is not None:
            prepare()
        if account:
            user = pwd.getpwnam("postgres")
            namespaces.become(user.pw_uid, user.pw_gid)

    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", *options],
            stderr=log,
            cwd=folder,
            preexec_fn=begin,  # noqa: PLW1509 - no other thread is running
        )
    try:
        address = Address(
            host=str(folder),
            port=port,
            user="super",
            password="0123456789abcdef",
            database="postgres",
        )
        identifier = first_answer(address, folder / "log")
        tcp = Address(
            host="127.0.0.1",
            port=port,
            user="super",
            password="0123456789abcdef",
            database="postgres",
        )
        yield Server(by_tcp=tcp, by_socket=address, identifier=identifier, log=folder / "log")
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def first_answer(address: Address, log: Path) -> str:
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = psycopg2.connect(address.url())
        except psycopg2.OperationalError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
                identifier = cursor.fetchone()[0]
            connection.close()
            return str(identifier)


@pytest.fixture(scope="session")
def guarded() -> Iterator[Server]:
    """The server that the guard uses."""
    with served("guarded") as server:
        yield server


@pytest.fixture(scope="session")
def foreign() -> Iterator[Server]:
    """A server that no project code may reach."""
    with served("foreign") as server:
        yield server


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can enter, with `root`, the project's, and `folder`, the guard's."""
    place = Path(tempfile.mkdtemp(prefix="place-"))
    place.chmod(0o755)
    for name in ("root", "root/inside", "folder"):
        (place / name).mkdir()
    shutil.copy(HERE / "attempts.py", place / "root" / "inside" / "attempts.py")
    yield place
    shutil.rmtree(place)


@pytest.fixture
def config(place: Path) -> Config:
    return Config(file=place / "root" / "pyproject.toml", models=("app:Base",), migrations=None)


@pytest.fixture
def nowhere() -> Address:
    """A database for those who never connect."""
    return Address(
        host="/nowhere", port=5432, user="app", password="a-long-secret-password", database="app"
    )


@pytest.fixture
def project(
    config: Config, place: Path, nowhere: Address, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Project]]:
    """Makes a Project whose task modules are `inside.<name>`, and ends it after the test."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    made: list[Project] = []
    wires: list[Wire] = []

    def by_wire(address: Address, folder: Path) -> Line:
        if not wires:
            wires.append(Wire(Path(tempfile.mkdtemp(dir=place))))
        return wires[0].listen(address, log=folder / LOG)

    def make(code: str = "", *, name: str = "task", **keywords: Any) -> Project:
        (place / "root" / "inside" / f"{name}.py").write_text(code)
        keywords = {"folder": place / "folder", "preload": (), **keywords}
        address = keywords.pop("address", nowhere)
        if isinstance(address, Address) and address is not nowhere:
            address = partial(by_wire, address, keywords["folder"])
        one = Project(keywords.pop("config", config), address, **keywords)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()
    for wire in wires:
        wire.close()


SUBJECT = {"subject": "models app:Base"}


def failing(one: Project, *, timeout_s: float = 30, **arguments: Any) -> str:
    """Everything that the failure of `inside.task` says."""
    with pytest.raises(ProjectError) as failure:
        one.call("inside.task", {**SUBJECT, **arguments}, timeout_s=timeout_s)
    return str(failure.value)
