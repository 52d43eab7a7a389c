"""Conditions that are called alike let the same rows in: PostgreSQL evaluates each over values."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_schemaguard.catalog.choices import NEGATORS, choice_meaning, predicate_meaning
from pytest_schemaguard.catalog.expressions import Known
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address

SETUP = """
CREATE TYPE e AS ENUM ('a', 'b');
CREATE TYPE pair AS (one integer, two integer);
CREATE TABLE t (
  v varchar(9), x text, c char(3), n integer, p numeric(5,2), f double precision, b boolean,
  e e, w pair
);
INSERT INTO t
SELECT v, CASE n WHEN 1 THEN 'b' WHEN 2 THEN 'c' ELSE v END, left(v, 3), n, n * 0.5, n * 0.1, n > 1,
  CASE n WHEN 1 THEN 'a' WHEN 2 THEN 'b' END::e, CASE WHEN n > 0 THEN ROW(n, NULL)::pair END
FROM unnest(ARRAY['a', 'b', 'A', 'it''s', 'a, b', 'OR', '', NULL]) v,
  unnest(ARRAY[0, 1, 2, 3, NULL]) n;
CREATE FUNCTION answers(condition text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE found text[]; one text; place tid;
BEGIN
  FOR place IN SELECT ctid FROM t ORDER BY ctid LOOP
    BEGIN
      EXECUTE format('SELECT (%s)::text FROM t WHERE ctid = %L', condition, place) INTO one;
    EXCEPTION WHEN others THEN one := SQLSTATE;
    END;
    found := found || coalesce(one, 'null');
  END LOOP;
  RETURN to_jsonb(found);
END $$;
"""
KNOWN = Known(enums=frozenset({"public.e", "e"}), scalars=frozenset("vxcnpfbe"))

ALIKE = [
    ("v IN ('a', 'b')", "v = 'a' OR v = 'b'"),
    ("v IN ('a', 'b')", "v IN ('b', 'a', 'a')"),
    ("v IN ('a', 'b')", "v = ANY ('{a,b}')"),
    ("v IN ('a')", "v = ANY (ARRAY['a'])"),
    ("v IN ('a', 'b', 'it''s')", "(v = 'a' OR v = 'b') OR v = 'it''s'"),
    ("v IN ('a', 'b', 'it''s')", "v IN ('a', 'b') OR v = 'it''s'"),
    ("x IN ('a, b', 'OR')", "x = 'a, b' OR x = 'OR'"),
    ("x NOT IN ('a', 'b')", "x <> 'b' AND x <> 'a'"),
    ("v NOT IN ('a', 'b')", "v <> 'b' AND v <> 'a'"),
    ("v NOT IN ('a', 'b')", "NOT (v IN ('a', 'b'))"),
    ("v NOT IN ('a', 'b')", "NOT (v = 'b' OR v = 'a')"),
    ("v NOT IN ('a', 'b')", "v <> ALL ('{a,b}')"),
    ("n IN (1, 2)", "n = 2 OR n = 1"),
    ("lower(x) IN ('a', 'b')", "lower(x) = 'a' OR lower(x) = 'b'"),
    ("coalesce(x, v) IN ('a', 'b')", "coalesce(x, v) = 'b' OR coalesce(x, v) = 'a'"),
    ("n > 1 AND v IN ('a', 'b')", "n > 1 AND (v = 'b' OR v = 'a')"),
    ("n > 1 OR v IN ('a', 'b')", "n > 1 OR v = 'a' OR v = 'b'"),
    (
        "CASE WHEN n > 0 THEN v IN ('a', 'b') ELSE true END",
        "CASE WHEN n > 0 THEN v = 'a' OR v = 'b' ELSE true END",
    ),
    ("n BETWEEN 1 AND 2", "n >= 1 AND n <= 2"),
    ("n BETWEEN 1 AND 2", "n <= 2 AND n >= 1"),
    ("n != 1", "NOT (n = 1)"),
    ("n <> 1", "n <> '1'"),
    ("x LIKE 'a%'", "NOT (x NOT LIKE 'a%')"),
    ("n > 1", "NOT (n <= 1)"),
    ("n IS NOT NULL", "NOT (n IS NULL)"),
    ("b", "b = true"),
    ("b", "b <> false"),
    ("b", "b = 't'"),
    ("NOT b", "b = false"),
    ("NOT b OR n = 1", "n = 1 OR b = false"),
    ("p > 0", "p > 0.00"),
    ("p > 0", "p > '0'::numeric"),
    ("p IN (0, 0.5)", "p = 0.50 OR p = 0.0"),
    ("f >= 0.1", "f >= '0.1'::double precision"),
    ("char_length(x) > 1", "length(x) > 1"),
    ("character_length(v) = 1", "length(v) = 1"),
    ("trim(x) <> ''", "btrim(x) <> ''"),
    ("trim(leading 'a' from x) = ''", "ltrim(x, 'a') = ''"),
    ("substring(x from 1 for 1) = 'a'", "substring(x, 1, 1) = 'a'"),
    ("e IN ('a', 'b')", "e = 'b'::e OR e = 'a'::e"),
    ("e = 'a'", "e = 'a'::text::e"),
    ("v = 'a'", "v = 'a'::text"),
    ("v = 'a'", "v = 'a'::varchar"),
    ("v IN ('a', 'b')", "v::text = ANY (ARRAY['a'::text, 'b'::text])"),
    (
        "v IN ('a', 'b')",
        "(v)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])",
    ),
    (
        "v IN ('a', 'b')",
        "(v)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])",
    ),
]
UNLIKE = [
    ("v IN ('a', 'b')", "v IN ('a', 'b', 'it''s')"),
    ("v IN ('a', 'b')", "x IN ('a', 'b')"),
    ("v IN ('a', 'b')", "v NOT IN ('a', 'b')"),
    ("v IN ('a', 'b')", "v = 'a' AND v = 'b'"),
    ("v IN ('a', 'b')", "v = 'a' OR x = 'b'"),
    ("v IN ('a', 'b')", "lower(v) IN ('a', 'b')"),
    ("v IN ('a', 'b')", "v = ANY ('{a,NULL}')"),
    ("v IN ('a', 'b')", "v = ANY (ARRAY['a', 'b', NULL])"),
    ("v IN ('a', 'b')", "v <> ALL ('{a,b}')"),
    ("v NOT IN ('a', 'b')", "v <> 'a' OR v <> 'b'"),
    ("v NOT IN ('a', 'b')", "NOT (v = 'a' AND v = 'b')"),
    ("x IN ('a', 'b')", "v = 'a' OR x = 'b'"),
    ("x IN ('a', 'b')", "x = 'a' OR n = 1 AND x = 'b'"),
    ("x IN ('a, b', 'OR')", "x IN ('a', 'b', 'OR')"),
    ("b OR x IN ('a', 'b')", "b AND x IN ('a', 'b')"),
    ("b AND x IN ('a', 'b')", "x IN ('a', 'b')"),
    ("n + n IN (1, 2)", "n IN (1, 2)"),
    ("x IN ('a', 'b') OR n = 1", "x IN ('a', 'b', '1')"),
    ("n BETWEEN 1 AND 2", "n > 1 AND n <= 2"),
    ("n > 1", "n >= 1"),
    ("n > 1", "NOT (n < 1)"),
    ("b", "b IS TRUE"),
    ("NOT b", "b IS NOT TRUE"),
    ("b = true", "b = false"),
    ("w IS NOT NULL", "NOT (w IS NULL)"),
    ("v = 'it''s'", "v = 'it''s'::varchar(2)"),
    ("p > 0", "p > 0.5"),
    ("f = 0.1", "f = 0.1::real"),
    ("n = 0 OR 1 / n > 0", "1 / n > 0 OR n = 0"),
    ("length(x) > 1", "octet_length(x) > 1 AND n > 1"),
    ("trim(x) = ''", "ltrim(x, 'a') = ''"),
    ("e = 'a'", "e = 'b'::text::e"),
]


@pytest.fixture(scope="module")
def server(postgres: Address) -> Iterator[Any]:
    with fresh(postgres) as address, closing(connected(address)) as connection:
        execute(connection, SETUP)
        yield connection


def deparsed(connection: Any, conditions: list[str]) -> list[str]:
    added = ", ".join(
        f"ADD CONSTRAINT k{place} CHECK ({one}) NOT VALID" for place, one in enumerate(conditions)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"BEGIN; ALTER TABLE t {added}; SET LOCAL search_path = pg_catalog")
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname ~ '^k[0-9]+$'"
            " ORDER BY substr(conname, 2)::integer"
        )
        found = [str(text) for (text,) in cursor.fetchall()]
        cursor.execute("ROLLBACK")
    return found


def answers(connection: Any, condition: str) -> Any:
    """What it says of each row: true, false, null, or the code of an error."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT answers(%s)", (condition,))
        (found,) = cursor.fetchone()
    return found


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_two_ways_to_let_the_same_rows_in_are_alike(server: Any, one: str, other: str) -> None:
    first, second = (choice_meaning(text, KNOWN) for text in deparsed(server, [one, other]))
    assert first == second
    assert answers(server, one) == answers(server, other)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_what_lets_other_rows_in_is_not_alike(server: Any, one: str, other: str) -> None:
    first, second = (choice_meaning(text, KNOWN) for text in deparsed(server, [one, other]))
    assert first != second
    assert answers(server, one) != answers(server, other)


