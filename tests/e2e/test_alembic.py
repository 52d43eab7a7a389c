"""A project that migrates with Alembic, checked as its user would run it."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import CHECKS, MODELS, processes, text_of, wait_until

if TYPE_CHECKING:
    from tests.e2e.conftest import Project
    from tests.e2e.there import There

ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

from app.models import Base

with engine_from_config(
    context.config.get_section(context.config.config_ini_section),
    prefix="sqlalchemy.",
    poolclass=pool.NullPool,
).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""

INIT = """\
import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    op.create_table(
        "user",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String, nullable=False, unique=True),
    )


def downgrade():
    op.drop_table("user")
"""

MORE = """\
import sqlalchemy as sa
from alembic import op

revision = "b2"
down_revision = "a1"


def upgrade():
    op.add_column(
        "user", sa.Column("max_reports", sa.Integer, nullable=False, server_default="5")
    )


def downgrade():
    op.drop_column("user", "max_reports")
"""

FIRST, SECOND = "alembic/versions/a1_init.py", "alembic/versions/b2_more.py"


@pytest.fixture
def alembic(project: Project) -> Project:
    for file in (project.root / "migrations").iterdir():
        file.unlink()
    project.write("pyproject.toml", f'[tool.schema-guard]\nmigrations = "alembic.ini"\n{CHECKS}')
    project.write(
        "alembic.ini",
        "[alembic]\nscript_location = alembic\nsqlalchemy.url = driver://user:pass@localhost/db\n",
    )
    project.write("alembic/env.py", ENV)
    project.write("app/models.py", MODELS)
    project.write(FIRST, INIT)
    project.write(SECOND, MORE)
    return project


def checks(project: Project, *arguments: str) -> tuple[dict[str, Any], str]:
    """The checks of one run by their nodeids, without the configuration's name; and its text."""
    result = project.guard("--schema-guard-json=report.json", *arguments)
    report = json.loads((project.root / "report.json").read_text())
    named = {one["nodeid"].removeprefix("pyproject.toml::"): one for one in report["checks"]}
    return named, text_of(result)


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {name: one["outcome"] for name, one in found.items()}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_the_newest_revision_is_judged_and_env_py_s_metadata_are_the_models(
    alembic: Project, workers: tuple[str, ...]
) -> None:
    found, text = checks(alembic, *workers)
    assert outcomes(found) == {
        f"{SECOND}::applies": "passed",
        f"{SECOND}::idempotent": "passed",
        f"{SECOND}::reversible": "passed",
        "single-head": "passed",
        "drift": "passed",
        "queries": "passed",
        "login": "skipped",
    }, text
    assert found[f"{SECOND}::idempotent"]["reason"].startswith(
        "alembic upgrade heads again: 0 statements"
    )
    assert found[f"{SECOND}::applies"]["reason"] == "1 statements"


def test_a_revision_can_be_run_again_by_its_nodeid(alembic: Project) -> None:
    alembic.guard(f"pyproject.toml::{SECOND}::applies").assert_outcomes(passed=1)
    alembic.guard(f"pyproject.toml::{SECOND}").assert_outcomes(passed=3)


def test_what_postgresql_refuses_is_told_at_its_line(alembic: Project) -> None:
    alembic.write(SECOND, MORE.replace('"user", sa.Column', '"users", sa.Column'))
    found, text = checks(alembic)
    (finding,) = found[f"{SECOND}::applies"]["findings"]
    assert finding["code"] == "applies.error"
    assert finding["actual"] == "42P01"
    assert (finding["path"], finding["line"]) == (SECOND, 9)
    assert f'{SECOND}:9: relation "users" does not exist (SQLSTATE 42P01)' in text
    assert "ALTER TABLE users ADD COLUMN max_reports INTEGER DEFAULT" in text
    assert found["drift"]["outcome"] == "unproven"


def test_what_python_raises_in_a_revision_is_told_at_its_line(alembic: Project) -> None:
    alembic.write(SECOND, MORE.replace("    op.add_column(", "    {}['rows']\n    op.add_column("))
    found, text = checks(alembic, "-k", "applies")
    (finding,) = found[f"{SECOND}::applies"]["findings"]
    assert (finding["line"], finding["actual"]) == (9, None)
    assert f"{SECOND}:9: KeyError: 'rows'" in text


