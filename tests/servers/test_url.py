from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers.url import parse_url

EXAMPLE = "write postgresql://user:password@host:5432/database"
ENCODED = f"\n  next: {EXAMPLE}, special characters percent-encoded"


def test_a_url_is_read_as_libpq_reads_it() -> None:
    assert parse_url("postgresql+asyncpg://u:p%20w@db.example:5433/app?sslmode=require") == Address(
        host="db.example",
        port=5433,
        user="u",
        password="p w",
        database="app",
        options=(("sslmode", "require"),),
    )


def test_what_a_url_leaves_out_has_defaults() -> None:
    assert parse_url("postgres://u@h") == Address(
        host="h", port=5432, user="u", password="", database="postgres"
    )


@given(
    user=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    password=st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    database=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    host=st.sampled_from(["localhost", "::1", "/run/x-y", "db-1.example"]),
)
def test_every_address_survives_its_url(user: str, password: str, database: str, host: str) -> None:
    address = Address(host=host, port=5432, user=user, password=password, database=database)
    assert parse_url(address.url()) == address


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("lcoal", f"server: 'lcoal' is no provider and no PostgreSQL URL\n  next: {EXAMPLE}"),
        (
            "mysql://u:hunter2@h/d",
            f"server: the value is no provider and no PostgreSQL URL\n  next: {EXAMPLE}",
        ),
        ("postgresql://u:hunter2@/d", f"server: the URL names no host\n  next: {EXAMPLE}"),
        ("postgresql://h/d", f"server: the URL names no user\n  next: {EXAMPLE}"),
        (
            "postgresql://u:hunter2@h:/d?bogus=1",
            f'server: the URL cannot be read: invalid URI query parameter: "bogus"{ENCODED}',
        ),
        (
            "postgresql://u:hunter2%zz@h/d",
            f"server: the URL cannot be read{ENCODED}",
        ),
        *(
            (url, f"server: the URL names several hosts or no usable port\n  next: {EXAMPLE}")
            for url in (
                "postgresql://u:hunter2@h:0/d",
                "postgresql://u:hunter2@h:65536/d",
                f"postgresql://u:hunter2@h:{'9' * 5000}/d",
            )
        ),
        *(
            (
                f"postgresql://u:hunter2@h{odd}/d",
                (
                    "server: the URL has a character that no URL can have: a line's end, another "
                    f"control character, or a byte that is not UTF-8{ENCODED}"
                ),
            )
            for odd in ("\n", "\0", "\x1b[2J", "\x85", "\u202e", "\udcff")
        ),
        (
            "postgresql://u:hunter2@h1,h2/d",
            f"server: the URL names several hosts or no usable port\n  next: {EXAMPLE}",
        ),
    ],
)
def test_a_bad_url_is_an_error_that_never_repeats_it(url: str, words: str) -> None:
    with pytest.raises(ServerError) as caught:
        parse_url(url)
    assert str(caught.value) == words
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