def test_not_valid_and_no_inherit_stay_differences() -> None:
    plain = "CHECK (((n = 1) OR (n = 2)))"
    assert len({choice_meaning(plain + end) for end in ("", " NOT VALID", " NO INHERIT")}) == 3


def test_what_may_be_another_each_time_is_asked_as_often_as_it_stands() -> None:
    for call in ("random()", "public.dice(n)"):
        twice = f"CHECK ((({call} = 1) OR ({call} = 2)))"
        assert choice_meaning(twice) != choice_meaning(f"CHECK (({call} = ANY (ARRAY[1, 2])))")


def test_the_expressions_of_an_index_are_compared_by_their_tree() -> None:
    """A query with IN does not use an index over the OR."""
    index = "ON public.t USING btree ({}) WHERE {}"
    one, other = "((n = 1) OR (n = 2))", "(n = ANY (ARRAY[1, 2]))"
    assert predicate_meaning(index.format("n", one)) == predicate_meaning(index.format("n", other))
    assert predicate_meaning(index.format(one, "b")) != predicate_meaning(index.format(other, "b"))


def test_every_operator_has_the_negator_that_is_taken_for_it(server: Any) -> None:
    with server.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT o.oprname, n.oprname FROM pg_operator o"
            " JOIN pg_operator n ON n.oid = o.oprnegate"
            " WHERE o.oprname = ANY (%s) AND o.oprnamespace = 'pg_catalog'::regnamespace",
            (list(NEGATORS),),
        )
        # Of points, which have no `=`, SQL has another one: no NOT of theirs is taken for this.
        assert set(cursor.fetchall()) - {("<>", "~=")} == set(NEGATORS.items())


