"""A migration that did nothing is told, whatever runs it; and none that did something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import report_in, text_of

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

BASELINE = """
CREATE TABLE "user" (id serial PRIMARY KEY, email varchar NOT NULL UNIQUE, kind text);
CREATE MATERIALIZED VIEW emails AS SELECT email FROM "user";
CREATE FUNCTION looks() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS
  'INSERT INTO "user" (email) VALUES (''new@example.com'') RETURNING 1';
"""
NOTHING = {
    "set": "SET search_path = public; SET lock_timeout = '1s';",
    "lock": 'BEGIN; LOCK TABLE "user"; COMMIT;',
    "ask": "SELECT 1;",
    "call": "SELECT looks();",
    "drop": "DROP TABLE IF EXISTS usr, accounts;",
    "drop_index": "DROP INDEX CONCURRENTLY IF EXISTS nope;",
    "alter_none": "ALTER TABLE IF EXISTS usr ADD COLUMN a int;",
    "create": 'CREATE TABLE IF NOT EXISTS "user" (id int);',
    "column": 'ALTER TABLE "user" ADD COLUMN IF NOT EXISTS email text;',
    "extension": "CREATE EXTENSION IF NOT EXISTS plpgsql;",
    "index": 'CREATE INDEX IF NOT EXISTS user_email_key ON "user" (kind);',
    "not_null": 'ALTER TABLE "user" ALTER COLUMN email SET NOT NULL;',
    "in_vain": "CREATE TABLE x (); DROP TABLE x;",
    "swallowed": (
        "DO $$ BEGIN CREATE TABLE a (i int); CREATE INDEX ON usr (i); "
        "EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'skipped: %', sqlerrm; END $$;"
    ),
    "silent": (
        "DO $$ BEGIN CREATE TABLE a (i int); CREATE INDEX ON usr (i); "
        "EXCEPTION WHEN OTHERS THEN NULL; END $$;"
    ),
    "guarded": (
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_class WHERE relname = 'user') "
        'THEN CREATE TABLE "user" (id int); END IF; END $$;'
    ),
}
NO_ROWS = {
    "update": "UPDATE \"user\" SET kind = 'x' WHERE email = 'nobody';",
    "delete": 'DELETE FROM "user" WHERE id < 0;',
    "insert": 'INSERT INTO "user" (email) SELECT email FROM "user" WHERE false;',
    "setval_same": "SELECT setval('user_id_seq', (SELECT last_value FROM user_id_seq));",
}
SOMETHING = {
    "partly": "DROP TABLE IF EXISTS usr; CREATE TABLE b1 (i int);",
    "grant": 'GRANT SELECT ON "user" TO PUBLIC;',
    "comment": "COMMENT ON TABLE \"user\" IS 'people';",
    "settings": (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''8MB''', "
        "current_database()); END $$;"
    ),
    "analyze": 'ANALYZE "user";',
    "vacuum": 'VACUUM "user";',
    "reindex": 'REINDEX TABLE "user";',
    "refresh": "REFRESH MATERIALIZED VIEW emails;",
    "notify": "NOTIFY migrated;",
    "statistics": 'ALTER TABLE "user" ALTER COLUMN kind SET STATISTICS 50;',
    "setval": "SELECT setval('user_id_seq', 100);",
    "writes": "SELECT writes();",
    "do_writes": "DO $$ BEGIN UPDATE \"user\" SET kind = 'y'; END $$;",
    "same_value": 'UPDATE "user" SET kind = kind;',
    "replaced": "CREATE OR REPLACE FUNCTION looks() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    "view": "DO $$ BEGIN CREATE VIEW v1 AS SELECT 1 AS one; END $$;",
    "dropped": "DO $$ BEGIN DROP VIEW v1; END $$;",
    "partition": "CREATE TABLE p (i int) PARTITION BY LIST (i); DROP TABLE IF EXISTS p0;",
    "storage": "ALTER TABLE b1 SET (fillfactor = 50);",
    "truncated": 'TRUNCATE "user" CASCADE;',
}
EMPTY = {"empty": "", "comments": "-- nothing\n/* at all; */\n"}
FEW = {
    *("empty", "call", "drop", "not_null", "swallowed", "guarded", "update", "setval_same"),
    *("partly", "grant", "settings", "setval", "writes", "do_writes", "statistics"),
    *("view", "dropped"),
}
"""What is enough where each migration is a process of its own."""
RUNNER = """
import os
import psycopg2

def main(version):
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    text = open(f"migrations/{version}.sql").read()
    if text.strip() and not text.startswith("--"):
        connection.cursor().execute(text)
    connection.cursor().execute("SELECT 1")
