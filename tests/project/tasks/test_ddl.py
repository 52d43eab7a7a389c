"""The DDL that the models task tells, executed on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.answers.models import Models

HEAD = """\
import enum
from sqlalchemy import *
from sqlalchemy.orm import *

class Base(DeclarativeBase):
    pass

"""
RICH = (
    HEAD
    + """\
class Role(enum.Enum):
    member = 1
    admin = 2

class User(Base):
    __tablename__ = "user"
    __table_args__ = (
        CheckConstraint("age > 0", name="grown"),
        {"schema": "acme", "comment": "100% people"},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column("Mail", String(50), index=True, unique=True)
    role: Mapped[Role] = mapped_column(index=True)
    age: Mapped[int] = mapped_column(comment="years")
    best_post_id: Mapped[int | None] = mapped_column(
        ForeignKey("post.id", use_alter=True, name="best"))

class Post(Base):
    __tablename__ = "post"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    number: Mapped[int] = mapped_column(Sequence("post_number"))
    role: Mapped[Role]
    author_id: Mapped[int] = mapped_column(ForeignKey("acme.user.id"))
    twice: Mapped[int] = mapped_column(Computed("number * 2", persisted=True))

event.listen(Base.metadata, "before_create", DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
event.listen(Post.__table__, "after_create", DDL("INSERT INTO x SELECT '5%%'").execute_if(
    dialect="sqlite"))
"""
)


def execute(models: Models, connection: Any) -> None:
    with connection.cursor() as cursor:
        for one in models.ddl:
            cursor.execute(one.sql)


def test_ddl_in_its_order_creates_everything(
    read: Callable[..., Models], database: Address, connect: Callable[[Address], Any]
) -> None:
    models = read(RICH)
    connection = connect(database)
    execute(models, connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description('acme.\"user\"'::regclass)")
        assert cursor.fetchone() == ("100% people",)
        cursor.execute(
            "SELECT conname::text FROM pg_constraint WHERE conrelid > 16000 UNION "
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indexrelid > 16000 ORDER BY 1"
        )
        names = [row[0].rpartition(".")[2].strip('"') for row in cursor.fetchall()]
        in_database = {name for name in names if not name.startswith("pg_toast")}
    assert {"best", "grown", "ix_acme_user_Mail", "ix_acme_user_role"} <= in_database
    told = {name[2] for name in models.places if len(name) == 3}
    assert in_database == told - {"id", "Mail", "role", "age", "best_post_id"} - {
        "number",
        "author_id",
        "twice",
    }
    assert [(one.kind, one.subject) for one in models.ddl] == [
        ("schema", "acme"),
        ("type", "public.role"),
        ("other", "public.CREATE EXTENSION IF NOT EXISTS pg_trgm"),
        ("table", "acme.user"),
        ("index", "acme.user.ix_acme_user_Mail"),
        ("index", "acme.user.ix_acme_user_role"),
        ("comment", "acme.user"),
        ("comment", "acme.user.age"),
        ("sequence", "public.post_number"),
        ("table", "public.post"),
        ("constraint", "acme.user.best"),
    ]
    assert models.unrendered == {}
    assert models.tables == (("acme", "user"), ("public", "post"))


def test_two_runs_tell_the_same(read: Callable[..., Models]) -> None:
    assert read(RICH) == read(RICH)


def test_object_that_cannot_be_rendered_loses_nothing_else(
    read: Callable[..., Models], database: Address, connect: Callable[[Address], Any]
) -> None:
    models = read(
        HEAD
        + """\
from sqlalchemy.dialects import mysql

class Good(Base):
    __tablename__ = "good"
    id: Mapped[int] = mapped_column(primary_key=True)

class Foreign(Base):
    __tablename__ = "foreign_type"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind = mapped_column(mysql.SET("a", "b"), index=True)

class Orphan(Base):
    __tablename__ = "orphan"
    id: Mapped[int] = mapped_column(ForeignKey("nowhere.id"), primary_key=True)

class Long(Base):
    __tablename__ = "long"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column()
    __table_args__ = (Index("i" * 70, "name"),)

class Last(Base):
    __tablename__ = "last"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
    )
    execute(models, connect(database))
    assert [one.name[1] for one in models.ddl] == [
        *("good", "foreign_type", "foreign_type", "orphan", "long", "last"),
    ]
    assert set(models.unrendered) == {
        ("public", "foreign_type", "kind"),
        ("public", "orphan", "orphan_id_fkey"),
        ("public", "orphan", "id"),
        ("public", "long", "i" * 70),
    }
    assert models.unrendered["public", "foreign_type", "kind"] == (
        "PostgreSQL can't render element of type SET"
    )
    for part in ("orphan_id_fkey", "id"):
        assert "could not find table 'nowhere'" in models.unrendered["public", "orphan", part]


@pytest.mark.parametrize("target", ["Base.metadata", "User.__table__"])
def test_listener_that_asks_the_database_is_told_and_loses_nothing(
    read: Callable[..., Models], target: str
) -> None:
    models = read(
        HEAD
        + f"""\
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)

def listen(target, connection, **kw):
    connection.scalar(text("SELECT 1"))

event.listen({target}, "before_create", listen)
"""
    )
    assert [one.name for one in models.ddl] == [("public", "user")]
    (message,) = models.unrendered.values()
    assert message == (
        "AttributeError: a listener of the models asks the database (Connection.scalar), "
        "which is not there"
    )


def test_tables_that_have_no_order_are_each_told(read: Callable[..., Models]) -> None:
    models = read(
        HEAD
        + """\
class A(Base):
    __tablename__ = "a"
    id: Mapped[int] = mapped_column(primary_key=True)

class B(Base):
    __tablename__ = "b"
    id: Mapped[int] = mapped_column(primary_key=True)

A.__table__.add_is_dependent_on(B.__table__)
B.__table__.add_is_dependent_on(A.__table__)
other = MetaData()
Table("c", other, Column("id", Integer))
Table("d", other, Column("id", Integer), schema="s" * 64)
""",
        "models:Base",
        "models:other",
    )
    assert [one.name for one in models.ddl if one.kind == "table"] == [("public", "c")]
    assert {name[-1] for name in models.unrendered} == {"(metadata)", "a", "b", "d"}
    assert models.unrendered["public", "a"].startswith("Circular dependency detected.")


def test_indexes_come_in_the_order_of_their_names(read: Callable[..., Models]) -> None:
    models = read(
        HEAD
        + """\
class A(Base):
    __tablename__ = "a"
    id: Mapped[int] = mapped_column(primary_key=True)
    __table_args__ = tuple(Index(name, "id") for name in "dbfaecg")
"""
    )
    assert [one.name[2] for one in models.ddl[1:]] == list("abcdefg")


def test_statements_of_listeners_are_told(read: Callable[..., Models]) -> None:
    models = read(
        HEAD
        + """\
class User(Base):
    __tablename__ = "user"
    __table_args__ = {"schema": "Acme"}
    id: Mapped[int] = mapped_column(primary_key=True)

event.listen(Base.metadata, "before_create", schema.CreateSchema("Acme")
    if False else DDL('CREATE SCHEMA "Acme"'))
event.listen(User.__table__, "after_create",
    lambda target, connection, **kw: connection.execute(text("SELECT '1%'")))
event.listen(User.__table__, "after_create",
    lambda target, connection, **kw: connection.exec_driver_sql("SELECT 2"))
"""
    )
    # A schema is there already where the migrations made it: it must not be made twice.
    assert [one.sql for one in models.ddl if one.kind != "table"] == [
        'CREATE SCHEMA IF NOT EXISTS "Acme"',
        "SELECT '1%'",
        "SELECT 2",
    ]


def test_two_enums_of_one_name_are_told(read: Callable[..., Models]) -> None:
    models = read(
        HEAD
        + """\
class A(Base):
    __tablename__ = "a"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind = mapped_column(Enum("x", name="kind"))

class B(Base):
    __tablename__ = "b"
    id: Mapped[int] = mapped_column(primary_key=True)
    same = mapped_column(Enum("x", name="kind"))
    other = mapped_column(Enum("x", "y", name="other"))

meta = MetaData()
Table("c", meta, Column("other", Enum("z", name="other")))
""",
        "models:Base",
        "models:meta",
    )
    assert [one.name[1] for one in models.ddl if one.kind == "type"] == ["kind", "other"]
    assert models.unrendered == {
        ("public", "other"): "the models define two of this name: "
        "CREATE TYPE other AS ENUM ('x', 'y') | CREATE TYPE other AS ENUM ('z')"
    }


def test_server_version_decides_what_is_rendered(read: Callable[..., Models]) -> None:
    text = (
        HEAD
        + """\
class A(Base):
    __tablename__ = "a"
    id: Mapped[int] = mapped_column(primary_key=True)
    twice: Mapped[int] = mapped_column(Computed("id * 2"))
"""
    )
    assert "STORED" in read(text, server_version=[15, 0]).ddl[0].sql
