"""The configured request as bytes, in another row's name, and without its secrets."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.project.tasks.request.message import cut, message, secrets, substituted

ADA, NEW = "ada@example.org", "guard-1@example.org"


@pytest.mark.parametrize(
    ("request_", "body", "kind"),
    [
        ({"json": {"a": 1}}, b'{"a": 1}', "application/json"),
        ({"form": {"a": "1 &"}}, b"a=1+%26", "application/x-www-form-urlencoded"),
        ({"body": "<x>"}, b"<x>", None),
        ({}, b"", None),
        (
            {"json": {}, "headers": {"content-type": "application/vnd.api+json"}},
            b"{}",
            "application/vnd.api+json",
        ),
    ],
)
def test_bodies_and_their_types(request_: dict[str, object], body: bytes, kind: str | None) -> None:
    made = message(request_)
    headers = {name.lower(): value for name, value in made.headers}
    assert (made.body, headers.get("content-type")) == (body, kind)


def test_path_and_basic() -> None:
    made = message({"method": "get", "path": "log in?a=b c", "basic": ["ada", "pä:ss"]})
    assert (made.method, made.target) == ("GET", "/log%20in?a=b%20c")
    authorization = dict(made.headers)["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(authorization).decode() == "ada:pä:ss"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"json": {"user": {"email": ADA}}}, {"json": {"user": {"email": NEW}}}),
        ({"json": [{"name": f"<{ADA}>"}]}, {"json": [{"name": f"<{NEW}>"}]}),
        (
            {"form": {"username": ADA, "password": ADA}},
            {"form": {"username": NEW, "password": ADA}},
        ),
        ({"basic": [ADA, ADA]}, {"basic": [NEW, ADA]}),
        ({"path": "/login?user=ada%40example.org"}, {"path": "/login?user=guard-1%40example.org"}),
        ({"body": f"user={ADA}&x=1"}, {"body": f"user={NEW}&x=1"}),
    ],
)
def test_new_row_takes_the_place_of_the_existing_one(
    request_: dict[str, object], expected: dict[str, object]
) -> None:
    made = substituted(request_, {ADA: NEW})
    assert made is not None
    assert {key: made[key] for key in expected} == expected


@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"email": f"n{ADA}"}},
        {"json": {"email": f"{ADA}.uk"}},
        {"json": {"password": ADA}},
        {"basic": ["bob", ADA]},
        {"json": True},
        {},
    ],
)
def test_request_that_does_not_name_the_row_is_told(request_: dict[str, object]) -> None:
    assert substituted(request_, {ADA: NEW}) is None


def test_number_stays_a_number() -> None:
    made = substituted({"json": {"id": 7, "n": 77}}, {"7": "9"})
    assert made is not None
    assert made["json"] == {"id": 9, "n": 77}


@pytest.mark.parametrize(
    "text",
    [
        '{"access_token": "eyJhbGciOi.eyJzdWIiOi.abc-1", "x": 1}',
        "{'refreshToken': 'hunter22'}",
        "Set-Cookie: hunter22; path=/",
        "password=hunter22&next=/",
        "a key 0123456789abcdef0123456789abcdef in a text",
        "$2b$12$hunter22hunter22",
        "pbkdf2:sha256:600000$salt$hunter22",
        "[SQL: SELECT 1]\n[parameters: {'a': 'hunter22'}]",
        "postgresql://u:hunter22@h/db",
        "my own: correct horse",
    ],
)
def test_secrets_are_cut(text: str) -> None:
    shown = cut(text, frozenset({"correct horse"}))
    for secret in ("hunter22", "eyJ", "0123456789abcdef", "correct horse"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "app/main.py:12: (psycopg2.errors.UndefinedColumn) column user.max_reports does not exist",
        '  File "/tmp/pytest-of-root/pytest-0/test_flask_application_answers_a0/app.py", line 3',
        "with Session(engine) as session:\n    user = session.scalar(statement)",
        '{"error": "wrong email or password"}',
    ],
)
def test_what_explains_an_error_stays(text: str) -> None:
    assert cut(text, frozenset()) == text.strip()


def test_long_text_is_cut() -> None:
    assert cut("word " * 500, frozenset()) == ("word " * 500)[:500] + " ..."


def test_secrets_of_a_request() -> None:
    request = {
        "basic": ["ada", "one"],
        "json": {"user": {"email": ADA, "passWord": "two"}},
        "form": {"client_secret": "three"},
        "headers": {"X-Api-Key": "four", "Accept": "text/html"},
    }
    assert secrets(request) == {"one", "two", "three", "four"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(JSON, st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.org", fullmatch=True))
def test_only_the_row_is_replaced_and_nothing_else(value: object, name: str) -> None:
    made = substituted({"json": {"given": value, "login": name}}, {name: NEW})
    assert made is not None
    assert made["json"] == {"given": value, "login": NEW}
    back = substituted(made, {NEW: name})
    assert back is not None
    assert json.dumps(back["json"]) == json.dumps({"given": value, "login": name})


@given(st.text(), st.text(min_size=12, alphabet="abcdefgh$%!.*+?"))
def test_known_secret_never_shows(around: str, secret: str) -> None:
    assert secret not in cut(around + secret + around, frozenset({secret}), limit=10_000)
