"""Files and values that cannot be used, in whole runs: whole words, and never a traceback."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.servers.embedded import Embedded
from tests.e2e.conftest import FILE, PYPROJECT, need, text_of

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

ALONE = PYPROJECT.partition("baseline")[0]
EMPTY = {
    "nothing": "",
    "comments": "--\n-- PostgreSQL database dump\n--\n\n/* ; */\n",
    "settings": "SET statement_timeout = 0;\nSET standard_conforming_strings = on;\n",
    "the-wrong-database": (
        "SET client_encoding = 'UTF8';\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\n"
        "CREATE SCHEMA public;\nALTER SCHEMA public OWNER TO prod;\n"
        "COMMENT ON SCHEMA public IS 'standard public schema';\n"
        "GRANT USAGE ON SCHEMA public TO app;\n"
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app;\n"
    ),
    "a-question": "SELECT 1;\n",
    "a-block": "DO $$ BEGIN NULL; END $$;\n",
    "in-vain": "CREATE TABLE a (id int);\nDROP TABLE a;\n",
}


def test_a_baseline_that_makes_nothing_is_none(project: Project) -> None:
    """Each in a database of its own, in one run."""
    project.write("pyproject.toml", ALONE)
    for name, text in EMPTY.items():
        project.write(f"{name}.sql", text)
        project.append(
            "pyproject.toml",
            f'\n[[tool.schema-guard.database]]\nname = "{name}"\nbaseline = "{name}.sql"\n',
        )
    project.append(
        "pyproject.toml",
        '\n[[tool.schema-guard.database]]\nname = "right"\nbaseline = "production.sql"\n',
    )
    printed = text_of(project.guard("-k", "applies"))
    for name in EMPTY:
        assert (
            f"unproven: {name}.sql: baseline: it makes no table and nothing else, so all that "
            "follows would prove nothing\n"
            "  next: see that pg_dump ended without an error, and dumped the right database: "
            f"pg_dump --schema-only --file={name}.sql ...\n"
        ) in printed
    assert f"{len(EMPTY)} failed, 1 passed" in printed


def test_a_dump_of_rows_alone_is_no_baseline(project: Project) -> None:
    project.write(
        "production.sql",
        "SET client_encoding = 'UTF8';\n\nCOPY public.\"user\" (email) FROM stdin;\na\n\\.\n\n"
        "SELECT pg_catalog.setval('x', 2, true);\n",
    )
    printed = text_of(project.guard("-k", "applies"))
    assert (
        "unproven: production.sql:3: baseline: it holds rows and makes no table for them\n"
        '    COPY public."user" (email) FROM stdin\n'
        "  next: dump the schema: pg_dump --schema-only; rows belong into `seed`\n"
    ) in printed


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            'migrations = { command = "python \'x", versions = "m/*.sql" }',
            'migrations.command: "python \'x" cannot be split into words: no closing quotation',
        ),
        ("statement-timeout-s = inf", "statement-timeout-s: inf is no number of seconds from"),
        ('role = "\\u0000"', "role: it holds a NUL character"),
        ('env = { "A=B" = "x" }', "env: 'A=B' cannot be the name of a variable"),
        (
            f'seed = "INSERT INTO thing (id) VALUES {"(1), " * 80}"',
            "seed: 'INSERT INTO thing (id) VALUES (1), ",
        ),
        ('prepare = "latin1.sql"', "prepare: latin1.sql:2 is not UTF-8: byte 0xe9 cannot stand"),
    ],
)
def test_a_wrong_value_is_a_usage_error(project: Project, line: str, words: str) -> None:
    (project.root / "latin1.sql").write_bytes("--\nSELECT 'é';".encode("latin1"))
    base = ALONE.replace('migrations = "migrations"\n', "") if "command" in line else ALONE
    project.write("pyproject.toml", f"{base}{line}\n")
    result = project.guard()
    printed = text_of(result)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: " in printed
    assert f"{words}" in printed
    assert "Traceback" not in printed
    assert "INTERNALERROR" not in printed


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (b"postgresql://u:geheim@h\n/d", "the URL has a character that no URL can have"),
        (b"postgresql://u:geheim@h\xff/d", "the URL has a character that no URL can have"),
        (b"postgresql://u:geheim@h\x1b[2J/d", "the URL has a character that no URL can have"),
        (b"u:geheim@h/d", "the value is no provider and no PostgreSQL URL"),
    ],
)
def test_a_url_of_the_environment_that_is_none(
    project: Project, monkeypatch: pytest.MonkeyPatch, url: bytes, words: str
) -> None:
    monkeypatch.setenv("SCHEMA_GUARD_URL", os.fsdecode(url))
    result = project.guard()
    printed = text_of(result)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: server: {words}" in printed
    assert "geheim" not in printed


def test_a_colon_of_sql_is_no_variable(project: Project) -> None:
    """JSON_OBJECT(key: value) is SQL since PostgreSQL 16."""
    need(Embedded())
    project.append("pyproject.toml", 'server = "embedded"\n')
    project.append(
        FILE,
        "CREATE OR REPLACE VIEW users AS\n"
        "SELECT JSON_OBJECT('id':id, 'email':email, 'n':1) AS user FROM \"user\";\n",
    )
    project.write(FILE.replace(".sql", ".down.sql"), "DROP VIEW users;\n")
    result = project.guard("-k", "applies or idempotent")
    assert result.ret == 0, text_of(result)


@pytest.mark.parametrize("variable", [":name", ":'name'", ':"name"'])
def test_a_variable_that_nothing_sets_is_told_where_postgresql_stumbles(
    project: Project, variable: str
) -> None:
    project.write(FILE, f"SELECT 1;\nSELECT\n  {variable};\n")
    printed = text_of(project.guard("-k", "applies"))
    assert f'{FILE}:3: syntax error at or near ":" (SQLSTATE 42601)' in printed
    fix = f"if {variable} is a variable of psql, its value is not in this file: write the value"
    assert fix in printed


def test_strings_end_as_dump_and_migration_set_it(project: Project) -> None:
    """pg_dump writes the database's own setting, and strings with backslashes accordingly."""
    off = "SET standard_conforming_strings = off;\n"
    text = (project.root / "production.sql").read_text()
    project.write("production.sql", f"{off}{text}COMMENT ON TABLE \"user\" IS 'it\\'s; a (';\n")
    project.write(
        FILE,
        f"COMMENT ON TABLE \"user\" IS 'C:\\';\n{off}"
        'ALTER TABLE "user" ADD COLUMN IF NOT EXISTS max_reports integer NOT NULL DEFAULT 5;\n'
        "COMMENT ON TABLE \"user\" IS 'it\\'s; here';\n",
    )
    result = project.guard("-k", "applies or idempotent")
    assert result.ret == 0, text_of(result)
