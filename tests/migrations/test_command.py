"""Migrations by a command and by a function, on a real server."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.configuration import settings
from pytest_schemaguard.guard import Guard
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Wanted, obtain
from tests.migrations import django_example
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.migrations.file_run import FileRun

EXAMPLES = Path(__file__).with_name("examples")
RUNNER = '{ command = "python migrate.py", versions = "migrations/*.sql" }'
FUNCTION = '{ python = "migrate:main", versions = "migrations/*.sql" }'
SHELL = '{ command = "sh migrate.sh", versions = "migrations/*.sql" }'
SECOND = "migrations/0002_max_reports.sql"
DATABASE = "tool"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of the user's."""
    run = Run.begin()
    yield obtain(Wanted(**OWN, tcp=True), run).admin.url()
    run.close(wait=True)


@pytest.fixture(scope="module")
def run(url: str) -> Iterator[Run]:  # which must live longer
    run = Run.begin()
    yield run
    run.close(wait=True)


class Tool:
    """A project whose migrations some tool of its own runs."""

    def __init__(self, root: Path, run: Run) -> None:
        self.root = root
        self._run = run
        self._guard: Guard | None = None

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def configure(self, migrations: str, more: str = "", *, server: str | None = None) -> Guard:
        self.write(
            "pyproject.toml",
            f'[tool.schema-guard]\nmodels = "app:Base"\nmigrations = {migrations}\n{more}',
        )
        (config,) = settings.load(self.root / "pyproject.toml")
        config = replace(config, server=server or OWN["provider"], statement_timeout_s=5)
        self._guard = Guard(config, run=self._run, url=None, shared=False, progress=Progress())
        return self._guard

    @property
    def guard(self) -> Guard:
        assert self._guard is not None
        return self._guard

    def up(self, migrations: str, more: str = "", *, server: str | None = None) -> FileRun:
        """The first run of all migrations, on a new database."""
        guard = self.configure(migrations, more, server=server)
        guard.databases.drop(DATABASE)
        guard.databases.create(DATABASE)
        step = guard.source.up(DATABASE, guard.source.migrations())
        assert step.migration in guard.source.migrations()
        return step.run

    def again(self) -> FileRun:
        return self.guard.source.again(DATABASE, self.guard.source.migrations()[-1])

    def columns(self) -> list[str]:
        with self.guard.databases.session(DATABASE) as owner, owner.cursor() as cursor:
            cursor.execute(
                "SELECT table_name || '.' || column_name FROM information_schema.columns"
                " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
            )
            return [name for (name,) in cursor.fetchall()]

    def close(self) -> None:
        if self._guard is not None:
            self._guard.close()


@pytest.fixture
def tool(tmp_path: Path, run: Run) -> Iterator[Tool]:
    """The hand-written runner's project."""
    shutil.copytree(EXAMPLES / "runner", tmp_path, dirs_exist_ok=True)
    with closing(Tool(tmp_path, run)) as tool:
        yield tool


def words(run: FileRun) -> str:
    assert not run.applied
    return run.words


USERS = ["schema_migrations.version", "user.id", "user.email", "user.max_reports"]


@pytest.mark.parametrize("migrations", [RUNNER, FUNCTION], ids=["command", "function"])
def test_a_runner_that_looks_for_its_table_and_makes_it_is_right(
    tool: Tool, migrations: str
) -> None:
    run = tool.up(migrations)
    assert run.words == ""
    assert run.statements == 5
    assert run.notices == ('ERROR:  relation "schema_migrations" does not exist',)
    assert tool.columns() == USERS
    again = tool.again()
    assert (again.words, again.statements) == ("", 0)


def test_one_run_is_one_migration_named_by_its_newest_file(tool: Tool) -> None:
    guard = tool.configure(RUNNER)
    assert [(one.revision, guard.relative(one.path)) for one in guard.source.migrations()] == [
        ("head", SECOND)
    ]
    guard = tool.configure('{ command = "python migrate.py" }')
    assert [(one.revision, guard.relative(one.path)) for one in guard.source.migrations()] == [
        ("head", "pyproject.toml")
    ]


