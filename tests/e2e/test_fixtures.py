"""What the user's own tests may ask for, with the option and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

TESTS = """\
from sqlalchemy import func, select, text

from app.models import User


def test_url(schema_guard_url):
    assert schema_guard_url.startswith("postgresql://")


def test_engine(schema_guard_engine):
    assert schema_guard_engine.driver == "psycopg2"
    with schema_guard_engine.begin() as connection:
        connection.execute(text("DELETE FROM \\"user\\""))


def test_session(schema_guard_session):
    assert schema_guard_session.scalar(select(func.count(User.id))) == 2
    user = User(email="cy@example.com")
    schema_guard_session.add(user)
    schema_guard_session.commit()
    assert user.max_reports == 5


def test_session_again(schema_guard_session):
    assert schema_guard_session.scalar(select(func.count(User.id))) == 2


def test_all_of_one_database(schema_guard_url, schema_guard_engine, schema_guard_session):
    name = schema_guard_session.scalar(text("SELECT current_database()"))
    assert schema_guard_engine.url.database == name
    assert f"/{name}?" in schema_guard_url
"""


@pytest.fixture(autouse=True)
def _the_users_tests(project: Project) -> None:
    project.append("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["."]\n')
    project.write("tests/test_users.py", TESTS)


def test_each_test_has_the_migrated_database_for_itself(project: Project) -> None:
    project.run().assert_outcomes(passed=5)


def test_with_the_option_and_in_workers_too(project: Project) -> None:
    project.guard("-n", "2").assert_outcomes(passed=10, skipped=1)


def test_the_fixtures_alone_share_one_server_among_workers(project: Project) -> None:
    project.write(
        "tests/test_users.py",
        """\
        import pathlib

        import pytest


        @pytest.mark.parametrize("n", range(8))
        def test_url(schema_guard_url, n):
            folder = schema_guard_url.partition("host=")[2].partition("&")[0]
            with pathlib.Path("servers.txt").open("a") as file:
                file.write(folder + "\\n")
        """,
    )
    project.run("-n", "2").assert_outcomes(passed=8)
    assert len(set((project.root / "servers.txt").read_text().splitlines())) == 1


def test_a_project_without_the_table_is_told_what_to_add(project: Project) -> None:
    project.write("pyproject.toml", "")
    result = project.run("-k", "test_url")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*configuration: no [[]tool.schema-guard[]] table*"])


def test_databases_do_not_pile_up(project: Project) -> None:
    project.write(
        "tests/test_users.py",
        """\
        import pytest
        from sqlalchemy import text


        @pytest.mark.parametrize("n", range(30))
        def test_count(schema_guard_engine, n):
            with schema_guard_engine.connect() as connection:
                names = connection.scalars(text("SELECT datname FROM pg_database")).all()
            assert len([name for name in names if "_test-" in name]) <= 4
        """,
    )
    project.run().assert_outcomes(passed=30)


def test_what_the_session_commits_is_rolled_back(project: Project) -> None:
    project.write(
        "tests/test_users.py",
        """\
        import pytest
        from sqlalchemy import text

        COUNT = text('SELECT count(*) FROM "user"')


        @pytest.fixture
        def looks_afterwards(schema_guard_engine):
            yield
            with schema_guard_engine.connect() as connection:
                assert connection.scalar(COUNT) == 2


        def test_commit(looks_afterwards, schema_guard_session):
            schema_guard_session.execute(text('DELETE FROM "user"'))
            schema_guard_session.commit()
            assert schema_guard_session.scalar(COUNT) == 0
        """,
    )
    project.run().assert_outcomes(passed=1)