def test_a_broken_revision_before_the_judged_one_is_named(alembic: Project) -> None:
    alembic.write(
        FIRST, INIT.replace("op.create_table(", "op.drop_column('x', 'y')\n    op.create_table(")
    )
    found, text = checks(alembic, "-k", "applies")
    assert found[f"{SECOND}::applies"]["outcome"] == "unproven"
    assert f"{FIRST}:9: {FIRST}: a migration that is not judged did not apply" in text


def test_two_heads_fail_single_head_alone(alembic: Project) -> None:
    third = MORE.replace('"b2"', '"c3"').replace("max_reports", "max_templates")
    alembic.write("alembic/versions/c3_other.py", third)
    alembic.write("app/models.py", MODELS + "    max_templates: Mapped[int]\n")
    found, text = checks(alembic)
    assert {name for name, one in found.items() if one["outcome"] == "failed"} == {"single-head"}
    assert "the history has 2 heads: " in text
    assert "b2 (alembic/versions/b2_more.py)" in text
    assert "c3 (alembic/versions/c3_other.py)" in text
    alembic.write(
        "pyproject.toml",
        '[tool.schema-guard]\nmigrations = { alembic = "alembic.ini", target = "heads" }\n',
    )
    found, text = checks(alembic, "-k", "single-head or drift")
    assert outcomes(found) == {"single-head": "passed", "drift": "passed"}, text


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        (SECOND, MORE.replace('"a1"', '"a0"'), ("a0", SECOND)),
        (FIRST, INIT.replace("None", '"b2"'), ("cycle", "a1", "b2")),
        (SECOND, MORE.replace('"b2"', '"a1"').replace('= "a1"\n\n', "= None\n\n"), ("a1", SECOND)),
        ("alembic.ini", "[alembic]\n", ("script_location",)),
        ("alembic.ini", "[other]\nscript_location = alembic\n", ("alembic", "other")),
    ],
    ids=["missing revision", "cycle", "twice", "no script_location", "no section"],
)
def test_a_history_that_is_none_is_a_usage_error(
    alembic: Project, file: str, text: str, words: tuple[str, ...]
) -> None:
    alembic.write(file, text)
    result = alembic.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = text_of(result)
    assert [word for word in words if word not in told] == [], told
    assert "Traceback" not in told


def test_no_revision_is_a_usage_error(alembic: Project) -> None:
    for file in (FIRST, SECOND):
        (alembic.root / file).unlink()
    result = alembic.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no head" in text_of(result)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (
            ENV.replace(
                "engine_from_config(",
                "create_engine('sqlite://').connect() if True else engine_from_config(",
            ).replace("import engine_from_config", "import create_engine, engine_from_config"),
            "alembic/env.py: env.py: it connected to the sqlite database",
        ),
        ("import app.models\n", "alembic/env.py: env.py: it ran no migrations"),
        (
            ENV.replace("        context.run_migrations()", "        pass"),
            "alembic/env.py: env.py: it ran no migrations",
        ),
        (
            ENV.replace("with context.begin_transaction():", "connection.begin()\n    if True:"),
            "alembic/env.py",
        ),
        ("raise RuntimeError('no settings')\n" + ENV, "alembic/env.py:1: "),
    ],
    ids=["elsewhere", "nothing", "configures only", "does not commit", "fails"],
)
def test_an_env_py_that_says_nothing_of_the_guard_s_database_proves_nothing(
    alembic: Project, env: str, words: str
) -> None:
    alembic.write("alembic/env.py", env)
    found, text = checks(alembic, "-k", "applies")
    assert outcomes(found) == {f"{SECOND}::applies": "unproven"}
    assert words in text


PRODUCTION = """\
CREATE TABLE "user" (id serial PRIMARY KEY, email varchar NOT NULL UNIQUE);
CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
"""