BY_VERSION = '{ command = "psql {url} -qv ON_ERROR_STOP=1 -f migrations/{version}.sql", versions = "migrations/*.sql" }'  # noqa: E501


def test_a_command_with_a_version_runs_once_for_each(tool: Tool) -> None:
    tool.write("migrations/10_last.sql", "CREATE TABLE ten ();")
    tool.write("migrations/10_last.down.sql", "DROP TABLE ten;")
    tool.write("migrations/9_more.sql", "CREATE TABLE nine ();")
    run = tool.up(BY_VERSION)
    assert (run.words, run.statements) == ("", 1)
    assert [one.revision for one in tool.guard.source.migrations()] == [
        "0001_users",
        "0002_max_reports",
        "9_more",
        "10_last",
    ]
    assert tool.columns() == USERS[1:]
    assert words(tool.again()).startswith('relation "ten" already exists (SQLSTATE 42P07)')


def test_a_function_with_a_version_runs_once_for_each(tool: Tool) -> None:
    tool.write(
        "one.py",
        """
        import psycopg2

        def run(url, version):
            with psycopg2.connect(url) as connection:
                connection.cursor().execute(open(f"migrations/{version}.sql").read())
        """,
    )
    run = tool.up('{ python = "one:run", versions = "migrations/*.sql" }')
    assert (run.words, run.statements) == ("", 1)
    assert tool.columns() == USERS[1:]


def test_the_statement_that_failed_is_found_in_its_file(tool: Tool) -> None:
    tool.write(SECOND, 'SELECT 1;\n\nALTER TABLE "user"\n  ADD COLUMN max_reports integr;\n')
    run = tool.up(RUNNER)
    assert run.error is not None
    assert (run.error.sqlstate, run.error.line) == ("42704", 4)
    text = words(run).replace(str(tool.root), "ROOT")
    assert text.startswith(
        'type "integr" does not exist (SQLSTATE 42704)\n'
        "CONTEXT: the command ended with exit code 1\n"
        "its output ends:\napplied 0001_users\nTraceback"
    ), text
    assert text.endswith('statement:\n  ALTER TABLE "user"\n    ADD COLUMN max_reports integr'), (
        text
    )


def test_a_statement_of_an_older_file_is_told_with_it(tool: Tool) -> None:
    tool.write("migrations/0001_users.sql", "\nCREATE TABLE a (b wrong);")
    run = tool.up(FUNCTION)
    assert run.error is not None
    assert run.error.context is not None
    assert run.error.context.splitlines()[:2] == [
        "in migrations/0001_users.sql:2",
        'psycopg2.errors.UndefinedObject: type "wrong" does not exist',
    ]


def test_a_failure_without_an_error_of_postgresql_shows_the_tool_s_own_words(
    tool: Tool,
) -> None:
    run = tool.up('{ command = "sh -c \\"psql {url} -qc \'SELECT 1\'; echo so; exit 3\\"" }')
    assert words(run).endswith("so")
    assert words(run).startswith("the command ended with exit code 3\nDETAIL: its output ends:\n")


# A tool that reports success


PSQL = """
    for file in migrations/*.sql; do psql "$DATABASE_URL" -q {} -f "$file"; done
    exit 0
    """
LOST = (
    "the command exits 0, but PostgreSQL refused it, and 1 statement is lost: "
    'type "integr" does not exist (SQLSTATE 42704)\n'
)


