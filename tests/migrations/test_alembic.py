"""Alembic's runs, as the wire sees them, on a real server."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.configuration import settings
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.guard import Guard
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.project.answers.revisions import RunReport
from pytest_schemaguard.run import Run
from pytest_schemaguard.wire.conductor import Order
from tests.project.tasks.alembic_project import AlembicProject, make

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.wire.wire import Statement

DATABASE = "alembic"
TABLES = """
    SELECT relname FROM pg_catalog.pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1
"""


@pytest.fixture
def project(tmp_path: Path) -> AlembicProject:
    small = make(tmp_path)
    small.write(
        "pyproject.toml",
        '[tool.schema-guard]\nmodels = "app:Base"\nmigrations = "alembic.ini"\n',
    )
    return small


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    run = Run.begin()
    yield run
    run.close(wait=True)


@pytest.fixture
def guard(project: AlembicProject, run: Run) -> Iterator[Guard]:
    (config,) = settings.load(project.root / "pyproject.toml")
    config = replace(config, statement_timeout_s=5)
    one = Guard(config, run=run, url=None, shared=False, progress=Progress())
    with closing(one):
        yield one


def tables(guard: Guard) -> list[str]:
    with guard.databases.session(DATABASE) as owner, owner.cursor() as cursor:
        cursor.execute(TABLES)
        return [name for (name,) in cursor.fetchall()]


def test_statements_are_counted_without_those_on_the_version_table(
    guard: Guard, project: AlembicProject
) -> None:
    """Those that write, also on a cursor of the driver's own, each by itself."""
    project.add("one", "op.create_table('t', sa.Column('a', sa.Integer, index=True))")
    project.add(
        "two",
        "op.execute('CREATE TABLE a (); CREATE TABLE b ()')\n"
        "op.get_bind().exec_driver_sql('SELECT 1')\n"
        "op.get_bind().connection.cursor().execute('ALTER TABLE t ADD b integer')\n"
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY i ON t (b)')",
        after="one",
    )
    guard.databases.create(DATABASE)
    step = guard.source.up(DATABASE, guard.source.migrations())
    assert (step.run.words, step.run.statements) == ("", 6)
    again = guard.source.again(DATABASE, step.migration)
    assert (again.words, again.statements) == ("", 0)


def test_a_run_can_be_cut_after_each_of_its_statements(
    guard: Guard, project: AlembicProject
) -> None:
    """All revisions are one transaction: nothing of it is kept before its commit."""
    for number, after in ((1, None), (2, "r1")):
        project.add(f"r{number}", f"op.execute('CREATE TABLE t{number} ()')", after=after)
    statements = upgraded(guard)
    assert tables(guard) == ["alembic_version", "t1", "t2"]
    (commit,) = [one.number for one in statements if one.tags == ("COMMIT",)]
    assert commit > len(guard.source.migrations())
    for number in range(1, commit + 1):
        guard.databases.drop(DATABASE)
        found = upgraded(guard, cut_after=number)
        assert [one.sql for one in found] == [one.sql for one in statements[:number]]
        assert bool(tables(guard)) is (number == commit)


def upgraded(guard: Guard, *, cut_after: int | None = None) -> Sequence[Statement]:
    """What `alembic upgrade` sends to a new database, whole or until it is cut."""
    guard.databases.create(DATABASE)
    orders = [] if cut_after is None else [Order("cut", "after", cut_after)]
    with guard.processes.line(DATABASE, orders=orders) as line:
        with suppress(ProjectError):
            guard.processes.apart(
                "alembic/run",
                {
                    "source": guard.source.environment,
                    "action": "upgrade",
                    "targets": ["heads"],
                },
                database=DATABASE,
                line=line,
                timeout_s=60,
                shape=RunReport,
            )
        seen = line.seen()
    assert len(seen.cut) == (cut_after is not None)
    return seen.statements


def _after_one(guard: Guard, project: AlembicProject, body: str) -> FileRun:
    """What a revision did that runs behind another."""
    project.add("one", "op.execute('CREATE TABLE t (a integer)')")
    project.add("two", body, after="one")
    guard.databases.create(DATABASE)
    first, second = guard.source.migrations()
    assert guard.source.up(DATABASE, [first]).run.applied
    try:
        return guard.source.up(DATABASE, [second]).run
    finally:
        guard.databases.drop(DATABASE)


def test_a_revision_that_rolls_back_what_it_did_has_not_applied(
    guard: Guard, project: AlembicProject
) -> None:
    run = _after_one(
        guard,
        project,
        "point = op.get_bind().begin_nested()\n"
        "op.execute('INSERT INTO t VALUES (1)')\n"
        "point.rollback()",
    )
    assert run.error is not None
    assert run.error.message == (
        "`alembic upgrade heads` ends without an error, but rolls back, and 1 statement is lost"
    )
    assert (run.error.statement, run.error.line) == ("INSERT INTO t VALUES (1)", 8)
    assert run.error.fix == "commit it"


def test_a_revision_that_tries_first_what_it_does_has_applied(
    guard: Guard, project: AlembicProject
) -> None:
    run = _after_one(
        guard,
        project,
        "point = op.get_bind().begin_nested()\n"
        "op.execute('INSERT INTO t VALUES (1)')\n"
        "point.rollback()\n"
        "op.execute('INSERT INTO t VALUES (1)')",
    )
    assert run.applied


def test_what_PostgreSQL_says_to_a_revision_is_told(  # noqa: N802
    guard: Guard, project: AlembicProject
) -> None:
    said = "RAISE NOTICE 'at postgresql://a:secret@h/d'"
    run = _after_one(guard, project, f'op.execute("DO $$ BEGIN {said}; END $$")')
    assert run.notices == ("NOTICE:  at postgresql://a:***@h/d",)
