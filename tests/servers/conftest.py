from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Databases, Missing, Server, Wanted, obtain
from pytest_schemaguard.servers.local import Local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROCESS = Path(__file__).with_name("process.py")
PROMISED_S = 5.0
PRIVATE = "embedded" if isinstance(Local().find(Wanted()), Missing) else "local"
"""The provider of servers of our own that this machine has."""
OWN: dict[str, Any] = {"provider": PRIVATE}


class Process:
    """A process of a run, started by the fixture `process`."""

    def __init__(
        self,
        what: str,
        specification: dict[str, Any],
        *,
        environ: dict[str, str],
        prefix: tuple[str, ...],
    ) -> None:
        self.child = subprocess.Popen(
            [*prefix, sys.executable, PROCESS, what, json.dumps(specification)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
            start_new_session=True,
        )
        self._report: dict[str, Any] | None = None

    @property
    def report(self) -> dict[str, Any]:
        if self._report is None:
            assert self.child.stdout is not None
            line = self.child.stdout.readline()
            assert line, self.child.stderr and self.child.stderr.read()
            self._report = json.loads(line)
        return self._report

    @property
    def invitation(self) -> list[str]:
        told: list[str] = self.report["invitation"]
        return told

    @property
    def server(self) -> Server:
        return Server.from_json(self.report["server"], password=Run.join(self.invitation).password)

    @property
    def folder(self) -> Path:
        return Path(self.report["folder"])

    def close(self) -> list[str]:
        """Ends it in order; what its run has to tell."""
        said, _ = self.child.communicate("close\n", timeout=60)
        notes: list[str] = json.loads(said.splitlines()[-1]) if said else []
        return notes

    def end(self) -> None:
        self.child.kill()
        self.child.communicate()


@pytest.fixture
def process() -> Iterator[Callable[..., Process]]:
    """Starts processes of runs; they are killed after the test."""
    started: list[Process] = []

    def start(
        what: str,
        *,
        wanted: dict[str, Any] | None = None,
        environ: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        **specification: Any,
    ) -> Process:
        one = Process(
            what, {"wanted": wanted, **specification}, environ=environ or {}, prefix=prefix
        )
        started.append(one)
        return one

    yield start
    for one in started:
        one.end()


@pytest.fixture
def run() -> Iterator[Run]:
    with_run = Run.begin()
    yield with_run
    with_run.close(wait=True)


@pytest.fixture(scope="session")
def shared_run() -> Iterator[Run]:
    run = Run.begin()
    yield run
    run.close(wait=True)


@pytest.fixture(scope="session")
def shared_server(shared_run: Run) -> Server:
    return obtain(Wanted(**OWN), shared_run)


@pytest.fixture
def databases(shared_server: Server, shared_run: Run) -> Iterator[Databases]:
    databases = Databases(shared_server, shared_run)
    yield databases
    databases.close()


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that work in the folder or name it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place = str((process / "cwd").readlink())
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if place.startswith(str(folder)) or (
            str(folder) in command and "process.py" not in command
        ):
            found.append(f"{process.name} {command}")
    return found


def assert_gone(folder: Path) -> None:
    """Neither folder nor processes are there after at most the 5 s that are promised."""
    deadline = time.monotonic() + PROMISED_S
    while folder.exists() or processes_of(folder):
        left = processes_of(folder)
        assert time.monotonic() < deadline, (folder.exists(), left)
        time.sleep(0.01)


def unlisted_uid(uid: int = 54321) -> tuple[str, ...]:
    """A prefix that runs a command as a uid that no passwd entry names."""
    with pytest.raises(KeyError):
        pwd.getpwuid(uid)
    # The interpreter may be in root's home; nothing else of root's is lent.
    prefix = (
        "setpriv",
        f"--reuid={uid}",
        f"--regid={uid}",
        "--clear-groups",
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
    )
    if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("no setpriv that sets ambient capabilities")
    return prefix