"""
NOTES = """\
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS schema_migrations (id serial, version text)")
    cursor.execute("INSERT INTO schema_migrations (version) VALUES (%s)", (version,))
"""
SOURCES = {
    "sql": '"migrations"',
    "command": '{ command = "sh run.sh {version}", versions = "migrations/*.sql" }',
    "function": '{ python = "run:main", versions = "migrations/*.sql" }',
    "alembic": '"alembic.ini"',
}
ENV = """
from alembic import context
from sqlalchemy import create_engine
with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def _named(*kinds: dict[str, str]) -> dict[str, str]:
    every = [pair for kind in kinds for pair in kind.items()]
    return {f"{place:04}_{name}": sql for place, (name, sql) in enumerate(every, 1)}


def _write(project: Project, source: str, files: dict[str, str]) -> None:
    for path in (project.root / "migrations").iterdir():
        path.unlink()
    project.write("production.sql", BASELINE)
    project.checks("applies")
    path = project.root / "pyproject.toml"
    path.write_text(
        path.read_text().replace('migrations = "migrations"', f"migrations = {SOURCES[source]}")
    )
    project.write("run.py", RUNNER)
    project.write("run.sh", 'psql "$DATABASE_URL" -X -q -v ON_ERROR_STOP=1 -f migrations/$1.sql')
    if source != "alembic":
        for name, sql in files.items():
            project.write(f"migrations/{name}.sql", sql)
        return
    project.write("alembic.ini", "[alembic]\nscript_location = %(here)s/alembic\n")
    project.write("alembic/env.py", ENV)
    before = None
    for name, sql in files.items():
        body = f"op.execute({sql!r})" if sql else "pass"
        text = f'from alembic import op\nrevision = "{name}"\ndown_revision = {before!r}\n'
        project.write(f"alembic/versions/{name}.py", f"{text}\ndef upgrade():\n    {body}\n")
        before = name


def _told(project: Project) -> tuple[dict[str, list[dict[str, Any]]], str]:
    """The findings by the migrations' names."""
    result = project.guard("--schema-guard-json=report.json")
    text = text_of(result)
    checks = {one["subject"]: one for one in report_in(project)["checks"]}
    assert {one["outcome"] for one in checks.values()} == {"passed"}, text
    return {
        subject.rpartition("/")[2].partition(".")[0]: one["findings"]
        for subject, one in checks.items()
    }, text


@pytest.mark.parametrize("source", SOURCES)
def test_what_did_nothing_is_told_and_what_did_something_is_not(
    project: Project, source: str
) -> None:
    every = {
        name: sql for kind in (EMPTY, NOTHING, NO_ROWS, SOMETHING) for name, sql in kind.items()
    }
    if source in {"alembic", "function"}:
        every = {name: every[name] for name in every if name in FEW or name == "view"}
    _write(project, source, _named(every))
    found, text = _told(project)
    expected: dict[str, list[str]] = {name: [] for name in SOMETHING}
    expected |= {name: ["applies.no-rows"] for name in NO_ROWS}
    expected |= {name: ["applies.nothing-done"] for name in (*EMPTY, *NOTHING)}
    assert {
        name.partition("_")[2]: [one["code"] for one in findings]
        for name, findings in found.items()
    } == {name: expected[name] for name in every}, text


def _of(found: dict[str, list[dict[str, Any]]], name: str) -> dict[str, Any]:
    (finding,) = found[name]
    return {key: finding[key] for key in ("severity", "message", "fix")}


def test_what_is_told_says_why_and_what_PostgreSQL_said(project: Project) -> None:  # noqa: N802
    _write(project, "sql", _named(EMPTY, NOTHING, NO_ROWS))
    found, text = _told(project)
    same = "it did nothing: the catalog and all rows are what they were before"
    names = (
        "look whether the names in it are right: IF [NOT] EXISTS, and an exception that is caught, "
        "hide that nothing is done"
    )
    assert _of(found, "0001_empty") == {
        "severity": "warning",
        "message": "it did nothing: there is no statement in it",
        "fix": "write what it is to do, or take it out",
    }
    assert _of(found, "0003_set")["message"] == f"{same}"
    assert _of(found, "0007_drop") == {
        "severity": "warning",
        "message": (
            f'{same}\nPostgreSQL said: NOTICE: table "usr" does not exist, skipping\n'
            'PostgreSQL said: NOTICE: table "accounts" does not exist, skipping'
        ),
        "fix": names,
    }
    assert _of(found, "0016_swallowed")["message"] == (
        f'{same}\nPostgreSQL said: NOTICE: skipped: relation "usr" does not exist'
    )
    assert _of(found, "0019_update") == {
        "severity": "info",
        "message": "it changed nothing: no row was there to be changed",
        "fix": "give `seed` rows that it changes, so that what it does to them is proven",
    }
    assert "info: migrations/0019_update.sql" not in text


