"""With `since`: a migration that the merge base has, and the branch edits, renames or deletes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import MODELS, text_of
from tests.e2e.test_alembic import ENV, INIT, MORE
from tests.e2e.test_since import git

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

RUNNER = Path(__file__).parents[1] / "migrations" / "examples" / "runner"
TABLE = '[tool.schema-guard]\nmodels = "app.models:Base"\nmigrations = {}\nsince = "main"\n{}'
CHECKS = 'checks = ["history", "applies"]\n'
USER = 'CREATE TABLE "user" (id serial PRIMARY KEY, email text);\n'
FIRST, SECOND, THIRD = (f"migrations/{name}.sql" for name in ("0001_user", "0002_log", "0003_rows"))


def begin(project: Project) -> Project:
    """What is there is main's, and a branch begins."""
    (project.root / ".git").rmdir()
    project.write(".gitignore", "__pycache__\nreport.json\n")
    git(project, "init", "--initial-branch=main")
    git(project, "add", ".")
    git(project, "commit", "-m", "begin")
    git(project, "switch", "-c", "branch")
    return project


@pytest.fixture
def sql(project: Project) -> Project:
    shutil.rmtree(project.root / "migrations")
    project.write("pyproject.toml", TABLE.format('"migrations"', CHECKS))
    project.write(FIRST, USER)
    project.write(SECOND, "CREATE TABLE log (id integer, at date);\n")
    project.write(THIRD, "-- rows\nINSERT INTO \"user\" (email) VALUES ('ada@example.com');\n")
    return begin(project)


