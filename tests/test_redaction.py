"""No password prints, whatever form it has, and what is none stays as it is."""

from __future__ import annotations

import base64
import json
import shlex
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pytest_schemaguard.address import Address
from pytest_schemaguard.redaction import (
    LONGEST,
    MARGIN,
    basic,
    passwords_in,
    redacted,
    secrets_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CHARACTERS = st.characters(exclude_categories=["Cs"])
ANY_TEXT = st.text(CHARACTERS, min_size=4, max_size=40)
HARD = "Zq7'w\"k%4@ ü/:#?x;9\\Zq"


def test_passwords_of_the_environment_are_found() -> None:
    found = secrets_in(
        {
            "A": "postgresql://u:in-a-url@h/d",
            "PGPASSWORD": "of-libpq",
            "DB_PASS": "by-name",
            "SSH_PWD": "by-a-short-name",
            "PWD": "/home/somebody",
            "D": "host=h password='in a dsn'",
            "SECRET_KEY": "of an application",
            "API_TOKEN": "a-token-of-length",
            "USES_TOKEN": "yes",
            "SAME": "postgresql://guard:guard@h/d",
            "PATH": "/bin",
        }
    )
    assert found == {
        "in-a-url",
        basic("u", "in-a-url"),
        "of-libpq",
        "by-name",
        "by-a-short-name",
        "in a dsn",
        "of an application",
        "a-token-of-length",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot reach postgresql://u:p@h/d now", "cannot reach postgresql://u:***@h/d now"),
        ("postgresql+asyncpg://u:a:b@h/d", "postgresql+asyncpg://u:***@h/d"),
        ("postgresql://u:a/b?c#d@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:a@b@h/d", "postgresql://u:***@h/d"),
        ('postgresql://u:it\'s "a" one@h/d', "postgresql://u:***@h/d"),
        ("x = 'postgresql://u:a@h/d', 'a@b'", "x = 'postgresql://u:***@h/d', 'a@b'"),
        (r"postgresql:\/\/u:p@h\/d", r"postgresql:\/\/u:***@h\/d"),
        ("redis://:pw@h", "redis://:***@h"),
        ("https://u:p@h:8000/x", "https://u:***@h:8000/x"),
        ('missing "=" after "u:p@h:5433/d" in it', 'missing "=" after "u:***@h:5433/d" in it'),
        ("jdbc:postgresql://h/d?password=p&ssl=x", "jdbc:postgresql://h/d?password=***&ssl=x"),
        ("host=h password=p dbname=d", "host=h password=*** dbname=d"),
        ("password='p q' x", "password='***' x"),
        ("password = p host=h", "password = *** host=h"),
        ("PGPASSWORD=p psql", "PGPASSWORD=*** psql"),
        ("API_TOKEN=p psql", "API_TOKEN=*** psql"),
        ("flask add --password p --user u", "flask add --password *** --user u"),
        (r"{'host': 'h', 'password': 'it\'s'}", "{'host': 'h', 'password': '***'}"),
        ('{"password": "p", "port": 1}', '{"password": "***", "port": 1}'),
        ('{"password": 1234}', '{"password": ***}'),
        (r'"{\"password\": \"p q\"}"', r'"{\"password\": \"***\"}"'),
        ("Settings(user='u', db_password='p')", "Settings(user='u', db_password='***')"),
        ("CREATE ROLE r PASSWORD 'it''s' LOGIN", "CREATE ROLE r PASSWORD '***' LOGIN"),
        (r"create role r encrypted password E'a\'b'", "create role r encrypted password E'***'"),
        ("ALTER ROLE r PASSWORD U&'p'", "ALTER ROLE r PASSWORD U&'***'"),
        ("ALTER ROLE r PASSWORD $x$p$x$ LOGIN", "ALTER ROLE r PASSWORD $x$***$x$ LOGIN"),
        ("ALTER ROLE r PASSWORD 'p'\n 'q' LOGIN", "ALTER ROLE r PASSWORD '***' LOGIN"),
        ("ALTER ROLE r PASSWORD /* of */ 'p'", "ALTER ROLE r PASSWORD /* of */ '***'"),
        ("ALTER ROLE r PASSWORD 'never ends", "ALTER ROLE r PASSWORD '***"),
        ('CREATE USER r PASSWORD "p"', "CREATE USER r PASSWORD ***"),
        ("CREATE USER r PASSWORD p;", "CREATE USER r PASSWORD ***;"),
        ("EXECUTE 'ALTER ROLE r PASSWORD ''p'''", "EXECUTE 'ALTER ROLE r PASSWORD ''***'''"),
        (
            "EXECUTE 'ALTER ROLE r PASSWORD ' || quote('p');",
            "EXECUTE 'ALTER ROLE r PASSWORD ' || ***;",
        ),
        ("OPTIONS (user 'u', password 'p')", "OPTIONS (user 'u', password '***')"),
        ("CONNECTION 'host=h password=''p q''' PUB", "CONNECTION 'host=h password=''***''' PUB"),
        ("LINE 1: ...WORD 'p' LOGI NOW", "LINE 1: ...***"),
        ("SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy", "SCRAM-SHA-256$***"),
        (f"md5{'0a' * 16}", "md5***"),
        ("Authorization: Basic dTpwYXNzd29yZA==", "Authorization: Basic ***"),
        ("{'Authorization': 'Bearer abcdefgh'}", "{'Authorization': 'Bearer ***'}"),
    ],
)
def test_what_is_shaped_like_a_password_does_not_print(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "public.user.password: in the model User (app/models.py:17), missing in the database",
        "public.user.password: 'x'::text in the model, 'y'::text in the database",
        'ALTER TABLE "user" ADD COLUMN "password" VARCHAR(255) NOT NULL',
        "password text DEFAULT 'x'::text NOT NULL, token uuid",
        "CHECK ((password <> ''::text) AND (password = upper(password)))",
        "ON CONFLICT DO UPDATE SET password = excluded.password, token = NULL",
        "INSERT INTO users (name, password) VALUES (%s, %(password)s)",
        "COMMENT ON COLUMN u.password IS 'bcrypt'",
        'the column "password" of the relation "user" does not exist',
        "the 'password' field, its \"password\" label",
        'FATAL:  password authentication failed for user "u"',
        'psycopg2.OperationalError: connection to server at "h" (::1), port 5432 failed',
        '{"password": null, "password_hash": "x", "key": "y", "monkey": "z"}',
        "password: None, token_type: 'bearer'",
        "https://example.org/a:b",
        "see http://localhost:8000/@x, or mail ada@example.com",
        "postgresql://app@h:5432/d and postgresql://h/d",
        "image postgres:16@sha256:0a0a, git@github.com:org/repo",
        "app/models.py:17: KeyError: 'DATABASE'",
        "CREATE ROLE app LOGIN PASSWORD NULL",
        "LINE 1: ...T * FROM nowhere",
        "secrets, tokens and keys: SELECT key FROM secret",
    ],
)
def test_what_is_no_password_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the long one: x0123456789abcdefx", "the long one: x***x"),
        ("the short one: 'tiger', tigers", "the short one: '***', tigers"),
        (r"after escapes: u%40tiger, \ntiger", r"after escapes: u%40***, \n***"),
        ("quoted: 0123%2F4567%2F89", "quoted: ***"),
        ("quoted, small: 0123%2f4567%2f89", "quoted, small: ***"),
        ("the server postgres has a password", "the server postgres has a password"),
    ],
)
def test_known_secrets_do_not_print(text: str, shown: str) -> None:
    secrets = {"0123456789abcdef", "tiger", "0123/4567/89", "", "postgres", "password", "***"}
    assert redacted(text, secrets) == shown


