"""What goes wrong, and what the person who reads it at 2 a.m. is told: whole words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import PYPROJECT

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

MIGRATION = "migrations/0001_max_reports.sql"


def text_of(result: pytest.RunResult, project: Project) -> str:
    """What pytest printed, with the project's folder called PROJECT."""
    printed = result.stdout.str() + result.stderr.str()
    return printed.replace(str(project.root), "PROJECT")


def assert_says(result: pytest.RunResult, project: Project, *paragraphs: str) -> None:
    printed = text_of(result, project)
    for paragraph in paragraphs:
        assert paragraph in printed, printed


def test_no_configuration(project: Project) -> None:
    project.write("pyproject.toml", "[project]\nname = 'x'\n")
    result = project.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_says(
        result,
        project,
        "ERROR: configuration: no [tool.schema-guard] table (PROJECT/pyproject.toml)\n"
        "  next: add to your pyproject.toml:\n"
        "    [tool.schema-guard]\n"
        '    models = "app.models:Base"\n'
        '    migrations = "migrations"\n',
    )


def test_a_module_that_is_not_there(project: Project) -> None:
    project.write("pyproject.toml", PYPROJECT.replace("app.models", "app.modles"))
    result = project.guard("-k", "drift")
    assert result.ret == 1
    assert_says(result, project, "unproven: models app.modles:Base: ", "app.models")


def test_a_module_that_fails_as_it_is_imported(project: Project) -> None:
    project.append("app/models.py", "\n\nraise RuntimeError('no settings')\n")
    result = project.guard("-k", "drift")
    assert result.ret == 1
    assert_says(
        result, project, "unproven: app/models.py:17: models app.models:Base: ", "no settings"
    )


def test_models_without_a_table(project: Project) -> None:
    project.write(
        "app/models.py",
        "from sqlalchemy.orm import DeclarativeBase\n\nclass Base(DeclarativeBase):\n    pass\n",
    )
    result = project.guard("-k", "drift")
    assert result.ret == 1
    assert_says(result, project, "models app.models:Base: no tables")


def test_models_that_postgresql_does_not_make(project: Project) -> None:
    project.append(
        "app/models.py",
        """

        from sqlalchemy import ForeignKey


        class Post(Base):
            __tablename__ = "post"

            id: Mapped[int] = mapped_column(primary_key=True)
            of: Mapped[int] = mapped_column(ForeignKey("user.max_reports"))
        """,
    )
    result = project.guard("-k", "drift")
    assert result.ret == 1
    assert_says(
        result,
        project,
        "public.post",
        "there is no unique constraint matching given keys for referenced table",
    )


def test_no_migration_files(project: Project) -> None:
    project.write(
        "pyproject.toml",
        '[tool.schema-guard]\nmodels = "app.models:Base"\nmigrations = "migrations"\n',
    )
    for file in (project.root / "migrations").iterdir():
        file.rename(project.root / "migrations" / "readme.txt")
    pyproject = project.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('baseline = "production.sql"', ""))
    result = project.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_says(result, project, "no migration files", "readme.txt")


def test_a_syntax_error(project: Project) -> None:
    project.write(MIGRATION, "BEGIN;\n\nALTER TABEL x;\nCOMMIT;\n")
    result = project.guard("-k", "applies")
    assert result.ret == 1
    assert_says(
        result,
        project,
        f'{MIGRATION}:3: syntax error at or near "TABEL" (SQLSTATE 42601)\n'
        "  statement:\n"
        "    ALTER TABEL x\n",
    )


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "BEGIN;\nCREATE TABLE x ();\n",
            (
                f"{MIGRATION}: the file ends with its transaction open, so nothing of it is kept\n"
                "  fix: end it with COMMIT;\n"
            ),
        ),
        (
            "CREATE TABLE x ();\nBEGIN;\nDROP TABLE x;\nROLLBACK;\n",
            (
                f"{MIGRATION}:4: line 4 (ROLLBACK) undoes 1 statement, and the file does not do it "
                "again\n"
                "  undone:\n"
                "    DROP TABLE x\n"
                "  fix: end it with COMMIT;, or take out what is not to be kept\n"
            ),
        ),
        (
            "BEGIN;\nSAVEPOINT a;\nCREATE TABLE x ();\nROLLBACK TO a;\nCOMMIT;\n",
            (
                f"{MIGRATION}:4: line 4 (ROLLBACK TO a) undoes 1 statement, and the file does not "
                "do it again\n"
                "  undone:\n"
                "    CREATE TABLE x ()\n"
                "  fix: take the ROLLBACK TO a out\n"
            ),
        ),
    ],
)
def test_a_file_that_does_not_end_its_transaction(project: Project, sql: str, words: str) -> None:
    project.write(MIGRATION, sql)
    result = project.guard("-k", "applies")
    assert result.ret == 1
    assert_says(result, project, words)


def test_a_rollback_of_what_was_only_read_or_is_done_again_is_none(project: Project) -> None:
    rehearsed = "BEGIN;\nCREATE TABLE x ();\n{};\n"
    project.write(
        MIGRATION,
        f"BEGIN;\nSELECT 1;\nROLLBACK;\n{rehearsed.format('ROLLBACK')}{rehearsed.format('COMMIT')}",
    )
    project.guard("-k", "applies").assert_outcomes(passed=1, deselected=5)


