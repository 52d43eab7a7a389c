"""What is called equal is equal to PostgreSQL: each pair is evaluated by a server."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_schemaguard.catalog.equivalents import default_meaning, expression_meaning
from pytest_schemaguard.catalog.expressions import Known, parse, text_of
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address

SETUP = """
CREATE TYPE status AS ENUM ('new', 'old');
CREATE DOMAIN short AS varchar(2) DEFAULT 'd';
CREATE FUNCTION now_of_ours() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now()';
CREATE FUNCTION told(type text, given text, OUT text text, OUT value text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TEMPORARY TABLE holder (id integer, v %s)', type);
  BEGIN
    EXECUTE format('ALTER TABLE holder ALTER v SET DEFAULT %s', given);
    SET LOCAL search_path = pg_catalog;
    SELECT pg_get_expr(adbin, adrelid) INTO text FROM pg_attrdef
    WHERE adrelid = 'pg_temp.holder'::regclass;
  EXCEPTION WHEN others THEN value := 'refused: ' || SQLSTATE;
  END;
  SET LOCAL search_path = public;
  IF value IS NULL THEN
    BEGIN
      INSERT INTO pg_temp.holder (id) VALUES (1);
      SELECT v::text INTO value FROM pg_temp.holder;
      value := coalesce(value, 'null');
    EXCEPTION WHEN others THEN value := SQLSTATE;
    END;
  END IF;
  DROP TABLE pg_temp.holder;
END $$;
"""
"""The text of a default as PostgreSQL keeps it, and what an INSERT makes of it."""
KNOWN = Known(enums=frozenset({"public.status"}))

EQUAL = [
    ("timestamp with time zone", "now()", "CURRENT_TIMESTAMP"),
    ("timestamp with time zone", "transaction_timestamp()", "CURRENT_TIMESTAMP"),
    ("timestamp with time zone", "'now'::text::timestamp with time zone", "now()"),
    ("timestamp without time zone", "now()", "CURRENT_TIMESTAMP"),
    ("timestamp without time zone", "now()", "now()::timestamp"),
    ("timestamp without time zone", "now()", "LOCALTIMESTAMP"),
    ("timestamp without time zone", "timezone('utc', now())", "now() AT TIME ZONE 'utc'"),
    (
        "timestamp without time zone",
        "(now() at time zone 'utc')::timestamp",
        "timezone('utc', now())",
    ),
    ("timestamp(0) without time zone", "now()", "CURRENT_TIMESTAMP"),
    ("date", "now()", "CURRENT_DATE"),
    ("date", "now()::date", "CURRENT_DATE"),
    ("date", "CURRENT_TIMESTAMP", "CURRENT_DATE"),
    ("date", "(now()::date + 1)", "((CURRENT_TIMESTAMP)::date + 1)"),
    ("text[]", "'{}'", "ARRAY[]::text[]"),
    ("text[]", "'{}'::varchar[]", "ARRAY[]::text[]"),
    ("text[]", "'{a,b}'", "ARRAY['a', 'b']"),
    ("text[]", "'{a,b}'", "ARRAY['a'::varchar, 'b']::text[]"),
    ("integer[]", "'{1,2}'", "ARRAY[1, 2]"),
    ("bigint[]", "'{}'", "ARRAY[]::bigint[]"),
    ("character varying(5)[]", "'{}'", "ARRAY[]::character varying(5)[]"),
    ("public.status[]", "'{new,old}'", "ARRAY['new', 'old']::status[]"),
    ("numeric(10,2)", "0", "0.00"),
    ("numeric(10,2)", "'0'", "0"),
    ("numeric(10,2)", "0::numeric(10,2)", "0"),
    ("numeric", "1500", "1500.000"),
    ("numeric", "-1.50", "'-1.5'"),
    ("double precision", "'1.5'", "1.5"),
    ("double precision", "1e3", "1000"),
    ("double precision", "0.1::double precision", "0.1"),
    ("integer", "'-1'", "-1"),
    ("integer", "0::bigint", "0"),
    ("smallint", "'7'", "7"),
    ("bigint", "'5'", "5"),
    ("boolean", "'true'", "true"),
    ("boolean", "'f'", "false"),
    ("boolean", "'1'", "'yes'"),
    ("text", "'x'", "'x'::varchar"),
    ("text", "'x'::text::text", "'x'"),
    ("character varying(20)", "'it''s'::text", "'it''s'"),
    ("character varying(20)", "'x'::varchar(20)", "'x'"),
    ("character varying(20)", "NULL", "NULL::varchar"),
    ("character(3)", "'x'", "'x'::text"),
    ("public.status", "'new'", "'new'::text::status"),
    ("jsonb", "'{}'", "'{}'::text::jsonb"),
    ("jsonb", "'{\"a\":1}'", "'{ \"a\" : 1 }'::jsonb"),
    ("interval", "'1 day'", "interval '1' day"),
    ("text", "trim(' x ')", "btrim(' x ')"),
    ("text", "substring('abc' from 2 for 1)", "substring('abc', 2, 1)"),
]

DIFFERENT = [
    ("timestamp with time zone", "now()", "clock_timestamp() + '1 day'"),
    ("timestamp without time zone", "now()", "now() AT TIME ZONE 'Asia/Tokyo'"),
    ("timestamp with time zone", "now()", "CURRENT_DATE"),
    ("timestamp without time zone", "LOCALTIMESTAMP", "CURRENT_DATE"),
    ("text", "'now()'", "'CURRENT_TIMESTAMP'"),
    ("text", "('now()' || 'x')", "('CURRENT_TIMESTAMP' || 'x')"),
    ("text", "'0'", "'0.00'"),
    ("text", "0.00", "0"),
    ("numeric", "0.1", "0.01"),
    ("numeric", "2.5", "2.5::integer"),
    ("integer", "2.5", "2.5::double precision"),
    ("bigint", "99999999999", "99999999999::integer"),
    ("numeric", "1e40", "1e41"),
    ("numeric", "1234567890123456789012345678901", "1234567890123456789012345678902"),
    ("numeric", "0.12345678901234567", "0.12345678901234567::double precision"),
    ("integer", "1", "-1"),
    ("double precision", "0.1", "0.1::real"),
    ("double precision", "0", "'-0'"),
    ("text[]", "'{a}'", "ARRAY[]::text[]"),
    ("text[]", "'{a,NULL}'", "ARRAY['a', 'NULL']"),
    ("text[]", "'{a,b}'", "ARRAY['b', 'a']"),
    ("character varying(2)[]", "'{abc}'::varchar(2)[]", "'{abc}'"),
    ("text", "''", "' '"),
    ("text", "'a'", "'A'"),
    ("character varying(2)", "'abc'", "'abc'::varchar(2)"),
    ("character varying(2)", "'abc'::text", "'abc'::varchar(2)"),
    ("character varying(9)", "'abc'", "'abc'::varchar(2)"),
    ("character(2)", "'abc'", "'abc'::character(2)"),
    ("bit(3)", "B'1'", "B'1'::bit(3)"),
    ("public.short", "'abc'", "'abc'::public.short"),
    ("public.status", "'new'", "'old'::text::status"),
    ("text", "now()::text", "now()::date::text"),
]


@pytest.fixture(scope="module")
def server(postgres: Address) -> Iterator[Any]:
    with fresh(postgres) as address, closing(connected(address)) as connection:
        execute(connection, SETUP)
        yield connection


def told(connection: Any, type_: str, *defaults: str) -> list[tuple[str | None, str]]:
    """Each default as PostgreSQL keeps it, with the value that a column of this type gets."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "SELECT (told(%s, given)).*"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS one (given, place) ORDER BY place",
            (type_, list(defaults)),
        )
        found: list[tuple[str | None, str]] = cursor.fetchall()
        cursor.execute("ROLLBACK")
    return found


