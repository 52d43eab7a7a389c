"""Containers of a real engine: started, used, and gone however their run ended."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import Databases, Missing, Server, Wanted, obtain
from pytest_schemaguard.servers.docker import REMOVAL, RUN_LABEL, Docker
from pytest_schemaguard.servers.log import log_tail
from pytest_schemaguard.servers.removal import LABEL
from tests.servers.conftest import PROMISED_S, assert_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.run import Run
    from tests.servers.conftest import Process

pytestmark = pytest.mark.docker


def reach_engine() -> Any:
    """The engine's client, or a skip that says why there is none."""
    found = Docker().find(Wanted())
    if isinstance(found, Missing):
        pytest.skip(found.found)
    from testcontainers.core.docker_client import DockerClient

    return DockerClient().client


def image_to_test() -> str:
    """SCHEMA_GUARD_TEST_IMAGE, or an official image that the engine has or can pull."""
    return os.environ.get("SCHEMA_GUARD_TEST_IMAGE", "postgres:16")


@pytest.fixture(scope="module")
def engine() -> Any:
    return reach_engine()


@pytest.fixture(scope="module")
def image(engine: Any) -> str:
    return image_to_test()


@pytest.fixture
def wanted(image: str) -> dict[str, str]:
    return {"provider": "docker", "image": image}


def containers(engine: Any, run_id: str) -> list[Any]:
    return list(
        engine.containers.list(
            all=True, ignore_removed=True, filters={"label": f"{RUN_LABEL}={run_id}"}
        )
    )


def assert_no_container(engine: Any, run_id: str, within_s: float = PROMISED_S) -> None:
    deadline = time.monotonic() + within_s
    while containers(engine, run_id):
        assert time.monotonic() < deadline, [one.status for one in containers(engine, run_id)]
        time.sleep(0.05)


@pytest.fixture(scope="module")
def docker_run() -> Iterator[Run]:
    from pytest_schemaguard.run import Run

    run = Run.begin()
    yield run
    run.close(wait=True)


@pytest.fixture(scope="module")
def server(docker_run: Run, image: str) -> Server:
    return obtain(Wanted(provider="docker", image=image), docker_run)


def test_a_container_serves_databases(server: Server, docker_run: Run, image: str) -> None:
    assert server.provider == "docker"
    assert server.origin == f"image {image}"
    assert server.version.startswith(f"{server.major}.")
    databases = Databases(server, docker_run)
    databases.create("a")
    databases.freeze("a")
    databases.create("b", template="a")
    with databases.session("b") as owner, owner.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('fsync')")
        assert cursor.fetchone() == ("schema_guard_owner", "off")
    databases.close()


def test_its_port_is_on_loopback_alone(server: Server, engine: Any) -> None:
    assert server.owner.host == "127.0.0.1"
    ports = engine.containers.get(server.container).attrs["NetworkSettings"]["Ports"]
    assert {binding["HostIp"] for binding in ports["5432/tcp"]} == {"127.0.0.1"}


def test_the_password_in_the_containers_environment_is_good_for_nothing(
    server: Server, engine: Any
) -> None:
    environment = engine.containers.get(server.container).attrs["Config"]["Env"]
    values = [one.partition("=")[2] for one in environment]
    assert server.admin.password not in values
    assert server.owner.password not in values
    for password in ("", *values):
        with pytest.raises(psycopg2.OperationalError, match=r"authentication failed|no password"):
            psycopg2.connect(server.admin.logged_in_as(server.admin.user, password).url())
    psycopg2.connect(server.admin.url()).close()


def test_its_log_can_be_shown(server: Server) -> None:
    assert "database system is ready to accept connections" in log_tail(server, 200)


def test_a_second_process_reads_the_first_ones_container(
    process: Callable[..., Process], docker_run: Run, server: Server, wanted: dict[str, str]
) -> None:
    other = process("join", wanted=wanted, invitation=docker_run.invitation)
    assert other.server.container == server.container
    other.end()
    psycopg2.connect(server.admin.url()).close()


