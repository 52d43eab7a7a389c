"""Models that were just created, and after pg_dump and back, differ from themselves in nothing."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import types
from sqlalchemy.dialects.postgresql import NamedType
from sqlalchemy.schema import CheckConstraint, Column, Index, MetaData, Table

from pytest_schemaguard.project.tasks.models.naming import dialect
from tests.catalog.databases import (
    connected,
    differences,
    dumped,
    execute,
    fresh,
    load,
    make,
    models_of,
)
from tests.catalog.every_condition import plain, subject
from tests.catalog.every_default import every_default
from tests.catalog.every_model import (
    every_check,
    every_index,
    every_index_since_15,
    every_key,
    every_mapping,
    every_name,
    every_partition,
    every_tenant,
    every_unnamed,
)
from tests.catalog.every_type import (
    ABSTRACT,
    OF_OTHERS,
    every_type,
    rendered,
    type_classes,
    without_modifiers,
)
from tests.catalog.test_choices import CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address

EXTENSIONS = ("hstore", "citext", "pg_trgm", "btree_gist")
MODELS: list[Callable[[], MetaData]] = [
    *(every_default, every_check, every_unnamed, every_index, every_key, every_partition),
    *(every_mapping, every_tenant, every_name),
]


@pytest.fixture(scope="module")
def empty(postgres: Address) -> Iterator[Address]:
    """A database with the extensions that the models need."""
    with fresh(postgres) as address:
        with closing(connected(address)) as connection:
            for extension in EXTENSIONS:
                execute(connection, f"CREATE EXTENSION {extension}")
        yield address


@pytest.fixture(scope="module")
def nothing_differs(postgres: Address, empty: Address, bindir: str) -> Callable[..., None]:
    """Makes the models in a database and compares; so after each of some dumps and restores."""

    def check(metadata: MetaData, *, dumps: int = 2) -> None:
        with closing(connected(postgres)) as connection:
            major = connection.info.server_version // 10000
        told = models_of(metadata, major=major)
        with fresh(postgres, template=empty.database) as actual:
            with closing(connected(actual)) as connection:
                make(connection, told)
            assert differences(postgres, actual, told) == ()
            dump = dumped(actual, bindir)
        for _ in range(dumps):
            with fresh(postgres) as restored:
                load(restored, dump, bindir)
                assert differences(postgres, restored, told) == ()
                dump = dumped(restored, bindir)

    return check


@pytest.mark.parametrize("models", MODELS)
def test_models_just_created_differ_from_themselves_in_nothing(
    models: Callable[[], MetaData], nothing_differs: Callable[..., None]
) -> None:
    nothing_differs(models())


def test_nulls_that_are_not_distinct_differ_from_themselves_in_nothing(
    nothing_differs: Callable[..., None], postgres: Address
) -> None:
    with closing(connected(postgres)) as connection:
        if connection.info.server_version < 150000:
            pytest.skip("NULLS NOT DISTINCT is new in PostgreSQL 15")
    nothing_differs(every_index_since_15())


def test_every_type_differs_from_itself_in_nothing(
    nothing_differs: Callable[..., None], empty: Address
) -> None:
    """Found by looking: a type that is new in SQLAlchemy is among them, or fails here."""
    known: list[Any] = []
    unknown = set()
    pg = dialect((15, 0))
    with closing(connected(empty)) as connection, connection.cursor() as cursor:
        for name, one in without_modifiers().items():
            words = one and rendered(one, pg)
            if words is None:
                unknown.add(name.rpartition(".")[2])
            elif isinstance(one, (types.Enum, NamedType)):
                known.append(one)
            else:
                try:
                    cursor.execute(f"CREATE TEMPORARY TABLE t (c {words}); DROP TABLE t")
                    known.append(one)
                except psycopg2.errors.UndefinedObject:
                    unknown.add(name.rpartition(".")[2])
    assert unknown <= OF_OTHERS | ABSTRACT, "a type without a case"
    assert len(known) + len(unknown) == len(list(type_classes()))
    nothing_differs(every_type(known))


def test_there_are_many_models() -> None:
    metadatas = [*(models() for models in MODELS), every_type([])]
    tables = [table for metadata in metadatas for table in metadata.tables.values()]
    assert len(tables) > 250
    assert sum(len(table.columns) for table in tables) > 500


# Words of small letters are for every_name: SQLAlchemy does not quote all that PostgreSQL reserves.
NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=14
).filter(lambda name: len(name.encode()) <= 14 and not name.isalpha())
STRINGS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
# An example takes a second: what fails is told as it is, not made smaller for minutes.
WILD = settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@WILD
@given(st.lists(NAMES, min_size=5, max_size=25, unique=True), st.data())
def test_names_are_kept_as_they_are(
    nothing_differs: Callable[..., None], names: list[str], data: st.DataObject
) -> None:
    metadata = MetaData()
    for number, name in enumerate(names):
        other = data.draw(st.sampled_from(names))
        columns = [Column(each, types.Integer, index=True) for each in sorted({name, other})]
        Table(
            name,
            metadata,
            *columns,
            Column("kind" * 9, types.Enum(*sorted({name, other}), name=f"k {number} {name[:9]}")),
            sa.UniqueConstraint(name, name=f"{name}uq"),
            CheckConstraint(columns[0] > 0, name=f"{name}ck"),
            schema=other if number % 2 else None,
        )
    nothing_differs(metadata, dumps=1)


@WILD
@given(st.lists(STRINGS, min_size=5, max_size=40))
def test_strings_are_kept_as_they_are(
    nothing_differs: Callable[..., None], strings: list[str]
) -> None:
    metadata, number = MetaData(), count()
    for text in strings:
        column = Column("a", types.Text, server_default=text, comment=text or None)
        labels = sorted({text[:15], "more"} - {""})
        Table(
            f"t{next(number)}",
            metadata,
            column,
            Column("b", types.String(40), server_default=sa.literal(text)),
            Column("c", types.Enum(*labels, name=f"e{next(number)}"), server_default=labels[0]),
            Column("d", types.Enum(*labels, native_enum=False, create_constraint=True)),
            CheckConstraint(column != text),
            CheckConstraint(column.in_([text, "x"])),
            Index(f"i{next(number)}", column, postgresql_where=column == text),
            Index(f"i{next(number)}", sa.func.coalesce(column, text)),
            comment=text or None,
        )
    nothing_differs(metadata, dumps=1)


NUMBERS = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.decimals(-(10**12), 10**12, places=6),
    st.floats(width=32, allow_nan=False),
)


@WILD
@given(st.lists(NUMBERS, min_size=5, max_size=40))
def test_numbers_are_kept_as_they_are(
    nothing_differs: Callable[..., None], numbers: list[Any]
) -> None:
    metadata = MetaData()
    kinds: tuple[Any, ...] = (
        types.Numeric(),
        types.Numeric(40, 8),
        types.Float(),
        types.REAL(),
        types.BigInteger(),
    )
    for place, number in enumerate(numbers):
        words = f"'{number}'" if "inf" in str(number) else str(number)
        columns: list[Any] = [
            Column(f"c{which}", type_, server_default=sa.text(words))
            for which, type_ in enumerate(kinds)
            if which < 4 or isinstance(number, int)
        ]
        wholes: list[Any] = [
            Column(f"s{which}", type_, server_default=str(number))
            for which, type_ in enumerate(kinds[:4])
        ]
        checks = [CheckConstraint(sa.text(f"c{which} <> {words}")) for which in range(3)]
        Table(f"t{place}", metadata, *columns, *wholes, *checks)
    nothing_differs(metadata, dumps=1)


@WILD
@given(st.lists(CONDITIONS, min_size=5, max_size=60))
def test_conditions_are_kept_as_they_are(
    nothing_differs: Callable[..., None], conditions: list[str]
) -> None:
    metadata = MetaData()
    types.Enum("a", "b", name="e", metadata=metadata)
    Table(
        "t",
        metadata,
        Column("v", types.String(9)),
        Column("x", types.Text),
        Column("c", types.CHAR(3)),
        Column("n", types.Integer),
        Column("p", types.Numeric(5, 2)),
        Column("f", types.Float),
        Column("b", types.Boolean),
        Column("e", types.Enum("a", "b", name="e", metadata=metadata)),
        Column("w", types.Text),
        *(CheckConstraint(plain(one)) for one in conditions),
        *(
            Column(f"g{place}", types.Boolean, sa.Computed(plain(one), persisted=True))
            for place, one in enumerate(conditions)
        ),
        *(
            Index(f"i{place}", "n", postgresql_where=plain(one))
            for place, one in enumerate(conditions)
        ),
        *(Index(f"j{place}", plain(f"({one})")) for place, one in enumerate(conditions)),
    )
    nothing_differs(metadata, dumps=1)


TEXTS = st.recursive(
    st.sampled_from(["a", "t", "c", "'x'", "(j ->> 'k')", "n::text", "md5(t)"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("coalesce({0[0]}, {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} || {0[1]})".format),
        inner.map("lower({})".format),
        inner.map("substring({} from 1 for 2)".format),
        inner.map("trim({})".format),
        inner.map("({})::varchar(5)".format),
        inner.map('({} COLLATE "C")'.format),
        st.tuples(inner, inner).map("CASE WHEN b THEN {0[0]} ELSE {0[1]} END".format),
    ),
    max_leaves=4,
)
ORDERS = st.sampled_from(["", " DESC", " NULLS FIRST", " text_pattern_ops", " DESC NULLS LAST"])


@WILD
@given(
    st.lists(st.lists(st.tuples(TEXTS, ORDERS), min_size=1, max_size=3), min_size=5, max_size=50)
)
def test_index_expressions_are_kept_as_they_are(
    nothing_differs: Callable[..., None], indexes: list[list[tuple[str, str]]]
) -> None:
    metadata = MetaData()
    subject(
        "t",
        metadata,
        *(
            Index(f"i{place}", *(plain(f"(({text})::text){order}") for text, order in keys))
            for place, keys in enumerate(indexes)
        ),
    )
    nothing_differs(metadata, dumps=1)
