from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.address import Address
from pytest_schemaguard.redaction import redacted, secrets_in


def test_passwords_of_the_environment_are_found() -> None:
    found = secrets_in(
        {
            "A": "postgresql://u:in-a-url@h/d",
            "PGPASSWORD": "of-libpq",
            "DB_PASS": "by-name",
            "D": "host=h password='in a dsn'",
            "PATH": "/bin",
        }
    )
    assert found == {"in-a-url", "of-libpq", "by-name", "in a dsn"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot reach postgresql://u:p@h/d now", "cannot reach postgresql://u:***@h/d now"),
        ("postgresql+asyncpg://u:a:b@h/d", "postgresql+asyncpg://u:***@h/d"),
        ("host=h password=p dbname=d", "host=h password=*** dbname=d"),
        ("password='p q' x", "password=*** x"),
        ("redis://:pw@h", "redis://:***@h"),
        ("the long one: x0123456789abcdefx", "the long one: x***x"),
        ("the short one: 'tiger', tigers", "the short one: '***', tigers"),
        ("quoted: 0123%2F4567%2F89", "quoted: ***"),
        ("https://example.org/a:b", "https://example.org/a:b"),
    ],
)
def test_secrets_do_not_print(text: str, shown: str) -> None:
    secrets = {"0123456789abcdef", "tiger", "0123/4567/89", ""}
    assert redacted(text, secrets) == shown


@given(
    password=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=12),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_a_long_password_never_prints(password: str, before: str, after: str) -> None:
    address = Address(host="h", port=1, user="u", password=password, database="d")
    text = f"{before}{password}{after} {address.url()} {address.url('asyncpg')}"
    assert password not in redacted(text, {password}).replace("***", "\0")