def _doubled(text: str) -> str:
    return text.replace("'", "''")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quote": lambda one: quote(one, safe=""),
    "quote, slashes": quote,
    "quote_plus": quote_plus,
    "json": lambda one: json.dumps(one)[1:-1],
    "json, whole": lambda one: json.dumps(one, ensure_ascii=False)[1:-1],
    "repr": lambda one: repr(one)[1:-1],
    "ascii": lambda one: ascii(one)[1:-1],
    "bytes": lambda one: repr(one.encode())[2:-1],
    "SQL": _doubled,
    "E": _escaped,
}

SHAPES: dict[str, Callable[[str], str]] = {
    "URL": lambda one: f"bad postgresql://app:{quote(one, safe='')}@db:5432/x now",
    "URL in JSON": lambda one: json.dumps({"url": f"mysql://app:{quote_plus(one)}@db"}),
    "URL of JDBC": lambda one: f"jdbc:postgresql://h/d?user=u&password={quote(one, safe='')}&x=y",
    "keywords": lambda one: f"host=h password='{_escaped(one)}' user=u",
    "keywords apart": lambda one: f"password = '{_escaped(one)}'",
    "dict": lambda one: repr({"host": "h", "password": one, "port": 1}),
    "JSON": lambda one: json.dumps({"password": one, "x": [1]}),
    "JSON, whole": lambda one: json.dumps({"DB_PASSWORD": one}, ensure_ascii=False),
    "JSON within JSON": lambda one: json.dumps({"a": json.dumps({"password": one})}),
    "keyword": lambda one: f"connect(user='u', password={one!r}, port=1)",
    "SQL": lambda one: f"ALTER ROLE r ENCRYPTED PASSWORD '{_doubled(one)}'",
    "SQL, E": lambda one: f"CREATE ROLE r PASSWORD E'{_escaped(one)}' LOGIN",
    "SQL, dollars": lambda one: f"CREATE ROLE r PASSWORD $q${one}$q$ LOGIN",
    "SQL within SQL": lambda one: (
        f"DO $$ BEGIN EXECUTE 'ALTER ROLE r PASSWORD ''{_doubled(_doubled(one))}'''; END"
    ),
    "options": lambda one: f"OPTIONS (user 'u', password '{_doubled(one)}')",
    "shell": lambda one: f"PGPASSWORD={shlex.quote(one + ' ')} psql",
    "header": lambda one: f"Authorization: Basic {basic('user', one)}",
}
"""Places where a password that nobody knows is seen by its shape."""