def test_without_rows_a_block_may_have_found_none_unless_it_says_otherwise(
    project: Project,
) -> None:
    files = ("swallowed", "silent", "call", "drop")
    _write(project, "sql", _named({name: NOTHING[name] for name in files}))
    project.write("rows.sql", "")
    path = project.root / "pyproject.toml"
    path.write_text(path.read_text().replace("checks =", "rows = 0\nchecks ="))
    found, _ = _told(project)
    assert {name[5:]: one["code"] for name, (one,) in found.items()} == {
        "swallowed": "applies.nothing-done",
        "silent": "applies.no-rows",
        "call": "applies.nothing-done",
        "drop": "applies.nothing-done",
    }


def test_a_revision_that_joins_branches_is_to_do_nothing(project: Project) -> None:
    _write(project, "alembic", {"a": "CREATE TABLE a ()", "b": "CREATE TABLE b ()"})
    for name, down in (("c", "'a'"), ("d", "('b', 'c')"), ("e", "'d'")):
        project.write(
            f"alembic/versions/{name}.py",
            f'revision = "{name}"\ndown_revision = {down}\n\ndef upgrade():\n    pass\n',
        )
    found, _ = _told(project)
    assert {name: [one["code"] for one in findings] for name, findings in found.items()} == {
        "a": [],
        "b": [],
        "c": ["applies.nothing-done"],
        "d": [],
        "e": ["applies.nothing-done"],
    }
    assert _of(found, "e") == {
        "severity": "warning",
        "message": "it did nothing: no statement of it writes",
        "fix": "write what it is to do, or take it out",
    }


def test_what_a_tool_notes_of_its_own_run_is_nothing(project: Project) -> None:
    _write(
        project,
        "function",
        _named({"none": "", "drop": NOTHING["drop"], "one": "CREATE TABLE a ()"}),
    )
    project.write("run.py", RUNNER + NOTES)
    found, _ = _told(project)
    assert {name[5:]: [one["code"] for one in findings] for name, findings in found.items()} == {
        "none": ["applies.nothing-done"],
        "drop": ["applies.nothing-done"],
        "one": [],
    }
    assert _of(found, "0001_none") == {
        "severity": "warning",
        "message": (
            "run:main ran without an error and did nothing: the catalog and all rows are what they "
            "were before\nwhat it was to apply may not be applied"
        ),
        "fix": "look whether it knows this migration, and takes it for pending",
    }


@pytest.mark.parametrize("source", SOURCES)
def test_what_PostgreSQL_said_is_in_the_report_and_told_with_v(  # noqa: N802
    project: Project, source: str
) -> None:
    raise_ = (
        "RAISE WARNING 'two' USING HINT = 'go'; "
        "RAISE INFO 'postgresql://ada:secret@host/db %', E'\\x1b[31m';"
    )
    many = "FOR i IN 1..400 LOOP RAISE NOTICE 'step %', i; END LOOP;"
    _write(
        project,
        source,
        {
            "1_said": f"DROP TABLE IF EXISTS usr; DO $$ BEGIN {raise_} END $$; CREATE TABLE a ()",
            "2_silent": "CREATE TABLE b ()",
            "3_many": f"DO $$ BEGIN {many} CREATE TABLE c (); END $$",
        },
    )
    result = project.guard("--schema-guard-json=report.json", "-v")
    result.assert_outcomes(passed=3)
    said, silent, many_ = (one["notices"] for one in report_in(project)["checks"])
    assert said == [
        'NOTICE:  table "usr" does not exist, skipping',
        "WARNING:  two\nHINT:  go",
        "INFO:  postgresql://ada:***@host/db \x1b[31m",
    ]
    assert silent == []
    assert (len(many_), many_[0], many_[100]) == (201, "NOTICE:  step 1", "... (200 more notices)")
    assert many_[-1] == "NOTICE:  step 400"
    text = text_of(result)
    assert (
        '::applies\n  NOTICE:  table "usr" does not exist, skipping\n  WARNING:  two\n'
        "  HINT:  go\n  INFO:  postgresql://ada:***@host/db \\x1b[31m\n"
    ) in text
    assert "  NOTICE:  step 20\n  ... (181 more; --schema-guard-json has them)\n" in text
    assert "what PostgreSQL said" in text
    assert "what PostgreSQL said" not in text_of(project.guard())
