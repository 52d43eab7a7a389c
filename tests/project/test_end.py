from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.project import Project

    Make = Callable[..., Project]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # gone, or gone while it was read
        return False
    return state != "Z"


def gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 5
    while any(map(alive, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


FAMILY = """
import os, subprocess, sys
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]

def run(arguments):
    reading, writing = os.pipe()
    middle = os.fork()
    if not middle:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.write(writing, str(os.getpid()).encode())
        os.execv(SLEEP[0], SLEEP)
    os.waitpid(middle, 0)
    daemon = int(os.read(reading, 100))
    children = [subprocess.Popen(SLEEP), subprocess.Popen(SLEEP, start_new_session=True)]
    return [os.getpid(), os.getppid(), daemon, *(child.pid for child in children)]
"""
"""The project's process, the warden, a daemon that nobody's parent knows, and two children."""


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
def test_close_ends_whatever_the_project_has_started(project: Make) -> None:
    one = project(FAMILY)
    pids = one.call("inside.task", {}, timeout_s=30)
    assert all(map(alive, pids))
    one.close()
    assert not any(map(alive, pids))


PARENT = """
import json, sys, time
from pathlib import Path
from pytest_schemaguard.address import Address
from pytest_schemaguard.config import Config
from pytest_schemaguard.project import Project
place = Path(sys.argv[1])
config = Config(file=place / "root/x.toml", models=("a:b",), migrations=None)
address = Address(host="/nowhere", port=1, user="u", password="p", database="d")
one = Project(config, address, folder=place / "folder", preload=())
print(json.dumps(one.call("inside.task", {}, timeout_s=30)), flush=True)
one.call("inside.busy", {}, timeout_s=600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_parent(project: Make, place: Path, number: signal.Signals) -> None:
    project(FAMILY)
    # Holds the interpreter's lock: nothing within the process could notice.
    busy = "import re\ndef run(arguments): re.match('(a*)*b', 'a' * 100)"
    (place / "root" / "inside" / "busy.py").write_text(busy)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, place], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    try:
        pids = json.loads(parent.stdout.readline())
        assert all(map(alive, pids))
        time.sleep(0.2)  # until it is busy
        parent.send_signal(number)
        parent.wait(10)
    finally:
        parent.kill()
        parent.stdout.close()
    assert gone(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl, and orphans are adopted")
@pytest.mark.parametrize("which", ["inner", "outer"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_daemons_of_the_project_die_with_either_of_its_wardens(
    project: Make, which: str, number: signal.Signals
) -> None:
    one = project(FAMILY)
    project_pid, inner, *started = one.call("inside.task", {}, timeout_s=30)
    stat = Path(f"/proc/{inner}/stat").read_text()
    outer = int(stat.rpartition(")")[2].split()[1])
    assert outer != os.getpid()
    os.kill(inner if which == "inner" else outer, number)
    assert gone([project_pid, inner, outer, *started])


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
def test_close_ends_what_a_stopped_warden_would_not(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_schemaguard.project.peer.END_S", 0.5)
    one = project(FAMILY)
    pids = one.call("inside.task", {}, timeout_s=30)
    os.kill(pids[1], signal.SIGSTOP)
    one.close()
    assert gone(pids)