def test_a_statement_that_never_ends(project: Project) -> None:
    project.append("pyproject.toml", "statement-timeout-s = 0.5\n")
    project.write(MIGRATION, "SET statement_timeout = 0;\nSELECT pg_sleep(1000);\n")
    result = project.guard("-k", "applies", timeout=60)
    assert result.ret == 1
    assert_says(
        result,
        project,
        f"{MIGRATION}:2: the statement ran longer than 0.5 s",
        "raise `statement-timeout-s`, or mend the statement if it never ends",
    )


def test_the_server_dies_in_the_middle(project: Project) -> None:
    kill = "COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID'"
    project.append("pyproject.toml", f'prepare = ["{kill}"]\n')
    result = project.guard("-k", "applies", timeout=60)
    assert result.ret == 1
    assert_says(result, project, "unproven: ", "terminat")


def test_an_unreachable_url(project: Project) -> None:
    result = project.guard("--schema-guard-url=postgresql://u:geheim@127.0.0.1:1/x", "-k", "drift")
    assert result.ret == 1
    assert_says(
        result, project, "postgresql://u@127.0.0.1:1/x: cannot connect", "Connection refused"
    )
    assert "geheim" not in text_of(result, project)


def test_a_baseline_that_fails(project: Project) -> None:
    project.write("production.sql", "CREATE TABLE a ();\nCREATE TABLE b (x nosuchtype);\n")
    result = project.guard("-k", "applies")
    assert result.ret == 1
    assert_says(result, project, "unproven: production.sql:2: ", 'type "nosuchtype" does not exist')


def test_an_extension_that_this_server_lacks(project: Project) -> None:
    project.write(MIGRATION, "CREATE EXTENSION vector;\n")
    result = project.guard("-k", "applies")
    assert result.ret == 1
    assert_says(
        result,
        project,
        'extension "vector" is not available',
        'server = "docker" with image = "pgvector/pgvector:pg',
    )


def test_a_migration_that_needs_a_superuser(project: Project) -> None:
    project.write(MIGRATION, "CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION f();\n")
    result = project.guard("-k", "applies")
    assert result.ret == 1
    assert_says(
        result,
        project,
        "permission denied to create event trigger",
        "it runs as the owner of the tables, who is no superuser: what only a superuser may do "
        "belongs into `prepare`",
    )


def test_seed_rows_that_do_not_fit(project: Project) -> None:
    project.write("rows.sql", "INSERT INTO nowhere VALUES (1);\n")
    result = project.guard("-k", "applies")
    assert result.ret == 1
    assert_says(
        result,
        project,
        "unproven: rows.sql:1: seed: rows.sql did not apply",
        'relation "nowhere" does not exist',
    )


def test_an_application_that_does_not_start(project: Project) -> None:
    project.login_by_request("app.main:app")
    project.write("app/main.py", "import nosuchmodule\n")
    result = project.guard("-k", "login")
    assert result.ret == 1
    assert_says(result, project, "app/main.py:1", "No module named 'nosuchmodule'")


def test_an_application_that_migrates_itself(project: Project) -> None:
    project.login_by_request("app.main:app")
    project.write(
        "app/main.py",
        """\
        import os

        import psycopg2

        with psycopg2.connect(os.environ["DATABASE_URL"]) as connection:
            connection.cursor().execute("CREATE TABLE made_at_start ()")


        def app(environ, start_response):
            environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            start_response("200 OK", [])
            return [b"welcome"]
        """,
    )
    result = project.guard("-k", "login")
    assert result.ret == 1
    assert_says(
        result,
        project,
        "public.made_at_start: the application app.main:app changed the schema itself",
        "let migrations alone change the schema: no create_all as the application starts",
    )


def test_a_database_url_of_production_is_not_followed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:geheim@db.production.example:5432/prod")
    monkeypatch.setenv("PGHOST", "db.production.example")
    monkeypatch.setenv("PGPASSWORD", "geheim")
    result = project.guard()
    assert result.ret == 0
    assert "production.example" not in text_of(result, project)
    project.append(
        "app/models.py",
        """

        import psycopg2

        psycopg2.connect("postgresql://u:geheim@192.0.2.1:5432/prod", connect_timeout=5)
        """,
    )
    result = project.guard("-k", "drift")
    assert result.ret == 1
    assert_says(result, project, "192.0.2.1")
    assert "geheim" not in text_of(result, project)


def test_a_seed_without_a_baseline_has_no_table_to_go_to(project: Project) -> None:
    text = (project.root / "pyproject.toml").read_text()
    project.write("pyproject.toml", text.replace('baseline = "production.sql"\n', ""))
    result = project.guard("-k", "applies")
    assert result.ret == 1
    assert_says(
        result,
        project,
        "rows.sql:1: seed: rows.sql did not apply",
        "next: without a `baseline` nothing is there before the migrations: name production's "
        'schema, or the migration that it has, baseline = { at = "..." }',
    )


def test_a_migration_that_is_not_judged_has_the_next_step_of_its_error(project: Project) -> None:
    project.write("migrations/0.sql", "CREATE TABLE t (a int);\nVACUUM t;\n")
    project.write(
        "pyproject.toml",
        """
        [tool.schema-guard]
        models = "app.models:Base"
        migrations = { sql = "migrations", transaction = "file" }
        """,
    )
    text = text_of(project.guard("-k", "applies"), project)
    place = "migrations/0.sql:2: migrations/0.sql: "
    assert f"{place}a migration that is not judged did not apply" in text
    assert (
        'next: it runs only outside a transaction, and `transaction = "file"` runs each file in one'
    ) in text
