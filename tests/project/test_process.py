from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.errors import ConfigError
from tests.project.conftest import failing

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.project import Project

    Make = Callable[..., Project]

# Calls


def test_arguments_go_in_and_the_answer_comes_out(project: Make) -> None:
    one = project("def run(arguments): return [arguments, 'é\\n', None, 1.5]")
    assert one.call("inside.task", {"x": ["ü", 1]}, timeout_s=30) == [
        {"x": ["ü", 1]},
        "é\n",
        None,
        1.5,
    ]


def test_further_calls_meet_the_same_process(project: Make) -> None:
    one = project("import os\ndef run(arguments): return os.getpid()")
    one.start()
    first = one.call("inside.task", {}, timeout_s=30)
    assert first != os.getpid()
    assert one.call("inside.task", {}, timeout_s=30) == first


def test_large_answers_arrive_whole(project: Make) -> None:
    one = project("def run(arguments): return ['x' * 1000] * arguments['n']")
    assert len(one.call("inside.task", {"n": 20_000}, timeout_s=30)) == 20_000
    assert len(one.call("inside.task", {"n": 1}, timeout_s=30)) == 1


def test_large_arguments_arrive_whole(project: Make) -> None:
    one = project("def run(arguments): return len(arguments['text'])")
    assert one.call("inside.task", {"text": "x" * 5_000_000}, timeout_s=30) == 5_000_000


def test_project_folder_is_the_working_directory_and_first_on_the_path(
    project: Make, config: Config, place: Path
) -> None:
    (place / "more").mkdir()
    one = project(
        "import os, sys\ndef run(arguments): return [os.getcwd(), sys.path, sys.argv]",
        python_path=[place / "more"],
    )
    folder, path, argv = one.call("inside.task", {}, timeout_s=30)
    assert folder == str(config.root)
    assert path[:2] == [str(config.root), str(place / "more")]
    assert "" not in path
    assert argv == ["schema-guard"]


def test_modules_of_the_project_do_not_shadow_what_boots_the_process(
    project: Make, config: Config
) -> None:
    for name in ("json", "socket", "selectors", "ctypes", "typing"):
        (config.root / f"{name}.py").write_text("raise RuntimeError('shadowed')")
    assert project("def run(arguments): return 1").call("inside.task", {}, timeout_s=30) == 1


def test_interpreter_keeps_the_options_of_ours(project: Make) -> None:
    one = project("import sys\ndef run(arguments): return [sys.flags.utf8_mode, sys.executable]")
    mode, executable = one.call("inside.task", {}, timeout_s=30)
    assert mode == sys.flags.utf8_mode
    assert executable == sys.executable


def test_progress_is_told_while_the_task_runs(project: Make) -> None:
    one = project(
        "from pytest_schemaguard.project.child.inside import here\n"
        "def run(arguments):\n"
        "    here().tell('importing app')\n"
        "    here().tell('at ' + here().address.url())\n"
    )
    told: list[str] = []
    one.call("inside.task", {}, timeout_s=30, progress=told.append)
    assert told == [
        "importing app",
        "at postgresql://app:***@localhost/app?host=/nowhere&port=5432",
    ]


def test_what_the_project_prints_is_kept_apart(
    project: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    one = project(
        "import os, sys\n"
        "def run(arguments):\n"
        "    print('to stdout')\n"
        "    print('to stderr', file=sys.stderr)\n"
        "    os.system('echo from a command')\n"
        "    return sys.stdin.read()\n"
    )
    assert one.call("inside.task", {}, timeout_s=30) == ""
    assert one.stderr_tail() == "to stdout\nto stderr\nfrom a command"
    assert capfd.readouterr() == ("", "")


# Environment


def test_env_is_filled_in_and_the_process_knows_where_it_is(
    project: Make, config: Config, nowhere: Address, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "db.prod.example")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.prod.example/app")
    monkeypatch.setenv("STAYS", "yes")
    env = {"DATABASE_URL": "{url}", "TZ": "Asia/Kathmandu", "OVER": "config", "INI": "{dir}/x.ini"}
    one = project(
        "import os, time\ndef run(arguments): return [dict(os.environ), time.tzname[0]]",
        config=replace(config, env=env),
        extra_env={"OVER": "{database}"},
    )
    environ, zone = one.call("inside.task", {}, timeout_s=30)
    assert environ["DATABASE_URL"] == nowhere.url()
    assert environ["STAYS"] == "yes"
    assert environ["OVER"] == "app"
    assert environ["INI"] == f"{place}/folder/x.ini"
    assert environ["SCHEMA_GUARD_INSIDE"] == "1"
    assert Path(environ["TMPDIR"]).is_relative_to(place / "folder")
    assert zone == "+0545"
    assert [name for name in environ if name.startswith("PG")] == [
        "PGPASSFILE",
        "PGSERVICEFILE",
        "PGSYSCONFDIR",
    ]


def test_unknown_placeholder_stops_the_process_from_starting(project: Make, config: Config) -> None:
    one = project(config=replace(config, env={"APP_DB": "{hots}"}))
    with pytest.raises(ConfigError, match=r"env\.APP_DB: no placeholder \{hots\}"):
        one.start()


def test_setup_is_called_first_and_once(project: Make, config: Config, nowhere: Address) -> None:
    (config.root / "guard_setup.py").write_text(
        "calls = []\ndef prepare(url, dir):\n    calls.append([url, dir])\n"
    )
    one = project(
        "import guard_setup\ndef run(arguments): return guard_setup.calls",
        config=replace(config, setup="guard_setup:prepare"),
    )
    expected = [[nowhere.url(), str(config.root.parent / "folder")]]
    assert one.call("inside.task", {}, timeout_s=30) == expected
    assert one.call("inside.task", {}, timeout_s=30) == expected


@pytest.mark.parametrize("define", ["def", "async def"])
def test_failing_setup_fails_every_call_in_its_own_words(
    project: Make, config: Config, define: str
) -> None:
    (config.root / "guard_setup.py").write_text(
        f"{define} prepare(url, dir):\n    raise ValueError('no such settings')\n"
    )
    one = project(
        "def run(arguments): return 1", config=replace(config, setup="guard_setup:prepare")
    )
    for _ in range(2):
        assert failing(one).startswith(
            "guard_setup.py:2: setup guard_setup:prepare: ValueError: no such settings\n"
        )


def test_missing_setup_names_the_nearest_function(project: Make, config: Config) -> None:
    (config.root / "guard_setup.py").write_text("def prepare(url, dir): pass\n")
    one = project(
        "def run(arguments): return 1", config=replace(config, setup="guard_setup:prepre")
    )
    text = failing(one)
    assert "setup guard_setup:prepre: the module guard_setup has no 'prepre'" in text
    assert "did you mean 'prepare'?" in text


def test_package_of_the_project_side_imports_nothing_heavy() -> None:
    code = (
        "import sys, pytest_schemaguard.project.process\n"
        "heavy = {'sqlalchemy', 'psycopg2', 'ctypes', 'pytest'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
