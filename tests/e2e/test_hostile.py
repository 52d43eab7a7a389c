"""A migration's owner decides much in its database: none of it makes a superuser, or a verdict."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard import cli
from pytest_schemaguard.servers.sessions import connect
from tests.e2e.conftest import FILE, MIGRATION, PRODUCTION, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address
    from tests.e2e.conftest import Project

CANARY = """
CREATE SCHEMA IF NOT EXISTS evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE OR REPLACE FUNCTION evil.canary() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $f$BEGIN
  IF pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on' THEN
    COPY (SELECT 'x') TO PROGRAM 'touch MARK';
  END IF;
  RETURN true;
END$f$;
CREATE OR REPLACE FUNCTION evil.fold(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $f$BEGIN
  PERFORM evil.canary(); RETURN $1;
END$f$;
"""
"""Whoever calls it as a superuser leaves the file MARK, even in a transaction that is READ ONLY."""

OPERATORS = """
DO $d$DECLARE
  kind text; op text; n integer := 0;
BEGIN
  FOREACH kind IN ARRAY ARRAY['name', 'text', 'oid', '"char"', 'integer', 'bigint', 'boolean'] LOOP
    FOREACH op IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '~', '!~', '~~', '!~~', '||'] LOOP
      n := n + 1;
      EXECUTE format(
        'CREATE OR REPLACE FUNCTION evil.op%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$BEGIN'
        ' PERFORM evil.canary();'
        ' RETURN $1 OPERATOR(pg_catalog.%s) $2; END$f$',
        n, kind, kind, CASE op WHEN '||' THEN 'text' ELSE 'boolean' END, op
      );
      IF NOT EXISTS (
        SELECT FROM pg_operator WHERE oprcode::text = format('evil.op%s', n)
      ) THEN
        EXECUTE format(
          'CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.op%s)',
          op, kind, kind, n
        );
      END IF;
    END LOOP;
  END LOOP;
END$d$;
"""
FUNCTIONS = """
CREATE OR REPLACE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE sql
  AS 'SELECT pg_catalog.set_config($1, $2, $3 AND evil.canary())';
CREATE OR REPLACE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql
  AS 'SELECT pg_catalog.current_setting($1) WHERE evil.canary()';
CREATE OR REPLACE FUNCTION evil.pg_has_role(oid, text) RETURNS boolean LANGUAGE sql
  AS 'SELECT pg_catalog.pg_has_role($1, $2) AND evil.canary()';
CREATE OR REPLACE FUNCTION evil.has_schema_privilege(name, oid, text) RETURNS boolean LANGUAGE sql
  AS 'SELECT pg_catalog.has_schema_privilege($1, $2, $3) AND evil.canary()';
CREATE OR REPLACE FUNCTION evil.substr(text, integer) RETURNS text LANGUAGE sql
  AS 'SELECT pg_catalog.substr($1, $2) WHERE evil.canary()';
CREATE OR REPLACE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql
  AS 'SELECT pg_catalog.format($1, VARIADIC $2) WHERE evil.canary()';
"""
RELATIONS = """
CREATE OR REPLACE VIEW evil.pg_roles AS SELECT * FROM pg_catalog.pg_roles WHERE evil.canary();
CREATE OR REPLACE VIEW evil.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE evil.canary();
CREATE OR REPLACE VIEW evil.pg_namespace AS SELECT * FROM pg_catalog.pg_namespace
  WHERE evil.canary();
CREATE OR REPLACE VIEW evil.pg_event_trigger AS SELECT * FROM pg_catalog.pg_event_trigger
  WHERE evil.canary();
GRANT SELECT ON ALL TABLES IN SCHEMA evil TO PUBLIC;
"""
CASTS = """
DO $d$BEGIN
  IF to_regtype('evil.mood') IS NULL THEN
    CREATE TYPE evil.mood AS ENUM ('a');
    CREATE TYPE evil.pair AS (a integer, b text);
    CREATE DOMAIN evil.checked AS integer CHECK (evil.canary() AND VALUE > 0);
    CREATE FUNCTION evil.told(evil.mood) RETURNS text LANGUAGE sql
      AS 'SELECT ''x'' WHERE evil.canary()';
    CREATE FUNCTION evil.told(evil.pair) RETURNS text LANGUAGE sql
      AS 'SELECT ''x'' WHERE evil.canary()';
    CREATE CAST (evil.mood AS text) WITH FUNCTION evil.told(evil.mood) AS IMPLICIT;
    CREATE CAST (evil.pair AS text) WITH FUNCTION evil.told(evil.pair) AS IMPLICIT;
    CREATE TABLE evil.cast_ (id integer PRIMARY KEY, m evil.mood, p evil.pair, c evil.checked);
    CREATE FUNCTION evil.told(evil.cast_) RETURNS text LANGUAGE sql
      AS 'SELECT ''x'' WHERE evil.canary()';
    CREATE CAST (evil.cast_ AS text) WITH FUNCTION evil.told(evil.cast_) AS IMPLICIT;
    INSERT INTO evil.cast_ VALUES (1, 'a', (1, 'x'), 1);
  END IF;
