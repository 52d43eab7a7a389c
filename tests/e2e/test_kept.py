"""`--schema-guard-keep`: what failed can be looked into, until somebody ends it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.servers.docker import Docker
from tests.e2e.conftest import FILE, image, need, text_of
from tests.servers.conftest import assert_gone

if TYPE_CHECKING:
    from tests.e2e.conftest import Project
    from tests.e2e.there import There


def kept_by(result: pytest.RunResult) -> tuple[list[str], Path]:
    """The commands that were printed, and the file whose removal ends it."""
    commands = [line for line in result.outlines if "psql " in line]
    told = re.search("schema-guard: the server is kept; to end it: rm (.*)", text_of(result))
    assert told is not None, text_of(result)
    return commands, Path(told[1])


@pytest.mark.parametrize(
    ("table", "workers"),
    [("", ()), ("", ("-n", "2")), ("tcp = true\n", ())],
    ids=["socket", "socket-workers", "tcp"],
)
def test_databases_of_failed_checks_are_kept_until_the_file_is_removed(
    project: Project, table: str, workers: tuple[str, ...]
) -> None:
    project.append("pyproject.toml", table)
    project.write(FILE, "SELECT 1;\n")
    result = project.guard("--schema-guard-keep", *workers)
    result.assert_outcomes(passed=3, failed=2, skipped=1)
    commands, file = kept_by(result)
    try:
        assert len(commands) == 4, text_of(result)
        assert not re.search("://[^/ ]*:[^/ ]*@", "\n".join(commands)), "a password is printed"
        (models,) = [one for one in commands if "_models" in one]
        for command in set(commands) - {models}:
            assert asked(command, 'SELECT count(*) FROM "user"') == "2"
        assert asked(models, "SELECT attname FROM pg_attribute WHERE attname = 'max_reports'")
    finally:
        subprocess.run(["rm", file], check=True)
    assert_gone(file.parent)


def asked(command: str, query: str) -> str:
    """What the printed command says to this query; nobody is there to type a password."""
    if shutil.which("psql") is None:
        pytest.skip("no psql is installed, with which people look into what is kept")
    full = f"{command} -w -X -A -t -c {shlex.quote(query)}"
    done = subprocess.run(["sh", "-c", full], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.docker
def test_a_container_is_kept_until_the_file_is_removed(project: Project) -> None:
    need(Docker())
    project.append("pyproject.toml", f'server = "docker"\nimage = "{image()}"\n')
    project.write(FILE, "SELECT 1;\n")
    commands, file = kept_by(project.guard("--schema-guard-keep", "-k", "drift"))
    try:
        assert commands[0].startswith("docker exec -it ")
        commands = [one.replace(" -it ", " ") for one in commands]  # there is no terminal here
        assert asked(commands[0], 'SELECT count(*) FROM "user"') == "2"
    finally:
        subprocess.run(["rm", file], check=True)
    assert_gone(file.parent)
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(["sh", "-c", f"{commands[0]} -w -c 'SELECT 1'"], check=True)


def test_on_a_server_of_the_users_they_are_kept_until_the_run_after(
    project: Project, there: There
) -> None:
    project.write(FILE, "SELECT 1;\n")
    url = f"--schema-guard-url={there.url()}"
    result = project.guard("--schema-guard-keep", "-k", "drift", url)
    commands, file = kept_by(result)
    try:
        assert "geheim" not in text_of(result)
        project.guard(url, "-k", "applies").assert_outcomes(passed=1, deselected=5)
        assert len(there.runs()) == 1, "another run removed what is kept"
        count = 'SELECT count(*) FROM "user"'
        rows = [asked(f"PGPASSWORD=geheim {command}", count) for command in commands]
        assert rows == ["2", "0"], "the migrated database and the models', which has no rows"
    finally:
        subprocess.run(["rm", file], check=True)
    assert_gone(file.parent)
    project.guard(url, "-k", "applies").assert_outcomes(passed=1, deselected=5)
    assert there.runs() == set()


def test_nothing_is_kept_of_a_run_that_passed(project: Project) -> None:
    result = project.guard("--schema-guard-keep")
    result.assert_outcomes(passed=5, skipped=1)
    assert "to end it" not in text_of(result)