def test_nothing_is_left_after_an_orderly_end(
    process: Callable[..., Process], engine: Any, wanted: dict[str, str]
) -> None:
    one = process("begin", wanted=wanted)
    run_id = one.folder.name[-8:]
    volumes = {mount["Name"] for mount in containers(engine, run_id)[0].attrs["Mounts"]}
    one.close()
    assert not one.folder.exists()
    assert containers(engine, run_id) == []
    assert not volumes & {volume.id for volume in engine.volumes.list()}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_a_signal(
    process: Callable[..., Process], engine: Any, wanted: dict[str, str], sent: signal.Signals
) -> None:
    one = process("begin", wanted=wanted)
    run_id = one.folder.name[-8:]
    assert containers(engine, run_id)
    one.child.send_signal(sent)
    one.child.wait(10)
    assert_no_container(engine, run_id)
    assert_gone(one.folder)


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_nothing_is_left_when_killed_while_the_container_starts(
    process: Callable[..., Process], engine: Any, wanted: dict[str, str], delay_s: float
) -> None:
    owner = process("begin")
    run_id = owner.folder.name[-8:]
    worker = process("join", wanted=wanted, invitation=owner.invitation)
    deadline = time.monotonic() + 30
    while not containers(engine, run_id) and delay_s:
        assert time.monotonic() < deadline
    time.sleep(delay_s or 1.2)
    owner.end()
    worker.end()
    assert_gone(owner.folder)
    assert_no_container(engine, run_id)


def test_a_killed_worker_takes_its_half_started_container_along_and_the_next_starts_one(
    process: Callable[..., Process], engine: Any, wanted: dict[str, str]
) -> None:
    owner = process("begin")
    run_id = owner.folder.name[-8:]
    worker = process("join", wanted=wanted, invitation=owner.invitation)
    deadline = time.monotonic() + 30
    while not containers(engine, run_id):
        assert time.monotonic() < deadline
    worker.end()
    assert_no_container(engine, run_id)
    second = process("join", wanted=wanted, invitation=owner.invitation)
    assert "database" in second.report, second.report
    second.end()
    psycopg2.connect(second.server.admin.url()).close()
    owner.end()
    assert_no_container(engine, run_id)
    assert_gone(owner.folder)


def test_a_container_that_the_engine_makes_a_moment_after_the_kill_goes_too(
    engine: Any, image: str
) -> None:
    attempt = secrets.token_hex(8)
    request = json.dumps({"path": sys.path, "attempt": attempt})
    removal = subprocess.Popen([sys.executable, "-I", REMOVAL, request])
    time.sleep(1.5)
    late = engine.containers.create(image, labels={LABEL: attempt})
    assert removal.wait(30) == 0
    assert late.id not in {one.id for one in engine.containers.list(all=True)}


def test_a_container_that_ends_at_once_shows_its_log_at_once(run: Run, image: str) -> None:
    begin = time.monotonic()
    wanted = Wanted(provider="docker", image=image, settings=(("shared_buffers", "a lot"),))
    with pytest.raises(ServerError) as caught:
        obtain(wanted, run)
    words = str(caught.value)
    assert words.startswith(f"image {image}: it ended at once, with exit status ")
    assert 'invalid value for parameter "shared_buffers": "a lot"' in words
    assert time.monotonic() - begin < 30


def test_the_wrong_major_is_said_with_both(run: Run, image: str, server: Server) -> None:
    with pytest.raises(ServerError) as caught:
        obtain(Wanted(provider="docker", image=image, major=server.major + 1), run)
    assert str(caught.value) == (
        f"image {image}: it runs PostgreSQL {server.version}, "
        f"but `postgres = {server.major + 1}` is configured\n"
        f"  next: set `image` to one of PostgreSQL {server.major + 1}, or take it away"
    )


def test_an_image_that_cannot_be_had_is_said_with_the_command(run: Run, engine: Any) -> None:
    name = "localhost:1/no-such-image:16"
    with pytest.raises(ServerError) as caught:
        obtain(Wanted(provider="docker", image=name), run)
    words = str(caught.value)
    assert words.startswith(f"image {name}: no container of it could be started\n")
    assert words.endswith(f"  next: docker pull {name}, or `image` names one that can be had")


def test_a_container_whose_run_is_gone_altogether_is_swept(
    process: Callable[..., Process], engine: Any, wanted: dict[str, str], server: Server
) -> None:
    from pytest_schemaguard.servers.docker import sweep
    from tests.servers.conftest import processes_of

    one = process("begin", wanted=wanted)
    run_id = one.folder.name[-8:]
    keeper = next(line for line in processes_of(one.folder) if "keeper.py" in line)
    os.kill(int(keeper.split()[0]), signal.SIGKILL)
    one.end()
    sweep(engine)
    assert containers(engine, run_id), "its folder is still there: it may live"
    long_ago = 1_000_000_000
    os.utime(one.folder, (long_ago, long_ago))
    process("begin").close()
    assert_gone(one.folder)
    sweep(engine)
    assert_no_container(engine, run_id)
    psycopg2.connect(server.admin.url()).close()