END$d$;
"""
AROUND_A_TABLE = """
CREATE TABLE IF NOT EXISTS evil.around (id integer PRIMARY KEY, n integer DEFAULT 1);
INSERT INTO evil.around VALUES (1) ON CONFLICT DO NOTHING;
CREATE INDEX IF NOT EXISTS around_folded ON evil.around ((evil.fold(1) + n));
CREATE INDEX IF NOT EXISTS around_partly ON evil.around (n) WHERE evil.fold(1) = 1;
ALTER TABLE evil.around ENABLE ROW LEVEL SECURITY;
ALTER TABLE evil.around FORCE ROW LEVEL SECURITY;
DO $d$BEGIN
  IF NOT EXISTS (SELECT FROM pg_policies WHERE tablename = 'around') THEN
    CREATE POLICY open ON evil.around USING (evil.canary());
  END IF;
END$d$;
CREATE OR REPLACE FUNCTION evil.touched() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN
  PERFORM evil.canary(); RETURN NEW;
END$f$;
CREATE OR REPLACE TRIGGER touched BEFORE UPDATE OR DELETE ON evil.around
  FOR EACH ROW EXECUTE FUNCTION evil.touched();
"""
PATH = """
DO $d$BEGIN
  EXECUTE format(
    'ALTER DATABASE %I SET search_path = evil, pg_temp, pg_catalog, public', current_database()
  );
END$d$;
"""
OF_THE_ROLE = "ALTER ROLE CURRENT_USER SET search_path = public, evil, pg_temp, pg_catalog;"
"""In all databases, and so in the migration's own second run."""
TRICKS = {
    "operators": OPERATORS,
    "functions and relations": FUNCTIONS + RELATIONS + OF_THE_ROLE,
    "casts": CASTS + OF_THE_ROLE,
    "around a table": AROUND_A_TABLE + OF_THE_ROLE,
}


