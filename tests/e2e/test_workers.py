"""Under pytest-xdist: one server for the workers of a machine, one more for each other host."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import LOGIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Project


def test_four_workers_look_once_and_report_all(project: Project) -> None:
    project.append("pyproject.toml", LOGIN)
    result = project.guard("-n", "4", "--schema-guard-json=report.json")
    result.assert_outcomes(passed=6)
    report = json.loads((project.root / "report.json").read_text())
    assert {check["check"] for check in report["checks"]} == {
        "applies",
        "idempotent",
        "reversible",
        "drift",
        "queries",
        "login",
    }
    assert set(report["server"]) == {"provider", "version"}


def test_what_cannot_be_looked_at_is_told_by_each_worker(project: Project) -> None:
    project.write("production.sql", "CREATE TABEL x;\n")
    result = project.guard("-n", "2")
    result.assert_outcomes(failed=5, skipped=1)
    assert result.stdout.str().count("production.sql:1: ") >= 4


@pytest.fixture
def execnet_server(project: Project) -> Iterator[str]:
    """A host for workers, as `--tx socket=` reaches it: here on the loopback address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "execnet.script.socketserver", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=project.root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Entering Accept loop" in line or "listening" in line.lower():
                break
        yield f"127.0.0.1:{port}"
        process.kill()


def test_a_worker_on_another_host_starts_its_own_server(
    project: Project, execnet_server: str
) -> None:
    result = project.guard(
        "-d",
        f"--tx=socket={execnet_server}//chdir={project.root}",
        "--schema-guard-json=report.json",
    )
    result.assert_outcomes(passed=5, skipped=1)
    report = json.loads((project.root / "report.json").read_text())
    assert len(report["checks"]) == 6


def test_a_worker_that_is_killed_leaves_nothing(project: Project) -> None:
    project.write(
        "tests/test_kill.py",
        """\
        import os
        import signal


        def test_kill(schema_guard_url):
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    result = project.guard("-n", "2", "--dist=loadfile")
    assert "crashed" in result.stdout.str()
    with contextlib.suppress(ValueError):
        assert result.parseoutcomes()["passed"] >= 4


def test_without_the_option_a_broken_table_stops_no_test_of_the_users(project: Project) -> None:
    project.append("pyproject.toml", "modls = 3\n")
    project.write("tests/test_a.py", "def test_a():\n    pass\n")
    project.run("-n", "2").assert_outcomes(passed=1)
