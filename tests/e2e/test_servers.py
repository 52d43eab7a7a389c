"""Where the throwaway PostgreSQL comes from, as a user chooses it."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.servers import Missing, Wanted
from pytest_schemaguard.servers.docker import Docker
from pytest_schemaguard.servers.embedded import Embedded
from pytest_schemaguard.servers.local import Local
from tests.e2e.conftest import (
    FILE,
    MIGRATION,
    PYPROJECT,
    image,
    need,
    report_in,
    text_of,
    wait_until,
)
from tests.servers.conftest import assert_gone

if TYPE_CHECKING:
    from tests.e2e.conftest import Project
    from tests.e2e.there import There

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
SLOW = "SELECT pg_sleep(60);\n"
REFUSED = (
    'pytest-schemaguard\'s fence refuses the database "customers": it lets the project through '
    'to databases alone that this run made, whose names begin with "schema_guard_*"'
)
HINT = "Take the URL, or database, user and password, from the variables of `env`."
ACCIDENTS = "it is a guard against accidents, no sandbox for hostile code"
NETWORK = ": dblink and postgres_fdw in a migration reach other servers from there"
NAMED = "*; the server is the one that was named, with its network"
TCP = "*; the server has the machine's network (`tcp = true`)"
ALONE = (
    "the server ran with no network (namespace), the sockets of PostgreSQL servers that ran here "
    "covered"
)
LOGS_IN = """\
import json
import os

import psycopg2


def app(environ, start_response):
    sent = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    with psycopg2.connect({connection}) as connection, connection.cursor() as cursor:
        cursor.execute('SELECT max_reports FROM "user" WHERE email = %s', (sent["email"],))
        found = cursor.fetchone()
    start_response("200 OK" if found == (5,) else "401 Unauthorized", [])
    return [b""]
"""


# A server that a URL names


@pytest.mark.parametrize("attributes", ["SUPERUSER", "CREATEDB CREATEROLE"])
def test_every_check_passes_on_a_server_of_the_users_and_nothing_stays(
    project: Project, there: There, attributes: str
) -> None:
    project.login_by_request("app.main:app")
    project.write("app/main.py", LOGS_IN.format(connection='os.environ["DATABASE_URL"]'))
    url = there.url(attributes)
    before = there.all_of_it()
    result = project.guard(f"--schema-guard-url={url}", "--schema-guard-json=report.json")
    result.assert_outcomes(passed=6)
    shown = url.replace(":geheim", "")
    result.stdout.fnmatch_lines([f"schema-guard: PostgreSQL at {shown}, in databases of its own"])
    assert "geheim" not in text_of(result)
    assert report_in(project)["server"] == {
        "provider": "existing",
        "version": there.server.version,
    }
    assert there.all_of_it() == before


RUNNER = """\
import os
from pathlib import Path

import psycopg2

