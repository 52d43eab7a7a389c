"""Commands and functions that migrate, run in a process of the project's side."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard import command_words
from pytest_schemaguard.errors import ConfigError, ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.project import Project


@pytest.fixture
def apart(
    project: Callable[..., Project], nowhere: Address, place: Path
) -> Callable[..., dict[str, Any]]:
    """Runs a task in a process of its own, whose files are those of `root`."""
    one = project()

    def call(task: str, **arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = one.call_apart(
            task,
            {"subject": "migrations it", "root": str(place / "root"), "version": None, **arguments},
            address=nowhere,
            timeout_s=30,
        )
        return found

    return call


@pytest.fixture
def command(apart: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Runs a command of these words."""

    def run(*words: str, **arguments: Any) -> dict[str, Any]:
        return apart("command", command=list(words), **{"timeout_s": 20, **arguments})

    return run


@pytest.fixture
def function(apart: Callable[..., dict[str, Any]], place: Path) -> Callable[..., dict[str, Any]]:
    """Runs `it` of this code."""

    def run(code: str, **arguments: Any) -> dict[str, Any]:
        (place / "root" / "runner.py").write_text(dedent(code))
        return apart("function", function="runner:it", **{"do": "run", **arguments})

    return run


# Commands


def test_a_command_runs_in_the_project_s_folder_with_its_variables(
    command: Callable[..., dict[str, Any]], place: Path, nowhere: Address
) -> None:
    here = "os.path.dirname(sys.executable)"  # it may be called python there, and python3 here
    code = f"import os, sys; print(os.getcwd(), sys.stdin.read(), {here}, sys.argv[1:])"
    code += "; print(os.environ['DATABASE_URL'])"
    found = command("python", "-c", code, "{user}", "{version}", "${HOME}", version="0001")
    assert found.pop("seconds") < 20
    assert found == {
        "exit_code": 0,
        "output": f"{place / 'root'}  {Path(sys.executable).parent} ['app', '0001', '${{HOME}}']\n"
        + nowhere.url().replace(nowhere.password, "***"),
    }


@pytest.mark.parametrize("task", ["command", "function"])
def test_the_database_s_password_is_told_under_no_name(
    project: Callable[..., Project], nowhere: Address, place: Path, config: Config, task: str
) -> None:
    own = replace(config, env={"DB_CREDENTIAL": "{password}"})
    each: dict[str, dict[str, Any]] = {
        "command": {"command": ["sh", "-c", "echo $DB_CREDENTIAL"], "timeout_s": 20},
        "function": {"function": "runner:it", "do": "run"},
    }
    code = "import os\ndef it():\n    raise ValueError(os.environ['DB_CREDENTIAL'])\n"
    (place / "root" / "runner.py").write_text(code)
    found = project(config=own).call_apart(
        task,
        {"subject": "it", "root": str(place / "root"), "version": None, **each[task]},
        address=replace(nowhere, password="of-the-database"),
        timeout_s=30,
    )
    assert "of-the-database" not in str(found)
    assert "***" in str(found)


def test_a_command_that_fails_tells_how_and_what_it_printed_last(
    command: Callable[..., dict[str, Any]],
) -> None:
    found = command("sh", "-c", "seq 100; echo no >&2; exit 3")
    assert found["exit_code"] == 3
    assert found["output"].splitlines() == [*map(str, range(72, 101)), "no"]
    assert command("sh", "-c", "kill -SEGV $$")["exit_code"] == -11