@settings(derandomize=True, max_examples=300, deadline=None)
@given(secret=ANY_TEXT, shape=st.sampled_from(sorted(SHAPES)))
@example(secret=HARD, shape="dict")
@example(secret=HARD, shape="shell")
@example(secret=HARD, shape="JSON within JSON")
@example(secret=HARD, shape="SQL")
def test_a_password_that_nobody_knows_is_seen_by_its_shape(secret: str, shape: str) -> None:
    assume("$" not in secret and secret.strip("*"))
    frame = SHAPES[shape]("***")
    shown = redacted(SHAPES[shape](secret))
    assert "***" in shown
    for form in {secret, *(spell(secret) for spell in SPELLINGS.values())}:
        assert form in frame or form not in shown


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    secret=st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="@"),
        min_size=1,
        max_size=60,
    )
)
def test_a_url_is_read_as_sqlalchemy_reads_it(secret: str) -> None:
    assume("//" not in secret and not secret[0].isdigit() and secret.strip("*"))
    shown = redacted(f"cannot use postgresql+psycopg2://app:{secret}@db.prod:5432/app")
    assert shown == "cannot use postgresql+psycopg2://app:***@db.prod:5432/app"


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    secret=ANY_TEXT,
    spelled=st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=1, max_size=2),
    before=st.sampled_from(["", " ", "'", '"', "(", "=", ":", "%3A", r"\n", "/"]),
    after=st.sampled_from(["", " ", "'", '"', ")", ",", "@", "%40", r"\n"]),
)
@example(secret=HARD, spelled=["json", "json"], before="'", after="'")
@example(secret=HARD, spelled=["quote", "repr"], before=":", after="@")
def test_a_known_secret_never_prints(
    secret: str, spelled: list[str], before: str, after: str
) -> None:
    assume(set(secret) != {"*"} and redacted(secret, {secret}) == "***")
    form = secret  # not one of the words that the guard's own sentences need
    for one in spelled:
        form = SPELLINGS[one](form)
    shown = redacted(f"of {before}{form}{after} to", {secret})
    assert form not in shown.replace("***", "\0")


