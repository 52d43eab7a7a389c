"""Up, down and up again in one process: what the guard sees between the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.checks.reversible import WITHOUT_TRACE, judge
from pytest_schemaguard.findings import Outcome
from pytest_schemaguard.guard import Guard
from tests.project.tasks.alembic_project import ASYNC, ENV, INI, AlembicProject, make
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

START = (
    "CREATE TABLE account (id serial PRIMARY KEY, name varchar(50))",
    "CREATE TABLE extra (id int REFERENCES account, size varchar(50))",
    "CREATE VIEW names AS SELECT name FROM account",
    "CREATE TYPE mood AS ENUM ('sad')",
    "CREATE FUNCTION x() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER loud AFTER DELETE ON extra EXECUTE FUNCTION x()",
    "INSERT INTO account (name) VALUES ('Ada'), ('Bob')",
)
TRACES = (
    "ALTER TABLE account ADD IF NOT EXISTS b int",
    "ALTER TABLE extra ALTER size TYPE varchar(80)",
    "ALTER TABLE account ALTER name SET DEFAULT 'x'",
    "ALTER TABLE account ALTER name SET NOT NULL",
    "ALTER TABLE account DROP CONSTRAINT IF EXISTS short, ADD CONSTRAINT short CHECK (id > 0)",
    "CREATE INDEX IF NOT EXISTS by_name ON account (name)",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad'",
    "CREATE OR REPLACE VIEW names AS SELECT name FROM account WHERE name <> ''",
    "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE TRIGGER keep AFTER UPDATE ON account EXECUTE FUNCTION x()",
    "COMMENT ON COLUMN account.name IS 'as spoken'",
    "CREATE SEQUENCE IF NOT EXISTS numbers",
    "ALTER SEQUENCE account_id_seq START 7",
    "ALTER SEQUENCE account_id_seq CACHE 5",
    "CREATE SCHEMA IF NOT EXISTS other",
    "GRANT SELECT ON account TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "ALTER TABLE account REPLICA IDENTITY FULL",
    "ALTER TABLE account ALTER name SET STORAGE EXTERNAL",
    "ALTER TABLE account ALTER name SET STATISTICS 500",
    "ALTER TABLE account ALTER name SET COMPRESSION pglz",
    "ALTER TABLE account SET (fillfactor = 70)",
    "ALTER TABLE account ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE extra DISABLE TRIGGER loud",
    "UPDATE account SET name = 'Eve' WHERE id = 1",
    "INSERT INTO extra VALUES (1, 'big')",
    "ALTER TABLE IF EXISTS extra RENAME TO more",
)
"""Statements that may run twice; a downgrade that does nothing leaves what they did."""
CLEAN = (
    ("CREATE INDEX i ON account (id)", "DROP INDEX i"),
    ("ALTER TABLE account ADD UNIQUE (id)", "ALTER TABLE account DROP CONSTRAINT account_id_key"),
    ("ALTER TABLE account ADD age int", "ALTER TABLE account DROP age"),
    ("ALTER TABLE extra REPLICA IDENTITY FULL", "ALTER TABLE extra REPLICA IDENTITY DEFAULT"),
    ("COMMENT ON TABLE account IS 'x'", "COMMENT ON TABLE account IS NULL"),
    ("DROP VIEW names", "CREATE VIEW names AS SELECT name FROM account"),
    ("CREATE POLICY p ON account", "DROP POLICY p ON account"),
    ("INSERT INTO account (name) VALUES ('Cy')", "DELETE FROM account WHERE name = 'Cy'"),
    ("UPDATE account SET name = upper(name)", "UPDATE account SET name = initcap(name)"),
    ("CREATE FUNCTION y() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION y()"),
    ("ALTER TYPE mood RENAME TO temper", "ALTER TYPE temper RENAME TO mood"),
)


def execute(*statements: str) -> str:
    return "\n".join(f"op.execute({one!r})" for one in statements)


@pytest.fixture
def small(tmp_path: Path) -> AlembicProject:
    tmp_path.chmod(0o755)
    project = make(tmp_path)
    project.write(
        "pyproject.toml",
        '[tool.schema-guard]\nmigrations = "alembic.ini"\nbaseline = { at = "start" }\n'
        f'server = "{OWN["provider"]}"\nrows = 0\n',
    )
    project.add("start", execute(*START), None)
    return project


@pytest.fixture
def chain(small: AlembicProject) -> Callable[[Iterable[tuple[str, str]]], list[str]]:
    """Adds revisions one after the other; returns their names."""

    def add(ways: Iterable[tuple[str, str]]) -> list[str]:
        names = ["start"]
        for up, down in ways:
            names.append(f"r{len(names):02}")
            small.add(names[-1], up, down, after=names[-2])
        return names[1:]

    return add


def clean(small: AlembicProject) -> frozenset[str]:
    with Guard.of(small.root) as guard:
        return guard.look(WITHOUT_TRACE)


def test_every_trace_is_seen_and_what_leaves_none_is_clean(
    small: AlembicProject, chain: Callable[[Iterable[tuple[str, str]]], list[str]]
) -> None:
    ways = [(one, "SELECT 1") for one in TRACES]
    # The rename comes last: a statement before it uses the name.
    every = [*CLEAN[:-1], *ways, CLEAN[-1]]
    names = chain((execute(up), execute(down)) for up, down in every)
    traces = names[len(CLEAN) - 1 : -1]
    with Guard.of(small.root) as guard:
        assert guard.look(WITHOUT_TRACE) == set(names) - set(traces)
        # What is looked at by itself says the same.
        judged = {one.revision: one for one in guard.judging.judged}
        for name in (traces[0], traces[17], traces[24]):
            assert judge(guard, judged[name]).outcome is Outcome.FAILED


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", "pg8000", "asyncpg"])
def test_through_every_driver(
    small: AlembicProject,
    chain: Callable[[Iterable[tuple[str, str]]], list[str]],
    driver: str,
) -> None:
    pytest.importorskip(driver)
    small.write("migrations/env.py", ASYNC if driver == "asyncpg" else ENV)
    text = (small.root / "pyproject.toml").read_text()
    small.write("pyproject.toml", f'{text}env = {{ DATABASE_URL = "{{url:{driver}}}" }}\n')
    small.write(
        "alembic.ini", INI.replace("sqlalchemy.url = driver://user:pass@localhost/dbname\n", "")
    )
    names = chain(
        [
            (execute("ALTER TABLE account ADD age int"), execute("ALTER TABLE account DROP age")),
            (execute("ALTER TABLE account REPLICA IDENTITY FULL"), execute("SELECT 1")),
            (execute("CREATE TABLE t ()"), execute("DROP TABLE t")),
        ]
    )
    assert clean(small) == {names[0], names[2]}


def test_where_the_second_upgrade_fails_or_differs_the_next_one_begins_anew(
    small: AlembicProject, chain: Callable[[Iterable[tuple[str, str]]], list[str]]
) -> None:
    table = (execute("CREATE TABLE {0} ()"), execute("DROP TABLE {0}"))
    names = chain(
        [
            (table[0].format("a"), table[1].format("a")),
            (execute("CREATE TABLE left_there ()"), execute("SELECT 1")),
            (table[0].format("b"), table[1].format("b")),
            (execute("CREATE TABLE c ()"), execute("DROP TABLE d")),
            (table[0].format("e"), table[1].format("e")),
            (
                execute(
                    "DO 'BEGIN IF to_regclass(''f'') IS NULL THEN CREATE TABLE f (); "
                    "ELSE CREATE TABLE g (); END IF; END'"
                ),
                execute("DROP TABLE IF EXISTS g"),
            ),
            (table[0].format("h"), table[1].format("h")),
        ]
    )
    assert clean(small) == {names[0], names[2], names[4], names[6]}


def test_a_revision_that_does_not_apply_hides_no_other(
    small: AlembicProject, chain: Callable[[Iterable[tuple[str, str]]], list[str]]
) -> None:
    names = chain(
        [
            (execute("CREATE TABLE a ()"), execute("DROP TABLE a")),
            (execute("CREATE TABLE left_there ()"), execute("SELECT 1")),
            (execute("SELECT 1 / 0"), execute("SELECT 1")),
            (execute("CREATE TABLE b ()"), execute("DROP TABLE b")),
        ]
    )
    with Guard.of(small.root) as guard:
        assert guard.look(WITHOUT_TRACE) == {names[0]}
        clean_one, traced, *_ = guard.judging.judged
        assert judge(guard, clean_one).outcome is Outcome.PASSED
        assert judge(guard, traced).outcome is Outcome.FAILED


def test_what_env_py_keeps_in_a_transaction_of_its_own_is_not_seen_so_nothing_is_clean(
    small: AlembicProject, chain: Callable[[Iterable[tuple[str, str]]], list[str]]
) -> None:
    small.write("migrations/env.py", ENV.replace("engine.connect()", "engine.begin()"))
    names = chain(
        [
            (execute("CREATE TABLE a ()"), execute("SELECT 1")),
            (execute("CREATE TABLE b ()"), execute("DROP TABLE b")),
        ]
    )
    with Guard.of(small.root) as guard:
        assert guard.look(WITHOUT_TRACE) == frozenset()
        first, second = guard.judging.judged
        assert [first.revision, second.revision] == names
        assert judge(guard, first).outcome is Outcome.FAILED
        assert judge(guard, second).outcome is Outcome.PASSED


def test_a_revision_must_be_clean_in_every_schema_that_env_py_runs_it_in(
    small: AlembicProject, chain: Callable[[Iterable[tuple[str, str]]], list[str]]
) -> None:
    before, after = ENV.split("with engine.connect() as connection:\n")
    loop = "for place in ('public', 'south'):\n    with engine.connect() as connection:\n"
    path = (
        "        connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS {place}')\n"
        "        connection.exec_driver_sql(f'SET search_path = {place}')\n"
        "        connection.commit()\n"
    )
    later = "".join(f"    {line}\n" for line in after.splitlines()).replace(
        "connection=connection",
        "connection=connection, version_table=f'steps_of_{place}', version_table_schema=place",
    )
    small.write("migrations/env.py", before + loop + path + later)
    small.add("start", execute("CREATE TABLE account (id int)"), None)
    here = "op.get_bind().exec_driver_sql('SELECT current_schema()').scalar()"
    names = chain(
        [
            (execute("CREATE TABLE a ()"), execute("DROP TABLE a")),
            (
                execute("ALTER TABLE account REPLICA IDENTITY FULL"),
                f"if {here} == 'public': {execute('ALTER TABLE account REPLICA IDENTITY DEFAULT')}",
            ),
            (execute("CREATE TABLE b ()"), execute("DROP TABLE b")),
        ]
    )
    assert clean(small) == {names[0], names[2]}


def test_branches_a_merge_and_a_block_outside_of_a_transaction(small: AlembicProject) -> None:
    for name in ("west", "east"):
        small.add(
            name, execute(f"CREATE TABLE {name} ()"), execute(f"DROP TABLE {name}"), after="start"
        )
    small.add("merge", after=("west", "east"))
    small.add(
        "next",
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY i ON account (name)')\n"
        "    op.execute('DISCARD ALL')",
        execute("DROP INDEX i"),
        after="merge",
    )
    assert clean(small) == {"west", "east", "merge", "next"}