@pytest.mark.parametrize("option", ["", "-1"], ids=["statement by statement", "one transaction"])
def test_a_command_that_hides_an_error_fails(tool: Tool, option: str) -> None:
    tool.write("migrate.sh", PSQL.format(option))
    tool.write(SECOND, 'ALTER TABLE "user" ADD COLUMN max_reports integr;')
    tool.write("migrations/0003_more.sql", "CREATE TABLE more ();")
    run = tool.up(SHELL)
    assert words(run) == (
        f"{LOST}CONTEXT: in {SECOND}:1\nstatement:\n"
        '  ALTER TABLE "user" ADD COLUMN max_reports integr'
    )
    assert run.advice == "let it end with another exit code than 0 when a statement fails"
    assert tool.columns() == ["user.id", "user.email"]


def test_a_function_that_hides_an_error_fails(tool: Tool) -> None:
    tool.write(SECOND, 'ALTER TABLE "user" ADD COLUMN max_reports integr;')
    tool.write(
        "hiding.py",
        """
        import psycopg2
        from migrate import main

        def run():
            try:
                main()
            except psycopg2.Error as error:
                print("never mind", error)
        """,
    )
    run = tool.up('{ python = "hiding:run", versions = "migrations/*.sql" }')
    assert words(run).startswith(LOST.replace("the command exits 0", "the function returns"))
    assert run.error is not None
    assert run.error.line == 1
    assert run.advice == "let it raise when a statement fails"


@pytest.mark.parametrize(
    ("ending", "fact", "fix"),
    [
        ("", "without a commit, and", "commit before the connection is closed"),
        ("connection.rollback()", "but rolls back, and", "commit it"),
    ],
    ids=["forgotten", "rolled back"],
)
def test_a_function_that_does_not_commit_fails(
    tool: Tool, ending: str, fact: str, fix: str
) -> None:
    tool.write(
        "one.py",
        f"""
        import psycopg2

        def run(url):
            connection = psycopg2.connect(url)
            connection.cursor().execute("CREATE TABLE a (); CREATE TABLE b ()")
            {ending}
        """,
    )
    run = tool.up('{ python = "one:run" }')
    assert words(run) == (
        f"the function returns, {fact} 2 statements are lost\nstatement:\n  CREATE TABLE a ()"
    ).replace("returns, without", "returns without")
    assert run.advice == fix


def test_a_tool_that_never_comes_to_the_database_fails(tool: Tool) -> None:
    run = tool.up('{ command = "echo migrated" }', 'env = { DB_URL = "{url}", MODE = "test" }')
    assert words(run) == (
        "the command exits 0, and has changed nothing: it sent the guard's database no statement\n"
        "DETAIL: its output ends:\nmigrated"
    )
    assert run.advice == (
        "does it read DB_URL? Name the variables that it reads, such as "
        'env = { DATABASE_URL = "{url}" }'
    )


def test_a_function_that_goes_elsewhere_is_told_what_the_fence_refused(tool: Tool) -> None:
    tool.write(
        "one.py",
        """
        import contextlib, socket

        def run():
            with contextlib.suppress(OSError):
                socket.create_connection(("192.0.2.7", 5432), timeout=1)
        """,
    )
    assert words(tool.up('{ python = "one:run" }')).endswith(
        "DETAIL: it tried to connect to 192.0.2.7:5432, which the fence refused"
    )


def test_a_second_run_that_comes_to_no_database_is_no_failure(tool: Tool) -> None:
    tool.write(
        "migrate.sh",
        """
        test -e done || psql "$DATABASE_URL" -qc 'CREATE TABLE a ()' && touch done
        """,
    )
    assert tool.up(SHELL).words == ""
    again = tool.again()
    assert (again.words, again.statements) == ("", 0)


def test_a_statement_that_runs_too_long_is_cancelled(tool: Tool) -> None:
    tool.write("migrations/0001_users.sql", "SELECT pg_sleep(60);")
    (config,) = [replace(tool.configure(RUNNER).config, statement_timeout_s=0.2)]
    tool._guard = Guard(config, run=tool._run, url=None, shared=False, progress=Progress())
    tool.guard.databases.drop(DATABASE)
    tool.guard.databases.create(DATABASE)
    run = tool.guard.source.up(DATABASE, tool.guard.source.migrations()).run
    assert run.error is not None
    assert run.error.sqlstate == "57014"
    assert run.advice == "raise `statement-timeout-s`, or mend the statement if it never ends"


