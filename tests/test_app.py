"""The application of the founding story answers for real, and only on the migrated schema."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import jwt
import psycopg2
import pytest
from sqlalchemy import create_engine
from werkzeug.serving import make_server

from tests.app import production
from tests.app.main import create_app
from tests.app.models import Base
from tests.app.passwords import hash_password, verify_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pytest_schemaguard.address import Address

    Ask = Callable[..., tuple[int, Any]]

LOGIN = "/api/v1/auth/login"
PASSWORD = "correct horse battery staple"
ADA = {"email": "ada@example.com", "password": PASSWORD}
SECRET = "a secret of this test, of thirty-two bytes"
PREFERENCES = ("clear_previous_anomalies", "show_clear_warning", "max_reports", "max_templates")


@contextmanager
def serving(address: Address, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    monkeypatch.setenv("DATABASE_URL", address.url())
    monkeypatch.setenv("JWT_SECRET", SECRET)
    server = make_server("127.0.0.1", 0, create_app())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()

    def ask(
        method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
            sent = {"Content-Type": "application/json", **(headers or {})}
            client.request(method, path, json.dumps(body), sent)
            answer = client.getresponse()
            content = answer.read()
            is_json = answer.getheader("Content-Type") == "application/json"
            return answer.status, json.loads(content) if is_json else content.decode()

    try:
        yield ask
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


@pytest.fixture
def owner(database: Address) -> Address:
    return production.load(database)


@pytest.fixture
def migrated(owner: Address) -> Address:
    with closing(psycopg2.connect(owner.url())) as connection, connection.cursor() as cursor:
        cursor.execute(production.UP)
    return owner


@pytest.fixture
def ask(migrated: Address, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    with serving(migrated, monkeypatch) as asking:
        yield asking


def test_login_answers_with_a_token_that_names_the_user(
    ask: Ask, migrated: Address, connect: Callable[[Address], Connection]
) -> None:
    status, body = ask("POST", LOGIN, ADA)
    assert (status, body["token_type"]) == (200, "bearer")
    claims = jwt.decode(body["access_token"], SECRET, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 3600
    with connect(migrated).cursor() as cursor:
        cursor.execute(
            "SELECT email, last_login_at > now() - interval '1 min' FROM \"user\" WHERE id = %s",
            (claims["sub"],),
        )
        assert cursor.fetchone() == ("ada@example.com", True)


def test_token_opens_what_the_user_has_with_the_declared_defaults(ask: Ask) -> None:
    token = ask("POST", LOGIN, ADA)[1]["access_token"]
    assert ask("GET", "/api/v1/users/me", headers={"Authorization": f"Bearer {token}"}) == (
        200,
        {
            "email": "ada@example.com",
            "full_name": "Ada Lovelace",
            "analyses": ["Boiler pressure, May", "Boiler pressure, June"],
            "preferences": {
                "clear_previous_anomalies": True,
                "show_clear_warning": True,
                "max_reports": 5,
                "max_templates": 5,
            },
        },
    )


@pytest.mark.parametrize(
    "credentials",
    [
        {"email": "ada@example.com", "password": "correct horse battery stapler"},
        {"email": "ada@example.com", "password": ""},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": "old@example.com", "password": "difference engine no. 2"},
    ],
    ids=["wrong password", "empty password", "unknown address", "no longer active"],
)
def test_login_refuses(ask: Ask, credentials: dict[str, str]) -> None:
    assert ask("POST", LOGIN, credentials) == (401, {"error": "wrong email or password"})


@pytest.mark.parametrize("body", [None, [], {"email": "ada@example.com"}, {**ADA, "email": 1}])
def test_login_without_credentials_is_a_bad_request(ask: Ask, body: object) -> None:
    assert ask("POST", LOGIN, body) == (400, {"error": "email and password are required"})


def test_token_of_another_secret_opens_nothing(ask: Ask) -> None:
    forged = jwt.encode({"sub": "1"}, "another secret, of thirty-two bytes", algorithm="HS256")
    for header in (f"Bearer {forged}", "Bearer nonsense", ""):
        answer = ask("GET", "/api/v1/users/me", headers={"Authorization": header})
        assert answer == (401, {"error": "log in first"})


def test_before_the_migration_every_login_dies_of_undefined_column(
    owner: Address, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(owner, monkeypatch) as ask:
        status, _ = ask("POST", LOGIN, ADA)
    assert status == 500
    assert "psycopg2.errors.UndefinedColumn" in caplog.text
    assert "column user.clear_previous_anomalies does not exist" in caplog.text


def test_nothing_secret_is_logged(
    owner: Address, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with serving(owner, monkeypatch) as ask:
        ask("POST", LOGIN, ADA)
        with closing(psycopg2.connect(owner.url())) as connection, connection.cursor() as cursor:
            cursor.execute(production.UP)
        token = ask("POST", LOGIN, ADA)[1]["access_token"]
    assert "UndefinedColumn" in caplog.text
    for secret in (PASSWORD, "scrypt$", token, SECRET, production.OWNER_PASSWORD, ADA["email"]):
        assert secret not in caplog.text


def test_application_makes_no_table(
    database: Address, monkeypatch: pytest.MonkeyPatch, connect: Callable[[Address], Connection]
) -> None:
    with serving(database, monkeypatch) as ask:
        assert ask("POST", LOGIN, ADA)[0] == 500
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        assert cursor.fetchone() == (0,)


def test_production_is_what_the_models_make_without_the_four_columns(
    database: Address, connect: Callable[[Address], Connection]
) -> None:
    production.load(database)
    connection = connect(database)
    columns = (
        "SELECT table_name, column_name, udt_name, character_maximum_length, is_nullable,"
        " column_default FROM information_schema.columns WHERE table_schema = 'public'"
        f" AND column_name NOT IN {PREFERENCES} ORDER BY 1, 2"
    )
    objects = (
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype <> 'n' UNION ALL"
        " SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
    )
    with connection.cursor() as cursor:
        cursor.execute(columns)
        dumped = cursor.fetchall()
        cursor.execute(objects)
        dumped += cursor.fetchall()
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        engine = create_engine(database.url("psycopg2"))
        Base.metadata.create_all(engine)
        engine.dispose()
        cursor.execute(columns)
        made = cursor.fetchall()
        cursor.execute(objects)
        made += cursor.fetchall()
    assert dumped == made


def test_passwords_are_salted_and_verified() -> None:
    first, second = hash_password("secret"), hash_password("secret")
    assert first != second
    assert verify_password("secret", first)
    assert verify_password("secret", second)
    assert not verify_password("Secret", first)
    assert not verify_password("secret", first.replace("scrypt$", "md5$"))
