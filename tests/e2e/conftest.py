"""A user's project in a folder of its own, and pytest run in it as its user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import platformdirs
import pytest
import requests  # noqa: F401 - pytester forgets what a test imports first, and a half of it breaks

from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Missing, Wanted, obtain
from tests.e2e.there import There
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_schemaguard.servers import Provider

CACHE = Path(platformdirs.user_cache_path())
"""This user's, found before pytester gives each test a HOME of its own."""

FILE = "migrations/0001_max_reports.sql"
CHECKS = """\
checks = ["single-head", "applies", "idempotent", "reversible", "drift", "queries", "login"]
"""
"""Named, so that a new check changes no test of these; test_story.py runs all that there are."""
PYPROJECT = f"""\
[tool.schema-guard]
models = "app.models:Base"
migrations = "migrations"
{CHECKS}baseline = "production.sql"
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


WAY_BACK = """\
ALTER TABLE "user" DROP COLUMN IF EXISTS max_reports;
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
        self.write(FILE, MIGRATION)
        self.write(FILE.replace(".sql", ".down.sql"), WAY_BACK)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def append(self, name: str, text: str) -> None:
        path = self.root / name
        path.write_text(path.read_text() + dedent(text))

    def checks(self, *names: str) -> None:
        """Has these run alone."""
        path = self.root / "pyproject.toml"
        path.write_text(path.read_text().replace(CHECKS, f"checks = {json.dumps(names)}\n"))

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

    def start(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """`pytest --schema-guard ARGUMENTS` in the background, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "--schema-guard", *arguments],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=None if environ is None else dict(environ),
        )

    def report(self) -> dict[str, Any]:
        """The JSON report of one more run."""
        self.guard("--schema-guard-json=report.json")
        found: dict[str, Any] = json.loads((self.root / "report.json").read_text())
        return found


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_CACHE_HOME", str(CACHE))
    # Plugins that this environment has, and a user may have: each run would import them for a
    # second. test_story.py runs with them.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:anyio -p no:hypothesispytest")
    return Project(pytester)


def processes(word: str) -> list[str]:
    """The command lines of living processes that hold this word."""
    listed = subprocess.run(["ps", "-wweo", "args"], check=True, capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if word in line and "ps -eo" not in line]


@pytest.fixture(scope="module")
def server_there() -> Iterator[There]:
    run = Run.begin()
    try:
        yield There(obtain(Wanted(**OWN, tcp=True), run))
    finally:
        run.close(wait=True)


@pytest.fixture
def there(server_there: There) -> Iterator[There]:
    yield server_there
    server_there.forget_roles()
    assert server_there.runs() == set()


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def text_of(result: pytest.RunResult) -> str:
    return result.stdout.str() + result.stderr.str()


def report_in(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.root / "report.json").read_text())
    return found


def need(provider: Provider) -> None:
    """Skips the test where this provider has no server."""
    found = provider.find(Wanted())
    if isinstance(found, Missing):
        # Where somebody says that there is an engine, its absence must not pass by silence.
        if provider.name == "docker" and "DOCKER_HOST" in os.environ:
            pytest.fail(found.found)
        pytest.skip(found.found)


def image() -> str:
    return os.environ.get("SCHEMA_GUARD_TEST_IMAGE", "postgres:16")
