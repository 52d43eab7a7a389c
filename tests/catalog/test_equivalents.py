"""What is called equal is equal to PostgreSQL: each pair is evaluated by a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.catalog.equivalents import default_meaning, expression_meaning

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from pytest_schemaguard.address import Address

EQUAL = [
    ("timestamp with time zone", "now()", "CURRENT_TIMESTAMP"),
    ("timestamp without time zone", "now()", "CURRENT_TIMESTAMP"),
    ("timestamp with time zone", "transaction_timestamp()", "CURRENT_TIMESTAMP"),
    ("timestamp with time zone", "('now'::text)::timestamp with time zone", "now()"),
    (
        "timestamp without time zone",
        "timezone('utc'::text, now())",
        "(CURRENT_TIMESTAMP AT TIME ZONE 'utc'::text)",
    ),
    ("date", "((now())::date + 1)", "((CURRENT_TIMESTAMP)::date + 1)"),
    ("text[]", "'{}'::text[]", "ARRAY[]::text[]"),
    ("character varying(5)[]", "'{}'::character varying[]", "ARRAY[]::character varying(5)[]"),
    ("numeric(10,2)", "0", "0.00"),
    ("numeric(10,2)", "'0'::numeric", "0"),
    ("numeric(10,2)", "(0)::numeric", "(0)::numeric"),
    ("numeric", "1500", "1500.000"),
    ("numeric", "(-1.50)", "'-1.5'::numeric"),
    ("double precision", "'1.5'::double precision", "1.5"),
    ("integer", "'-1'::integer", "(-1)"),
    ("smallint", "'7'::smallint", "7"),
    ("bigint", "'5'::bigint", "5"),
    ("text", "'x'::text", "'x'::character varying"),
    ("character varying(20)", "'it''s'::text", "'it''s'::character varying"),
]

DIFFERENT = [
    ("timestamp with time zone", "now()", "clock_timestamp()"),
    ("text", "'now()'::text", "'CURRENT_TIMESTAMP'::text"),
    ("text", "('now()'::text || 'x'::text)", "('CURRENT_TIMESTAMP'::text || 'x'::text)"),
    ("text", "'0'::text", "'0.00'::text"),
    ("numeric", "0.1", "0.01"),
    ("numeric", "1e40", "1e41"),
    ("numeric", "1234567890123456789012345678901", "1234567890123456789012345678902"),
    ("integer", "1", "'-1'::integer"),
    ("text[]", "'{a}'::text[]", "ARRAY[]::text[]"),
    ("text", "''::text", "' '::text"),
    ("character varying", "'a'::character varying", "'A'::character varying"),
]


@pytest.fixture(scope="module")
def value(postgres: Address) -> Callable[[str, str], Any]:
    """What a column of this type holds by this default."""
    import psycopg2

    connection = psycopg2.connect(postgres.url())

    def evaluated(type_: str, default: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE t (id integer, v {type_} DEFAULT {default})")
            cursor.execute("INSERT INTO t (id) VALUES (1) RETURNING v")
            (found,) = cursor.fetchone() or (None,)
            cursor.execute("DROP TABLE t")
        return found

    return evaluated


@pytest.mark.parametrize(("type_", "one", "other"), EQUAL)
def test_equal_defaults_are_equal_to_postgresql(
    type_: str, one: str, other: str, value: Callable[[str, str], Any]
) -> None:
    assert default_meaning(one, type_) == default_meaning(other, type_)
    assert value(type_, one) == value(type_, other)


@pytest.mark.parametrize(("type_", "one", "other"), DIFFERENT)
def test_different_defaults_stay_different(
    type_: str, one: str, other: str, value: Callable[[str, str], Any]
) -> None:
    assert default_meaning(one, type_) != default_meaning(other, type_)
    assert value(type_, one) != value(type_, other)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False))
def test_numbers_mean_the_same_when_they_are_equal(one: Decimal, other: Decimal) -> None:
    meanings = [default_meaning(f"'{each}'::numeric", "numeric") for each in (one, other)]
    assert (meanings[0] == meanings[1]) == (one == other)
    assert default_meaning(f"'{one}0'::numeric", "numeric") == meanings[0] or (
        "." not in str(one) or "E" in str(one)
    )


@given(st.text("()now 'xCURENT_IMSAP\"", max_size=30))
def test_quoted_text_is_never_touched(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert expression_meaning(f"(a = {quoted})") == f"(a = {quoted})"


def test_nothing_means_nothing() -> None:
    assert default_meaning(None, "integer") is None
    assert expression_meaning(None) is None
