"""Models that were just created, and after pg_dump and back, differ from themselves in nothing."""

from __future__ import annotations

import enum
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import CheckConstraint, Column, ForeignKey, Index, MetaData, Table

from tests.catalog.databases import (
    connected,
    differences,
    dumped,
    fresh,
    load,
    make,
    models_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address


class Colour(enum.Enum):
    RED = "red"
    GREEN = "it's green"


class Money(types.TypeDecorator[int]):
    impl = types.Numeric(12, 4)
    cache_ok = True


TYPES: list[Any] = [
    *(types.SmallInteger(), types.Integer(), types.BigInteger(), types.Numeric()),
    *(types.Numeric(10, 2), types.Numeric(10), types.Float(), types.Float(24), types.Double()),
    *(types.REAL(), types.DECIMAL(5, 1), types.String(), types.String(50), types.Text()),
    *(types.String(10, collation="C"), types.Text(collation="POSIX"), types.Unicode(20)),
    *(types.UnicodeText(), types.CHAR(), types.CHAR(3), types.VARCHAR(7), types.NCHAR(4)),
    *(types.LargeBinary(), types.Boolean(), types.Boolean(create_constraint=True, name="yes")),
    *(types.Date(), types.Time(), types.Time(timezone=True), types.DateTime()),
    *(types.DateTime(timezone=True), types.Interval(), types.Interval(second_precision=3)),
    *(types.Enum(Colour), types.Enum("a", "b", name="Mixed Case%s")),
    types.Enum("x", "y", name="small", native_enum=False, create_constraint=True, length=20),
    *(types.JSON(), types.Uuid(), types.UUID(), types.Uuid(native_uuid=False), types.PickleType()),
    *(types.ARRAY(types.Integer), types.ARRAY(types.String(5), dimensions=2)),
    *(Money(), types.String(9).with_variant(pg.CITEXT(), "postgresql")),
    *(pg.ARRAY(pg.ENUM("p", "q", name="in_array")), pg.ARRAY(types.Numeric(6, 2))),
    *(pg.BIT(), pg.BIT(5), pg.BIT(varying=True), pg.BIT(8, varying=True), pg.BYTEA()),
    *(pg.CIDR(), pg.INET(), pg.MACADDR(), pg.MACADDR8(), pg.MONEY(), pg.OID(), pg.REGCLASS()),
    *(pg.DOUBLE_PRECISION(), pg.HSTORE(), pg.JSON(), pg.JSONB(), pg.TSVECTOR(), pg.TSQUERY()),
    *(pg.INTERVAL(), pg.INTERVAL(fields="YEAR TO MONTH"), pg.INTERVAL(fields="DAY TO SECOND")),
    *(pg.INTERVAL(precision=2), pg.TIME(precision=3), pg.TIME(timezone=True, precision=0)),
    *(pg.TIMESTAMP(precision=3), pg.TIMESTAMP(timezone=True, precision=6), pg.UUID()),
    *(pg.INT4RANGE(), pg.INT8RANGE(), pg.NUMRANGE(), pg.DATERANGE(), pg.TSRANGE(), pg.TSTZRANGE()),
    *(pg.INT4MULTIRANGE(), pg.NUMMULTIRANGE(), pg.TSTZMULTIRANGE()),
    pg.DOMAIN("positive", types.Integer(), check=sa.text("VALUE > 0"), not_null=True),
]

DEFAULTS: list[tuple[Any, Any]] = [
    *((types.Integer, "0"), (types.Integer, sa.text("-1")), (types.Integer, sa.text("1 + 1"))),
    *((types.BigInteger, "5"), (types.SmallInteger, sa.text("7")), (types.Numeric(10, 2), "0.00")),
    *((types.Numeric(8, 3), sa.text("0")), (types.Float, "1.5"), (types.Float, sa.text("'NaN'"))),
    *((types.Boolean, "true"), (types.Boolean, sa.false()), (types.Boolean, sa.text("'1'"))),
    *((types.String(20), "it's"), (types.String(20), ""), (types.Text, '100% \\ "quoted"')),
    *((types.Text, sa.text("'a' || 'b'")), (types.Text, sa.text("lower('ABC')"))),
    *((types.DateTime, sa.func.now()), (types.DateTime(timezone=True), sa.func.now())),
    *((types.DateTime, sa.text("CURRENT_TIMESTAMP")), (types.Date, sa.func.current_date())),
    *((types.DateTime, sa.text("timezone('utc', now())")), (types.Date, sa.text("now()"))),
    *((types.DateTime, sa.text("(now() at time zone 'utc')")), (types.Time, sa.text("LOCALTIME"))),
    *((types.DateTime, sa.text("'2020-01-01'")), (types.Interval, sa.text("'1 day'::interval"))),
    *((types.Uuid, sa.text("gen_random_uuid()")), (types.Uuid, sa.func.gen_random_uuid())),
    *((types.JSON, "{}"), (pg.JSONB, sa.text("'{}'::jsonb")), (pg.JSONB, sa.text("'[1, 2]'"))),
    *((pg.JSONB, sa.text("jsonb_build_object('a', 1)")), (pg.ARRAY(types.Text), "{}")),
    *(
        (pg.ARRAY(types.Integer), sa.text("ARRAY[1,2]")),
        (pg.ARRAY(types.Text), sa.text("ARRAY[]::text[]")),
    ),
    *((pg.ARRAY(types.String(3)), sa.text("'{a,b}'")), (types.Enum(Colour, name="hue"), "RED")),
    *(
        (pg.HSTORE, sa.text("''::hstore")),
        (pg.INET, sa.text("'127.0.0.1'")),
        (pg.BIT(3), sa.text("B'101'")),
    ),
    *((types.LargeBinary, sa.text(r"'\x00'::bytea")), (pg.INT4RANGE, sa.text("'[1,5)'"))),
    *((types.Text, sa.text("current_user")), (types.Text, sa.text("CASE WHEN true THEN 'x' END"))),
    *((types.String(3), sa.text("substr(md5('x'), 1, 3)")), (types.Integer, sa.text("NULL"))),
    (types.BigInteger, sa.text("(EXTRACT(epoch FROM now()) * 1000)::bigint")),
]

CHECKS = [
    *("a IN ('x', 'y')", "a NOT IN ('x', 'y')", "a = ANY (ARRAY['x', 'y'])", "t IN ('x', 'y')"),
    *("n IN (1, 2)", "n BETWEEN 1 AND 10", "n > 0 AND (m IS NULL OR m < n)", "NOT (n = 5)"),
    *("a ~ '^[a-z]+$'", "a LIKE 'x%'", "a ILIKE '%y'", "length(a) > 0", "char_length(t) <= 200"),
    *("coalesce(n, 0) >= 0", "n IS DISTINCT FROM m", "(n, m) <> (0, 0)", "a <> '' OR t <> ''"),
    *("CASE WHEN n > 0 THEN a IS NOT NULL ELSE true END", "d > '2000-01-01'", "p >= 0.01"),
    *("(a IS NULL) <> (t IS NULL)", "num_nonnulls(a, t) = 1", "a::text = lower(a)", "n % 2 = 0"),
    *("jsonb_typeof(j) = 'object'", "cardinality(tags) > 0", "tags <@ ARRAY['x', 'y']::varchar[]"),
    *("d <= now()", "status IN ('on', 'off')", "a SIMILAR TO '(x|y)%'", "trim(a) <> ''"),
]


def every_type() -> MetaData:
    metadata = MetaData()
    for count, type_ in enumerate(TYPES):
        Table(
            f"type_{count}",
            metadata,
            Column("id", types.Integer, primary_key=True),
            Column("value", type_, nullable=count % 2 == 0),
        )
    return metadata


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
    Table(
        "counted",
        metadata,
        Column("small", types.SmallInteger, primary_key=True, autoincrement=True),
        Column("drawn", types.Integer, own, server_default=own.next_value()),
        Column("client", types.Integer, sa.Sequence("client_side"), default=5),
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
    )
    Table(
        "identity_down",
        metadata,
        Column("id", types.SmallInteger, sa.Identity(increment=-1, minvalue=-500, maxvalue=-1)),
    )
    return metadata


def every_check() -> MetaData:
    metadata = MetaData(naming_convention={"ck": "ck_%(table_name)s_%(constraint_name)s"})
    for count, text in enumerate(CHECKS):
        Table(
            f"check_{count}",
            metadata,
            Column("a", types.String(20)),
            Column("t", types.Text),
            Column("n", types.Integer),
            Column("m", types.BigInteger),
            Column("p", types.Numeric(10, 2)),
            Column("d", types.DateTime(timezone=True)),
            Column("j", pg.JSONB),
            Column("tags", pg.ARRAY(types.String)),
            Column("status", types.Enum("on", "off", name="switch")),
            CheckConstraint(text, name=f"rule_{count}"),
        )
    return metadata


def every_index() -> MetaData:
    metadata = MetaData()
    table = Table(
        "Indexed %s",
        metadata,
        Column("id", types.Integer, primary_key=True),
        Column("Name", types.String(50), index=True),
        Column("email", types.String(50), unique=True, index=True),
        Column("state", types.String(10)),
        Column("body", types.Text),
        Column("at", types.DateTime(timezone=True)),
        Column("data", pg.JSONB),
        Column("tags", pg.ARRAY(types.Text)),
        Column("during", pg.TSTZRANGE),
        Column("place", types.Integer),
        sa.UniqueConstraint("state", "place", name="uq %s"),
        sa.UniqueConstraint("place", "at", deferrable=True, initially="DEFERRED"),
        sa.UniqueConstraint("place", "body", postgresql_include=["at"]),
        pg.ExcludeConstraint(
            ("during", "&&"), ("place", "="), where=sa.text("state IN ('x', 'y')")
        ),
    )
    columns = table.c
    Index("lowered", sa.func.lower(columns.Name), unique=True)
    Index("partial", columns.email, postgresql_where=columns.state.in_(["x", "y"]))
    Index("partial_text", columns.body, unique=True, postgresql_where=sa.text("state = 'on'"))
    Index("descending", columns.at.desc().nulls_last(), columns.id)
    Index("first", columns.at.asc().nulls_first())
    Index("pattern", columns.Name, postgresql_ops={"Name": "varchar_pattern_ops"})
    Index("trigram", columns.body, postgresql_using="gin", postgresql_ops={"body": "gin_trgm_ops"})
    Index("json", columns.data, postgresql_using="gin", postgresql_ops={"data": "jsonb_path_ops"})
    Index("key", columns.data["a"].astext)
    Index("array", columns.tags, postgresql_using="gin", postgresql_with={"fastupdate": "off"})
    Index("hashed", columns.email, postgresql_using="hash")
    Index("block", columns.at, postgresql_using="brin", postgresql_with={"pages_per_range": 16})
    Index("range", columns.during, postgresql_using="gist")
    Index("including", columns.email, postgresql_include=["state", "at"])
    Index("collated", sa.collate(columns.body, "C"))
    Index("date", sa.text("(at AT TIME ZONE 'utc')"), sa.text("coalesce(state, 'x')"))
    Index("search", sa.text("to_tsvector('english', body)"), postgresql_using="gin")
    Index("filled", columns.place, postgresql_with={"fillfactor": 50})
    return metadata


def every_key() -> MetaData:
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    Table(
        "parent",
        metadata,
        Column("a", types.Integer, primary_key=True, autoincrement=False),
        Column("b", types.String(5), primary_key=True),
        Column("user", types.Text, unique=True, comment="it's 100% 'quoted'"),
        schema="Other Schema",
        comment="a table",
    )
    Table("order", metadata, Column("id", types.Integer, primary_key=True))
    Table(
        "child",
        metadata,
        Column("id", types.Integer, primary_key=True),
        Column("order_id", ForeignKey("order.id", ondelete="CASCADE", onupdate="SET NULL")),
        Column("late_id", ForeignKey("order.id", deferrable=True, initially="DEFERRED")),
        Column("self_id", ForeignKey("child.id", use_alter=True, ondelete="RESTRICT")),
        Column("a", types.Integer),
        Column("b", types.String(5)),
        Column("name", ForeignKey("Other Schema.parent.user"), index=True),
        Column("status", types.Enum("new", "old", name="status", schema="Other Schema")),
        sa.ForeignKeyConstraint(
            ["a", "b"], ["Other Schema.parent.a", "Other Schema.parent.b"], match="FULL"
        ),
        sa.PrimaryKeyConstraint("id", name="child_key"),
    )
    Table("no_key", metadata, Column("x", types.Integer), prefixes=["UNLOGGED"])
    Table(
        "measured",
        metadata,
        Column("at", types.Date, primary_key=True),
        Column("n", types.Integer, index=True),
        postgresql_partition_by="RANGE (at)",
    )
    return metadata


@pytest.mark.parametrize("models", [every_type, every_default, every_check, every_index, every_key])
def test_models_just_created_differ_from_themselves_in_nothing(
    models: Callable[[], MetaData], postgres: Address, bindir: str
) -> None:
    told = models_of(models())
    with fresh(postgres) as actual, fresh(postgres) as restored:
        with closing(connected(actual)) as connection, connection.cursor() as cursor:
            for extension in ("hstore", "citext", "pg_trgm", "btree_gist"):
                cursor.execute(f"CREATE EXTENSION {extension}")
            make(connection, told)
        assert differences(postgres, actual, told) == ()
        load(restored, dumped(actual, bindir), bindir)
        assert differences(postgres, restored, told) == ()
