"""Projects that migrate by a command or a function, checked as their users would run it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import CHECKS, report_in, text_of

if TYPE_CHECKING:
    from typing import Any

    from tests.e2e.conftest import Project

RUNNER = Path(__file__).parents[1] / "migrations" / "examples" / "runner"
SECOND = "migrations/0002_max_reports.sql"
COMMAND = '{ command = "python migrate.py", versions = "migrations/*.sql" }'
FUNCTION = '{ python = "migrate:main", versions = "migrations/*.sql" }'


@pytest.fixture
def runner(project: Project) -> Project:
    """The hand-written runner's project; its models are those of `project`."""
    shutil.rmtree(project.root / "migrations")
    shutil.copytree(RUNNER, project.root, dirs_exist_ok=True)
    configure(project, COMMAND)
    return project


def configure(project: Project, migrations: str, more: str = "") -> None:
    table = f'[tool.schema-guard]\nmodels = "app.models:Base"\nmigrations = {migrations}\n'
    project.write("pyproject.toml", table + CHECKS + more)


def checks(project: Project, *arguments: str) -> tuple[dict[str, Any], str]:
    """The checks of one run by their names, and its text."""
    result = project.guard("--schema-guard-json=report.json", *arguments)
    found = report_in(project)["checks"]
    return {one["nodeid"].rpartition("::")[2]: one for one in found}, text_of(result)


@pytest.mark.parametrize("migrations", [COMMAND, FUNCTION], ids=["command", "function"])
def test_a_hand_written_runner_holds(runner: Project, migrations: str) -> None:
    configure(runner, migrations)
    found, text = checks(runner)
    assert {name: one["outcome"] for name, one in found.items()} == {
        "applies": "passed",
        "idempotent": "passed",
        "reversible": "skipped",
        "drift": "passed",
        "queries": "passed",
        "login": "skipped",
    }, text
    assert found["applies"]["nodeid"] == f"pyproject.toml::{SECOND}::applies"
    assert found["applies"]["reason"] == "5 statements"
    assert found["idempotent"]["reason"].endswith(" again: 0 statements")


def test_a_second_run_that_fails_is_told(runner: Project) -> None:
    # It never writes down what it has run.
    runner.write(
        "migrate.sh",
        "set -e\n"
        'for file in migrations/*.sql; do psql "$DATABASE_URL" -qv ON_ERROR_STOP=1 -f $file; done',
    )
    configure(runner, '{ command = "sh migrate.sh", versions = "migrations/*.sql" }')
    found, text = checks(runner, "-k", "applies or idempotent")
    assert found["applies"]["outcome"] == "passed", text
    (finding,) = found["idempotent"]["findings"]
    assert finding["code"] == "idempotent.second-run-fails"
    assert finding["message"].startswith(
        'the second run fails: relation "user" already exists (SQLSTATE 42P07)\n'
        "CONTEXT: in migrations/0001_users.sql:1\nthe command ended with exit code 3"
    ), text


def test_a_runner_that_hides_an_error_is_found_out(runner: Project) -> None:
    runner.write(
        "migrate.sh",
        'for file in migrations/*.sql; do psql "$DATABASE_URL" -1 -q -f "$file"; done\nexit 0',
    )
    runner.write(SECOND, 'ALTER TABLE "user" ADD COLUMN max_reports integr;')
    configure(runner, '{ command = "sh migrate.sh", versions = "migrations/*.sql" }')
    result = runner.guard("-k", "applies")
    result.assert_outcomes(failed=1, deselected=5)
    result.stdout.fnmatch_lines(
        [
            (
                f"{SECOND}:1: the command exits 0, but PostgreSQL refused it, and 1 statement is "
                'lost: type "integr" does not exist (SQLSTATE 42704)'
            ),
            "  fix: let it end with another exit code than 0 when a statement fails",
        ]
    )


def test_a_runner_that_reads_another_variable_is_told_which_to_name(runner: Project) -> None:
    runner.write(
        "migrate.py",
        """
        import os
        import sqlite3

        sqlite3.connect(os.environ.get("APP_DB", ":memory:")).execute("CREATE TABLE a (b)")
        """,
    )
    result = runner.guard("-k", "applies")
    result.assert_outcomes(failed=1, deselected=5)
    result.stdout.fnmatch_lines(
        [
            (
                f"{SECOND}: the command exits 0, and has changed nothing: it sent the guard's "
                "database no statement"
            ),
            (
                "  fix: does it read DATABASE_URL? Name the variables that it reads, such as "
                'env = { DATABASE_URL = "{url}" }'
            ),
        ]
    )
    runner.write("migrate.py", 'import os, psycopg2\npsycopg2.connect(os.environ["APP_DB"])')
    result = runner.guard("-k", "applies")
    result.stdout.fnmatch_lines(
        [f"{SECOND}: the command ended with exit code 1", "  KeyError: 'APP_DB'"]
    )


def test_a_runner_that_needs_host_and_port_is_told_of_tcp(runner: Project) -> None:
    runner.write("migrate.py", 'import psycopg2\npsycopg2.connect("host=localhost dbname=app")')
    result = runner.guard("-k", "applies")
    result.assert_outcomes(failed=1, deselected=5)
    result.stdout.fnmatch_lines(["*refused*", "  fix: *a unix socket alone: `tcp = true` gives *"])


def test_a_version_each_can_be_judged_and_run_again_by_its_nodeid(runner: Project) -> None:
    configure(
        runner,
        '{ command = "psql {url} -qv ON_ERROR_STOP=1 -f migrations/{version}.sql",'
        ' versions = "migrations/*.sql" }',
        'baseline = { at = "0001_users" }\n',
    )
    nodeid = f"pyproject.toml::{SECOND}::applies"
    result = runner.run("--schema-guard", nodeid, "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [f"schema-guard: judged: {SECOND} (after the baseline at 0001_users)"]
    )


def test_a_run_that_writes_nothing_is_a_warning(runner: Project) -> None:
    runner.write(
        "migrate.py",
        "import os, psycopg2\n"
        "psycopg2.connect(os.environ['DATABASE_URL']).cursor().execute('SELECT 1')\n",
    )
    result = runner.guard("-k", "applies")
    result.assert_outcomes(passed=1, deselected=5)
    result.stdout.fnmatch_lines(
        [
            f"warning: {SECOND}: python migrate.py ran without an error and did nothing: no state*",
            "  what it was to apply may not be applied; fix: look whether it knows this migration*",
        ]
    )
