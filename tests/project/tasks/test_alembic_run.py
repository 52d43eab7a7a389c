"""Upgrades, downgrades and stamps through env.py files of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.codec import dumps
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.revisions import Failure, trouble
from tests.project.tasks.alembic_project import (  # noqa: F401 - two of them are fixtures
    ASYNC,
    ENV,
    FIRST,
    INI,
    LOGGING,
    UNDO_FIRST,
    AlembicProject,
    Tasks,
    small_fixture,
    tasks_fixture,
)
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address

ENVIRON = """\
import os
from alembic import context
from sqlalchemy import create_engine, make_url
url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2")
with create_engine(url).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
OWN_VARIABLES = """\
import os
from alembic import context
from sqlalchemy import URL, create_engine
url = URL.create(
    "postgresql+psycopg", os.environ["DB_USER"], os.environ["DB_PASSWORD"],
    database=os.environ["DB_NAME"],
    query={"host": os.environ["DB_HOST"], "port": os.environ["DB_PORT"]},
)
with create_engine(url).begin() as connection:
    context.configure(connection=connection)
    context.run_migrations()
"""
CONNECTION = """\
from alembic import context
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""
CONNECTION_OF_THE_CALLER = """\
from alembic import context
context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
"""
ENGINE = """\
from alembic import context
with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
CONNECTION_OR_OWN = ENV.replace(
    "with engine.connect() as connection:",
    "assert config.attributes.get('connection') is None\nwith engine.connect() as connection:",
)
LOGS = "from logging.config import fileConfig\n" + ENV.replace(
    "engine = ", "fileConfig(config.config_file_name)\nengine = "
)
COMMAND_LINE = ENV.replace(
    "engine = ", "assert config.cmd_opts.x is None\nassert not context.get_x_argument()\nengine = "
)


def variables(database: Address) -> dict[str, str]:
    return {
        "DB_USER": database.user,
        "DB_PASSWORD": database.password,
        "DB_NAME": database.database,
        "DB_HOST": database.host,
        "DB_PORT": str(database.port),
    }


@pytest.mark.parametrize(
    ("env", "driver"),
    [
        pytest.param(ENV, "psycopg2", id="the ini's URL"),
        pytest.param(ENVIRON, "psycopg2", id="DATABASE_URL"),
        pytest.param(OWN_VARIABLES, "psycopg", id="own variables"),
        pytest.param(CONNECTION, "psycopg2", id="a Connection"),
        pytest.param(
            CONNECTION_OF_THE_CALLER, "psycopg2", id="a Connection that the caller commits"
        ),
        pytest.param(ENGINE, "psycopg2", id="an Engine"),
        pytest.param(CONNECTION_OR_OWN, "psycopg2", id="a Connection or its own"),
        pytest.param(ASYNC, "asyncpg", id="async"),
        pytest.param(LOGS, "psycopg2", id="fileConfig"),
        pytest.param(COMMAND_LINE, "psycopg2", id="the command line's options"),
    ],
)
def test_env_py_of_every_kind_reaches_the_database(
    tasks: Tasks,
    small: AlembicProject,
    database: Address,
    connect: Callable[[Address], Any],
    *,
    env: str,
    driver: str,
) -> None:
    if env is ASYNC:
        pytest.importorskip("greenlet")  # SQLAlchemy 2.1 does not require it
    small.write("alembic.ini", INI + LOGGING)
    small.write("migrations/env.py", env)
    small.add("one", FIRST, UNDO_FIRST)
    report = tasks.run(small, database, env=variables(database))
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version, account")
        cursor.execute("SELECT version_num FROM alembic_version")
        stored = [row[0] for row in cursor.fetchall()]
    assert stored == ["one"]
    assert [(one.revision, one.direction) for one in report.applied] == [("one", "upgrade")]
    assert [(one.driver, one.database, one.heads) for one in report.contexts] == [
        (driver, database.database, ("one",))
    ]
    path = str(small.root / "migrations/env.py")
    assert (
        trouble(report, database=database.database, env_path=path, pending=["one"], stored=stored)
        is None
    )


def rows(connect: Callable[[Address], Any], database: Address, query: str) -> list[Any]:
    with connect(database).cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def test_version_table_and_its_schema_are_told(
    tasks: Tasks, small: AlembicProject, database: Address, connect: Callable[[Address], Any]
) -> None:
    connect(database).cursor().execute("CREATE SCHEMA meta")
    small.write(
        "migrations/env.py",
        ENV.replace(
            "connection=connection",
            "connection=connection, version_table='steps', version_table_schema='meta',"
            " transaction_per_migration=True",
        ),
    )
    small.add("one", FIRST, UNDO_FIRST)
    context = tasks.run(small, database).contexts[0]
    assert (context.version_table, context.version_table_schema) == ("steps", "meta")
    assert context.transaction_per_migration
    assert context.transactional_ddl
    assert rows(connect, database, "SELECT * FROM meta.steps") == [("one",)]


