"""However pytest ends, five seconds later nothing of ours is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

SLOW = "CREATE TABLE slow ();\nSELECT pg_sleep(60);\n"


def run_folders(pid: int) -> set[Path]:
    """The run folder of this pytest process: its keeper, a child of it, names the folder."""
    listed = subprocess.run(
        ["ps", "-wweo", "ppid,args"], check=True, capture_output=True, text=True
    )
    keepers = [line.split() for line in listed.stdout.splitlines() if "keeper.py" in line]
    return {
        Path(next(folder for program, folder in pairwise(words) if program.endswith("keeper.py")))
        for words in keepers
        if words[0] == str(pid)
    }


def processes_in(folders: set[Path]) -> list[str]:
    listed = subprocess.run(["ps", "-wweo", "args"], check=True, capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if any(str(one) in line for one in folders)]


def wait_until(condition: object, seconds: float, what: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("number", "arguments"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ()),
        (signal.SIGKILL, ()),
        (signal.SIGKILL, ("-n", "2")),
    ],
    ids=["ctrl-c", "sigterm", "sigkill", "sigkill-of-the-controller"],
)
def test_a_run_that_is_ended_in_the_middle(
    project: Project, number: signal.Signals, arguments: tuple[str, ...]
) -> None:
    project.write("migrations/0001_max_reports.sql", SLOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--schema-guard", *arguments],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        mine: set[Path] = set()

        def is_migrating() -> bool:
            mine.update(run_folders(process.pid))
            return any("sleep" in line for line in _titles(mine))

        wait_until(is_migrating, 30, "the slow migration never ran")
        os.kill(process.pid, number)
        process.wait(30)
        wait_until(lambda: not any(map(Path.exists, mine)), 5, f"a folder is left: {mine}")
        wait_until(lambda: not processes_in(mine), 5, "a process is left")
    finally:
        process.kill()


def _titles(folders: set[Path]) -> list[str]:
    """What the servers in these folders are doing: PostgreSQL says it in its processes' titles."""
    parents = set()
    for folder in folders:
        for pid_file in folder.glob("*/data/postmaster.pid"):
            parents.add(pid_file.read_text().split("\n", 1)[0])
    listed = subprocess.run(
        ["ps", "-wweo", "ppid,args"], check=True, capture_output=True, text=True
    )
    return [
        "sleep" if "SELECT" in line else line
        for line in listed.stdout.splitlines()
        if line.split()[0] in parents
    ]


def test_after_a_normal_end_nothing_is_left(project: Project) -> None:
    project.write(
        "tests/test_a.py",
        """\
        import pathlib


        def test_a(schema_guard_url):
            folder = schema_guard_url.partition("host=")[2].partition("&")[0]
            pathlib.Path("folder.txt").write_text(folder)
        """,
    )
    assert project.guard().ret == 0
    folder = Path((project.root / "folder.txt").read_text())
    run = next(one for one in (folder, *folder.parents) if one.name.startswith("schema-guard-"))
    wait_until(lambda: not run.exists(), 5, f"a folder is left: {run}")
    wait_until(lambda: not processes_in({run}), 5, "a process is left")


def test_two_runs_at_once_do_not_disturb_each_other(project: Project) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "pytest", "--schema-guard", "-p", "no:cacheprovider"],
            cwd=project.root,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for run in runs:
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