def test_a_runner_that_does_not_know_the_baseline_is_told_where_to_say_it(tool: Tool) -> None:
    tool.write("production.sql", 'CREATE TABLE "user" (id integer);')
    guard = tool.configure(RUNNER, 'baseline = "production.sql"')
    guard.databases.drop(DATABASE)
    guard.databases.create(DATABASE)
    with guard.databases.session(DATABASE) as owner, owner.cursor() as cursor:
        cursor.execute((tool.root / "production.sql").read_text())
    run = guard.source.up(DATABASE, guard.source.migrations()).run
    assert words(run).startswith('relation "user" already exists (SQLSTATE 42P07)')
    assert run.advice == (
        "the baseline's schema has it already: put the rows of the runner's own table of versions "
        "into `seed`, so that it runs what is pending"
    )


# On a server that a URL names


def test_statements_on_a_server_of_the_user_s_are_seen_alike(tool: Tool, url: str) -> None:
    run = tool.up(RUNNER, server=url)
    assert (run.words, run.statements) == ("", 5)
    assert run.notices == ('ERROR:  relation "schema_migrations" does not exist',)
    assert tool.columns() == USERS
    again = tool.again()
    assert (again.words, again.statements) == ("", 0)
    tool.write("migrate.sh", PSQL.format(""))
    tool.write(SECOND, 'ALTER TABLE "user" ADD COLUMN max_reports integr;')
    assert words(tool.up(SHELL, server=url)).startswith(LOST)


def test_a_tool_that_comes_to_no_database_of_the_user_s_server_fails(tool: Tool, url: str) -> None:
    run = tool.up('{ command = "true" }', server=url)
    assert words(run) == (
        "the command exits 0, and has changed nothing: it sent the guard's database no statement"
    )


# Django


@pytest.fixture
def django(tool: Tool) -> Callable[[str], FileRun]:
    pytest.importorskip("django")
    for name, text in django_example.FILES.items():
        tool.write(name, text)

    def up(command: str) -> FileRun:
        return tool.up(
            f'{{ command = "python manage.py {command}", versions = "shop/migrations/0*.py" }}',
            django_example.ENV,
        )

    return up


@pytest.mark.parametrize(
    "command", ["migrate", "migrate shop {version}"], ids=["one run", "a run a version"]
)
def test_django_migrates(tool: Tool, django: Callable[[str], FileRun], command: str) -> None:
    run = django(command)
    assert run.words == ""
    assert run.statements
    assert [one for one in run.notices if "duplicate key" in one]
    columns: list[Any] = [one for one in tool.columns() if one.startswith("shop_")]
    assert columns == ["shop_customer.id", "shop_customer.email", "shop_customer.max_reports"]
    again = tool.again()
    assert (again.words, again.statements) == ("", 0)


def test_a_migration_of_django_s_that_fails(tool: Tool, django: Callable[[str], FileRun]) -> None:
    name = "shop/migrations/0002_max_reports.py"
    tool.write(name, django_example.FILES[name].replace("except IntegrityError", "except KeyError"))
    run = django("migrate")
    assert words(run).startswith(
        'duplicate key value violates unique constraint "shop_customer_email_key" (SQLSTATE 23505)'
    )


def test_passwords_of_a_command_s_statements_are_not_shown(tool: Tool) -> None:
    tool.write(
        "migrations/0001_role.sql",
        "ALTER ROLE nobody_there PASSWORD 'it''s secret';",
    )
    result = tool.up(RUNNER)
    assert result.error is not None
    assert "secret" not in result.words
    assert "  ALTER ROLE nobody_there PASSWORD '***'" in result.words
