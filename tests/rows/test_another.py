"""Another value of the same kind, of any value."""

from __future__ import annotations

import ipaddress
import itertools
import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_schemaguard.rows.another import Another
from pytest_schemaguard.rows.another_text import numbers, others
from pytest_schemaguard.rows.tables import read
from pytest_schemaguard.sqltext.identifiers import literal

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = st.integers(min_value=1, max_value=3000)
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN,
    lambda inner: st.lists(inner) | st.dictionaries(PLAIN, inner),
)


def some(text: str, number: int, limit: int | None = None) -> list[str]:
    return list(itertools.islice(others([text], (), limit)(text, number), 5))


@given(st.integers(), NUMBERS)
def test_an_integer_in_a_text_stays_one_of_its_sign(value: int, number: int) -> None:
    found = some(str(value), number)
    assert str(value) not in found
    assert [one for one in map(int, found) if (one < 0) != (value < 0)] == []
    assert found


@given(st.decimals(allow_nan=False, allow_infinity=False), NUMBERS)
def test_a_number_stays_one_of_its_scale_and_sign(value: Decimal, number: int) -> None:
    found = [*itertools.islice(numbers(str(value), number), 5)]
    assert found
    for one in map(Decimal, found):
        assert one != value
        assert (one < 0) == (value < 0)
        assert abs(value) >= 1 or value == 0 or abs(one) < 1


@given(st.integers(min_value=-(2**15), max_value=2**15 - 1), NUMBERS)
def test_a_number_stays_within_its_type(value: int, number: int) -> None:
    largest = Decimal(2**15 - 1)
    found = [*itertools.islice(numbers(str(value), number, largest=largest), 5)]
    assert found
    assert all(-(2**15) <= int(one) < 2**15 for one in found)


@given(st.integers(min_value=0, max_value=999).map("{:05}".format), NUMBERS)
def test_leading_zeros_stay(text: str, number: int) -> None:
    assert {len(one) for one in some(text, number)} == {5}


@given(JSON.filter(lambda value: isinstance(value, dict | list)), NUMBERS)
def test_json_in_a_text_stays_json_with_the_same_keys(value: Any, number: int) -> None:
    def shape(one: Any) -> Any:
        if isinstance(one, dict):
            return {key: shape(inner) for key, inner in one.items()}
        if isinstance(one, list):
            return [shape(inner) for inner in one]
        if isinstance(one, int | float) and not isinstance(one, bool):
            return "number"
        return type(one).__name__

    def values(one: Any) -> list[Any]:
        if isinstance(one, dict | list):
            inner = one.values() if isinstance(one, dict) else one
            return [leaf for each in inner for leaf in values(each)]
        return [] if one is None else [one]

    text = json.dumps(value, ensure_ascii=False)
    for one in some(text, number):
        new = json.loads(one)
        assert new != value
        if values(value):
            assert shape(new) == shape(value)
            pairs = zip(values(value), values(new), strict=True)
            assert [old for old, made in pairs if old == made] == []


@given(st.dates(), NUMBERS)
def test_a_day_in_a_text_stays_one(value: date, number: int) -> None:
    for text in (value.isoformat(), f"{value.isoformat()}T10:00:00Z"):
        found = some(text, number)
        assert found
        assert [one for one in found if date.fromisoformat(one[:10]) == value] == []
        assert {one[10:] for one in found} == {text[10:]}


@given(st.uuids().map(str), NUMBERS)
def test_a_uuid_in_a_text_stays_one(text: str, number: int) -> None:
    found = some(text, number)
    assert [len(one) for one in found] == [36] * 3
    assert {tuple(place for place, one in enumerate(each) if one == "-") for each in found} == {
        (8, 13, 18, 23)
    }


@given(st.ip_addresses().map(str), NUMBERS)
def test_an_address_in_a_text_stays_one_of_its_version(text: str, number: int) -> None:
    found = some(text, number)
    assert found
    versions = {ipaddress.ip_address(one).version for one in found}
    assert versions == {ipaddress.ip_address(text).version}


