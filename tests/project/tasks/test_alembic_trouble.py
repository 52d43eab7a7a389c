"""env.py files that fail, connect elsewhere, ignore the URL, or change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.revisions import (
    Applied,
    Context,
    Failure,
    RunReport,
    trouble,
)
from tests.project.tasks.alembic_project import (  # noqa: F401 - two of them are fixtures
    ENV,
    FIRST,
    INI,
    AlembicProject,
    Tasks,
    make,
    small_fixture,
    tasks_fixture,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address

TAIL = """
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
HEAD = (
    "from alembic import context\nfrom sqlalchemy import create_engine\nconfig = context.config\n"
)


def words(
    tasks: Tasks, small: AlembicProject, database: Address, env: str, **variables: str
) -> str:
    small.write("migrations/env.py", env)
    small.add("one", FIRST)
    return tasks.failing(small, database, **variables).replace(str(small.root), "ROOT")


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            "import os\nos.environ['PRODUCTION_URL']\n",
            (
                (
                    "migrations/env.py:2: migrations alembic.ini: env.py failed: KeyError:"
                    " 'PRODUCTION_URL'\n"
                ),
                "  next: if 'PRODUCTION_URL' is an environment variable, set it in `env`",
            ),
        ),
        (
            "import nothing_like_it\n",
            (
                (
                    "migrations/env.py:1: migrations alembic.ini: env.py failed:"
                    " ModuleNotFoundError: No module named 'nothing_like_it'\n"
                ),
                "  next: install 'nothing_like_it' where pytest runs, or mend the import",
            ),
        ),
        (
            HEAD + "with config.attributes['tenant'].connect() as connection:" + TAIL,
            (
                (
                    "migrations/env.py:4: migrations alembic.ini: env.py needs"
                    " config.attributes['tenant']\n"
                ),
                (
                    "  next: name a function that returns a Config with these attributes set:"
                    ' migrations = { alembic = "module:function" }'
                ),
            ),
        ),
        (
            HEAD + "with config.attributes.get('connection').connect() as connection:" + TAIL,
            (
                (
                    "migrations/env.py:4: migrations alembic.ini: env.py failed: AttributeError:"
                    " 'NoneType' object has no attribute 'connect'"
                    " (config.attributes.get('connection') is None here)\n"
                ),
                (
                    "  next: name a function that returns a Config with these attributes set:"
                    ' migrations = { alembic = "module:function" }'
                ),
            ),
        ),
        (
            HEAD
            + "url = 'postgresql+psycopg2://a:b@/x?host=/nowhere'\n"
            + "with create_engine(url).connect() as connection:"
            + TAIL,
            (
                (
                    "migrations/env.py:5: migrations alembic.ini: env.py failed:"
                    " sqlalchemy.exc.OperationalError:"
                ),
                (
                    "  next: name the variable that env.py reads in `env`, such as"
                    ' env = { DATABASE_URL = "{url}" };'
                    " only the guard's own database can be reached"
                ),
            ),
        ),
        (
            "from flask import current_app\ncurrent_app.config\n",
            (
                (
                    "migrations/env.py:2: migrations alembic.ini: env.py failed: RuntimeError:"
                    " Working outside of application context.\n"
                ),
                (
                    "  next: name a function in `setup` that pushes the application's context:"
                    " create_app().app_context().push()"
                ),
            ),
        ),
        (
            "import sys\nsys.exit('not now')\n",
            (
                (
                    "migrations/env.py:2: migrations alembic.ini: env.py failed: it called"
                    " sys.exit('not now')\n"
                ),
                "  next: let it return: what the guard imports and calls must not end the process",
            ),
        ),
    ],
)
def test_env_py_that_fails_is_told_with_its_line_and_a_step(
    tasks: Tasks,
    small: AlembicProject,
    database: Address,
    env: str,
    message: tuple[str, str],
) -> None:
    told = words(tasks, small, database, env)
    assert told.startswith(message[0])
    assert told.endswith(message[1])