@settings(derandomize=True, max_examples=200, deadline=None)
@given(secret=st.text(CHARACTERS, min_size=8, max_size=30), before=st.binary(max_size=8))
def test_a_known_secret_within_base64_never_prints(secret: str, before: bytes) -> None:
    assume(set(secret) != {"*"} and redacted(secret, {secret}) == "***")
    coded = base64.b64encode(before + secret.encode() + b"tail").decode()
    assert coded not in redacted(f"of {coded} to", {secret})


@settings(derandomize=True, max_examples=300, deadline=None)
@given(text=st.text(max_size=200), secret=ANY_TEXT)
def test_a_text_without_secrets_stays_as_it_is(text: str, secret: str) -> None:
    words = ("pass", "pwd", "secret", "token", "key", "credential", "auth", "bearer", "md5")
    assume(not any(word in text.lower() for word in (*words, "@", "scram", "line ")))
    assume(secret not in text)
    assert redacted(text) == text
    assert redacted(text, {secret}) == text


@given(
    password=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=12),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_a_long_password_never_prints(password: str, before: str, after: str) -> None:
    address = Address(host="h", port=1, user="u", password=password, database="d")
    text = f"{before}{password}{after} {address.url()} {address.url('asyncpg')}"
    assert password not in redacted(text, {password}).replace("***", "\0")


def test_passwords_of_one_text_are_known_in_another() -> None:
    sql = "CREATE ROLE r PASSWORD 'it''s me' LOGIN; SELECT 'postgresql://u:a%2Fb@h/d'"
    assert passwords_in(sql) == {"it''s me", "it's me", "a%2Fb", "a/b"}


def test_what_nobody_can_read_loses_its_middle() -> None:
    text = "a" * LONGEST + "PASSWORD 'cut here' " + "b" * LONGEST
    shown = redacted(text)
    assert f"a ... (of {len(text)} characters the middle is left out) ... b" in shown
    assert len(shown) < LONGEST
    at_the_cut = "a" * (LONGEST // 2 - 5) + "secret-of-length" + "b" * (2 * LONGEST)
    assert "secr" not in redacted(at_the_cut, {"secret-of-length"})
    assert len(HARD) < MARGIN


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        ":",
        "a:a:",
        "://",
        "x://a:",
        "://@",
        "://a:" + "b" * 310 + "@",
        "postgresql://a:b@",
        "a:b@c/",
        "@",
        "'",
        '"',
        "\\",
        "\\'",
        "password",
        "password ",
        "password=",
        "password='",
        "password=\\'",
        "password=''x",
        "password/*",
        "password$",
        "'password': ",
        "create role ",
        "create role x password ",
        "authorization:",
        "bearer ",
        "LINE 1: ...",
        "\nLINE 1: ...'",
        "md5",
        "SCRAM-SHA-256$1:",
        "\\\\x" + "ab" * 100,
        "$",
        "\n",
        " ",
        "0",
        "ü",
        "İ",
        "Zq7",
    ],
)
def test_fifty_megabytes_take_a_second(piece: str) -> None:
    text = piece * (50_000_000 // len(piece))
    secrets = {HARD, "aaaa", "tiger", ":" * 6, "'" * 6, "\\" * 6}
    redacted("", secrets)
    began = time.thread_time()  # the machine may do other work: this thread's alone counts
    redacted(text, secrets)
    assert time.thread_time() - began < 1
