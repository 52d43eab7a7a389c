"""Columns with every way to write a default, and those that fill themselves otherwise."""

from __future__ import annotations

import enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import Column, MetaData, Table

from tests.catalog.every_condition import plain


class Hue(enum.Enum):
    RED = "red"


STATUS = types.Enum("new", "it's", name="Sta tus")
_LITERAL = sa.literal
DEFAULTS: list[tuple[Any, Any]] = [
    *((types.Integer, "0"), (types.Integer, sa.text("-1")), (types.Integer, sa.text("1 + 1"))),
    *((types.BigInteger, "5"), (types.SmallInteger, sa.text("7")), (types.Numeric(10, 2), "0.00")),
    *(
        (types.BigInteger, "-9223372036854775808"),
        (types.BigInteger, sa.text("9223372036854775807")),
    ),
    *((types.Integer, plain("'16'::text::integer")), (types.Integer, _LITERAL(3))),
    *((types.Numeric(8, 3), sa.text("0")), (types.Float, "1.5"), (types.Float, sa.text("'NaN'"))),
    *(
        (types.Float, sa.text("1e-7")),
        (types.Numeric, "1E+30"),
        (types.Float, sa.text("'-Infinity'")),
    ),
    *(
        (types.Numeric(10, 2), sa.text("-0.50")),
        (types.REAL, "0.1"),
        (types.Numeric, _LITERAL(1.25)),
    ),
    *((types.Boolean, "true"), (types.Boolean, sa.false()), (types.Boolean, sa.text("'1'"))),
    *((types.Boolean, sa.text("'t'")), (types.Boolean, "f"), (types.Boolean, _LITERAL(True))),
    *((types.Boolean, sa.text("(NOT false)")), (types.Boolean, sa.text("(1 = 1)"))),
    *((types.String(20), "it's"), (types.String(20), ""), (types.Text, '100% \\ "quoted"')),
    *((types.Text, sa.text("'a' || 'b'")), (types.Text, sa.text("lower('ABC')"))),
    *((types.Text, sa.text("E'a\\\\nb'")), (types.Text, "line\nline"), (types.Text, "é ü 😀")),
    *((types.Text, sa.text("'x'::varchar")), (types.String(9), sa.text("'abc'::varchar(2)"))),
    *((types.CHAR(3), "x"), (types.CHAR(3), sa.text("'x'::char(3)")), (types.Text, "NULL")),
    *((types.Text, _LITERAL("it's")), (types.String(9), sa.cast("x", types.String(5)))),
    *((types.Text, sa.func.concat("a", 1)), (types.Text, sa.func.upper(sa.text("'x'")))),
    *((types.Text, sa.text("$$it's$$")), (types.Text, sa.text("repeat('ab', 2)"))),
    *((types.DateTime, sa.func.now()), (types.DateTime(timezone=True), sa.func.now())),
    *((types.DateTime, sa.func.current_timestamp()), (types.DateTime, sa.func.localtimestamp())),
    *((types.DateTime, sa.text("CURRENT_TIMESTAMP")), (types.Date, sa.func.current_date())),
    *((types.DateTime, sa.text("CURRENT_TIMESTAMP(3)")), (types.Time, sa.func.current_time())),
    *((types.DateTime, sa.text("timezone('utc', now())")), (types.Date, sa.text("now()"))),
    *(
        (types.DateTime, sa.func.timezone("utc", sa.func.now())),
        (types.Date, sa.text("now()::date")),
    ),
    *((types.DateTime, sa.text("(now() at time zone 'utc')")), (types.Time, sa.text("LOCALTIME"))),
    *((types.DateTime, sa.text("clock_timestamp()")), (types.DateTime, sa.text("now() + '1 day'"))),
    *((types.DateTime, sa.text("'2020-01-01'")), (types.Interval, sa.text("'1 day'::interval"))),
    *(
        (types.DateTime(timezone=True), sa.text("'2020-01-01 00:00+02'")),
        (types.Date, "2020-02-29"),
    ),
    *((types.DateTime(timezone=True), sa.text("'infinity'")), (types.Time, "12:30")),
    *((types.Interval, "1 year 2 mons -3 days"), (types.Interval, sa.text("interval '90' minute"))),
    *(
        (types.Date, sa.text("(now() - interval '1 month')::date")),
        (types.Time, sa.text("'noon'::text::time")),
    ),
    *(
        (types.Integer, sa.extract("year", sa.func.now())),
        (types.Integer, sa.text("date_part('year', now())")),
    ),
    *((types.Uuid, sa.text("gen_random_uuid()")), (types.Uuid, sa.func.gen_random_uuid())),
    (types.Uuid, "00000000-0000-0000-0000-000000000000"),
    *((types.JSON, "{}"), (pg.JSONB, sa.text("'{}'::jsonb")), (pg.JSONB, sa.text("'[1, 2]'"))),
    *(
        (pg.JSONB, '{"b": 1, "a": [null, "it\'s"]}'),
        (types.JSON, '{ "a" : 1 }'),
        (pg.JSONB, "null"),
    ),
    *((pg.JSONB, sa.text("jsonb_build_object('a', 1)")), (pg.ARRAY(types.Text), "{}")),
    *((pg.JSONB, sa.text("'{}'::text::jsonb")), (types.JSON, sa.text("json_build_array()"))),
    (pg.ARRAY(types.Integer), sa.text("ARRAY[1,2]")),
    (pg.ARRAY(types.Text), sa.text("ARRAY[]::text[]")),
    (pg.ARRAY(types.Text), sa.text("ARRAY['a', 'it''s']")),
    (pg.ARRAY(types.Integer), pg.array([1, 2])),
    (pg.ARRAY(types.Integer), sa.cast(pg.array([]), pg.ARRAY(types.Integer))),
    (pg.ARRAY(types.Integer, dimensions=2), "{{1,2},{3,4}}"),
    (pg.ARRAY(types.String(3)), sa.text("'{a,b}'")),
    (pg.ARRAY(types.String(3)), sa.text("ARRAY['a','b']::varchar[]")),
    (pg.ARRAY(types.Numeric(4, 1)), sa.text("'{1.5,2}'")),
    *(
        (types.Enum(Hue, name="hue"), "RED"),
        (STATUS, "it's"),
        (STATUS, sa.text("'new'::\"Sta tus\"")),
    ),
    *((STATUS, sa.text("'new'::text::\"Sta tus\"")), (pg.ARRAY(STATUS), sa.text("'{new}'"))),
    *((pg.HSTORE, sa.text("''::hstore")), (pg.HSTORE, "a=>1"), (pg.INET, sa.text("'127.0.0.1'"))),
    *((pg.CIDR, "10.0.0.0/8"), (pg.MACADDR, "08:00:2b:01:02:03"), (pg.MONEY, "1.50")),
    *((pg.BIT(3), sa.text("B'101'")), (pg.BIT(3), "101"), (pg.BIT(varying=True), sa.text("B''"))),
    *((types.LargeBinary, sa.text(r"'\x00'::bytea")), (types.LargeBinary, sa.text("''"))),
    *((types.LargeBinary, sa.text("decode('ff', 'hex')")), (pg.CITEXT, "It")),
    *((pg.INT4RANGE, sa.text("'[1,5)'")), (pg.TSTZRANGE, sa.text("tstzrange(now(), NULL)"))),
    *((pg.NUMRANGE, "empty"), (pg.INT4MULTIRANGE, sa.text("'{[1,2),[5,6)}'"))),
    *((pg.TSVECTOR, sa.text("to_tsvector('simple', 'a b')")), (pg.TSQUERY, "a & b")),
    *((pg.REGCLASS, sa.text("'pg_class'::regclass")), (pg.OID, "0")),
    *((types.Text, sa.text("current_user")), (types.Text, sa.text("CASE WHEN true THEN 'x' END"))),
    *((types.Text, sa.text("session_user")), (types.Text, sa.text("current_setting('TimeZone')"))),
    *((types.Text, sa.text("coalesce(NULL, 'x')")), (types.Text, sa.text("nullif('a', 'b')"))),
    *((types.String(3), sa.text("substr(md5('x'), 1, 3)")), (types.Integer, sa.text("NULL"))),
    *((types.String(3), sa.text("NULL")), (types.String(3), sa.text("NULL::varchar(3)"))),
    *((types.Text, sa.text("substring('abc' from 2 for 1)")), (types.Text, sa.text("trim(' x ')"))),
    *(
        (types.Text, sa.text("position('b' in 'abc')::text")),
        (types.Text, sa.text("overlay('abc' placing 'x' from 2)")),
    ),
    *((types.Float, sa.func.random()), (types.Integer, sa.text("floor(random() * 10)::int"))),
    (types.BigInteger, sa.text("(EXTRACT(epoch FROM now()) * 1000)::bigint")),
    (types.BigInteger, sa.text("(date_part('epoch', now()) * 1000)::bigint")),
    (types.Numeric, sa.text("round(2.5, 0)")),
    (types.Integer, sa.text("greatest(1, 2) % 3 - (-4)")),
    (
        pg.DOMAIN("percent", types.Integer, default="5", check=sa.text("VALUE < 101")),
        sa.text("NULL"),
    ),
    (pg.DOMAIN("percent", types.Integer, default="5", check=sa.text("VALUE < 101")), "7"),
]