@given(PLAIN, NUMBERS, st.integers(min_value=1, max_value=8))
def test_a_text_keeps_within_its_limit(text: str, number: int, limit: int) -> None:
    text = text[:limit]
    found = some(text, number, limit)
    assert text not in found
    assert all(len(one) <= limit for one in found)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Ada", "Ada7"),
        ("a@example.com", "a7@example.com"),
        ("3 days", "10 days"),
        ("12.5 kg", "19.5 kg"),
        ("31/12/2020", "31/12/2028"),
        ("10:30", "10:38"),
        ("+49 30 123-456", "+49 30 123-454"),
        ("<p>x</p>", "<p>x</p><!--7-->"),
        ("Yes", "No"),
        ("OFF", "ON"),
        ("0", "1"),
        ('{"a": [1, "x", true, null]}', '{"a": [8, "x7", false, null]}'),
        ('{"a": {}}', '{"a": {}, "n7": 7}'),
        ("[[]]", "[[], 7]"),
        ("{ }", '{"n7": 7}'),
    ],
)
def test_a_text_of_each_kind(text: str, made: str) -> None:
    assert some(text, 7)[0] == made


def test_texts_that_are_labels_stay_labels_from_the_next_one_on() -> None:
    labels = ("new", "paid", "void")
    make = others(["paid", "new"], [("a", "b"), labels], None)
    assert list(make("paid", 5)) == ["void", "new"]
    assert list(make("void", 5)) == ["new", "paid"]


def test_the_kind_is_that_of_all_texts() -> None:
    assert next(others(["12", "12.5"], (), None)("12", 3)) == "15"
    assert next(others(["12", "x"], (), None)("12", 3)) == "16"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    texts=st.lists(PLAIN | st.none(), max_size=4),
    pairs=st.lists(st.tuples(st.integers(-9, 9) | st.none(), PLAIN | st.none()), max_size=3),
    number=NUMBERS,
)
def test_arrays_and_composite_values_keep_their_form(
    connection: Any,
    run: Callable[[str], None],
    texts: list[str | None],
    pairs: list[tuple[int | None, str | None]],
    number: int,
) -> None:
    run(
        """
        DROP TABLE IF EXISTS t; DROP TYPE IF EXISTS pair;
        CREATE TYPE pair AS (n integer, t text);
        CREATE TABLE t (texts text[], pairs pair[], pair pair, spans int4range[]);
        """
    )
    told = [f"ROW({'NULL' if n is None else n}, {_sql(t)})::pair" for n, t in pairs]
    first = told[0] if told else "NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO t VALUES (ARRAY[{', '.join(map(_sql, texts))}]::text[],"
            f' ARRAY[{", ".join(told)}]::pair[], {first}, \'{{"[1,5)","empty"}}\')'
            " RETURNING texts::text, pairs::text, pair::text, spans::text"
        )
        old = cursor.fetchone()
        shapes = read(cursor)
        another = Another(types=shapes.types)
        columns = shapes.tables["public", "t"].columns
        for column, text in zip(columns, old, strict=True):
            for new in () if text is None else another.values(column.type, -1, text, number):
                cursor.execute(f"UPDATE t SET {column.name} = {literal(new)}")
        cursor.execute("SELECT texts, pairs::text[], cardinality(pairs), pair, spans::text FROM t")
        new_texts, _, count, _, spans = cursor.fetchone()
        assert [one is None for one in new_texts] == [one is None for one in texts]
        assert [one for one, two in zip(texts, new_texts, strict=True) if one and one == two] == []
        assert count == len(pairs)
        assert spans == f'{{"[{1 + number},{5 + number})",empty}}'


def _sql(text: str | None) -> str:
    return "NULL" if text is None else literal(text)