TEXTS = st.sampled_from(["'a'", "'b'", "'A'", "'it''s'", "'a'::varchar", "'b'::text", "NULL"])
NUMBERS = st.sampled_from(["1", "2", "1.0", "'1'", "2.5", "0.5", "0.50", "-1", "1::bigint"])
TEXT = st.sampled_from(["v", "x", "c", "lower(x)", "v::text", "coalesce(v, 'a')"])
NUMBER = st.sampled_from(["n", "p", "f", "n + 1", "length(x)", "char_length(x)", "1 / n"])
OPERATOR = st.sampled_from(["=", "<>", "<", ">=", ">", "<="])


def listed(left: str, values: list[str], form: str) -> str:
    return {
        "in": f"{left} IN ({', '.join(values)})",
        "not in": f"{left} NOT IN ({', '.join(values)})",
        "or": "(" + " OR ".join(f"{left} = {one}" for one in values) + ")",
        "and": "(" + " AND ".join(f"{left} <> {one}" for one in values) + ")",
    }[form]


FORMS = st.sampled_from(["in", "not in", "or", "and"])
LEAVES = st.one_of(
    st.builds(listed, TEXT, st.lists(TEXTS, min_size=1, max_size=3), FORMS),
    st.builds(
        listed, st.sampled_from(["n", "p"]), st.lists(NUMBERS, min_size=1, max_size=3), FORMS
    ).filter(lambda one: not ("n" in one and "'1'" in one and "." in one)),
    st.tuples(NUMBER, OPERATOR, NUMBERS).map(" ".join),
    st.sampled_from(["b", "b = true", "b = false", "b IS TRUE", "n IS NULL", "w IS NULL"]),
    st.sampled_from(["x LIKE 'a%'", "x NOT LIKE 'a%'", "e = 'a'", "e IN ('a', 'b')", "e <> 'a'"]),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map("NOT ({})".format),
        st.tuples(inner, st.sampled_from([" AND ", " OR "]), inner).map(
            lambda parts: f"(({parts[0]}){parts[1]}({parts[2]}))"
        ),
    ),
    max_leaves=3,
)


@settings(max_examples=8, deadline=None)
@given(st.lists(CONDITIONS, min_size=100, max_size=200, unique=True))
def test_no_two_conditions_that_are_called_alike_are_answered_otherwise(
    server: Any, conditions: list[str]
) -> None:
    alike: dict[str, dict[str, str]] = defaultdict(dict)
    for text in deparsed(server, conditions):
        alike[choice_meaning(text, KNOWN)][text] = text.removeprefix("CHECK ").removesuffix(
            " NOT VALID"
        )
    for spellings in alike.values():
        if len(spellings) > 1:
            execute(server, "SET search_path = public")
            told = {json.dumps(answers(server, one)): one for one in spellings.values()}
            assert len(told) == 1, told