def test_several_version_tables_of_one_env_py_are_all_told(
    tasks: Tasks, small: AlembicProject, database: Address, connect: Callable[[Address], Any]
) -> None:
    small.write(
        "migrations/env.py",
        ENV.partition("with engine")[0]
        + """
with engine.connect() as connection:
    for name in ("north", "south"):
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {name}")
        connection.exec_driver_sql(f"SET search_path = {name}")
        connection.commit()
        context.configure(
            connection=connection, version_table=f"steps_of_{name}", version_table_schema=name
        )
        with context.begin_transaction():
            context.run_migrations()
""",
    )
    small.add("one", FIRST, UNDO_FIRST)
    report = tasks.run(small, database)
    assert [(one.version_table, one.heads) for one in report.contexts] == [
        ("steps_of_north", ("one",)),
        ("steps_of_south", ("one",)),
    ]
    assert report.heads == ("one",)
    assert rows(connect, database, "SELECT * FROM north.account, south.account") == []
    tasks.run(small, database, "base", action="downgrade")
    report = tasks.walk(small, database, ("up", "one"), ("down", "one"), ("up", "one"))
    directions = ["upgrade", "downgrade", "upgrade"] * 2
    assert [one.direction for one in report.applied] == directions


def test_downgrade_stamp_and_several_targets(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.add("one", FIRST, UNDO_FIRST)
    small.add("two", "op.execute('CREATE TABLE t ()')", "op.execute('DROP TABLE t')", after="one")
    small.add("far", "pass", branch_labels="off")
    report = tasks.run(small, database, "one", "two", "off@head")
    assert [one.revision for one in report.applied] == ["one", "two", "far"]
    assert report.heads == ("far", "two")
    report = tasks.run(small, database, "one", action="downgrade")
    assert [(one.revision, one.direction) for one in report.applied] == [("two", "downgrade")]
    assert report.heads == ("far", "one")
    report = tasks.run(small, database, "two", action="stamp")
    assert (report.applied, report.heads) == ((), ("far", "two"))
    assert tasks.run(small, database).applied == ()
    assert through_json(report) == report


def test_revert_takes_back_that_revision_and_no_other(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.add("one", FIRST, UNDO_FIRST)
    small.add("two")
    small.add("merge", after=("one", "two"))
    tasks.run(small, database)
    with pytest.raises(ProjectError) as failure:
        tasks.run(small, database, "one", action="revert")
    assert str(failure.value) == (
        "alembic revert one: one is not the last revision that was applied\n"
        "  next: the version table holds merge; the files' heads are merge"
    )
    assert tasks.run(small, database, "merge", action="revert").heads == ("one", "two")
    report = tasks.run(small, database, "one", action="revert")
    assert [(one.revision, one.direction) for one in report.applied] == [("one", "downgrade")]
    assert report.heads == ("two",)


BROKEN = """
x = 1
def step():
    op.execute("INSERT INTO account VALUES (1), (1)")
step()
"""
DIVIDED = "\n\nreturn 1 / 0"


@pytest.mark.parametrize("env", [ENV, OWN_VARIABLES, ASYNC])
def test_error_of_postgresql_is_told_with_the_line_inside_the_revision(
    tasks: Tasks, small: AlembicProject, database: Address, env: str
) -> None:
    if env is ASYNC:
        pytest.importorskip("greenlet")
    small.write("migrations/env.py", env)
    small.add("one", FIRST, UNDO_FIRST)
    path = small.add("two", BROKEN, after="one")
    report = tasks.run(small, database, env=variables(database))
    assert report.error == Failure(
        revision="two",
        path=str(path),
        line=10,
        kind="database",
        sqlstate="23505",
        message='duplicate key value violates unique constraint "account_pkey"',
        detail="Key (id)=(1) already exists.",
        statement="INSERT INTO account VALUES (1), (1)",
    )
    assert [one.revision for one in report.applied] == ["one"]
    assert report.heads is None
    assert through_json(report) == report


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (DIVIDED, "ZeroDivisionError: division by zero"),
        ("import sys\n\nsys.exit('enough')", "SystemExit: enough"),
    ],
)
def test_error_of_python_is_told_with_the_line_inside_the_revision(
    tasks: Tasks, small: AlembicProject, database: Address, body: str, message: str
) -> None:
    path = small.add("one", body)
    report = tasks.run(small, database)
    assert report.error == Failure(
        revision="one", path=str(path), line=9, kind="python", message=message
    )


def test_error_at_the_commit_or_in_the_version_table_is_the_last_revisions(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.add(
        "one",
        "op.execute('CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES a"
        " DEFERRABLE INITIALLY DEFERRED)')\nop.execute('INSERT INTO a VALUES (1, 2)')",
    )
    report = tasks.run(small, database)
    assert report.applied == ()
    assert report.error is not None
    assert (report.error.revision, report.error.line, report.error.sqlstate) == ("one", 6, "23503")
    small.add("one", "pass")
    small.add("x" * 33, "pass", after="one")
    report = tasks.run(small, database)
    assert report.error is not None
    assert (report.error.revision, report.error.sqlstate) == ("x" * 33, "22001")
    assert report.error.message == "value too long for type character varying(32)"


def test_error_that_env_py_swallows_is_told_all_the_same(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.write(
        "migrations/env.py",
        ENV.replace(
            "        context.run_migrations()",
            "        try:\n            context.run_migrations()\n        except Exception: pass",
        ),
    )
    small.add("one", DIVIDED)
    error = tasks.run(small, database).error
    assert error is not None
    assert error.message == "ZeroDivisionError: division by zero"


def test_passwords_are_in_no_report(
    tasks: Tasks, small: AlembicProject, database: Address, connect: Callable[[Address], Any]
) -> None:
    small.add("one", FIRST)
    role = f"secret_{database.database}"
    connect(database).cursor().execute(
        f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'a-long-secret%password'"
    )
    secret = database.logged_in_as(role, "a-long-secret%password")
    text = dumps(tasks.run(small, secret))
    assert database.host in text
    assert "a-long-secret" not in text
