"""What the guard runs as a superuser: all of it, held against what was reviewed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2.sql  # noqa: F401 - pytester forgets what a test imports first, and a half of it breaks
import pytest

from pytest_schemaguard import cli
from tests.e2e.audit import sent, shape
from tests.e2e.conftest import FILE, LOGIN, MIGRATION, PRODUCTION, ROWS, WAY_BACK, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from tests.e2e.conftest import Project

PREPARE = "CREATE SCHEMA apart; CREATE TABLE apart.of_prepare (id integer); CREATE EXTENSION citext"
OF_THE_DUMP = """
CREATE EXTENSION earthdistance CASCADE;
COMMENT ON EXTENSION plpgsql IS 'x';
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;
CREATE EVENT TRIGGER fires ON ddl_command_end EXECUTE FUNCTION fired();
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO app;
ALTER EVENT TRIGGER fires ENABLE ALWAYS;
CREATE EXTENSION postgres_fdw;
""".strip()
"""What is left of a dump for the admin, a statement a line."""
DUMP = f"""
SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', 'public', false);
{PRODUCTION}
ALTER TABLE "user" OWNER TO prod;
CREATE FUNCTION fired() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$;
CREATE EXTENSION postgres_fdw;
{OF_THE_DUMP.replace("CREATE EXTENSION postgres_fdw;", "")}
GRANT SELECT, INSERT, UPDATE, DELETE ON "user" TO app;
GRANT USAGE ON SEQUENCE user_id_seq TO app;
CREATE TABLE more (id serial PRIMARY KEY, name varchar CHECK (name IN ('a', 'b')));
CREATE TYPE mood AS ENUM ('a', 'b');
"""
CONFIGURATION = f"""
prepare = "{PREPARE}"
role = "app"
search-path = "public, apart"
exclude = ["public.more", "apart.*", "public.t?*"]
"""
RUNNER = """
import os, pathlib, psycopg2

def main():
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection:
        for path in sorted(pathlib.Path("migrations").glob("000?_*[a-z].sql")):
            if ".down" not in path.name:
                connection.cursor().execute(path.read_text())

if __name__ == "__main__":
    main()
"""
MANY_TABLES = """
DO $$BEGIN
  FOR n IN 1..210 LOOP EXECUTE 'CREATE TABLE IF NOT EXISTS t' || n || ' ()'; END LOOP;
END$$;
"""

LOGGED = """
import pytest
from pathlib import Path
from pytest_schemaguard.servers import private

private.SETTINGS += (("log_statement", "all"), ("log_line_prefix", "%m [%p] %e %u@%d "))
start, logs = private.PrivateServer.start, []

def remembered(self, wanted, run):
    server = start(self, wanted, run)
    logs.append(server.log)
    return server

private.PrivateServer.start = remembered

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    Path("server.log").write_bytes(logs[0].read_bytes())
"""
"""A plugin of pytest's that keeps the log of the guard's own server."""

REVIEWED = frozenset(
    line
    for line in Path(__file__).with_name("superuser.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
OF_THE_USER = frozenset(
    shape(one) for one in (*OF_THE_DUMP.replace(";", "").splitlines(), *PREPARE.split("; "))
)


def unreviewed(log: bytes, user: str) -> list[str]:
    """The shapes of statements that nobody has looked at; at least some are there at all."""
    shapes = set(map(shape, sent(log.decode(), user)))
    assert len(shapes & REVIEWED) > 10
    parts = {part for one in shapes - REVIEWED for part in one.split("; ")}
    return sorted(parts - REVIEWED - OF_THE_USER - {""})


VIEW = 'CREATE OR REPLACE VIEW emails AS SELECT email FROM "user";'


@pytest.fixture
def rich(project: Project) -> Project:
    """A project that has a bit of everything."""
    project.write("production.sql", DUMP)
    project.write("rows.sql", ROWS + "INSERT INTO more (name) VALUES ('a');")
    project.write(FILE, MIGRATION + VIEW)
    project.write(FILE.replace(".sql", ".down.sql"), f"DROP VIEW emails; {WAY_BACK}")
    project.append("pyproject.toml", CONFIGURATION + LOGIN)
    return project


@pytest.fixture
def log_since(postgres: Address) -> Callable[[], bytes]:
    """What the server `postgres` logs from now on."""
    log = Path(postgres.host) / "log"
    start = log.stat().st_size
    return lambda: log.read_bytes()[start:]


@pytest.mark.parametrize("source", ["files", "command", "many tables"])
@pytest.mark.parametrize("server", ["own", "existing"])
def test_a_superuser_runs_nothing_but_what_was_reviewed(
    rich: Project, postgres: Address, log_since: Callable[[], bytes], source: str, server: str
) -> None:
    if source == "many tables":
        rich.append("production.sql", MANY_TABLES)
    if source == "command":
        rich.write("runner.py", RUNNER)
        table = rich.root / "pyproject.toml"
        configured = (
            'migrations = { command = ["python", "runner.py"], versions = "migrations/0*.sql" }'
        )
        table.write_text(table.read_text().replace('migrations = "migrations"', configured))
    if server == "own":
        rich.write("logged.py", LOGGED)
        result = rich.guard("-p", "logged")
        log, user = (rich.root / "server.log").read_bytes(), "schema_guard_superuser"
    else:
        result = rich.guard(f"--schema-guard-url={postgres.url()}")
        log, user = log_since(), postgres.user
    assert result.ret == 0, text_of(result)
    assert unreviewed(log, user) == []


def test_nor_does_it_while_databases_are_checked(
    rich: Project,
    postgres: Address,
    log_since: Callable[[], bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(rich.root)
    rich.write("live.sql", DUMP + MIGRATION)
    monkeypatch.setenv("SCHEMA_GUARD_URL", postgres.url())
    code = cli.main(["check", "live.sql"])
    assert code == 1, capsys.readouterr().out  # the view is missing
    assert unreviewed(log_since(), postgres.user) == []
