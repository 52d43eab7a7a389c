from __future__ import annotations

import pytest

from pytest_schemaguard import placeholders
from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.project import environment

SOCKET = Address(host="/run/guard", port=5433, user="app", password="0f1e2d3c4b5a", database="db_1")
TCP = Address(host="127.0.0.1", port=5433, user="app", password="0f1e2d3c4b5a", database="db_1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGHOST", "db"),
        ("PGHOSTADDR", "10.0.0.1"),
        ("PGSERVICE", "production"),
        ("PGSYSCONFDIR", "/etc"),
        ("PGANYTHING_NEW", "x"),
        ("DATABASE_URL", "anything at all"),
        ("TEST_DATABASE_URL", "x"),
        ("database_url", "x"),
        ("DATABASE_URI", "x"),
        ("SQLALCHEMY_DATABASE_URI", "x"),
        ("SQLALCHEMY_URL", "x"),
        ("APP_DSN", "x"),
        ("DB_HOST", "x"),
        ("DB_PASSWORD", "x"),
        ("DB_NAME", "x"),
        ("POSTGRES_PASSWORD", "x"),
        ("POSTGRES_DB", "x"),
        ("MYAPP_POSTGRES_PORT", "x"),
        ("RDS_HOSTNAME", "x"),
        ("DATABASES", "{}"),
        ("ANYTHING", "postgres://u:p@h/d"),
        ("ANYTHING", "postgresql+asyncpg://u:p@h/d"),
        ("ANYTHING", " 'POSTGRESQL://h/d'"),
        ("ANYTHING", "mysql+pymysql://h/d"),
        ("ANYTHING", "jdbc:postgresql://h/d"),
        ("ANYTHING", '{"default": "postgresql://h/d"}'),
        ("ANYTHING", "--schema-guard-url=postgresql://h/d"),
        ("ANYTHING", "host=db dbname=app"),
        ("SCHEMA_GUARD_URL", "postgresql://h/d"),
        ("BROKER", "db+postgresql://h/d"),
    ],
)
def test_what_leads_to_a_database_is_scrubbed(name: str, value: str) -> None:
    assert environment.scrubbed({name: value, "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/lib/postgresql/15/bin:/bin"),
        ("HOME", "/home/postgres"),
        ("PYTHONPATH", "src"),
        ("REDIS_URL", "redis://h/0"),
        ("PAGER", "less"),
        ("PG", "x"),
        ("API_URL", "https://h/postgresql"),
        ("SQLALCHEMY_SILENCE_UBER_WARNING", "1"),
        ("DEBUG", "1"),
        ("SECRET_KEY", "x"),
        ("USERNAME", "x"),
    ],
)
def test_other_variables_stay(name: str, value: str) -> None:
    assert environment.scrubbed({name: value}) == {name: value}


def test_placeholders_are_filled() -> None:
    env = {
        "DATABASE_URL": "{url}",
        "ASYNC": "{url:asyncpg}",
        "PARTS": "{host} {port} {user} {password} {database} {dir}",
        "JSON": '{"a": {}, "b": "{database}"}',
        "PLAIN": "x",
    }
    assert placeholders.filled(env, TCP, "/folder") == {
        "DATABASE_URL": "postgresql://app:0f1e2d3c4b5a@127.0.0.1:5433/db_1",
        "ASYNC": "postgresql+asyncpg://app:0f1e2d3c4b5a@127.0.0.1:5433/db_1",
        "PARTS": "127.0.0.1 5433 app 0f1e2d3c4b5a db_1 /folder",
        "JSON": '{"a": {}, "b": "db_1"}',
        "PLAIN": "x",
    }
    assert placeholders.filled({"HOST": "{host}"}, SOCKET, "/folder") == {"HOST": "/run/guard"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            "x{databse}",
            "no placeholder {databse}\n  next: did you mean {database}? they are {url}, ",
        ),
        ("{qqqq}", "no placeholder {qqqq}\n  next: they are {url}, {host}, {port}, {user}, "),
        ("{host:asyncpg}", "no placeholder {host:asyncpg}\n  next: did you mean {host}? "),
    ],
)
def test_unknown_placeholder_is_refused_with_the_nearest_right_one(value: str, words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        placeholders.check_placeholders({"FINE": "{url:x}", "APP_DB": value})
    assert str(refusal.value).startswith(f"env.APP_DB: {words}")
