"""What a database, a migration and a project's code may say: none of it obeyed, no password."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import CHECKS, PYPROJECT, text_of

if TYPE_CHECKING:
    from tests.e2e.conftest import Project
    from tests.e2e.there import There

RED, LINE = "a\x1b[2Jred", "b\n::error file=app.py,line=1::pwned"
BACKWARDS = "c\u202ed"
CANARY = "canary-pw-1234567"


def assert_harmless(text: str) -> None:
    """There is nothing that a terminal or a CI system obeys."""
    for line in text.split("\n"):
        assert not {unicodedata.category(one) for one in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}, (
            line
        )
        assert not line.strip().startswith("::"), line
        assert "##[" not in line, line


def test_names_in_the_database_are_escaped(project: Project) -> None:
    made = "".join(f'CREATE TABLE "{name}" (id int);\n' for name in (RED, LINE, BACKWARDS))
    project.append("production.sql", made)
    result = project.guard("--schema-guard-json=r.json", "--junitxml=junit.xml")
    assert result.ret == 0
    text = text_of(result)
    assert_harmless(text)
    for name in (r"a\x1b[2Jred", r"b\n::error file=app.py,line=1::pwned", r"c\u202ed"):
        assert f"warning: public.{name}" in text or f'warning: "public.{name}"' in text
    report = json.loads((project.root / "r.json").read_text())
    subjects = {one["subject"] for check in report["checks"] for one in check["findings"]}
    assert {f"public.{name}" for name in (RED, LINE, BACKWARDS)} <= subjects
    ET.parse(project.root / "junit.xml")  # noqa: S314 - pytest's own


def test_what_a_migration_says_is_escaped(project: Project) -> None:
    project.write(
        "migrations/0001_max_reports.sql",
        r"""
        DO $$ BEGIN
          RAISE NOTICE E'\x1b[31mnotice\n::error::notice';
          RAISE EXCEPTION E'\x1b[2Jboom\nschema-guard: 1 holds\n::error::of the migration'
            USING DETAIL = E'\x1b[1md\n::warning::detail', HINT = E'h\r::notice::hint';
        END $$;
        """,
    )
    result = project.guard("-k", "applies", "--junitxml=junit.xml")
    assert result.ret == 1
    text = text_of(result)
    assert_harmless(text)
    assert "\nmigrations/0001_max_reports.sql:4: \\x1b[2Jboom\n  schema-guard: 1 holds\n" in text
    assert "  DETAIL: \\x1b[1md\n  \\x3a:warning::detail\n  HINT: h\\r::notice::hint\n" in text
    assert "\nschema-guard: 1 holds" not in text
    ET.parse(project.root / "junit.xml")  # noqa: S314 - pytest's own


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "workers"])
def test_file_names_are_escaped_and_their_nodeids_run_again(
    project: Project, workers: tuple[str, ...]
) -> None:
    for old in (project.root / "migrations").iterdir():
        old.unlink()
    name = os.fsdecode(b"migrations/0002_\x1b[2J\n::error::\xff.sql")
    project.write(name, "ALTER TABLE nowhere ADD COLUMN a int;\n")
    result = project.guard("-k", "applies", "--schema-guard-json=r.json", *workers)
    assert result.ret == 1
    text = text_of(result)
    assert_harmless(text)
    nodeid = r"pyproject.toml::migrations/0002_\x1b\x5b2J\n:\x3aerror:\x3a\udcff.sql::applies"
    assert f"FAILED {nodeid}" in text
    assert r"migrations/0002_\x1b[2J\n::error::\udcff.sql:1: relation" in text
    (check,) = json.loads((project.root / "r.json").read_text())["checks"]
    assert check["subject"] == name
    again = project.guard(nodeid, "-vv", *workers)
    assert again.ret == 1
    assert_harmless(text_of(again))
    assert "1 failed" in text_of(again)


def test_what_the_project_s_code_says_is_escaped(project: Project) -> None:
    project.append(
        "app/models.py",
        r"""
        print("\x1b[2Jprinted\n::error::printed")
        raise RuntimeError("\x1b]0;title\x07 of the project\n::error::project \u202e")
        """,
    )
    result = project.guard("-k", "drift")
    assert result.ret == 1
    assert_harmless(text_of(result))
    assert r"RuntimeError: \x1b]0;title\x07 of the project" in text_of(result)


def test_the_configuration_s_texts_are_escaped(project: Project) -> None:
    project.write(
        "pyproject.toml", PYPROJECT.replace(CHECKS, "") + 'checks = ["drif\\u001b\\n::error::x"]\n'
    )
    result = project.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_harmless(text_of(result))
    assert r"checks: no 'drif\x1b\n::error::x'" in text_of(result)


def test_an_error_of_a_fixture_is_escaped_too(project: Project) -> None:
    project.write(
        "migrations/0001_max_reports.sql", r"DO $$BEGIN RAISE E'\x1b[2J\n::error::x'; END$$;"
    )
    project.write("test_own.py", "def test_own(schema_guard_url):\n    pass\n")
    result = project.run("test_own.py")
    assert result.ret == 1
    assert_harmless(text_of(result))
    assert "0001_max_reports.sql" in text_of(result)


def test_names_in_a_live_database_are_escaped(project: Project, there: There) -> None:
    name = "x\x1b[2J\x1b[1;1H\nschema-guard: of 400 databases 400 hold\n::stop-commands::zz"
    project.write("pyproject.toml", PYPROJECT)
    dump = project.write("live.sql", f'CREATE TABLE "{name}" (a int);\n')
    done = subprocess.run(
        [Path(sys.executable).with_name("schema-guard"), "check", dump],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    text = done.stdout + done.stderr
    assert_harmless(text)
    assert r"x\x1b[2J\x1b[1;1H\nschema-guard: of 400 databases 400 hold\n::stop" in text
    assert not re.search("^schema-guard: of 400", text, re.MULTILINE)


# Passwords


def assert_hidden(result: pytest.RunResult, project: Project) -> None:
    text = text_of(result)
    assert CANARY not in text
    assert "***" in text
    for name in ("r.json", "junit.xml"):
        file = project.root / name
        assert not file.exists() or CANARY not in file.read_text()


REPORTS = ("--schema-guard-json=r.json", "--junitxml=junit.xml", "-vv", "--showlocals")


@pytest.mark.parametrize(
    "sql",
    [
        f"CREATE ROLE app LOGIN PASSWORD '{CANARY}';",
        f"ALTER ROLE none ENCRYPTED PASSWORD E'{CANARY}';",
        f"CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'u', password '{CANARY}');",
        f"CREATE SUBSCRIPTION s CONNECTION 'host=h password={CANARY}' PUBLICATION p;",
        f"SELECT 1/0, 'postgresql://u:{CANARY}@h/d';",
        f"CREATE ROLE app PASSWORD {CANARY};",
    ],
)
def test_a_migration_that_fails_shows_no_password(project: Project, sql: str) -> None:
    project.write("migrations/0001_max_reports.sql", sql)
    result = project.guard(*REPORTS)
    assert result.ret == 1
    assert_hidden(result, project)


@pytest.mark.parametrize("key", ["prepare", "seed", "baseline"])
def test_what_runs_before_the_migrations_shows_no_password(project: Project, key: str) -> None:
    project.write("bad.sql", f"CREATE ROLE app LOGIN PASSWORD '{CANARY}' SYNTAXERROR;\n")
    table = PYPROJECT.replace('seed = "rows.sql"\n', "").replace(
        'baseline = "production.sql"\n', ""
    )
    project.write("pyproject.toml", f'{table}{key} = "bad.sql"\n')
    result = project.guard(*REPORTS)
    assert result.ret == 1
    assert_hidden(result, project)


@pytest.mark.parametrize(
    "said",
    [
        f"'cannot use postgresql://app:{CANARY}/x@db.prod/app'",
        f"repr({{'host': 'h', 'password': '{CANARY}'}})",
        f'\'{{"password": "{CANARY}"}}\'',
        f"'host=h password={CANARY}'",
        f"'jdbc:postgresql://h/d?user=u&password={CANARY}'",
        "os.environ['APP_SECRET'] + repr(os.environ['APP_SECRET'])",
        "urllib.parse.quote(os.environ['APP_SECRET'])",
        "json.dumps(os.environ['APP_SECRET'])",
        "repr(dict(os.environ))",
    ],
)
def test_what_the_project_s_code_says_shows_no_password(
    project: Project, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("APP_SECRET", f"ü'\"{CANARY}")
    imports = "import json, os, urllib.parse\n"
    project.append("app/models.py", f"\n{imports}raise RuntimeError({said})\n")
    result = project.guard(*REPORTS, "-k", "drift")
    assert result.ret == 1
    assert_hidden(result, project)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            f'server = "boss:{CANARY}@localhost:5433/postgres"',
            "it is no provider and no PostgreSQL URL",
        ),
        (f'server = "{CANARY}"', "it is no provider and no PostgreSQL URL"),
        (f'env = {{ DB_PASSWORD = ["{CANARY}"] }}', "env.DB_PASSWORD: it is no text"),
        (f'env = {{ A = {{ x = "{CANARY}" }} }}', "env.A: it is no text"),
        (f'env = "{CANARY}"', "env: a text is no table"),
        (f'tcp = "postgresql://u:{CANARY}@h/d"', "'postgresql://u:***@h/d' is neither true"),
        (f'checks = ["postgresql://u:{CANARY}@h/d"]', "no 'postgresql://u:***@h/d'"),
        (f'setup = {{ password = "{CANARY}" }}', "a table is no text"),
        (f'"postgresql://u:{CANARY}@h/d" = 1', "no such key"),
    ],
)
def test_a_wrong_configuration_shows_no_password(project: Project, line: str, words: str) -> None:
    project.write("pyproject.toml", f"{PYPROJECT.replace(CHECKS, '')}{line}\n")
    result = project.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert CANARY not in text_of(result)
    assert words in text_of(result)