def found(project: Project, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """The findings of one run, each with the check and the outcome that it is told in."""
    result = project.guard("--schema-guard-json=report.json", *arguments)
    report = json.loads((project.root / "report.json").read_text())
    told = [
        {**one, "check": check["check"], "outcome": check["outcome"]}
        for check in report["checks"]
        for one in check["findings"]
    ]
    return told, text_of(result)


def of(told: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    keys = ("outcome", "code", "severity", "subject")
    return sorted(tuple(one[key] for key in keys) for one in told)


def test_what_nobody_touched_passes(sql: Project) -> None:
    sql.write("migrations/0004_more.sql", "CREATE TABLE more ();")
    told, text = found(sql, "-v")
    assert told == [], text
    assert "pyproject.toml::history PASSED" in text


def test_an_edited_file_fails_with_what_differs_and_the_repository_stays_as_it_is(
    sql: Project,
) -> None:
    sql.write(FIRST, 'CREATE TABLE "user" (id bigserial PRIMARY KEY, plan text);\n')
    sql.write(THIRD, "SELECT 1;\n")
    before = of_git(sql)
    told, text = found(sql)
    assert of_git(sql) == before
    assert of(told) == [
        ("failed", "applies.edited-released", "error", FIRST),
        ("failed", "applies.edited-released", "error", THIRD),
        ("failed", "applies.nothing-done", "warning", THIRD),
    ]
    assert (
        f"{FIRST}: was changed after main: databases that ran it will not run it again\n"
        "  public.user.email: only in databases that ran main's version\n"
        "  public.user.id (type): integer in databases that ran main's version, bigint in others\n"
        "  public.user.plan: missing in databases that ran main's version\n"
        "  public.user_id_seq (sequence): AS integer START WITH 1 INCREMENT BY 1 MINVALUE 1 "
        "MAXVALUE 2147483647 CACHE 1 NO CYCLE in databases that ran main's version, AS bigint "
        "START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 NO CYCLE in "
        "others\n"
        "  fix: put the change into a migration of its own, and restore this file\n"
    ) in text
    # What follows from the one before it is told there.
    assert (
        f"{THIRD}: was changed after main: databases that ran it will not run it again\n"
        "  what it makes in the catalog is what main's version made; what it does to rows may "
        "differ; fix: put the change"
    ) in text


def of_git(project: Project) -> dict[str, tuple[int, bytes]]:
    files = (one for one in (project.root / ".git").rglob("*") if one.is_file())
    return {str(one): (one.stat().st_mtime_ns, one.read_bytes()) for one in files}


def test_rows_alone_are_told_as_what_no_catalog_shows(sql: Project) -> None:
    sql.write(THIRD, "INSERT INTO \"user\" (email) VALUES ('bob@example.com');\n")
    told, _ = found(sql)
    (one,) = told
    assert one["message"] == (
        "was changed after main: databases that ran it will not run it again\n"
        "what it makes in the catalog is what main's version made; what it does to rows may differ"
    )


def test_an_edited_file_that_fails_is_told_as_edited_too(sql: Project) -> None:
    sql.write(FIRST, "SELECT 1/0;\n")
    sql.write(SECOND, "SELECT 1;\n")
    told, _ = found(sql)
    edited = {one["subject"]: one["message"] for one in told if "edited" in one["code"]}
    assert edited[FIRST].startswith(
        "was changed after main: databases that ran it will not run it again\n"
        "what differs in the catalog is not known: it: does not apply: division by zero"
    )
    # Nothing could be looked at behind it; that it was edited is known all the same.
    assert edited[SECOND].startswith("was changed after main: databases that ran it will not run")


def test_a_version_of_main_that_no_longer_runs_is_told(sql: Project) -> None:
    git(sql, "switch", "main")
    sql.write(SECOND, "CREATE TABLE log (id integer, at gone);\n")
    git(sql, "commit", "-am", "broken")
    git(sql, "switch", "--force-create", "branch")
    sql.write(SECOND, "CREATE TABLE log (id integer, at date);\n")
    told, _ = found(sql)
    (one,) = told
    assert one["message"].startswith(
        "was changed after main: databases that ran it will not run it again\n"
        'what differs in the catalog is not known: it: does not apply: type "gone" does not exist '
        "(SQLSTATE 42704)"
    )


def test_deleted_renamed_and_comments(sql: Project) -> None:
    (sql.root / SECOND).unlink()
    git(sql, "mv", THIRD, "migrations/0004_rows.sql")
    sql.append(FIRST, "-- more words\n")
    told, text = found(sql)
    assert of(told) == [
        ("failed", "history.comments", "info", FIRST),
        ("failed", "history.deleted", "error", SECOND),
        ("failed", "history.renamed", "warning", "migrations/0004_rows.sql"),
    ]
    assert (
        f"{SECOND}: was deleted after main: databases that ran it keep what it did, new ones never "
        "get it\n"
        "  public.log: only in databases that ran it; fix: restore the file, and take back what it "
        "did in a migration of its own\n"
        f"warning: migrations/0004_rows.sql: was renamed after main, where it is {THIRD}\n"
        "  a tool that knows migrations by their files runs it again where it ran as that, or "
        "stops; fix: give it its name back\n"
        f"info: {FIRST}: only its comments or its layout were changed after main: it does what it "
        "did\n"
    ) in text


def test_deleting_all_is_told(sql: Project) -> None:
    # With a schema of production, a folder of no migration is one whose work is all done.
    sql.append("pyproject.toml", 'baseline = "production.sql"\n')
    sql.write("production.sql", "CREATE TABLE kept ();\n")
    sql.write("migrations/.gitkeep", "")
    for name in (FIRST, SECOND, THIRD):
        (sql.root / name).unlink()
    told, text = found(sql)
    assert [one[1:] for one in of(told)] == [
        ("history.deleted", "error", name) for name in (FIRST, SECOND, THIRD)
    ], text


def test_comments_and_names_alone_fail_nothing(sql: Project) -> None:
    git(sql, "mv", THIRD, "migrations/0004_rows.sql")
    sql.append(FIRST, "-- more words\n")
    told, text = found(sql)
    assert of(told) == [
        ("passed", "history.comments", "info", FIRST),
        ("passed", "history.renamed", "warning", "migrations/0004_rows.sql"),
    ], text
    assert "was renamed after main" in text  # a warning does not pass unseen


def test_many_in_one_are_told_as_the_same_catalog(sql: Project) -> None:
    first, second = (sql.root / one for one in (FIRST, SECOND))
    sql.write("migrations/0000_all.sql", first.read_text() + second.read_text())
    first.unlink()
    second.unlink()
    told, _ = found(sql)
    words = (
        "was deleted after main: databases that ran it keep what it did, new ones never get it\n"
        "the branch's migrations make all that it made; what they do to rows may differ"
    )
    assert [one["message"] for one in told] == [words, words]


def test_without_applies_history_tells_what_was_edited(sql: Project) -> None:
    sql.write("pyproject.toml", TABLE.format('"migrations"', 'checks = ["history"]\n'))
    sql.write(SECOND, "CREATE TABLE log (id bigint, at date);\n")
    told, _ = found(sql)
    assert of(told) == [("failed", "history.edited", "error", SECOND)]
    assert (
        "public.log.id (type): integer in databases that ran main's version" in (told[0]["message"])
    )


def test_history_is_of_a_branch_alone(sql: Project) -> None:
    sql.write("pyproject.toml", TABLE.format('"migrations"', "").replace('since = "main"\n', ""))
    result = sql.guard("--collect-only", "-q")
    assert "::history" not in text_of(result)


def test_an_edited_file_that_the_baseline_contains_is_told_by_history(sql: Project) -> None:
    sql.append("pyproject.toml", 'baseline = { at = "0002_log" }\n')
    sql.write(SECOND, "CREATE TABLE log (id bigint, at date);\n")
    sql.write("migrations/0004_more.sql", "CREATE TABLE more ();")
    told, _ = found(sql)
    assert of(told) == [("failed", "history.edited", "error", SECOND)]
    assert told[0]["message"].endswith(
        "what differs in the catalog is not known: 0002_log.sql: the baseline contains it"
    )


def test_it_can_be_ignored_for_a_reason(sql: Project) -> None:
    sql.append(
        "pyproject.toml",
        '[[tool.schema-guard.ignore]]\ncode = "applies.edited-released"\nreason = "not deployed"\n',
    )
    sql.write(SECOND, "CREATE TABLE log (id bigint, at date);\n")
    told, text = found(sql)
    assert of(told) == [("passed", "applies.edited-released", "error", SECOND)], text


def test_two_workers_say_the_same(sql: Project) -> None:
    (sql.root / SECOND).unlink()
    sql.write(FIRST, USER.replace("text", "varchar"))
    told, text = found(sql, "-n", "2")
    assert of(told) == [
        ("failed", "applies.edited-released", "error", FIRST),
        ("failed", "history.deleted", "error", SECOND),
    ], text
    assert "public.user.email (type): text in databases that ran main's version" in text


# Alembic


@pytest.fixture
def alembic(project: Project) -> Project:
    shutil.rmtree(project.root / "migrations")
    project.write("pyproject.toml", TABLE.format('"alembic.ini"', CHECKS))
    project.write(
        "alembic.ini",
        "[alembic]\nscript_location = alembic\nsqlalchemy.url = driver://user:pass@localhost/db\n",
    )
    project.write("alembic/env.py", ENV)
    project.write("app/models.py", MODELS)
    project.write(A1, INIT)
    project.write(B2, MORE)
    return begin(project)


A1, B2 = "alembic/versions/a1_init.py", "alembic/versions/b2_more.py"


def test_an_edited_revision_is_run_as_main_has_it_with_mains_models(alembic: Project) -> None:
    plan = '        sa.Column("plan", sa.String),\n    )'
    alembic.write(A1, INIT.replace("    )", plan, 1))
    # The revision of main needs what the branch's application has no more.
    alembic.write("app/__init__.py", "NAME = 1\n")
    told, text = found(alembic)
    (one,) = told
    assert (one["code"], one["subject"]) == ("applies.edited-released", A1)
    assert one["message"] == (
        "was changed after main: databases that ran it will not run it again\n"
        "public.user.plan: missing in databases that ran main's version"
    ), text


def test_what_mains_revisions_import_is_mains(alembic: Project) -> None:
    git(alembic, "switch", "main")
    alembic.write("app/sizes.py", "SIZE = 50\n")
    sized = INIT.replace("sa.String,", "sa.String(SIZE),").replace(
        "from alembic import op", "from alembic import op\n\nfrom app.sizes import SIZE"
    )
    alembic.write(A1, sized)
    git(alembic, "add", ".")
    git(alembic, "commit", "-m", "sized")
    git(alembic, "switch", "--force-create", "branch")
    (alembic.root / "app/sizes.py").unlink()
    alembic.write(A1, INIT.replace("sa.String,", "sa.String(70),"))
    told, text = found(alembic)
    assert told[0]["message"].endswith(
        "\npublic.user.email (type): character varying(50) in databases that ran main's version, "
        "character varying(70) in others"
    ), text


def test_a_revision_s_file_may_have_another_name_and_its_downgrade_change(
    alembic: Project,
) -> None:
    git(alembic, "mv", A1, "alembic/versions/a1_other.py")
    alembic.write(B2, MORE.replace('op.drop_column("user", "max_reports")', "raise SystemExit"))
    alembic.write(
        "alembic/versions/c3.py",
        'from alembic import op\n\nrevision = "c3"\ndown_revision = "b2"\n\n\n'
        'def upgrade():\n    op.execute("CREATE TABLE IF NOT EXISTS c3 ()")\n',
    )
    told, text = found(alembic)
    assert of(told) == [("passed", "history.downgrade", "info", B2)]
    assert told[0]["message"] == "only its downgrade was changed after main"
    assert (
        f"judged: {B2}, alembic/versions/c3.py (added or changed since main; the baseline" in text
    )


def test_a_deleted_revision_is_told(alembic: Project) -> None:
    (alembic.root / B2).unlink()
    told, text = found(alembic)
    assert of(told) == [("failed", "history.deleted", "error", B2)], text
    assert told[0]["message"] == (
        "was deleted after main: databases that ran it keep what it did, new ones never get it\n"
        "public.user.max_reports: only in databases that ran it"
    )


def test_a_project_of_main_that_cannot_be_run_is_told_so(alembic: Project) -> None:
    git(alembic, "switch", "main")
    alembic.write("alembic/env.py", "import not_there\n" + ENV)
    git(alembic, "commit", "-am", "broken")
    git(alembic, "switch", "--force-create", "branch")
    alembic.write("alembic/env.py", ENV)
    alembic.write(A1, INIT.replace("sa.String", "sa.Text"))
    told, text = found(alembic)
    (one,) = told
    assert one["message"].startswith(
        "was changed after main: databases that ran it will not run it again\n"
        "what differs in the catalog is not known: "
    ), text
    assert "not_there" in one["message"]


# Commands and functions


@pytest.fixture
def runner(project: Project) -> Project:
    shutil.rmtree(project.root / "migrations")
    shutil.copytree(RUNNER, project.root, dirs_exist_ok=True)
    whole = '{ command = "python migrate.py", versions = "migrations/*.sql" }'
    project.write("pyproject.toml", TABLE.format(whole, CHECKS))
    return begin(project)


def test_one_run_for_all_that_nobody_touched_is_the_baseline(runner: Project) -> None:
    text = text_of(runner.guard())
    assert (
        "judged: no migration (added or changed since main; the baseline is what it has: "
        "migrations/0002_max_reports.sql)"
    ) in text
    assert "1 passed" in text


@pytest.mark.parametrize("edited", ["0001_users.sql", "0002_max_reports.sql"])
def test_of_one_run_for_all_each_file_counts(runner: Project, edited: str) -> None:
    runner.append(f"migrations/{edited}", "CREATE TABLE more ();\n")
    told, text = found(runner)
    (one,) = told
    assert (one["check"], one["subject"]) == ("applies", f"migrations/{edited}"), text
    assert one["message"] == (
        "was changed after main: databases that ran it will not run it again\n"
        "public.more: missing in databases that ran main's version"
    )


def test_of_one_run_for_all_nothing_is_known_of_the_catalog_where_more_follows(
    runner: Project,
) -> None:
    runner.append("migrations/0002_max_reports.sql", "CREATE TABLE more ();\n")
    runner.write("migrations/0003_other.sql", "CREATE TABLE other ();\n")
    told, text = found(runner)
    (one,) = told
    assert one["message"] == (
        "was changed after main: databases that ran it will not run it again\n"
        "what differs in the catalog is not known: 0002_max_reports.sql: one run applies all "
        "migrations, and none up to this one"
    ), text


def test_a_command_for_each_version_runs_as_main_has_it(runner: Project) -> None:
    git(runner, "switch", "main")
    runner.write(
        "one.py",
        "import os, sys, psycopg2\n"
        'connection = psycopg2.connect(os.environ["DATABASE_URL"])\n'
        'connection.cursor().execute(open(f"migrations/{sys.argv[1]}.sql").read())\n'
        "connection.commit()\n",
    )
    each = '{ command = "python one.py {version}", versions = "migrations/*.sql" }'
    runner.write("pyproject.toml", TABLE.replace("{}", each, 1).replace("{}", CHECKS))
    git(runner, "add", ".")
    git(runner, "commit", "-m", "each")
    git(runner, "switch", "--force-create", "branch")
    runner.append("migrations/0001_users.sql", "CREATE TABLE more ();\n")
    told, text = found(runner)
    assert told[0]["message"] == (
        "was changed after main: databases that ran it will not run it again\n"
        "public.more: missing in databases that ran main's version"
    ), text