def test_a_baseline_s_schema_needs_to_know_which_revision_it_contains(alembic: Project) -> None:
    alembic.write("production.sql", PRODUCTION)
    alembic.append("pyproject.toml", 'baseline = "production.sql"\n')
    found, text = checks(alembic, "-k", "applies")
    assert outcomes(found) == {f"{FIRST}::applies": "failed", f"{SECOND}::applies": "unproven"}
    assert 'relation "user" already exists (SQLSTATE 42P07)' in text
    assert (
        "fix: the baseline's schema has it already: name the last migration that it contains, "
        'baseline = { schema = "production.sql", at = "..." }'
    ) in text


@pytest.mark.parametrize("schema", ["", 'schema = "production.sql", '])
def test_a_baseline_at_a_revision_leaves_those_after_it_pending(
    alembic: Project, schema: str
) -> None:
    alembic.write("production.sql", PRODUCTION)
    alembic.append("pyproject.toml", f'baseline = {{ {schema}at = "a1" }}\nseed = "rows.sql"\n')
    alembic.append("pyproject.toml", '[tool.schema-guard.login]\nmodel = "User"\nby = "email"\n')
    found, text = checks(alembic)
    assert set(outcomes(found).values()) == {"passed"}, text
    assert f"{SECOND}::applies" in found
    assert f"{FIRST}::applies" not in found
    assert "judged: alembic/versions/b2_more.py (after the baseline at a1)" in text


def test_a_downgrade_that_leaves_a_trace_fails_reversible(alembic: Project) -> None:
    alembic.append("pyproject.toml", "baseline = { at = 'a1' }\n")
    alembic.write(
        SECOND, MORE.replace('op.drop_column("user", "max_reports")', 'op.execute("SELECT 1")')
    )
    found, text = checks(alembic, "-k", "reversible")
    check = found[f"{SECOND}::reversible"]
    assert check["outcome"] == "failed"
    assert next((one["code"], one["subject"]) for one in check["findings"]) == (
        "reversible.left",
        "public.user.max_reports",
    )
    assert f"{SECOND} does not restore it (extra-column): nothing before, " in text


def test_rows_that_a_downgrade_loses_fail_reversible(alembic: Project) -> None:
    alembic.append("pyproject.toml", "baseline = { at = 'a1' }\nseed = 'rows.sql'\n")
    alembic.write(
        SECOND,
        MORE.replace(
            'op.drop_column("user", "max_reports")',
            'op.drop_column("user", "max_reports")\n    op.execute(\'DELETE FROM "user"\')',
        ),
    )
    found, text = checks(alembic, "-k", "reversible")
    assert [one["code"] for one in found[f"{SECOND}::reversible"]["findings"]] == [
        "reversible.rows"
    ]
    assert "public.user: up and down change rows: 2 before, 0 after" in text


def test_a_downgrade_that_fails_is_told_at_its_line(alembic: Project) -> None:
    alembic.write(SECOND, MORE.replace('op.drop_column("user",', 'op.drop_column("users",'))
    found, text = checks(alembic, "-k", "reversible")
    (finding,) = found[f"{SECOND}::reversible"]["findings"]
    assert finding["code"] == "reversible.down-fails"
    assert f'{SECOND}:15: the downgrade fails: relation "users" does not exist' in text


def test_without_a_downgrade_reversible_is_skipped(alembic: Project) -> None:
    alembic.write(SECOND, MORE.replace('op.drop_column("user", "max_reports")', "pass"))
    found, _ = checks(alembic, "-k", "reversible")
    assert outcomes(found) == {f"{SECOND}::reversible": "skipped"}


def test_a_revision_that_alembic_would_not_run_twice_is_not_run_twice(alembic: Project) -> None:
    """The second run is the tool's: it is told as such, and proves no more."""
    found, _ = checks(alembic, "-k", "idempotent")
    assert found[f"{SECOND}::idempotent"]["reason"].startswith("alembic upgrade heads again: 0")


