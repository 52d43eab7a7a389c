"""What is said of two types, held against a server that has both."""

from __future__ import annotations

from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.checks.drift.types import fit_of
from tests.catalog.databases import connected, execute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address

NUMBERS = [
    "0",
    "1",
    "-7",
    "2.5",
    "99.99",
    "9999.9999",
    "40000",
    "3000000000",
    "0.12345678901234567890123",
]
TEXTS = ["''", "'ab'", "'abc'", "'abcdefgh'", "repeat('x', 300)"]
BITS = ["B'1'", "B'101'", "B'10101'"]
MOMENTS = ["'2020-01-02'", "'2020-01-02 03:04:05'", "'2020-01-02 03:04:05.123456'"]
TIMES = ["'03:04:05'", "'03:04:05.123456'"]
SPANS = ["'1 year 2 months'", "'3 days'", "'1 year 4 hours 5.123456 seconds'"]
WORDS = ["'1'", "'a'"]
VALUES = {
    **dict.fromkeys(
        [
            *("smallint", "integer", "bigint", "real", "double precision", "numeric"),
            *("numeric(5,2)", "numeric(7,2)", "numeric(7,4)", "numeric(6,1)"),
        ],
        NUMBERS,
    ),
    **dict.fromkeys(
        [
            *("text", "character varying", "character varying(3)", "character varying(5)"),
            *("character(3)", "character(5)"),
        ],
        TEXTS,
    ),
    **dict.fromkeys(["bit(1)", "bit(3)", "bit(5)", "bit varying", "bit varying(3)"], BITS),
    **dict.fromkeys(
        [
            "date",
            *(
                f"timestamp{digits} {zone} time zone"
                for digits in ("", "(0)", "(3)", "(6)")
                for zone in ("with", "without")
            ),
        ],
        MOMENTS,
    ),
    **dict.fromkeys(
        [f"time{n} {zone} time zone" for n in ("", "(0)", "(3)") for zone in ("with", "without")],
        TIMES,
    ),
    **dict.fromkeys(
        ["interval", "interval(3)", "interval year to month", "interval day to second(3)"], SPANS
    ),
    "boolean": ["true"],
    "json": ["""'{"b": 1, "a": 2, "a": 3}'"""],
    "jsonb": ["""'{"b": 1, "a": 2}'"""],
    "uuid": ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    "bytea": ["'\\x00'"],
    "inet": ["'10.0.0.1/8'", "'10.0.0.0/8'"],
    "cidr": ["'10.0.0.0/8'"],
    "money": ["'1.5'"],
    "xml": ["'<a/>'"],
    "tsvector": WORDS,
    "int4range": ["'[1,2)'"],
    "int8range": ["'[1,2)'"],
    "text[]": ["'{ab,abcdefgh}'"],
    "character varying[]": ["'{ab,abcdefgh}'"],
    "character varying(3)[]": ["'{ab,abcdefgh}'"],
    "integer[]": ["'{1}'"],
    "bigint[]": ["'{1}'"],
    "numeric(5,2)[]": ["'{1.25}'"],
    "numeric(7,2)[]": ["'{99999.25}'"],
}
PAIRS = [(one, other) for one, other in product(VALUES, VALUES) if one != other]
ALWAYS_FITS = {"wider", "unpadded"}


@pytest.fixture(scope="module")
def cursor(postgres: Address) -> Iterator[Any]:
    with closing(connected(postgres)) as connection, connection.cursor() as one:
        execute(connection, "SET timezone = 'Asia/Tokyo'")
        yield one


def values_of(cursor: Any, type_: str) -> list[str]:
    """Those of the samples that are exactly values of the type, as literals of it."""
    found = []
    for sample in VALUES[type_]:
        text = f"({sample})::text"
        try:
            cursor.execute(f"CREATE TEMP TABLE one (a {type_})")
            cursor.execute(f"INSERT INTO one VALUES (({text})::{type_})")
            cursor.execute("SELECT quote_literal(a::text) FROM one")
            (literal,) = cursor.fetchone()
            found.append(f"{literal}::{type_}")
        except psycopg2.DataError:
            pass
        finally:
            cursor.execute("DROP TABLE IF EXISTS one")
    assert found, type_
    return found


@pytest.fixture(scope="module")
def values(cursor: Any) -> dict[str, list[str]]:
    return {type_: values_of(cursor, type_) for type_ in VALUES}


def compared(cursor: Any, expected: str, actual: str) -> str | None:
    """The name of the error with which a column of the one is compared with the other."""
    try:
        cursor.execute(f"SELECT NULL::{actual} = NULL::{expected}")
    except psycopg2.Error as error:
        return type(error).__name__
    return None


def stored(cursor: Any, actual: str, value: str) -> Any:
    """What a column of this type gives back of the value; DataError where it refuses it."""
    cursor.execute(f"CREATE TEMP TABLE one (a {actual})")
    try:
        cursor.execute(f"INSERT INTO one VALUES ({value})")
        return seen(cursor, "SELECT a FROM one", actual)
    except psycopg2.DataError as error:
        return error
    finally:
        cursor.execute("DROP TABLE one")


def seen(cursor: Any, query: str, type_: str) -> Any:
    """As an application reads it; of json its text, before Python has made one of doubled keys."""
    cursor.execute(f"SELECT a::text FROM ({query}) AS q (a)" if type_ in JSONS else query)
    (value,) = cursor.fetchone()
    return value


JSONS = ("json", "jsonb")


@pytest.mark.parametrize("expected", VALUES)
def test_two_types_are_told_as_incomparable_where_there_is_no_operator(
    expected: str, cursor: Any
) -> None:
    for actual in VALUES:
        if actual == expected:
            continue
        fit = fit_of(expected, actual)
        error = compared(cursor, expected, actual)
        if fit == "incomparable":
            assert error == "UndefinedFunction", (expected, actual)
        elif fit != "binary json":
            assert error is None, (expected, actual, fit)


@pytest.mark.parametrize("expected", VALUES)
def test_what_is_said_of_values_is_what_becomes_of_them(
    expected: str, cursor: Any, values: dict[str, list[str]]
) -> None:
    for actual in VALUES:
        if actual == expected:
            continue
        fit, pair = fit_of(expected, actual), (expected, actual)
        if fit == "incomparable":
            continue
        before = [seen(cursor, f"SELECT {one}", expected) for one in values[expected]]
        after = [stored(cursor, actual, one) for one in values[expected]]
        refused = [isinstance(one, psycopg2.DataError) for one in after]
        kept = [one == other for one, other in zip(before, after, strict=True)]
        if pair == ("real", "double precision"):  # what was a real stays one
            assert [f"{one:.6g}" for one in before] == [f"{one:.6g}" for one in after]
        elif fit == "wider":
            assert all(kept), pair
        elif fit == "unpadded":
            assert [one.rstrip() for one in before] == after, pair
            assert before != after, pair
        elif fit == "narrower":
            assert any(refused), pair
        elif fit == "read":
            types = {type(one) for one, no in zip(after, refused, strict=True) if not no}
            assert types
            assert types.isdisjoint(type(one) for one in before), pair
        elif fit is not None:
            assert fit in {"rounded", "padded", "zone", "binary json"}
            changed = [not (same or no) for same, no in zip(kept, refused, strict=True)]
            assert any(changed), pair
