from __future__ import annotations

from typing import Any

import psycopg2
import pytest

from pytest_schemaguard.sqltext.identifiers import literal
from tests.rows.writing import rows, write

SETUP = r"""
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION cube;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (n integer, t text);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN with_at AS text CHECK (VALUE ~ '@');
CREATE DOMAIN short_email AS with_at CHECK (length(VALUE) < 20);
CREATE DOMAIN tiny AS varchar(3);
CREATE DOMAIN code AS text CHECK (VALUE ~ '^[A-Z]{3}-\d{4}$');
"""
TYPES = {
    "boolean": ("true", "false"),
    "smallint": ("1", "32767"),
    "integer": ("5", "-2147483648"),
    "bigint": ("0", "9223372036854775807"),
    "numeric": ("12.5", "-0.001"),
    "numeric(5,2)": ("999.99", "0.01"),
    "numeric(2,2)": ("0.99", "0.01"),
    "numeric(20,0)": ("99999999999999999999", "1"),
    "real": ("33554432", "1e30"),
    "double precision": ("1.3407807929942573e+154", "-0.1234567890123456"),
    "money": ("1234.5", "-1"),
    "text": ("Ada", 'it\'s "100%" \\ Zoë'),
    "varchar(3)": ("abc", "x"),
    "char(3)": ("abc", "x"),
    "char(1)": ("x", "9"),
    '"char"': ("a", "b"),
    "name": ("a", "b"),
    "citext": ("Ada", "Bob"),
    "json": ('{"x": 1, "y": {"z": [true, null, "2020-01-01"]}}', "[1, 2]"),
    "jsonb": ('{"x": {"y": "z"}}', '"a"'),
    "uuid": ("00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "bytea": (r"\x00ff", r"\x"),
    "date": ("2020-01-01", "9999-12-31"),
    "time": ("23:59:59.5", "00:00"),
    "timetz": ("23:59:59+02", "00:00-12"),
    "timestamp": ("2020-01-01 10:00", "infinity"),
    "timestamptz": ("2020-01-01 10:00+05", "0044-03-15 10:00+00 BC"),
    "timestamp(0)": ("2020-01-01 10:00", "-infinity"),
    "interval": ("1 hour", "1 year 2 mons -3 days"),
    "interval year": ("3 years", "4 years"),
    "inet": ("10.0.0.255", "::1/64"),
    "cidr": ("10.0.0.0/8", "0.0.0.0/0"),
    "macaddr": ("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"),
    "macaddr8": ("08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00"),
    "bit(1)": ("1", "0"),
    "bit(5)": ("10101", "00000"),
    "bit varying": ("1", ""),
    "integer[]": ("{1,2}", "[0:1]={3,4}"),
    "text[]": ('{"a b",NULL,"c\\"d"}', "{{a},{b}}"),
    "box[]": ("{(1,1),(0,0);(2,2),(1,1)}", "{(3,3),(0,0)}"),
    "mood[]": ("{sad}", "{ok,happy}"),
    "mood": ("sad", "ok"),
    "int4range": ("[1,5)", "empty"),
    "tstzrange": ('["2020-01-01","2020-01-02")', "(,)"),
    "numrange": ("[1.5,2.5]", "[0,)"),
    "int4multirange": ("{[1,3),[5,9)}", "{[2,3)}"),
    "point": ("(1,2)", "(0,0)"),
    "lseg": ("[(0,0),(1,1)]", "[(0,0),(2,2)]"),
    "path": ("((0,0),(1,1))", "[(0,0),(2,2)]"),
    "polygon": ("((0,0),(1,1))", "((0,0),(2,2))"),
    "circle": ("<(0,0),1>", "<(1,1),2>"),
    "line": ("{1,-1,0}", "{1,2,3}"),
    "xml": ("<a>1</a>", "text"),
    "hstore": ('"a"=>"1", "b"=>NULL', ""),
    "ltree": ("a.b", "x"),
    "cube": ("(1,2)", "(3)"),
    "tsvector": ("'a':1", "'b'"),
    "tsquery": ("'a'", "'b'"),
    "jsonpath": ("$.a", "$.b"),
    "pg_lsn": ("0/16B3748", "0/0"),
    "oid": ("5", "6"),
    "regclass": ("pg_class", "pg_type"),
    "pair": ('(1,"a b")', "(,x)"),
    "pair[]": ('{"(1,a)"}', '{"(2,\\"a b\\")"}'),
    "positive": ("1", "7"),
    "tiny": ("abc", "x"),
    "short_email": ("a@x.com", "b@y.com"),
    "code": ("ABC-1234", "XYZ-0001"),
    "positive[]": ("{1}", "{2,3}"),
}
"""Each with two of its values."""


ALONE = {"interval year", "short_email"}
"""Types of which the guard finds one value where there is none."""


@pytest.mark.parametrize(
    "values",
    [(0, 1, 0, 1), (0, 0, 0, 0), (1, 1, 1, 1), (None, None, None, None), (0, 1, None, None), (1,)],
    ids=["two", "one", "the other", "NULL", "some NULL", "one row"],
)
def test_each_row_gets_another_value_of_every_type(
    connection: Any, values: tuple[int | None, ...]
) -> None:
    """Each type has a table of its own; `values` are those of its rows, by number."""
    rows(connection, SETUP)
    tables = {f"t{number}": spelled for number, spelled in enumerate(TYPES)}
    for table, spelled in tables.items():
        told = ["NULL" if one is None else literal(TYPES[spelled][one]) for one in values]
        listed = ", ".join(f"({number}, {one})" for number, one in enumerate(told))
        rows(connection, f"CREATE TABLE {table} (id integer PRIMARY KEY, v {spelled})")
        rows(connection, f"INSERT INTO {table} VALUES {listed}")

    def there() -> dict[str, dict[int, str | None]]:
        query = "SELECT id, v::text FROM {}"
        return {tables[one]: dict(rows(connection, query.format(one))) for one in tables}

    before = there()
    written = write(connection, *tables)
    after = there()
    assert written.unwritten == {}
    assert written.columns == len(TYPES)
    assert written.inserted == 4 * len(TYPES)
    assert written.deleted == (len(TYPES) if len(values) > 2 else 0)
    for spelled, old in before.items():
        new = after[spelled]
        assert None not in new.values(), spelled
        kept = old.keys() & new.keys()
        assert len(kept) == len(values) - (len(values) > 2)
        assert [one for one in kept if old[one] == new[one]] == [], spelled
        assert len({*new.values()}) > 1 or spelled in ALONE, spelled


FEW = {"boolean": 0, "bit(1)": 0, "mood": 1, "mood[]": 1, "regclass": 1}
"""Types of which only so many values are left beside two."""


@pytest.mark.parametrize("spelled", TYPES)
def test_a_new_row_has_a_key_of_its_own_of_every_type(connection: Any, spelled: str) -> None:
    rows(connection, SETUP)
    first, second = map(literal, TYPES[spelled])
    rows(connection, f"CREATE TABLE t (v {spelled} NOT NULL)")
    rows(connection, f"INSERT INTO t VALUES ({first}), ({second})")
    try:
        rows(connection, "ALTER TABLE t ADD UNIQUE (v)")
    except (psycopg2.errors.UndefinedObject, psycopg2.errors.UndefinedFunction):
        pytest.skip("values of this type have no order")
    written = write(connection, "t")
    new = FEW.get(spelled, 4)
    assert written.inserted == new
    assert rows(connection, "SELECT count(*) FROM t") == [(2 + new,)]
    assert written.unwritten == (
        {}
        if new
        else {
            ("public", "t"): "no row could be inserted: duplicate key value violates unique "
            'constraint "t_v_key"',
            ("public", "t", "v"): "it is part of a key, which only a new row may have another "
            "value of",
        }
    )


@pytest.mark.parametrize(
    ("text", "cast"),
    [
        ("12.5", "numeric"),
        ("7", "integer"),
        ("007", "integer"),
        ('{"a": 1}', "jsonb"),
        ("[]", "json"),
        ("00000000-0000-4000-8000-000000000001", "uuid"),
        ("2020-01-01", "date"),
        ("2020-01-01T10:00:00Z", "timestamptz"),
        ("31/12/2020", "text"),
        ("10:30", "time"),
        ("3 days", "interval"),
        ("yes", "boolean"),
        ("FALSE", "boolean"),
        ("1", "boolean"),
        ("10.0.0.1", "inet"),
        ("2001:db8::1", "inet"),
        ("ok", "mood"),
        ("<a/>", "xml"),
        ("08:00:2b:01:02:03", "text"),
    ],
)
def test_a_text_stays_what_a_cast_accepts(connection: Any, text: str, cast: str) -> None:
    rows(connection, SETUP)
    rows(
        connection,
        f"CREATE TABLE t (id serial, other mood, v text); CREATE TABLE one (LIKE t INCLUDING ALL);"
        f"INSERT INTO t (v) VALUES ('{text}'), ('{text}'); INSERT INTO one (v) VALUES ('{text}')",
    )
    assert write(connection, "t", "one").unwritten == {}
    for table in ("t", "one"):
        found = rows(connection, f"SELECT v, v::{cast}::text FROM {table} ORDER BY id")
        assert found[0][0] != text
        assert len({*found}) > 1
