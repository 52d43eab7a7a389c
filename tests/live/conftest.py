"""A project whose models and migrations are the expectation, and databases to hold against it."""

from __future__ import annotations

import json
import secrets
from contextlib import closing
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard import cli
from tests.catalog.conftest import bindir  # noqa: F401 - a fixture
from tests.catalog.databases import connected, execute
from tests.conftest import create_database
from tests.e2e.conftest import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_schemaguard.address import Address

PYPROJECT = """\
[tool.schema-guard]
models = "{package}.models:Base"
migrations = "migrations"
"""
FIRST = """\
CREATE TABLE "user" (id serial PRIMARY KEY, email varchar NOT NULL UNIQUE);
"""
SECOND = """\
ALTER TABLE "user" ADD COLUMN max_reports integer NOT NULL DEFAULT 5;
CREATE VIEW emails AS SELECT email FROM "user";
CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1';
"""


class Fleet:
    """The project, the databases, and the command."""

    def __init__(self, root: Path, postgres: Address, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.postgres = postgres
        self._capsys = capsys
        self.made: list[str] = []
        (root / ".git").mkdir()
        self.write("pyproject.toml", PYPROJECT.format(package="app"))
        self.write("app/__init__.py", "")
        self.write("app/models.py", MODELS)
        self.write("migrations/0001_users.sql", FIRST)
        self.write("migrations/0002_reports.sql", SECOND)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def database(self, *sql: str, template: str = "template1") -> Address:
        """A database in use, made by this SQL; without any, as the migrations make it."""
        name = f"live_{secrets.token_hex(4)}"
        with closing(connected(self.postgres)) as admin, admin.cursor() as cursor:
            create_database(cursor, name, template=template)
        self.made.append(name)
        with closing(connected(self.postgres.at(name))) as connection:
            for text in sql or (FIRST, SECOND):
                execute(connection, text)
        return self.postgres.at(name)

    def check(self, *arguments: str | Address) -> tuple[int, str]:
        """The command's exit code, and its output after the header."""
        words = [one if isinstance(one, str) else one.url() for one in arguments]
        code = cli.main(["check", *words])
        written = self._capsys.readouterr()
        text = written.out + written.err
        for one in arguments:
            if not isinstance(one, str):
                text = text.replace(one.safe, one.database)
        for number, name in enumerate(self.made, start=1):
            text = text.replace(name, f"db{number}")
        assert self.postgres.password not in text or not self.postgres.password
        return code, "\n".join(
            line for line in text.splitlines() if not line.startswith("schema-guard: expected: ")
        )

    def report(self, *arguments: str | Address) -> dict[str, Any]:
        self.check(*arguments, "--json", "report.json")
        report: dict[str, Any] = json.loads((self.root / "report.json").read_text())
        return report


@pytest.fixture
def fleet(
    tmp_path: Path,
    postgres: Address,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Fleet]:
    monkeypatch.chdir(tmp_path)
    made = Fleet(tmp_path, postgres, capsys)
    yield made
    with closing(connected(postgres)) as admin:
        for name in made.made:
            execute(admin, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def connection(database: Address, connect: Callable[[Address], Any]) -> Any:
    return connect(database)


@pytest.fixture
def run(connection: Any) -> Callable[[str], None]:
    """Executes SQL in the test's database."""
    return lambda sql: execute(connection, sql)