def same(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return Decimal(one) == Decimal(other) and (one == "-0") == (other == "-0")
    except InvalidOperation:
        return False


@pytest.mark.parametrize(("type_", "one", "other"), EQUAL)
def test_equal_defaults_are_equal_to_postgresql(
    type_: str, one: str, other: str, server: Any
) -> None:
    (first, value), (second, another) = told(server, type_, one, other)
    assert default_meaning(first, type_, KNOWN) == default_meaning(second, type_, KNOWN)
    assert same(value, another)


@pytest.mark.parametrize(("type_", "one", "other"), DIFFERENT)
def test_different_defaults_stay_different(type_: str, one: str, other: str, server: Any) -> None:
    (first, value), (second, another) = told(server, type_, one, other)
    assert not value.startswith("refused")
    assert not another.startswith("refused")
    assert default_meaning(first, type_, KNOWN) != default_meaning(second, type_, KNOWN)
    assert value != another


def test_a_function_of_the_users_is_not_taken_for_postgresqls() -> None:
    assert expression_meaning("public.now()") != expression_meaning("CURRENT_TIMESTAMP")
    assert expression_meaning("public.now()") != expression_meaning("public.CURRENT_TIMESTAMP")


def test_null_on_a_domain_is_not_the_domains_own_default(server: Any) -> None:
    ((text, value),) = told(server, "public.short", "NULL")
    assert value == "null"
    assert default_meaning(text, "public.short") is not None


def test_a_sequence_that_is_found_when_it_is_needed_is_another_default() -> None:
    bound, late = "nextval('s'::regclass)", "nextval(('s'::text)::regclass)"
    assert default_meaning(bound, "integer") != default_meaning(late, "integer")


NUMBERS = st.one_of(
    st.decimals(-70000, 70000, places=2).map(str),
    st.sampled_from(["0", "1", "1.0", "2.5", "0.1", "-1", "1e3", "100000", "NaN"]),
)
CASTS = st.sampled_from(
    ["", "::integer", "::bigint", "::numeric", "::numeric(4,1)", "::double precision", "::real"]
)
NUMBER_TYPES = ["integer", "smallint", "numeric", "numeric(10,2)", "double precision", "real"]
TEXTS = st.sampled_from(["a", "abc", "a ", "", "it''s", "NULL", "{}", "{a}"])
TEXT_CASTS = st.lists(
    st.sampled_from(["::text", "::varchar", "::varchar(2)", "::character(2)", "::bpchar"]),
    max_size=2,
).map("".join)
TEXT_TYPES = ["text", "character varying(2)", "character varying", "character(2)", "public.short"]


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(NUMBER_TYPES),
    st.lists(
        st.tuples(NUMBERS, st.sampled_from(["{}", "'{}'", "({})"]), CASTS).map(
            lambda parts: parts[1].format(parts[0]) + parts[2]
        ),
        max_size=60,
        unique=True,
    ),
    st.sampled_from(TEXT_TYPES),
    st.lists(st.builds("'{}'{}".format, TEXTS, TEXT_CASTS), max_size=60, unique=True),
)
def test_no_two_defaults_that_are_called_equal_give_another_value(
    server: Any, number_type: str, numbers: list[str], text_type: str, texts: list[str]
) -> None:
    for type_, defaults in ((number_type, numbers), (text_type, texts)):
        equal = defaultdict(set)
        for text, value in told(server, type_, *defaults):
            if not value.startswith("refused"):
                equal[default_meaning(text, type_, KNOWN)].add(value)
        for values in equal.values():
            assert all(same(one, other) for one in values for other in values), values


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False))
def test_numbers_mean_the_same_when_they_are_equal(one: Decimal, other: Decimal) -> None:
    meanings = [default_meaning(f"'{each}'::numeric", "numeric") for each in (one, other)]
    assert (meanings[0] == meanings[1]) == (one == other)


@given(st.text("()now 'xCURENT_IMSAP\"", max_size=30))
def test_quoted_text_is_never_touched(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert expression_meaning(f"(a = {quoted})") == f"(a = {quoted})"


@given(st.text("()[]ab '\":,.=-1", max_size=20))
def test_any_text_can_be_asked_for_its_meaning(text: str) -> None:
    assert default_meaning(text, "integer") is not None
    assert text_of(parse(text)) or not text.strip()


def test_nothing_means_nothing() -> None:
    assert default_meaning(None, "integer") is None
    assert expression_meaning(None) is None