def test_a_statement_that_takes_too_long_is_ended_and_told_with_the_next_step(
    alembic: Project,
) -> None:
    alembic.append("pyproject.toml", "statement-timeout-s = 0.5\n")
    slow = "op.execute('SELECT pg_sleep(30)')\n    op.add_column("
    alembic.write(SECOND, MORE.replace("op.add_column(", slow))
    found, text = checks(alembic, "-k", "applies")
    (finding,) = found[f"{SECOND}::applies"]["findings"]
    assert (finding["code"], finding["line"]) == ("applies.timeout", 9)
    assert "fix: raise `statement-timeout-s`, or mend the statement if it never ends" in text


BRANCH = """\
import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = "a1"


def upgrade():
    op.create_table("team", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("team")
"""
MERGE = """\
from alembic import op

revision = "d4"
down_revision = ("b2", "c3")


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("ix_team", "team", ["id"], postgresql_concurrently=True)


def downgrade():
    op.drop_index("ix_team")
"""


@pytest.mark.parametrize(
    ("at", "judged"),
    [
        ("a1", {"b2_more", "c3_branch", "d4_merge"}),
        ("b2", {"c3_branch", "d4_merge"}),
        ("c3", {"b2_more", "d4_merge"}),
    ],
)
def test_branches_that_meet_are_run_and_taken_back_one_by_one(
    alembic: Project, at: str, judged: set[str]
) -> None:
    alembic.write("alembic/versions/c3_branch.py", BRANCH)
    alembic.write("alembic/versions/d4_merge.py", MERGE)
    alembic.append("pyproject.toml", f'baseline = {{ at = "{at}" }}\nexclude = "public.team"\n')
    found, text = checks(alembic)
    assert {name.split("::")[0].split("/")[-1][:-3] for name in found if "/" in name} == judged
    assert set(outcomes(found).values()) == {"passed", "skipped"}, text


def test_a_migration_that_is_killed_leaves_nothing_that_runs(alembic: Project) -> None:
    slow = (
        "import subprocess\n"
        "    subprocess.Popen(['sleep', '4321'])\n"
        "    op.execute('SELECT pg_sleep(60)')\n"
        "    op.add_column("
    )
    alembic.write(SECOND, MORE.replace("op.add_column(", slow))
    run = alembic.start("-k", "applies")
    try:
        wait_until(lambda: processes("sleep 4321"), "the migration never ran")
        run.kill()
        wait_until(lambda: not processes("sleep 4321"), "what it started still runs", seconds=5)
    finally:
        run.kill()
        run.communicate()


@pytest.mark.parametrize("attributes", ["SUPERUSER", "CREATEDB CREATEROLE"])
def test_on_a_server_of_the_users_it_runs_and_leaves_nothing(
    alembic: Project, there: There, attributes: str
) -> None:
    result = alembic.guard(f"--schema-guard-url={there.url(attributes)}")
    result.assert_outcomes(passed=6, skipped=1)


def test_a_version_table_in_a_schema_that_prepare_makes_is_the_migrations_own(
    alembic: Project,
) -> None:
    alembic.append("pyproject.toml", 'prepare = "CREATE SCHEMA ops"\n')
    alembic.write(
        "alembic/env.py",
        ENV.replace(
            "target_metadata=Base.metadata",
            'target_metadata=Base.metadata, version_table="done", version_table_schema="ops"',
        ),
    )
    found, text = checks(alembic)
    assert set(outcomes(found).values()) == {"passed", "skipped"}, text
    assert found["drift"]["findings"] == []


def test_a_database_that_env_py_falls_back_to_stays_as_it_is(alembic: Project) -> None:
    fallback = "create_engine('sqlite:///precious.db').connect() if True else engine_from_config("
    alembic.write(
        "alembic/env.py",
        ENV.replace("engine_from_config(", fallback).replace(
            "import engine_from_config", "import create_engine, engine_from_config"
        ),
    )
    with sqlite3.connect(alembic.root / "precious.db") as precious:
        precious.execute("CREATE TABLE kept (id integer)")
    found, text = checks(alembic)
    assert "it connected to the sqlite database precious.db, not to the guard's" in text
    assert found[f"{SECOND}::applies"]["outcome"] == "unproven"
    with sqlite3.connect(alembic.root / "precious.db") as precious:
        tables = precious.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("kept",)]