@pytest.fixture
def mark() -> Iterator[Path]:
    """A file that is there as soon as a superuser has run the canary."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)  # the server's account writes there
    yield folder / "superuser"
    shutil.rmtree(folder)


def test_the_canary_of_these_tests_sings(database: Address, mark: Path) -> None:
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(CANARY.replace("MARK", str(mark)))
        cursor.execute("BEGIN READ ONLY; SELECT evil.fold(1)")
    assert mark.exists()


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("server", ["own", "existing"])
def test_a_hostile_migration_is_judged_and_is_no_superuser(
    project: Project, postgres: Address, mark: Path, trick: str, server: str
) -> None:
    (project.root / FILE.replace(".sql", ".down.sql")).unlink()
    project.write(FILE, MIGRATION + CANARY.replace("MARK", str(mark)) + TRICKS[trick] + PATH)
    url = [] if server == "own" else [f"--schema-guard-url={postgres.url()}"]
    result = project.guard(*url)
    assert not mark.exists(), text_of(result)
    result.assert_outcomes(passed=4, skipped=2)


def test_no_setting_that_an_owner_can_make_changes_a_verdict(
    project: Project, postgres: Address
) -> None:
    with closing(connect(postgres)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, vartype, boot_val, min_val, enumvals FROM pg_settings"
            " WHERE context = 'user'"
        )
        changed = {name: other(*facts) for name, *facts in cursor.fetchall()}
    changed = {**changed, **TEXTS}
    alter = [
        f"EXECUTE pg_catalog.format('ALTER DATABASE %I SET \"{name}\" = %L', d, '{value}');"
        for name, value in changed.items()
        if value is not None and name not in AS_IN_PRODUCTION
    ]
    assert len(alter) > 100, alter
    project.write(
        FILE,
        f"{MIGRATION}{KINDS}DO $$DECLARE d text := current_database(); BEGIN\n"
        + "\n".join(alter)
        + "\nEND$$;\n",
    )
    (project.root / FILE.replace(".sql", ".down.sql")).unlink()
    result = project.guard(f"--schema-guard-url={postgres.url()}")
    result.assert_outcomes(passed=4, skipped=2)


KINDS = r"""
CREATE TABLE IF NOT EXISTS kinds (
  id integer PRIMARY KEY, b text DEFAULT 'x\', at timestamptz DEFAULT '2020-01-02',
  d interval DEFAULT '1 day 2 hours', raw bytea DEFAULT '\x00', f float DEFAULT 0.1, x xml,
  m money DEFAULT 1.5, t text[] DEFAULT '{NULL}', CHECK (b IN ('a', 'x\'))
);
INSERT INTO kinds (id, x) VALUES (1, 'a') ON CONFLICT DO NOTHING;
"""
"""What is spelled as settings say."""
AS_IN_PRODUCTION = frozenset(
    {
        # A migration has them, as it would in production: they end it, or its connection.
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "transaction_timeout",
        "default_transaction_read_only",
        "local_preload_libraries",
        "client_encoding",
        "transaction_read_only",
        "transaction_isolation",
        "transaction_deferrable",
        "application_name",
        "exit_on_error",
    }
)
TEXTS = {
    "DateStyle": "German, YMD",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Tokyo",
    "search_path": "public",
    "default_text_search_config": "pg_catalog.german",
    "timezone_abbreviations": "India",
    "extra_float_digits": "-5",
}


def other(kind: str, standard: str | None, low: str | None, values: list[str] | None) -> str | None:
    """Another value than the standard one; None where there is none to be made up."""
    if kind == "bool":
        return "off" if standard == "on" else "on"
    if kind == "enum":
        return next((one for one in reversed(values or []) if one != standard), None)
    return None if kind == "string" else low


@pytest.mark.parametrize(
    "setting",
    [
        "statement_timeout = 3",
        "lock_timeout = 1",
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
        "default_transaction_read_only = on",
        "exit_on_error = on",
        "local_preload_libraries = nothing_there",
        "role = pg_monitor",
    ],
)
def test_settings_of_a_database_never_reach_the_guard_s_own_sessions(
    project: Project, setting: str, postgres: Address
) -> None:
    """They are set by the last statement: what follows is the guard's."""
    name = setting.partition(" ")[0]
    project.write(
        FILE,
        f"{MIGRATION}DO $$BEGIN EXECUTE pg_catalog.format('ALTER DATABASE %I SET {setting}',"
        " pg_catalog.current_database()); END$$;\n",
    )
    project.checks("drift", "applies")
    result = project.guard(f"--schema-guard-url={postgres.url()}")
    assert result.parseoutcomes() == {"passed": 2}, f"{name}: {text_of(result)}"


HOSTILE_DUMP = f"""
{PRODUCTION}
{CANARY}
CREATE TABLE more (name varchar CHECK (name IN ('a', 'b')));
CREATE FUNCTION evil.fired() RETURNS event_trigger LANGUAGE plpgsql AS $f$BEGIN
  PERFORM evil.canary();
END$f$;
CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION evil.fired();
CREATE EVENT TRIGGER b ON ddl_command_end EXECUTE FUNCTION evil.fired();
CREATE EVENT TRIGGER c ON sql_drop EXECUTE FUNCTION evil.fired();
ALTER EVENT TRIGGER b ENABLE ALWAYS;
ALTER EVENT TRIGGER c ENABLE REPLICA;
SELECT set_config('a.b', 'x', evil.canary());
GRANT ALL ON SCHEMA public TO PUBLIC;
COMMENT ON EXTENSION plpgsql IS 'x';
"""


def test_a_hostile_baseline_is_no_superuser(
    project: Project, postgres: Address, mark: Path
) -> None:
    project.write("production.sql", HOSTILE_DUMP.replace("MARK", str(mark)))
    result = project.guard(f"--schema-guard-url={postgres.url()}")
    assert not mark.exists(), text_of(result)
    result.assert_outcomes(passed=5, skipped=1)


def test_nor_is_a_hostile_dump_that_is_checked(
    project: Project,
    postgres: Address,
    mark: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("SCHEMA_GUARD_URL", postgres.url())
    project.write("live.sql", HOSTILE_DUMP.replace("MARK", str(mark)) + MIGRATION)
    assert cli.main(["check", "live.sql"]) == 0, capsys.readouterr()
    assert not mark.exists()
