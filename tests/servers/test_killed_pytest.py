"""pytest itself is killed in the middle of a test: nothing of its server is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.conftest import PRIVATE, assert_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODELS = """
from sqlalchemy import Integer
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Thing(Base):
    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
"""
WAITING = """
import json, os, time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(2))
def test_waits(schema_guard_url, number):
    told = Path(f"told.{number}.new")
    told.write_text(json.dumps({"url": schema_guard_url, "pid": os.getpid()}))
    told.rename(f"told.{number}")
    time.sleep(60)
"""


KILLING = """
import os, re, signal
from pathlib import Path

def test_kills_the_keeper(schema_guard_url):
    folder = re.search(r"host=(/.*/schema-guard-[0-9a-f]{8})/", schema_guard_url)[1]
    Path("folder").write_text(folder)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"keeper.py\\0" + folder.encode() in command:
            os.kill(int(process.name), signal.SIGKILL)
"""


def write_project(project: Path, *, provider: str, more: str = "") -> None:
    (project / "models.py").write_text(MODELS)
    (project / "migrations").mkdir()
    (project / "migrations" / "1.sql").write_text("CREATE TABLE thing (id serial PRIMARY KEY);")
    (project / "pyproject.toml").write_text(
        f'[tool.schema-guard]\nmodels = "models:Base"\nmigrations = "migrations"\n'
        f'server = "{provider}"\n{more}'
    )


class Killed:
    """pytest in the middle of two tests that use the server, each in a worker under xdist."""

    def __init__(self, project: Path, *, workers: int) -> None:
        self.project = project
        self.child = subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
                *(("-n", str(workers)) if workers else ()),
            ],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.told = [self._tell(number) for number in range(workers or 1)]
        found = re.search(r"schema_guard_([0-9a-f]{8})_", self.told[0]["url"])
        assert found is not None, self.told
        self.run_id = found.group(1)

    @property
    def folder(self) -> Path:
        found = re.search(r"host=(/.*/schema-guard-[0-9a-f]{8})/", self.told[0]["url"])
        assert found is not None, self.told
        return Path(found.group(1))

    def _tell(self, number: int) -> Any:
        file = self.project / f"told.{number}"
        deadline = time.monotonic() + 60
        while not file.exists():
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.end()
                assert self.child.stdout is not None
                pytest.fail(self.child.stdout.read().decode())
            time.sleep(0.01)
        return json.loads(file.read_text())

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Callable[..., Killed]]:
    started: list[Killed] = []

    def start(*, workers: int = 0, provider: str = PRIVATE, image: str = "") -> Killed:
        write_project(tmp_path, provider=provider, more=f'image = "{image}"\n' if image else "")
        (tmp_path / "test_waiting.py").write_text(WAITING)
        one = Killed(tmp_path, workers=workers)
        started.append(one)
        return one

    yield start
    for one in started:
        one.end()


@pytest.mark.parametrize(
    ("sent", "workers"),
    [
        (signal.SIGINT, 0),
        (signal.SIGTERM, 0),
        (signal.SIGKILL, 0),
        (signal.SIGTERM, 2),
        (signal.SIGKILL, 2),
    ],
)
def test_nothing_is_left_after_a_signal_to_pytest(
    killed: Callable[..., Killed], sent: signal.Signals, workers: int
) -> None:
    one = killed(workers=workers)
    one.child.send_signal(sent)
    one.child.wait(20)
    assert_gone(one.folder)


def test_nothing_is_left_after_ctrl_c_with_workers(killed: Callable[..., Killed]) -> None:
    one = killed(workers=2)
    os.killpg(one.child.pid, signal.SIGINT)
    one.child.wait(20)
    assert_gone(one.folder)


def test_a_killed_worker_takes_no_server_along(killed: Callable[..., Killed]) -> None:
    import psycopg2

    one = killed(workers=2)
    os.kill(one.told[0]["pid"], signal.SIGKILL)
    time.sleep(0.5)
    psycopg2.connect(one.told[1]["url"]).close()
    one.end()
    assert_gone(one.folder)


@pytest.mark.parametrize("arguments", [[], ["-n", "2"], ["--schema-guard", "-k", "kills"]])
def test_a_run_whose_keeper_is_killed_ends_its_server_and_says_so(
    tmp_path: Path, arguments: list[str]
) -> None:
    write_project(tmp_path, provider=PRIVATE)
    (tmp_path / "test_killing.py").write_text(KILLING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    folder = Path((tmp_path / "folder").read_text())
    assert_gone(folder)
    last = done.stdout.splitlines()[-1]
    begin, _, rest = last.partition(")")
    assert done.returncode == 0
    assert begin.startswith("schema-guard: the run's keeper (pid ")
    assert rest == (
        ", which ends its servers, was killed by SIGKILL before the run's end; the run ended them "
        f"itself and removed {folder}; next: look for the out-of-memory killer in the kernel's log "
        "(dmesg), then run it again"
    )


@pytest.mark.docker
@pytest.mark.parametrize(
    ("sent", "workers"), [(signal.SIGINT, 0), (signal.SIGTERM, 2), (signal.SIGKILL, 2)]
)
def test_no_container_is_left_after_a_signal_to_pytest(
    killed: Callable[..., Killed], sent: signal.Signals, workers: int
) -> None:
    from tests.servers import test_docker

    engine = test_docker.reach_engine()
    one = killed(workers=workers, provider="docker", image=test_docker.image_to_test())
    assert test_docker.containers(engine, one.run_id)
    one.child.send_signal(sent)
    one.child.wait(20)
    test_docker.assert_no_container(engine, one.run_id)