connection = psycopg2.connect(os.environ.get("APP_DB", {default!r}))
connection.autocommit = True
connection.cursor().execute(Path({file!r}).read_text())
"""


@pytest.mark.parametrize("tool", ["python", "psql"])
@pytest.mark.parametrize("in_reach", [True, False])
def test_runner_with_a_default_of_its_own_reaches_no_other_database_of_that_server(
    project: Project, there: There, tool: str, *, in_reach: bool
) -> None:
    url = there.url()
    customers = url.replace("/postgres", "/customers")
    assert customers != url
    project.write("migrate.py", RUNNER.format(default=customers, file=FILE))
    project.append(FILE, "DROP TABLE IF EXISTS customer CASCADE;\n")
    command = {"python": "python migrate.py", "psql": f"psql -q {customers} -f {FILE}"}[tool]
    lines = PYPROJECT.replace(
        'migrations = "migrations"',
        f'migrations = {{ command = "{command}", versions = "migrations/*.sql" }}',
    )
    project.write("pyproject.toml", lines + 'env = { APP_DB = "{url}" }\n' * in_reach)
    before = there.all_of_it()
    result = project.guard(f"--schema-guard-url={url}", "-k", "applies or drift")
    assert there.all_of_it() == before
    if in_reach and tool == "python":
        result.assert_outcomes(passed=2, deselected=4)
        return
    result.assert_outcomes(failed=2, deselected=4)
    result.stdout.fnmatch_lines([f"*FATAL:  {REFUSED}", f"*HINT:  {HINT}"])


def test_the_lines_say_what_project_and_server_reach(project: Project, there: There) -> None:
    named = project.guard(f"--schema-guard-url={there.url()}")
    named.stdout.fnmatch_lines([f"{NAMED}{NETWORK}"])
    own = project.guard()
    own.stdout.fnmatch_lines([f"schema-guard: the project's code ran with *; {ACCIDENTS}; {ALONE}"])
    project.append("pyproject.toml", "tcp = true\n")
    project.guard().stdout.fnmatch_lines([f"{TCP}{NETWORK}"])


def test_roles_of_the_baseline_are_taken_away_again(project: Project, there: There) -> None:
    (project.root / "production.sql").write_text(
        'CREATE TABLE public."user" (id serial PRIMARY KEY, email varchar NOT NULL UNIQUE);\n'
        'ALTER TABLE public."user" OWNER TO shop;\n'
        'GRANT SELECT ON TABLE public."user" TO shop_reader;\n'
    )
    for attributes in ("SUPERUSER", "CREATEDB CREATEROLE"):
        url = there.url(attributes)
        before = there.all_of_it()
        result = project.guard(f"--schema-guard-url={url}")
        result.assert_outcomes(passed=5, skipped=1)
        assert there.all_of_it() == before


SLEEPING_BASELINE = """\
CREATE TABLE old (a int);
GRANT SELECT ON old TO shop_reader;
SELECT pg_sleep(60);
"""
SLEEPING_PREPARE = """
prepare = [
    "CREATE ROLE made_by_hand",
    "DO $$ BEGIN CREATE ROLE made_by_code; END $$",
    "SELECT pg_sleep(60)",
]
"""


@pytest.mark.parametrize(
    ("file", "text", "roles"),
    [
        ("production.sql", SLEEPING_BASELINE, {"shop_reader"}),
        ("pyproject.toml", PYPROJECT + SLEEPING_PREPARE, {"made_by_hand", "made_by_code"}),
    ],
    ids=["baseline", "prepare"],
)
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with-workers"])
def test_roles_of_a_killed_run_are_taken_away_by_a_run_that_knows_nothing_of_them(  # noqa: PLR0917 - fixtures
    project: Project, there: There, file: str, text: str, roles: set[str], workers: tuple[str, ...]
) -> None:
    url = f"--schema-guard-url={there.url('CREATEDB CREATEROLE')}"
    before = (project.root / file).read_text()
    left = "SELECT rolname FROM pg_roles WHERE rolname ~ '^(shop|made)_'"
    project.write(file, text)
    killed = project.start("-p", "no:cacheprovider", url, *workers)
    try:
        wait_until(there.sleeping, "it never slept")
        (dead,) = there.sleeping()
        folder = folder_of(there, dead)
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        assert_gone(folder)
    finally:
        killed.kill()
    assert {name for (name,) in there.sql(left)} == roles
    project.write(file, before)
    project.guard(url, "-k", "applies").assert_outcomes(passed=1, deselected=5)
    assert there.sql(left) == []


def test_the_command_line_wins_over_the_environment_and_that_over_the_table(
    project: Project, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = there.url()
    project.append("pyproject.toml", f'server = "{NOWHERE}"\n')
    project.guard("-k", "applies").assert_outcomes(failed=1, deselected=5)
    monkeypatch.setenv("SCHEMA_GUARD_URL", url)
    project.guard("-k", "applies").assert_outcomes(passed=1, deselected=5)
    monkeypatch.setenv("SCHEMA_GUARD_URL", NOWHERE)
    result = project.guard("-k", "applies", f"--schema-guard-url={url}")
    result.assert_outcomes(passed=1, deselected=5)


def test_workers_share_what_is_made_there(project: Project, there: There) -> None:
    before = there.all_of_it()
    url = there.server.admin.url()
    project.guard(f"--schema-guard-url={url}", "-n", "2").assert_outcomes(passed=5, skipped=1)
    assert there.all_of_it() == before


def test_two_runs_at_once_on_one_server_are_both_green(project: Project, there: There) -> None:
    options = ("-p", "no:cacheprovider", f"--schema-guard-url={there.url('CREATEDB CREATEROLE')}")
    runs = [project.start(*options) for _ in range(2)]
    for run in runs:
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with-workers"])
def test_what_a_killed_run_left_is_swept_by_the_next_and_not_what_lives(
    project: Project, there: There, workers: tuple[str, ...]
) -> None:
    options = ("-p", "no:cacheprovider", f"--schema-guard-url={there.url('CREATEDB CREATEROLE')}")
    project.write(FILE, SLOW)
    living = project.start(*options)
    killed = None
    try:
        wait_until(lambda: len(there.sleeping()) == 1, "the first migration never ran")
        (lives,) = there.sleeping()
        killed = project.start(*options, *workers)
        wait_until(lambda: len(there.sleeping()) == 2, "the second migration never ran")
        (dead,) = there.sleeping() - {lives}
        folder = folder_of(there, dead)
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        assert_gone(folder)
        assert there.runs() == {lives, dead}, "nobody has swept yet"
        project.write(FILE, MIGRATION)
        project.guard(*options).assert_outcomes(passed=5, skipped=1)
        assert there.runs() == {lives}
        assert there.sleeping() == {lives}
        living.send_signal(signal.SIGINT)
        output, _ = living.communicate(timeout=60)
        assert there.runs() == set(), output
    finally:
        for one in (living, killed):
            if one is not None:
                one.kill()


def folder_of(there: There, run: str) -> Path:
    """The run folder, from the comment on the run's role."""
    ((comment,),) = there.sql(
        "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles"
        f" WHERE rolname = 'schema_guard_{run}_owner'"
    )
    return Path(json.loads(comment)["folder"])


