from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.config import Baseline
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.settings import LATER, LATER_CHECKS, find, load

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
[project]
name = "x"

[tool.schema-guard]
models = "app.models:Base"
migrations = "migrations"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "production.sql").write_text("SELECT 1;")
    (tmp_path / "pyproject.toml").write_text(GOOD)
    return tmp_path


def complaint(project: Path, more: str, *, base: str = GOOD) -> str:
    file = project / "pyproject.toml"
    file.write_text(base + more)
    with pytest.raises(ConfigError) as caught:
        load(file)
    return str(caught.value).replace(str(project), "PROJECT")


def test_three_lines_suffice(project: Path) -> None:
    config = load(project / "pyproject.toml")
    assert config.models == ("app.models:Base",)
    assert config.migrations == project / "migrations"
    assert config.root == project
    assert config.env == {"DATABASE_URL": "{url}"}
    assert (config.server, config.postgres, config.login) == ("auto", None, None)


def test_the_nearest_file_with_the_table_is_found_from_below(project: Path) -> None:
    below = project / "service" / "api"
    below.mkdir(parents=True)
    (project / "service" / "pyproject.toml").write_text("[tool.other]\nx = 'schema-guard'\n")
    assert find(below) == project / "pyproject.toml"


def test_looking_ends_at_the_repository_root(project: Path) -> None:
    inner = project / "vendored"
    (inner / ".git").mkdir(parents=True)
    with pytest.raises(ConfigError) as caught:
        find(inner)
    assert str(caught.value) == (
        f"configuration: no [tool.schema-guard] table (no pyproject.toml from {inner} upward)\n"
        "  next: add to your pyproject.toml:\n"
        "    [tool.schema-guard]\n"
        '    models = "app.models:Base"\n'
        '    migrations = "migrations"\n'
    )


def test_all_of_the_keys(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        GOOD
        + """
baseline = { schema = "production.sql", at = "0001" }
postgres = 15
server = "postgresql://u:p@h/d"
image = "postgres:15"
tcp = true
prepare = ["CREATE EXTENSION citext", "production.sql"]
seed = "production.sql"
setup = "app.guard:setup"
exclude = ["public.audit_*"]
checks = ["drift", "login"]
strict = true
statement-timeout-s = 2.5
env = { URL = "{url:asyncpg}" }

[tool.schema-guard.login]
model = "User"
by = "email"

[tool.schema-guard.login.request]
serve = "uvicorn app:app --port {port}"
path = "/login"
json = { email = "a" }
status = [200, 302]
timeout-s = 90
"""
    )
    config = load(project / "pyproject.toml")
    assert config.baseline == Baseline(schema=project / "production.sql", at="0001")
    assert config.prepare == ("CREATE EXTENSION citext", "SELECT 1;")
    assert config.seed == (project / "production.sql",)
    assert config.statement_timeout_s == 2.5
    assert config.login is not None
    assert config.login.request is not None
    assert config.login.request.serve == ("uvicorn", "app:app", "--port", "{port}")
    assert config.login.request.status == (200, 302)
    assert config.login.request.method == "POST"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            "model = 1\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] model: no such key\n"
                "  next: did you mean `models`?"
            ),
        ),
        (
            "postgres = '15'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] postgres: '15' is no major version "
                "of PostgreSQL served here\n  next: one of 14 to 18"
            ),
        ),
        (
            "server = 'dokcer'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] server: no 'dokcer'\n"
                "  next: did you mean `docker`? the values are auto, local, embedded, docker"
            ),
        ),
        (
            "server = 'mysql://u:geheim@h/d'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] server: a URL that is not "
                "postgresql://\n  next: name a PostgreSQL server"
            ),
        ),
        (
            "baseline = 'prod.sql'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] baseline: prod.sql does not exist\n"
                "  next: paths are relative to PROJECT: PROJECT/prod.sql"
            ),
        ),
        (
            "tcp = 1\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] tcp: 1 is neither true nor false\n"
                "  next: write true or false"
            ),
        ),
        (
            "env = { URL = '{ulr}' }\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] env.URL: no placeholder {ulr}\n"
                "  next: did you mean {url}? they are {url}, {host}, {port}, {user}, {password}, "
                "{database}, {dir}, and {url:driver}"
            ),
        ),
        (
            "checks = ['drfit']\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] checks: no 'drfit'\n"
                "  next: did you mean `drift`? the values are applies, idempotent, drift, queries, "
                "login"
            ),
        ),
        (
            "[tool.schema-guard.login]\nmodel = 'User'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] login: `by` is missing\n"
                '  next: such as: model = "User", by = "email"'
            ),
        ),
        (
            (
                "[tool.schema-guard.login]\nmodel = 'User'\nby = 'email'\n"
                "[tool.schema-guard.login.request]\npath = '/'\n"
            ),
            (
                "PROJECT/pyproject.toml:10: [tool.schema-guard] login.request: neither `app` nor "
                '`serve`\n  next: name one: app = "app.main:app"'
            ),
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(project: Path, more: str, words: str) -> None:
    assert complaint(project, more) == words


@pytest.mark.parametrize("key", LATER)
def test_keys_that_come_later_are_refused_by_name(project: Path, key: str) -> None:
    words = complaint(project, f"{key} = 1\n")
    assert words == (
        f"PROJECT/pyproject.toml:7: [tool.schema-guard] {key}: not yet served by this version of "
        f"pytest-schemaguard\n  next: remove it; for now {LATER[key]}"
    )


@pytest.mark.parametrize("name", LATER_CHECKS)
def test_checks_that_come_later_are_refused_by_name(project: Path, name: str) -> None:
    words = complaint(project, f"checks = ['{name}']\n")
    assert f"checks: {name}: not yet served by this version of pytest-schemaguard" in words


@pytest.mark.parametrize(
    "value", ['"alembic.ini"', '{ alembic = "alembic.ini" }', '{ command = "./migrate" }']
)
def test_migrations_that_come_later_are_refused_by_name(project: Path, value: str) -> None:
    base = GOOD.replace('"migrations"', value)
    assert "not yet served by this version of pytest-schemaguard" in complaint(
        project, "", base=base
    )


def test_a_table_without_models_is_refused(project: Path) -> None:
    words = complaint(project, "", base=GOOD.replace('models = "app.models:Base"', ""))
    assert words.startswith("PROJECT/pyproject.toml: models: missing in [tool.schema-guard]")


def test_broken_toml_is_told_with_its_file(project: Path) -> None:
    words = complaint(project, "x = \n")
    assert words.startswith("PROJECT/pyproject.toml: configuration: not valid TOML: ")


def test_secrets_do_not_show_in_the_values(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        GOOD
        + "[tool.schema-guard.login]\nmodel = 'User'\nby = 'email'\n"
        + "[tool.schema-guard.login.request]\napp = 'a:b'\njson = { password = 'geheim' }\n"
        + "basic = ['u', 'geheim']\n"
    )
    assert "geheim" not in repr(load(project / "pyproject.toml"))