@pytest.mark.parametrize("start", ["sh -c", "setsid sh -c"])
def test_what_a_command_leaves_running_ends_with_it(
    command: Callable[..., dict[str, Any]], start: str
) -> None:
    code = f"{start} 'echo $$ > pid; exec sleep 60' & while ! test -s pid; do sleep 0.01; done"
    found = command("sh", "-c", f"{code}; cat pid")
    assert found["seconds"] < 20
    deadline = time.monotonic() + 10
    while Path(f"/proc/{found['output']}").exists():
        state = Path(f"/proc/{found['output']}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            break
        assert time.monotonic() < deadline


def test_a_command_that_does_not_end_is_ended(command: Callable[..., dict[str, Any]]) -> None:
    found = command("sh", "-c", "echo slowly; sleep 60", timeout_s=0.5)
    assert (found["exit_code"], found["output"]) == (None, "slowly")


def test_a_command_that_is_not_there(command: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ProjectError) as error:
        command("no-such-command")
    assert str(error.value) == (
        "migrations it: no command 'no-such-command'\n"
        f"  next: install it where pytest runs ({Path(sys.executable).parent})"
    )


def test_a_script_that_cannot_be_executed(
    command: Callable[..., dict[str, Any]], place: Path
) -> None:
    script = place / "root" / "migrate.sh"
    script.write_text("echo")
    with pytest.raises(ProjectError) as error:
        command("./migrate.sh")
    assert str(error.value) == (
        f"migrations it: {script} cannot be started: Permission denied\n"
        "  next: make it executable, and let its first line name its interpreter: #!/bin/sh"
    )


def test_a_placeholder_that_nothing_fills() -> None:
    command_words.check(["a", "{url:asyncpg} ${verson} {version}"])
    with pytest.raises(ConfigError) as error:
        command_words.check(["a", "{verson}"])
    assert str(error.value) == (
        "migrations.command: no placeholder {verson}\n  next: they are {url}, {host}, {port}, "
        "{user}, {password}, {database}, {dir}, and {url:driver}, and {version}"
    )


# Functions


@pytest.mark.parametrize(
    ("signature", "given"),
    [
        ("", "[]"),
        ("url", "['URL']"),
        ("url, version", "['URL', '0001']"),
        ("database, name", "['URL', '0001']"),
        ("version", "['0001']"),
        ("*, version, connect_to", "['URL', '0001']"),
        ("argv=None", "[]"),
        ("url=None, version=None", "['URL', '0001']"),
        ("*args, **options", "[]"),
    ],
)
def test_a_function_is_given_what_its_signature_asks_for(
    function: Callable[..., dict[str, Any]],
    place: Path,
    nowhere: Address,
    signature: str,
    given: str,
) -> None:
    code = f"""
        def it({signature}):
            values = [one for one in locals().values() if isinstance(one, str)]
            open("told", "w").write(repr(sorted(values, reverse=True)))
        """
    assert function(code, version="0001")["error"] is None
    assert (place / "root" / "told").read_text() == given.replace("URL", nowhere.url())
    takes = function(code, do="look")
    assert takes == {"takes_version": "0001" in given}


def test_a_coroutine_is_run_to_its_end(
    function: Callable[..., dict[str, Any]], place: Path
) -> None:
    found = function("""
        import asyncio

        async def it():
            await asyncio.sleep(0)
            open("told", "w").write("end")
        """)
    assert found["error"] is None
    assert (place / "root" / "told").read_text() == "end"


def test_what_a_function_raises_is_told_with_its_place(
    function: Callable[..., dict[str, Any]], nowhere: Address
) -> None:
    found = function("""
        class Refused(Exception):
            sqlstate = "42P01"
            statement = "ALTER TABLE x"

        def deeper(url):
            raise Refused(url)

        def it(url):
            deeper(url)
        """)
    error = found["error"]
    assert "runner.py" in error.pop("detail")
    assert error == {
        "message": "runner.Refused: " + nowhere.url().replace(nowhere.password, "***"),
        "sqlstate": "42P01",
        "statement": "ALTER TABLE x",
        "path": "runner.py",
        "line": 7,
    }


@pytest.mark.parametrize(
    ("code", "message"),
    [("0", None), ("", None), ("3", "it called sys.exit(3)"), ("'no'", "it called sys.exit('no')")],
)
def test_an_exit_is_a_failure_unless_it_says_success(
    function: Callable[..., dict[str, Any]], code: str, message: str | None
) -> None:
    error = function(f"import sys\ndef it(): sys.exit({code})")["error"]
    assert (error and error["message"]) == message


def test_what_the_fence_refuses_a_function_is_told(
    function: Callable[..., dict[str, Any]],
) -> None:
    found = function("""
        import socket

        def it():
            try:
                socket.create_connection(("192.0.2.1", 5432), timeout=1)
            except OSError:
                pass
        """)
    assert found["refused"] == ["tried to connect to 192.0.2.1:5432"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "def it(url, version): pass",
            (
                "migrations it: it takes a version, and no `versions` name the migrations\n"
                '  next: such as: migrations = { python = "...", versions = "migrations/*.sql" }'
            ),
        ),
        (
            "def it(a, b, c): pass",
            (
                "migrations it: nothing is known that 'c' could be\n"
                "  next: write `def function()`, `def function(url)` or "
                "`def function(url, version)`"
            ),
        ),
        ("it = 1", "migrations it: it is no function: 1\n  next: write `def function(url)`"),
        (
            "def its(): pass",
            "runner.py: migrations it: the module runner has no 'it'\n  next: did you mean 'its'?",
        ),
    ],
)
def test_a_function_that_cannot_be_called(
    function: Callable[..., dict[str, Any]], code: str, message: str
) -> None:
    with pytest.raises(ProjectError) as error:
        function(code)
    assert str(error.value) == message


def test_a_function_that_exits_is_told_with_what_it_printed(
    function: Callable[..., dict[str, Any]],
) -> None:
    found = function("""
        import argparse

        def it(url):
            parser = argparse.ArgumentParser(prog="migrate")
            parser.add_argument("revision")
            parser.parse_args([])
        """)
    assert found["error"]["message"] == "it called sys.exit(2)"
    assert found["error"]["detail"].endswith(
        "migrate: error: the following arguments are required: revision"
    )