def every_default() -> MetaData:
    metadata = MetaData()
    for count, (type_, default) in enumerate(DEFAULTS):
        Table(
            f"default_{count}",
            metadata,
            Column("id", types.BigInteger, primary_key=True),
            Column("value", type_, server_default=default),
        )
    own = sa.Sequence("counter", start=5, increment=2)
    other = sa.Sequence(
        "Co%unter", schema="Other Schema", minvalue=-5, maxvalue=5, cycle=True, cache=3
    )
    Table(
        "counted",
        metadata,
        Column("small", types.SmallInteger, primary_key=True, autoincrement=True),
        Column("drawn", types.Integer, own, server_default=own.next_value()),
        Column("other", types.Integer, other, server_default=other.next_value()),
        Column("client", types.Integer, sa.Sequence("client_side"), default=5),
        Column("typed", types.Integer, sa.Sequence("typed", data_type=types.Integer)),
        Column("plus", types.Integer, server_default=sa.text("nextval('counter') + 1")),
    )
    Table("identity", metadata, Column("id", types.Integer, sa.Identity(), primary_key=True))
    Table(
        "identity_always",
        metadata,
        Column(
            "id", types.BigInteger, sa.Identity(always=True, start=100, increment=10, cycle=True)
        ),
        Column("name", types.String(30)),
        Column("lower", types.Text, sa.Computed("lower(name)", persisted=True)),
        Column("known", types.Boolean, sa.Computed("name IN ('x', 'y')", persisted=True)),
        Column("cut", types.String(3), sa.Computed("substring(name from 1 for 3)", persisted=True)),
        Column("half", types.Numeric(8, 2), sa.Computed("length(name) / 2.0", persisted=True)),
        Column("search", pg.TSVECTOR, sa.Computed("to_tsvector('english', name)", persisted=True)),
        Column(
            "sized", types.Text, sa.Computed("CASE WHEN name = '' THEN 'no' END", persisted=True)
        ),
    )
    Table(
        "identity_down",
        metadata,
        Column("id", types.SmallInteger, sa.Identity(increment=-1, minvalue=-500, maxvalue=-1)),
    )
    Table(
        "identity_kept",
        metadata,
        Column("id", types.BigInteger, sa.Identity(cache=20, minvalue=0, start=0, maxvalue=9)),
        Column("free", types.BigInteger, sa.Identity(nominvalue=True, nomaxvalue=True)),
    )
    return metadata
