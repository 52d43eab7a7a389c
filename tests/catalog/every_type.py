"""Columns of every type that SQLAlchemy has for PostgreSQL, with every modifier."""

from __future__ import annotations

import enum
import inspect
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import Column, MetaData, Table

if TYPE_CHECKING:
    from collections.abc import Iterator


class Colour(enum.Enum):
    RED = "red"
    GREEN = "it's green"


class Money(types.TypeDecorator[int]):
    impl = types.Numeric(12, 4)
    cache_ok = True


class Flag(types.TypeDecorator[bool]):
    """With the check of its impl."""

    impl = types.Boolean(create_constraint=True, name="flag is known")
    cache_ok = True


class Kind(types.TypeDecorator[str]):
    impl = types.Enum("big", "small", name="kind of")
    cache_ok = True


class Kinds(types.TypeDecorator[Any]):
    impl = pg.ARRAY(types.Enum("many", "few", name="kinds"))
    cache_ok = True


class Point(types.UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "point"


class ByDialect(types.TypeDecorator[Any]):
    impl = types.CHAR
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        return dialect.type_descriptor(
            pg.UUID() if dialect.name == "postgresql" else types.CHAR(32)
        )


def with_modifiers() -> list[Any]:
    """Each a column; those without modifiers come from the introspection."""
    return [
        *(types.Numeric(10, 2), types.Numeric(10), types.DECIMAL(5, 1), types.NUMERIC(8)),
        *(types.Float(24), types.Float(53), types.FLOAT(10), types.Numeric(asdecimal=False)),
        *(types.String(50), types.String(10, collation="C"), types.Text(collation="POSIX")),
        *(types.Unicode(20), types.CHAR(3), types.NCHAR(4)),
        *(types.VARCHAR(7), types.CHAR(2, collation="C"), types.LargeBinary(10)),
        types.Boolean(create_constraint=True, name="yes or no"),
        types.Boolean(create_constraint=True),
        *(types.Time(timezone=True), types.DateTime(timezone=True), types.TIMESTAMP(timezone=True)),
        *(
            types.Interval(second_precision=3),
            types.Interval(day_precision=4),
            types.Interval(native=False),
        ),
        *(types.Enum(Colour), types.Enum(Colour, name="by_value", values_callable=values)),
        *(types.Enum("a", "b", name="Mixed Case%s"), types.Enum("it's", '"', " ", name="odd")),
        types.Enum("x", "y", name="plain", native_enum=False),
        types.Enum("x", "y", name="small", native_enum=False, create_constraint=True, length=20),
        types.Enum("x", name="only", native_enum=False, create_constraint=True),
        types.Enum(Colour, native_enum=False, create_constraint=True, name="colours"),
        types.Enum("here", name="elsewhere", schema="Other Schema"),
        types.Enum("inherited", name="inherited", inherit_schema=True),
        *(types.JSON(none_as_null=True), types.Uuid(native_uuid=False), types.Uuid(as_uuid=False)),
        *(types.ARRAY(types.Integer), types.ARRAY(types.String(5), dimensions=2)),
        *(Money(), Flag(), Kind(), Kinds(), Point(), ByDialect()),
        types.String(9).with_variant(pg.CITEXT(), "postgresql"),
        types.Integer().with_variant(types.BigInteger(), "sqlite", "mysql"),
        types.JSON().with_variant(pg.JSONB(), "postgresql"),
        Money().with_variant(types.Numeric(20, 6), "postgresql"),
        *(pg.ARRAY(pg.ENUM("p", "q", name="in_array")), pg.ARRAY(types.Numeric(6, 2))),
        *(
            pg.ARRAY(types.Text, dimensions=3),
            pg.ARRAY(pg.TIMESTAMP(precision=3)),
            pg.ARRAY(pg.UUID),
        ),
        *(pg.ARRAY(types.String(3, collation="C")), pg.ARRAY(pg.JSONB), pg.ARRAY(pg.BIT(3))),
        pg.ARRAY(types.Enum("i", "j", name="checked", native_enum=False)),
        *(pg.BIT(5), pg.BIT(varying=True), pg.BIT(8, varying=True), pg.UUID(as_uuid=False)),
        *(pg.ENUM("q", name="own", schema="Other Schema"), pg.HSTORE(text_type=types.Unicode)),
        *(pg.JSONB(astext_type=types.Unicode()), pg.JSON(none_as_null=True)),
        *(pg.INTERVAL(fields=fields) for fields in INTERVAL_FIELDS),
        *(pg.INTERVAL(fields="SECOND", precision=2), pg.INTERVAL(precision=0)),
        pg.INTERVAL(fields="DAY TO SECOND", precision=6),
        *(pg.TIME(precision=3), pg.TIME(timezone=True, precision=0)),
        *(pg.TIMESTAMP(precision=3), pg.TIMESTAMP(timezone=True, precision=6)),
        *(pg.TIMESTAMP(timezone=True, precision=0), pg.TIMESTAMP(precision=0)),
        *(pg.DOUBLE_PRECISION(53), pg.BYTEA(4), pg.CITEXT(collation="C")),
        pg.DOMAIN("positive", types.Integer(), check=sa.text("VALUE > 0"), not_null=True),
        pg.DOMAIN(
            "Short Text", types.String(9), collation="C", default="it's", schema="Other Schema"
        ),
        pg.DOMAIN(
            "state", types.String(9), constraint_name="known", check=sa.text("VALUE IN ('a', 'b')")
        ),
        pg.ARRAY(pg.DOMAIN("in_domains", types.Numeric(4, 1), default=sa.text("0.0"))),
    ]


INTERVAL_FIELDS = [
    *("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "YEAR TO MONTH", "DAY TO HOUR"),
    *("DAY TO MINUTE", "DAY TO SECOND", "HOUR TO MINUTE", "HOUR TO SECOND", "MINUTE TO SECOND"),
]


def values(of: type[enum.Enum]) -> list[str]:
    return [str(one.value) for one in of]


MADE: dict[str, Any] = {
    "Enum": types.Enum("made", name="made"),
    "ENUM": pg.ENUM("made here", name="made_here"),
    "ARRAY": pg.ARRAY(types.Integer),
    "DOMAIN": pg.DOMAIN("made_domain", types.Integer()),
}
"""Types that cannot be made of nothing."""

OF_OTHERS = {"BINARY", "BLOB", "CLOB", "DATETIME", "DOUBLE", "NVARCHAR", "VARBINARY"}
"""Words that PostgreSQL does not know."""
ABSTRACT = {
    *("AbstractMultiRange", "AbstractRange", "AbstractSingleRange", "NamedType", "NullType"),
    *("TupleType", "TypeDecorator", "TypeEngine", "UserDefinedType", "Variant", "_Binary"),
}
"""What no column can be of."""


def type_classes() -> Iterator[tuple[str, type[Any]]]:
    """Every type that the two modules offer."""
    for module in (types, pg):
        for name, one in sorted(vars(module).items()):
            if inspect.isclass(one) and issubclass(one, types.TypeEngine):
                yield f"{module.__name__}.{name}", one


def without_modifiers() -> dict[str, Any]:
    """An instance of each of those; None where nothing can be made of it."""
    made = {}
    for name, one in type_classes():
        try:
            made[name] = MADE.get(one.__name__) or one()
        except (TypeError, AssertionError, NotImplementedError):
            made[name] = None
    return made


def rendered(type_: Any, dialect: Any) -> str | None:
    """As DDL has it; None where SQLAlchemy has no PostgreSQL for it: abstract, or of others."""
    try:
        return str(type_.compile(dialect=dialect))
    except (sa.exc.CompileError, NotImplementedError, AttributeError):
        return None


def every_type(plain: list[Any]) -> MetaData:
    metadata = MetaData()
    for count, type_ in enumerate([*plain, *with_modifiers()]):
        Table(
            f"type_{count}",
            metadata,
            Column("id", types.Integer, primary_key=True),
            Column("value", type_, nullable=count % 2 == 0),
            schema="Other Schema" if getattr(type_, "name", "") == "inherited" else None,
        )
    return metadata
