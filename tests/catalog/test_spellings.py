"""Migrations say in other words what the models say; what is not the same is still seen.

The words of migrations are those of pg_dump, of Alembic's autogenerate, and of people.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.expected.settle import settled_differences
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_schemaguard.address import Address

TYPES = """
CREATE TYPE status AS ENUM ('new', 'old');
CREATE SEQUENCE s;
CREATE FUNCTION fine(integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
"""
COLUMNS = (
    "v varchar(20), t text, c char(3), n integer, p numeric(10,2), f double precision,"
    " b boolean, d timestamptz, e status, j jsonb, tags text[]"
)
# The text of a dump of `v IN ('x', 'y')`, and of a dump of its restoration.
DUMPED = "(((v)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])))"
RESTORED = (
    "(((v)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text])))"
)
CONDITIONS = [
    # the model's condition, the same in other words, near misses
    ("v IN ('x', 'y')", DUMPED, ["v IN ('x')", "v IN ('x', 'z')", "t IN ('x', 'y')"]),
    ("v IN ('x', 'y')", RESTORED, [RESTORED.replace("'y'", "'Y'")]),
    ("v IN ('x', 'y')", "v = 'y' OR v = 'x'", ["v = 'y' AND v = 'x'", "v NOT IN ('x', 'y')"]),
    ("v IN ('x', 'y')", "v = ANY ('{x,y}')", ["v = ANY ('{x,y,z}')", "v = ALL ('{x,y}')"]),
    ("v IN ('x', 'y')", "v::text IN ('x'::text, 'y'::text)", ["lower(v) IN ('x', 'y')"]),
    ("v IN ('x', 'y') AND n > 0", f"{DUMPED} AND n > 0", [f"{DUMPED} OR n > 0"]),
    ("v IN ('x', 'y') OR n IS NULL", "v = 'x' OR v = 'y' OR n IS NULL", ["v = 'x' OR n IS NULL"]),
    ("NOT (v IN ('x', 'y'))", "v <> ALL (ARRAY['x', 'y'])", ["v <> ALL (ARRAY['x'])"]),
    ("v NOT IN ('x', 'y')", "v <> 'x' AND v <> 'y'", ["v <> 'x' OR v <> 'y'"]),
    ("n BETWEEN 1 AND 5", "n >= 1 AND n <= 5", ["n > 1 AND n <= 5", "n >= 1 AND n <= 6"]),
    ("n BETWEEN 1 AND 5", "n <= 5 AND n >= 1", ["n <= 5 OR n >= 1"]),
    ("n != 1", "n <> 1", ["n <> 2", "n IS DISTINCT FROM 1"]),
    ("n IS NOT NULL", "NOT (n IS NULL)", ["n IS NULL"]),
    ("n IS NOT NULL", "n NOTNULL", ["p NOTNULL"]),
    ("p >= 0", "p >= 0.00", ["p > 0.00", "p >= 0.01"]),
    ("p >= 0", "p >= '0'", ["p >= '-1'"]),
    ("p >= 0", "p >= (0)::numeric", ["p >= (1)::numeric"]),
    ("f > 1.5", "f > '1.5'::double precision", ["f > '1.4'::double precision"]),
    ("b", "b = true", ["b IS TRUE", "b = false"]),
    ("NOT b", "b = 'f'", ["b IS NOT TRUE"]),
    ("d <= now()", "d <= CURRENT_TIMESTAMP", ["d <= clock_timestamp()", "d < now()"]),
    ("e IN ('new')", "e = 'new'::text::status", ["e = 'old'::text::status"]),
    ("e IN ('new', 'old')", "e = 'new' OR e = 'old'", ["e = 'new'"]),
    ("char_length(t) < 9", "length(t) < 9", ["octet_length(t) < 9", "length(t) <= 9"]),
    ("trim(t) <> ''", "btrim(t) <> ''", ["ltrim(t) <> ''"]),
    ("t <> ''", "(t <> ''::text)", ["t <> ' '::text"]),
    ("v LIKE 'x%'", "(v)::text ~~ 'x%'::text", ["(v)::text ~~* 'x%'::text", "v LIKE 'x'"]),
    ("fine(n) AND v = 'x'", "public.fine(n) AND v = 'x'::text", ["fine(n + 1) AND v = 'x'"]),
    ("CASE WHEN b THEN v IN ('x') END", "CASE WHEN b = true THEN v = 'x' END", ["v = 'x'"]),
]
DEFAULTS = [
    ("d", "now()", "CURRENT_TIMESTAMP", ["clock_timestamp()", "now() + '1 day'"]),
    ("d", "CURRENT_TIMESTAMP", "('now'::text)::timestamp with time zone", ["CURRENT_DATE"]),
    ("d", "now()", "transaction_timestamp()", ["statement_timestamp()"]),
    ("d", "timezone('utc', now())", "(now() AT TIME ZONE 'utc')", ["(now() AT TIME ZONE 'cet')"]),
    ("n", "0", "'0'", ["1", "NULL"]),
    ("n", "nextval('s')", "nextval('public.s'::regclass)", ["nextval('s'::text)", "currval('s')"]),
    ("p", "0", "0.00", ["0.01", "'0.1'"]),
    ("p", "'1.50'", "1.5", ["15"]),
    ("f", "1", "1.0", ["1.1", "'1'::real + 0"]),
    ("b", "true", "'t'", ["'f'", "NULL"]),
    ("b", "false", "'false'::boolean", ["NOT false"]),
    ("v", "'x'", "'x'::text", ["'X'::text", "'xyz'::varchar(1)"]),
    ("v", "'x'::varchar", "'x'::character varying(20)", ["'x'::char(2) || 'y'"]),
    ("t", "''", "''::character varying", ["' '", "NULL"]),
    ("v", "NULL", "NULL::character varying", ["'NULL'"]),
    ("e", "'new'", "('new'::text)::status", ["('old'::text)::status"]),
    ("e", "'new'", "'new'::public.status", ["'old'::public.status"]),
    ("j", "'{}'", "'{}'::jsonb", ["'[]'::jsonb", "'{\"a\": 1}'"]),
    ("j", "'{\"a\":1}'", "'{ \"a\" : 1 }'::jsonb", ["'{\"a\": 2}'"]),
    ("tags", "'{}'", "ARRAY[]::text[]", ["ARRAY['']::text[]", "'{\"\"}'", "NULL"]),
    ("tags", "'{a,b}'", "ARRAY['a'::text, 'b'::text]", ["ARRAY['b', 'a']", "'{a}'"]),
    ("tags", "'{}'::text[]", "'{}'::varchar[]", ["'{x}'::varchar[]"]),
]
INDEXES = [
    ("(lower(v))", "(lower((v)::text))", ["(upper(v))", "(lower(t))", "(v)"]),
    ("(n) WHERE v = 'x'", "(n) WHERE ((v)::text = 'x'::text)", ["(n)", "(n) WHERE v = 'y'"]),
    ("(n) WHERE v IN ('x', 'y')", f"(n) WHERE {DUMPED}", ["(n) WHERE v IN ('x')"]),
    ("(n) WHERE v IN ('x', 'y')", f"(n) WHERE {RESTORED}", ["(n) WHERE t IN ('x', 'y')"]),
    ("(n) WHERE v IN ('x', 'y')", "(n) WHERE v = 'x' OR v = 'y'", ["(n) WHERE v = 'x'"]),
    ("(n) WHERE b", "(n) WHERE b = true", ["(n) WHERE b IS TRUE", "(n) WHERE NOT b"]),
    ("(n) WHERE p > 0", "(n) WHERE p > 0.00", ["(n) WHERE p >= 0.00"]),
    ("(n) WHERE n IS NOT NULL", "(n) WHERE NOT (n IS NULL)", ["(n) WHERE n IS NULL"]),
    ("(n ASC NULLS LAST)", "USING btree (n)", ["(n DESC)", "(n NULLS FIRST)", "USING hash (n)"]),
    ("(n DESC)", "(n DESC NULLS FIRST)", ["(n DESC NULLS LAST)"]),
    ("(trim(t))", "(btrim(t))", ["(rtrim(t))"]),
    ("((d AT TIME ZONE 'utc'))", "(timezone('utc', d))", ["((d AT TIME ZONE 'cet'))"]),
    ("((j ->> 'a'))", "((j ->> 'a'::text))", ["((j -> 'a'))", "((j ->> 'b'))"]),
    ("((v IN ('x', 'y')))", DUMPED, ["((v = 'x' OR v = 'y'))"]),
    ("(t text_ops)", "(t)", ["(t text_pattern_ops)"]),
]
KINDS = {
    "check": "ALTER TABLE {table} ADD CONSTRAINT {table}_c CHECK ({text})",
    "generated": "ALTER TABLE {table} ADD g boolean GENERATED ALWAYS AS ({text}) STORED",
    "default": "ALTER TABLE {table} ALTER {column} SET DEFAULT {text}",
    "index": "CREATE INDEX {table}_i ON {table} {text}",
}
MUTABLE = ("d ", "now", "::status", "clock")
"""What a generated column may not say."""


def pairs(*, same: bool) -> list[tuple[str, str, str, str]]:
    """The kind, the column, the model's words, the migration's."""
    found = []
    for model, other, misses in CONDITIONS:
        for text in [other] if same else misses:
            found.append(("check", "", model, text))
            if not any(word in model + text for word in MUTABLE):
                found.append(("generated", "", model, text))
    for column, model, other, misses in DEFAULTS:
        found += [("default", column, model, text) for text in ([other] if same else misses)]
    for model, other, misses in INDEXES:
        found += [("index", "", model, text) for text in ([other] if same else misses)]
    return found


ALL = [*pairs(same=True), *pairs(same=False)]


@pytest.fixture(scope="module")
def found(postgres: Address) -> Mapping[str, set[str]]:
    """The kinds of difference by table; each pair of ALL has one of its own, by its place."""
    with (
        fresh(postgres) as first,
        fresh(postgres) as second,
        closing(connected(first)) as scratch,
        closing(connected(second)) as there,
    ):
        for connection, side in ((scratch, 2), (there, 3)):
            execute(connection, TYPES)
            for place, pair in enumerate(ALL):
                table = f"t{place}"
                statement = KINDS[pair[0]].format(table=table, column=pair[1], text=pair[side])
                execute(connection, f"CREATE TABLE {table} ({COLUMNS}); {statement}")
        kinds = defaultdict(set)
        for one in settled_differences(scratch, read(scratch), read(there)):
            kinds[one.name[1]].add(one.kind)
        return kinds


@pytest.mark.parametrize("pair", pairs(same=True), ids=" | ".join)
def test_the_same_in_other_words_is_no_difference(
    pair: tuple[str, str, str, str], found: Mapping[str, set[str]]
) -> None:
    assert found.get(f"t{ALL.index(pair)}", set()) == set()


@pytest.mark.parametrize("pair", pairs(same=False), ids=" | ".join)
def test_what_only_looks_alike_is_a_difference(
    pair: tuple[str, str, str, str], found: Mapping[str, set[str]]
) -> None:
    assert found.get(f"t{ALL.index(pair)}", set()) == {pair[0]}
