"""What the ORM sends, prepared and explained on a real server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.answers.models import Models

HEAD = """\
import enum
from datetime import datetime
from sqlalchemy import *
from sqlalchemy.orm import *

class Base(DeclarativeBase):
    pass

"""
RICH = (
    HEAD
    + """\
class Kind(enum.Enum):
    a = 1

members = Table("member", Base.metadata,
    Column("user_id", ForeignKey("Acme.user.id"), primary_key=True),
    Column("group_id", ForeignKey("group.id"), primary_key=True))

class User(Base):
    __tablename__ = "user"
    __table_args__ = {"schema": "Acme"}
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column("E-Mail", String(50))
    bio: Mapped[str] = mapped_column(Text, deferred=True, deferred_raiseload=True)
    tags: Mapped[list[str]] = mapped_column(ARRAY(String))
    settings: Mapped[dict] = mapped_column(JSON)
    kind: Mapped[Kind] = mapped_column()
    type: Mapped[str]
    version: Mapped[int] = mapped_column()
    created: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    twice: Mapped[int] = mapped_column(Computed("version * 2", persisted=True))
    posts: Mapped[list["Post"]] = relationship(lazy="joined", back_populates="user")
    groups: Mapped[list["Group"]] = relationship(secondary=members)
    __mapper_args__ = {
        "polymorphic_on": "type", "polymorphic_identity": "user", "version_id_col": version}

class Admin(User):
    level: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "admin"}

class Boss(User):
    __tablename__ = "boss"
    id: Mapped[int] = mapped_column(ForeignKey("Acme.user.id"), primary_key=True)
    office: Mapped[str] = mapped_column(String)
    __mapper_args__ = {"polymorphic_identity": "boss"}

class Group(Base):
    __tablename__ = "group"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    number: Mapped[int] = mapped_column(Sequence("numbers"))