def test_a_user_who_may_not_create_databases_is_told_what_to_grant(
    project: Project, there: There
) -> None:
    url = there.url("CREATEROLE")
    name = re.search("user_[0-9a-f]+", url)
    assert name is not None
    result = project.guard(f"--schema-guard-url={url}", "-k", "applies")
    result.assert_outcomes(failed=1, deselected=5)
    assert (
        f"unproven: {url.replace(':geheim', '')}: the role {name[0]} lacks CREATEDB: "
        "the guard makes databases and a role of its own there\n"
        f'  next: run as a superuser: ALTER ROLE "{name[0]}" CREATEDB;\n'
    ) in text_of(result)


def test_a_server_of_another_major_is_refused(project: Project, there: There) -> None:
    other = 14 if there.server.major != 14 else 15
    project.append("pyproject.toml", f"postgres = {other}\n")
    url = there.server.admin.url()
    result = project.guard(f"--schema-guard-url={url}", "-k", "applies")
    result.assert_outcomes(failed=1, deselected=5)
    assert (
        f"it runs PostgreSQL {there.server.version}, but `postgres = {other}` is configured\n"
    ) in text_of(result)


# Servers of the guard's own


def guarded_by(project: Project, name: str) -> None:
    """All checks, the login by request among them, on the server of this provider."""
    project.login_by_request("app.main:app")
    project.write("app/main.py", LOGS_IN.format(connection='os.environ["DATABASE_URL"]'))
    table = (project.root / "pyproject.toml").read_text()
    server = f'seed = "rows.sql"\nserver = "{name}"\n'
    project.write("pyproject.toml", table.replace('seed = "rows.sql"\n', server))
    result = project.guard("--schema-guard-json=report.json")
    result.assert_outcomes(passed=6)
    assert report_in(project)["server"]["provider"] == name


def test_a_local_server(project: Project) -> None:
    need(Local())
    guarded_by(project, "local")


def test_an_embedded_server(project: Project) -> None:
    need(Embedded())
    guarded_by(project, "embedded")


@pytest.mark.docker
def test_a_server_in_docker(project: Project) -> None:
    need(Docker())
    project.append("pyproject.toml", f'image = "{image()}"\n')
    guarded_by(project, "docker")


def test_an_application_that_needs_host_and_port_has_them(project: Project) -> None:
    project.append(
        "pyproject.toml",
        """\
        tcp = true

        [tool.schema-guard.env]
        APP_DATABASE = "{host} {port} {user} {password} {database}"
        """,
    )
    project.login_by_request("app.main:app")
    names = '**dict(zip(("host", "port", "user", "password", "dbname"), told.split()))'
    project.write(
        "app/main.py",
        "told = __import__('os').environ['APP_DATABASE']\n"
        "assert told.startswith('127.0.0.1 '), told\n" + LOGS_IN.format(connection=names),
    )
    project.guard().assert_outcomes(passed=6)


@pytest.mark.parametrize("options", [(), ("-q",), ("-n", "2")], ids=["loud", "quiet", "workers"])
def test_a_major_that_is_not_there_is_one_error_with_what_was_found(
    project: Project, options: tuple[str, ...]
) -> None:
    absent = [n for n in range(14, 19) if isinstance(Local().find(Wanted(major=n)), Missing)]
    if not absent:
        pytest.skip("every supported PostgreSQL is installed")
    project.append("pyproject.toml", f'postgres = {absent[0]}\nserver = "local"\n')
    result = project.guard(*options)
    missing = Local().find(Wanted(major=absent[0]))
    assert isinstance(missing, Missing)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert text_of(result).count(missing.command) == 1
    assert (
        f"ERROR: server: no PostgreSQL {absent[0]} for `server = local`\n"
        f"    local: {missing.found}\n"
        f"      {missing.command}\n"
        "  next: run one of these commands, or name a server by --schema-guard-url\n"
    ) in text_of(result)


def test_a_test_that_is_named_runs_where_no_server_can_be_had(project: Project) -> None:
    """As an IDE does, with the option in `addopts`."""
    project.append(
        "pyproject.toml",
        'server = "postgresql://"\n[tool.pytest.ini_options]\naddopts = "--schema-guard"\n',
    )
    project.write("tests/test_a.py", "def test_a():\n    pass\n")
    result = project.run("tests/test_a.py::test_a")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["schema-guard: server: the URL names no host"])
    (project.root / FILE).unlink()
    project.run("tests/test_a.py::test_a").assert_outcomes(passed=1)
    project.write("pyproject.toml", PYPROJECT + 'server = "postgresql://"\n')
    result = project.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
