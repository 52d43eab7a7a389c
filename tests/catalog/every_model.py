"""Models with every way to write a check, an index, a key, a name."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm, types
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import CheckConstraint, Column, ForeignKey, Index, MetaData, Table

from pytest_schemaguard.project.tasks.models.translation import translate
from tests.catalog.every_condition import CHECKS, INDEXES, PREDICATES, plain, subject


def every_check() -> MetaData:
    metadata = MetaData(naming_convention={"ck": "ck_%(table_name)s_%(constraint_name)s"})
    for count, text in enumerate(CHECKS):
        subject(f"check_{count}", metadata, CheckConstraint(plain(text), name=f"rule_{count}"))
    built = subject("built", metadata)
    columns = built.c
    for count, condition in enumerate(
        [
            columns.a.in_(["x", "y"]) | columns.t.is_(None),
            sa.and_(columns.n.between(1, 5), ~columns.b),
            columns.a.like("x%") & columns.m.is_distinct_from(3),
            sa.func.lower(columns.a) == columns.a,
            columns.j["a"].astext == "it's",
            columns.status.in_(["on"]) | (columns.p >= 0),
            sa.case((columns.n > 0, columns.b), else_=sa.true()),
            columns.d > sa.func.now() - sa.text("interval '1 day'"),
            sa.cast(columns.a, types.Integer) > 0,
            columns.tags == sa.cast(pg.array(["x"]), pg.ARRAY(types.String)),
            sa.not_(columns.n.in_([1, 2])),
        ]
    ):
        built.append_constraint(CheckConstraint(condition, name=f"built_{count}"))
    return metadata


def every_unnamed() -> MetaData:
    metadata = MetaData()
    subject(
        "un named",
        metadata,
        Column("of", types.Integer, ForeignKey("un named.k")),
        Column("or", types.Integer, ForeignKey("un named.k"), unique=True),
        Column("k", types.Integer, primary_key=True),
        Column("known", types.Boolean(create_constraint=True)),
        *(CheckConstraint(plain(text)) for text in ("n > 1", "n > 2", "a IN ('x', 'y')", "a <> t")),
        CheckConstraint("m > 1", info={"why": "second of the same column"}),
        CheckConstraint("m > 2"),
        sa.UniqueConstraint("n", "m"),
        sa.UniqueConstraint("n", "a"),
        sa.ForeignKeyConstraint(["n"], ["un named.or"]),
        sa.ForeignKeyConstraint(["n"], ["un named.k"], ondelete="CASCADE"),
        pg.ExcludeConstraint(("n", "=")),
    )
    return metadata


def every_index() -> MetaData:
    metadata = MetaData()
    table = Table(
        "Indexed %s",
        metadata,
        Column("id", types.Integer, primary_key=True, unique=True),
        Column("Name", types.String(50), index=True),
        Column("email", types.String(50), unique=True, index=True),
        Column("state", types.String(10)),
        Column("body", types.Text),
        Column("at", types.DateTime(timezone=True)),
        Column("data", pg.JSONB),
        Column("tags", pg.ARRAY(types.Text)),
        Column("during", pg.TSTZRANGE),
        Column("place", types.Integer, unique=True),
        sa.UniqueConstraint("state", "place", name="uq %s"),
        sa.UniqueConstraint("place", "at", deferrable=True, initially="DEFERRED"),
        sa.UniqueConstraint("place", "body", postgresql_include=["at"]),
        pg.ExcludeConstraint(
            ("during", "&&"), ("place", "="), where=sa.text("state IN ('x', 'y')")
        ),
        pg.ExcludeConstraint(
            (sa.text("lower(state)"), "="),
            (sa.text("tstzrange(at, NULL)"), "&&"),
            name="no %s overlap",
            deferrable=True,
            where=sa.text("place > 0 AND body IS NOT NULL"),
        ),
        pg.ExcludeConstraint(("state", "="), using="btree", ops={"state": "varchar_pattern_ops"}),
    )
    columns = table.c
    Index("lowered", sa.func.lower(columns.Name), unique=True)
    Index("partial", columns.email, postgresql_where=columns.state.in_(["x", "y"]))
    Index("partial_text", columns.body, unique=True, postgresql_where=sa.text("state = 'on'"))
    Index("built", columns.at, postgresql_where=columns.state.is_(None) & (columns.place > 5))
    Index("one_of", columns.at, postgresql_where=sa.or_(columns.state == "a", columns.place == 5))
    Index("not_one", columns.at, postgresql_where=columns.state.notin_(["a", "b"]))
    Index("between", columns.at, postgresql_where=columns.place.between(1, 5))
    Index("like", columns.at, postgresql_where=columns.state.ilike("x%"))
    Index("descending", columns.at.desc().nulls_last(), columns.id)
    Index("first", columns.at.asc().nulls_first())
    Index("pattern", columns.Name, postgresql_ops={"Name": "varchar_pattern_ops"})
    Index(
        "labelled",
        sa.func.lower(columns.Name).label("low"),
        postgresql_ops={"low": "varchar_pattern_ops"},
    )
    Index("trigram", columns.body, postgresql_using="gin", postgresql_ops={"body": "gin_trgm_ops"})
    Index("json", columns.data, postgresql_using="gin", postgresql_ops={"data": "jsonb_path_ops"})
    Index("key", columns.data["a"].astext)
    Index("deep", columns.data[("a", "b")].astext)
    Index("number", sa.cast(columns.data["n"].astext, types.Integer))
    Index("array", columns.tags, postgresql_using="gin", postgresql_with={"fastupdate": "off"})
    Index("hashed", columns.email, postgresql_using="hash")
    Index("block", columns.at, postgresql_using="brin", postgresql_with={"pages_per_range": 16})
    Index("range", columns.during, postgresql_using="gist")
    Index("including", columns.email, postgresql_include=["state", "at"])
    Index("collated", sa.collate(columns.body, "C"))
    Index("date", sa.text("(at AT TIME ZONE 'utc')"), sa.text("coalesce(state, 'x')"))
    Index("search", sa.text("to_tsvector('english', body)"), postgresql_using="gin")
    Index("filled", columns.place, postgresql_with={"fillfactor": 50})
    Index("concatenated", columns.state + columns.body)
    Index("coalesced", sa.func.coalesce(columns.state, "it's"), columns.place + 1)
    Index("cased", sa.func.lower(sa.case((columns.place > 0, columns.state), else_="x")))
    Index(None, columns.state, columns.body)
    Index("q" * 63, columns.state)
    subject(
        "expressions",
        metadata,
        *(Index(f"by_{count}", plain(text)) for count, text in enumerate(INDEXES)),
        *(
            Index(f"some_{count}", "n", unique=count % 2 == 0, postgresql_where=plain(text))
            for count, text in enumerate(PREDICATES)
        ),
    )
    return metadata


def every_index_since_15() -> MetaData:
    metadata = MetaData()
    Table(
        "no_two_nulls",
        metadata,
        Column("a", types.Integer),
        Column("b", types.Integer),
        sa.UniqueConstraint("a", postgresql_nulls_not_distinct=True),
        Index("also_here", "b", unique=True, postgresql_nulls_not_distinct=True),
    )
    return metadata


def every_key() -> MetaData:
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(column_0_name)s",
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
        Column("known", types.Boolean(create_constraint=True)),
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
        Column("soon_id", ForeignKey("order.id", deferrable=True, initially="IMMEDIATE")),
        Column("none_id", ForeignKey("order.id", ondelete="SET DEFAULT", onupdate="NO ACTION")),
        Column("self_id", ForeignKey("child.id", use_alter=True, ondelete="RESTRICT")),
        Column("open_id", ForeignKey("order.id", postgresql_not_valid=True, name="open")),
        Column("a", types.Integer),
        Column("b", types.String(5)),
        Column("name", ForeignKey("Other Schema.parent.user"), index=True),
        Column("status", types.Enum("new", "old", name="status", schema="Other Schema")),
        CheckConstraint("a > 0", name="unread", postgresql_not_valid=True),
        sa.ForeignKeyConstraint(
            ["a", "b"], ["Other Schema.parent.a", "Other Schema.parent.b"], match="FULL"
        ),
        sa.PrimaryKeyConstraint("id", name="child_key"),
    )
    for here, there in (("hen", "egg"), ("egg", "hen")):
        Table(
            here,
            metadata,
            Column("id", types.Integer, primary_key=True),
            Column("other", ForeignKey(f"{there}.id", use_alter=True, name=f"fk_{here}")),
        )
    Table("no_key", metadata, Column("x", types.Integer), prefixes=["UNLOGGED"])
    if sa.__version__ >= "2.1":  # Table knows no storage parameters before
        Table("stored", metadata, Column("x", types.Integer), postgresql_with={"fillfactor": 70})
    Table(
        "inherits",
        metadata,
        Column("y", types.Integer),
        postgresql_inherits="no_key",
        prefixes=["UNLOGGED"],
    )
    Table("empty", metadata)
    return metadata


def every_partition() -> MetaData:
    metadata = MetaData()
    measured = Table(
        "measured",
        metadata,
        Column("at", types.Date, primary_key=True),
        Column("n", types.Integer, primary_key=True, index=True),
        Column("of", types.Integer, ForeignKey("whole.id")),
        sa.UniqueConstraint("at", "of"),
        CheckConstraint("n IN (1, 2)"),
        postgresql_partition_by="RANGE (at)",
    )
    Index("part_of", measured.c.of, postgresql_where=measured.c.of > 0)
    Table(
        "whole",
        metadata,
        Column("id", types.Integer, primary_key=True),
        postgresql_partition_by="HASH (id)",
    )
    Table(
        "listed",
        metadata,
        Column("kind", types.String(5)),
        Column("low", types.Text),
        postgresql_partition_by="LIST (lower(kind))",
    )
    for made in (
        "CREATE TABLE measured_1 PARTITION OF measured FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
        "CREATE TABLE whole_0 PARTITION OF whole FOR VALUES WITH (modulus 1, remainder 0)",
    ):
        event.listen(metadata, "after_create", sa.DDL(made))  # type: ignore[no-untyped-call]
    return metadata


def every_mapping() -> MetaData:
    class Base(orm.DeclarativeBase):
        metadata = MetaData(schema="Map%ped")

    class Stamped:
        at: orm.Mapped[Any] = orm.mapped_column(types.DateTime, server_default=sa.func.now())

    class Person(Stamped, Base):
        __tablename__ = "person"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        kind: orm.Mapped[str] = orm.mapped_column(types.String(9))
        boss_id: orm.Mapped[Any] = orm.mapped_column(ForeignKey("Map%ped.person.id"))
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012 - SQLAlchemy's way

    class Manager(Person):
        __tablename__ = "manager"
        id: orm.Mapped[int] = orm.mapped_column(ForeignKey(Person.id), primary_key=True)
        __mapper_args__ = {"polymorphic_identity": "manager"}  # noqa: RUF012 - SQLAlchemy's way

    class Guest(Person):
        until: orm.Mapped[Any] = orm.mapped_column(types.Date, index=True)
        __mapper_args__ = {"polymorphic_identity": "guest"}  # noqa: RUF012 - SQLAlchemy's way

    class Robot(Person):
        __tablename__ = "robot"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        kind: orm.Mapped[str] = orm.mapped_column(types.String(9))
        boss_id: orm.Mapped[Any] = orm.mapped_column(types.Integer, deferred=True)
        __mapper_args__ = {"concrete": True}  # noqa: RUF012 - SQLAlchemy's way

    Table(
        "friends",
        Base.metadata,
        Column("one", ForeignKey(Person.id), primary_key=True),
        Column("other", ForeignKey(Person.id), primary_key=True),
    )
    orm.configure_mappers()
    return Base.metadata


def every_tenant() -> MetaData:
    """By schema_translate_map, as the application has it."""
    metadata = MetaData()
    Table(
        "account",
        metadata,
        Column(
            "id", types.Integer, sa.Sequence("account_ids", schema="per_tenant"), primary_key=True
        ),
        Column("kind", types.Enum("a", "b", name="account_kind", schema="per_tenant")),
        Column("owner", ForeignKey("shared.id")),
        schema="per_tenant",
    )
    Table("shared", metadata, Column("id", types.Integer, primary_key=True))
    translate(metadata, {"per_tenant": "Tenant 1", None: "common"})
    return metadata


NAMES = [
    *("select", "user", "Table", "UPPER", "with space", "dot.ted", 'quo"ted', "it's", "%", "%s"),
    *("%(name)s", ":colon", "semi;colon", "back\\slash", "naïve", "表", "😀", "1st", "_", "$1"),
    *(
        "x" * 63,
        "ü" * 31,
        "--",
        "/*",
        "a,b",
        "(a)",
        "[a]",
        "tab\there",
        "new\nline",
        "NULL",
        "a::b",
    ),
]


def every_name() -> MetaData:
    metadata = MetaData()
    for count, name in enumerate(NAMES):
        schema = name if count % 3 == 0 else None
        Table(
            name,
            metadata,
            Column("id", types.Integer, primary_key=True),
            Column(name, types.String(9), server_default="x", index=True, comment=name),
            Column("kind", types.Enum(name, name=f"{name[:20]}{count}")),
            Column("self", types.Integer),
            sa.ForeignKeyConstraint(["self"], [f"{schema}.{name}.id" if schema else f"{name}.id"]),
            CheckConstraint(sa.column(name) != name, name=f"{name[:20]}!"),
            schema=schema,
            comment=name,
        )
    return metadata