class Post(Base):
    __tablename__ = "post"
    user_id: Mapped[int] = mapped_column(ForeignKey("Acme.user.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    filled: Mapped[int | None] = mapped_column(server_default=FetchedValue())
    user: Mapped[User] = relationship(back_populates="posts")

User.post_count = column_property(
    select(func.count()).where(Post.user_id == User.id).scalar_subquery())
"""
)


def by_verb(models: Models) -> dict[tuple[str, str, str], str]:
    return {
        (one.verb, one.entity, one.table[1]): " ".join(one.sql.replace("::JSON", "").split())
        for one in models.statements
    }


def test_every_statement_can_be_planned(
    read: Callable[..., Models], database: Address, connect: Callable[[Address], Any]
) -> None:
    models = read(RICH)
    assert models.unstated == {}
    connection = connect(database)
    with connection.cursor() as cursor:
        for ddl in models.ddl:
            cursor.execute(ddl.sql)
        for number, one in enumerate(models.statements):
            cursor.execute(f"PREPARE q{number} AS {one.sql}")
            count = len(set(re.findall(r"\$\d+", one.sql)))
            values = f"({', '.join(['NULL'] * count)})" if count else ""
            cursor.execute(f"EXPLAIN EXECUTE q{number}{values}")
    assert len(models.statements) == 28


def test_select_loads_deferred_columns_expressions_and_joined_relationships(
    read: Callable[..., Models],
) -> None:
    told = by_verb(read(RICH))
    user = told["select", "User", "user"]
    for part in (
        '"Acme"."user"."E-Mail"',
        ".bio",
        "count(*)",
        "LEFT OUTER JOIN post",
        "post_1.filled",
    ):
        assert part in user
    assert told["select", "Admin", "user"].endswith('WHERE "Acme"."user".type IN ($1)')
    assert 'JOIN boss ON "Acme"."user".id = boss.id' in told["select", "Boss", "boss"]


def test_insert_names_every_column_that_may_be_sent(read: Callable[..., Models]) -> None:
    told = by_verb(read(RICH))
    assert told["insert", "User", "user"] == (
        'INSERT INTO "Acme"."user" (id, "E-Mail", bio, tags, settings, kind, type, version, '
        "created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
        'RETURNING "Acme"."user".id, "Acme"."user".created, "Acme"."user".twice'
    )
    assert told["insert", "Boss", "boss"] == "INSERT INTO boss (id, office) VALUES ($1, $2)"
    assert told["insert", "Group", "group"] == (
        "INSERT INTO \"group\" (number) VALUES (nextval('numbers')) "
        'RETURNING "group".id, "group".number'
    )
    assert told["insert", "Post", "post"] == (
        "INSERT INTO post (user_id, number) VALUES ($1, $2) RETURNING post.filled"
    )
    assert told["insert", "User.groups", "member"] == (
        "INSERT INTO member (user_id, group_id) VALUES ($1, $2)"
    )


def test_update_and_delete_find_the_row_by_key_and_version(read: Callable[..., Models]) -> None:
    told = by_verb(read(RICH))
    assert told["update", "Admin", "user"] == (
        'UPDATE "Acme"."user" SET "E-Mail"=$1, bio=$2, tags=$3, settings=$4, kind=$5, type=$6, '
        'version=$7, created=now(), level=$8 WHERE "Acme"."user".id = $9 '
        'AND "Acme"."user".version = $10'
    )
    assert told["delete", "Post", "post"] == (
        "DELETE FROM post WHERE post.user_id = $1 AND post.number = $2"
    )
    assert ("update", "User.groups", "member") not in told
    assert told["update", "Boss", "boss"] == "UPDATE boss SET office=$1 WHERE boss.id = $2"


def test_eager_defaults_off_returns_the_key_alone(read: Callable[..., Models]) -> None:
    told = by_verb(
        read(
            HEAD
            + """\
class User(Base):
    __tablename__ = "user"
    __mapper_args__ = {"eager_defaults": False}
    id: Mapped[int] = mapped_column(primary_key=True)
    created: Mapped[datetime] = mapped_column(server_default=func.now())
"""
        )
    )
    assert told["insert", "User", "user"].endswith('RETURNING "user".id')


@pytest.mark.parametrize("entries", [("models:Base",), ("models:meta",)])
def test_class_that_cannot_be_rendered_loses_nothing_else(
    read: Callable[..., Models], entries: tuple[str, ...]
) -> None:
    models = read(
        HEAD
        + """\
class Odd(TypeDecorator):
    impl = String
    cache_ok = True
    def bind_expression(self, bind):
        raise ValueError("no such thing")

class Bad(Base):
    __tablename__ = "bad"
    id: Mapped[int] = mapped_column(primary_key=True)
    odd: Mapped[str] = mapped_column(Odd)

class Good(Base):
    __tablename__ = "good"
    id: Mapped[int] = mapped_column(primary_key=True)

meta = Base.metadata
""",
        *entries,
    )
    assert models.unstated == {("public", "bad"): "insert of Bad: ValueError: no such thing"}
    assert {one.entity for one in models.statements} == {"Bad", "Good"}
    assert {one.verb for one in models.statements if one.entity == "Good"} == {
        "select",
        "insert",
        "delete",
    }


def test_view_mapped_to_a_query_is_only_selected(read: Callable[..., Models]) -> None:
    told = by_verb(
        read(
            HEAD
            + """\
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)

class Total(Base):
    __table__ = select(User.id, func.count().label("n")).group_by(User.id).subquery()
    __mapper_args__ = {"primary_key": [__table__.c.id]}

class Pair(Base):
    __tablename__ = "pair"
    __mapper_args__ = {"exclude_properties": ["hidden"]}
    id: Mapped[int] = mapped_column(primary_key=True)
    __table_args__ = (Column("hidden", Integer),)
"""
        )
    )
    assert ("select", "User", "user") in told
    assert not any(verb != "select" for verb, entity, _ in told if entity == "Total")
    assert "hidden" not in told["insert", "Pair", "pair"]
    assert "hidden" not in told["select", "Pair", "pair"]