def test_version_table_with_a_revision_that_no_file_has_is_told(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.add("one", FIRST)
    small.add("two", after="one")
    tasks.run(small, database)
    (small.root / "migrations/versions/two.py").unlink()
    assert tasks.failing(small, database) == (
        "version table alembic_version: it holds two, which no file has\n"
        "  next: restore the revision's file, or take a baseline that these files made"
    )


def test_target_that_no_file_has_is_told(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    small.add("one", FIRST)
    with pytest.raises(ProjectError) as failure:
        tasks.run(small, database, "oen")
    assert str(failure.value) == (
        "alembic upgrade oen: Can't locate revision identified by 'oen'\n"
        "  next: the version table holds nothing; the files' heads are one"
    )


def judged(
    tasks: Tasks,
    small: AlembicProject,
    database: Address,
    env: str,
    stored: tuple[str, ...] | None = None,
) -> str:
    small.write("migrations/env.py", env)
    small.add("one", FIRST)
    found = trouble(
        tasks.run(small, database),
        database=database.database,
        env_path="migrations/env.py",
        pending=["one"],
        stored=stored,
    )
    return str(found).replace(database.database, "DATABASE").replace(database.host, "HOST")


def test_env_py_that_runs_nothing_is_told(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    assert judged(tasks, small, database, HEAD) == (
        "migrations/env.py: env.py: it ran no migrations\n"
        "  next: it must call context.run_migrations() when context.is_offline_mode() is false"
    )


def test_env_py_that_ignores_the_url_is_told_where_it_went(
    tasks: Tasks, small: AlembicProject, database: Address
) -> None:
    step = (
        "\n  next: name the variable that it reads in `env`, such as"
        ' env = { DATABASE_URL = "{url}" }, or take sqlalchemy.url from its config'
    )
    sqlite = HEAD + "with create_engine('sqlite:///x.db').connect() as connection:" + TAIL
    small.add("one", "pass")
    assert judged(tasks, small, database, sqlite) == (
        "migrations/env.py: env.py: it connected to the sqlite database x.db, not to the guard's,"
        " DATABASE" + step
    )
    other = database.at("postgres").url("psycopg2")
    env = HEAD + f"with create_engine({other!r}).connect() as connection:" + TAIL
    env = env.replace("connection)", "connection, version_table_schema='pg_temp')")
    assert judged(tasks, small, database, env) == (
        "migrations/env.py: env.py: it connected to the postgresql database postgres at HOST,"
        " not to the guard's, DATABASE" + step
    )


def test_env_py_that_does_not_commit_is_told(
    tasks: Tasks, small: AlembicProject, database: Address, connect: Callable[[Address], Any]
) -> None:
    env = ENV.replace("with context.begin_transaction():", "if True:")
    assert judged(tasks, small, database, env, stored=()) == (
        "migrations/env.py: env.py: what it ran was not committed: alembic_version holds nothing,"
        " not one\n"
        "  next: call context.run_migrations() within `with context.begin_transaction():`"
    )
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT to_regclass('account')")
        assert cursor.fetchone() == (None,)


def test_env_py_that_leaves_revisions_out_is_told() -> None:
    assert str(trouble(report(), database="app", env_path="env.py", pending=["one", "two"])) == (
        "env.py: env.py: the run ended without an error and left out two\n"
        "  next: it must let the exceptions of a migration out, and run all of them"
    )


def test_run_on_the_right_database_is_no_trouble() -> None:
    assert trouble(report(), database="app", env_path="env.py", stored=["one"]) is None
    elsewhere = Context(**{**vars(report().contexts[0]), "dialect": "sqlite", "database": "x"})
    both = RunReport(applied=report().applied, error=None, contexts=(elsewhere, *report().contexts))
    assert trouble(both, database="app", env_path="env.py") is None
    failure = Failure(revision="one", path="p", line=1, kind="python", message="m")
    failed = RunReport(applied=(), error=failure, contexts=())
    assert trouble(failed, database="app", env_path="env.py") is None


def report() -> RunReport:
    return RunReport(
        applied=(Applied(revision="one", direction="upgrade", seconds=0.1),),
        error=None,
        contexts=(
            Context(
                dialect="postgresql",
                driver="psycopg2",
                database="app",
                host="h",
                version_table="alembic_version",
                version_table_schema=None,
                transactional_ddl=True,
                transaction_per_migration=False,
                heads=("one",),
            ),
        ),
    )


FLASK = """
from flask import Flask
import os

def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    return app

def config():
    from alembic.config import Config
    create_app().app_context().push()
    made = Config(os.path.abspath("migrations/alembic.ini"))
    made.set_main_option("script_location", "migrations")
    return made

def set_up(url, folder):
    create_app().app_context().push()
"""
FLASK_ENV = """
from alembic import context
from flask import current_app
from sqlalchemy import create_engine, make_url
url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"]).set(drivername="postgresql+psycopg2")
context.config.set_main_option("sqlalchemy.url", str(url).replace("%", "%%"))
with create_engine(url).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_flask_migrates_layout_runs_through_a_function(
    tasks: Tasks, tmp_path: Path, database: Address
) -> None:
    small = make(tmp_path, ini=None, env=FLASK_ENV, function="web:config")
    small.write("migrations/alembic.ini", INI.replace("script_location", "# script_location"))
    small.write("web.py", FLASK)
    small.add("one", FIRST)
    report = tasks.run(small, database)
    assert (report.heads, report.contexts[0].database) == (("one",), database.database)
