"""Tasks in forks: each a fresh process on a database of its own; it ends with what it started."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project import Project


def apart(one: Project, address: Address, *, timeout_s: float = 30, **arguments: Any) -> Any:
    return one.call_apart(
        "inside.task",
        {"subject": "migrations", **arguments},
        address=address,
        timeout_s=timeout_s,
    )


COUNTS = """
import os
import sys
seen = []
def run(arguments):
    seen.append(os.environ["DATABASE_URL"].rpartition("localhost/")[2].partition("?")[0])
    return {"pid": os.getpid(), "parent": os.getppid(), "seen": seen,
            "json": "json" in arguments["modules"] and "colorsys" in sys.modules}
"""


def test_each_call_is_a_process_that_remembers_nothing_of_the_one_before(
    project: Callable[..., Project], nowhere: Address
) -> None:
    one = project(COUNTS, preload=("colorsys",))
    first = apart(one, replace(nowhere, database="first"), modules=["json"])
    second = apart(one, replace(nowhere, database="second"), modules=["json"])
    assert first["seen"] == ["first"]
    assert second["seen"] == ["second"]
    assert first["pid"] != second["pid"]
    assert first["parent"] == second["parent"]
    assert first["json"], "the libraries come with the parent"


def test_each_call_is_fenced(project: Callable[..., Project], nowhere: Address) -> None:
    code = (
        "import socket\ndef run(arguments):\n    socket.create_connection(('192.0.2.1', 5432), 1)"
    )
    one = project(code)
    with pytest.raises(ProjectError) as caught:
        apart(one, nowhere)
    assert "which the fence refused" in str(caught.value)
    assert "192.0.2.1:5432" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("os._exit(0)", "its process ended with exit code 0 before it answered"),
        ("os._exit(3)", "its process ended with exit code 3 before it answered"),
        ("os.kill(os.getpid(), 9)", "its process was killed by SIGKILL before it answered"),
    ],
)
def test_one_that_ends_early_is_told_and_the_next_one_runs(
    code: str, fact: str, project: Callable[..., Project], nowhere: Address
) -> None:
    source = f"import os\ndef run(arguments):\n    if arguments['end']: {code}\n    return 'well'"
    one = project(source)
    with pytest.raises(ProjectError) as caught:
        apart(one, nowhere, end=True)
    assert caught.value.fact == fact
    assert apart(one, nowhere, end=False) == "well"


def test_one_that_hangs_shows_where_and_the_next_one_runs(
    project: Callable[..., Project], nowhere: Address
) -> None:
    source = (
        "import time\n"
        "def run(arguments):\n"
        "    if arguments['hang']:\n"
        "        time.sleep(60)\n"
        "    return 'well'\n"
    )
    one = project(source)
    with pytest.raises(ProjectError) as caught:
        apart(one, nowhere, hang=True, timeout_s=1.5)
    assert caught.value.fact == "it did not end within 1.5 s"
    assert (caught.value.path, caught.value.line) == ("inside/task.py", 4)
    assert apart(one, nowhere, hang=False) == "well"


def test_what_it_started_ends_with_it(project: Callable[..., Project], nowhere: Address) -> None:
    source = (
        "import subprocess\ndef run(arguments):\n    return subprocess.Popen(['sleep', '60']).pid\n"
    )
    pid = apart(project(source), nowhere)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _runs(pid):
        time.sleep(0.01)
    assert not _runs(pid)


def test_setup_is_called_in_each(
    project: Callable[..., Project], nowhere: Address, config: Any
) -> None:
    source = (
        "calls = []\n"
        "def setup(url, dir):\n"
        "    calls.append(url)\n"
        "def run(arguments):\n"
        "    return len(calls)\n"
    )
    one = project(source, config=replace(config, setup="inside.task:setup"))
    assert [apart(one, nowhere), apart(one, nowhere)] == [1, 1]


def test_a_password_of_any_database_is_not_printed(
    project: Callable[..., Project], nowhere: Address
) -> None:
    source = "def run(arguments):\n    raise ValueError('the password is another-long-password')"
    with pytest.raises(ProjectError) as caught:
        apart(project(source), replace(nowhere, password="another-long-password"))
    assert "the password is ***" in str(caught.value)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - /proc
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
