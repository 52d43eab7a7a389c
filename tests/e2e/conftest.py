"""A user's project in a folder of its own, and pytest run in it as its user would."""

from __future__ import annotations

import json
import subprocess
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """\
[tool.schema-guard]
models = "app.models:Base"
migrations = "migrations"
baseline = "production.sql"
seed = "rows.sql"
"""

LOGIN = """
[tool.schema-guard.login]
model = "User"
by = "email"
"""

MODELS = """\
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    max_reports: Mapped[int] = mapped_column(server_default=text("5"))
"""

PRODUCTION = """\
CREATE TABLE "user" (
    id serial NOT NULL PRIMARY KEY,
    email varchar NOT NULL UNIQUE
);
"""

ROWS = """\
INSERT INTO "user" (email) VALUES ('ada@example.com'), ('bob@example.com');
"""

MIGRATION = """\
ALTER TABLE "user" ADD COLUMN IF NOT EXISTS max_reports integer NOT NULL DEFAULT 5;
"""


class Project:
    """A project of pytest-schemaguard's user."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.root = pytester.path
        (self.root / ".git").mkdir()
        self.write("pyproject.toml", PYPROJECT)
        self.write("app/__init__.py", "")
        self.write("app/models.py", MODELS)
        self.write("production.sql", PRODUCTION)
        self.write("rows.sql", ROWS)
        self.write("migrations/0001_max_reports.sql", MIGRATION)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def append(self, name: str, text: str) -> None:
        path = self.root / name
        path.write_text(path.read_text() + dedent(text))

    def login_by_request(self, app: str) -> None:
        """Configures a login of the seeded row by a request to this application."""
        self.append("pyproject.toml", LOGIN)
        self.append(
            "pyproject.toml",
            f"""
            [tool.schema-guard.login.request]
            app = "{app}"
            path = "/login"
            json = {{ email = "ada@example.com" }}
            """,
        )

    def run(self, *arguments: str, timeout: float = 120) -> pytest.RunResult:
        """`pytest ARGUMENTS` in the project, as a process of its own."""
        return self.pytester.runpytest_subprocess(*arguments, timeout=timeout)

    def guard(self, *arguments: str, timeout: float = 120) -> pytest.RunResult:
        return self.run("--schema-guard", *arguments, timeout=timeout)

    def report(self) -> dict[str, Any]:
        """The JSON report of one more run."""
        self.guard("--schema-guard-json=report.json")
        found: dict[str, Any] = json.loads((self.root / "report.json").read_text())
        return found


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    return Project(pytester)


def processes(word: str) -> list[str]:
    """The command lines of living processes that hold this word."""
    listed = subprocess.run(["ps", "-wweo", "args"], check=True, capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if word in line and "ps -eo" not in line]
