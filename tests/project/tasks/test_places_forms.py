"""The file and line of what the models say, in the forms of real projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.project.answers.models import Models

HEAD = """\
from __future__ import annotations
import enum
from dataclasses import dataclass, field
from sqlalchemy import *
from sqlalchemy.dialects.postgresql import DOMAIN, ENUM, ExcludeConstraint
from sqlalchemy.orm import *
class Base(DeclarativeBase):
    pass
"""
FIRST = HEAD.count("\n") + 1
"""The line on which each of these texts begins."""


def told(models: Models, prefix: str = "") -> dict[str, str]:
    """`line Model.attribute` by what is there; what was made without a place is not in it."""
    return {
        ".".join(name).removeprefix("public."): " ".join(
            [str(place.line - FIRST + 1), ".".join(filter(None, (place.model, place.attribute)))]
        ).strip()
        for name, place in models.places.items()
        if ".".join(name).startswith(f"public.{prefix}")
    }


FORMS = {
    "columns called otherwise than their attributes": (
        """\
class User(Base):
    __tablename__ = "user"
    id_ = Column("id", Integer, primary_key=True)
    mail: Mapped[str] = mapped_column(
        "e_mail", index=True)
    name: Mapped[str] = mapped_column(name="full_name")
""",
        {
            "user": "1 User",
            "user.id": "3 User.id_",
            "user.user_pkey": "1 User",
            "user.e_mail": "4 User.mail",
            "user.ix_user_e_mail": "4 User.mail",
            "user.full_name": "6 User.name",
        },
    ),
    "mixins, with the class that uses them": (
        """\
class Stamped:
    made_at: Mapped[int] = mapped_column(index=True)

    @declared_attr
    def owner_id(cls) -> Mapped[int]:
        return mapped_column(Integer, ForeignKey("user.id"))

    @declared_attr.directive
    def __table_args__(cls):
        return (
            CheckConstraint("made_at > 0", name=f"made_{cls.__tablename__}"),
            UniqueConstraint("made_at", "owner_id"),
        )
class User(Stamped, Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
""",
        {
            "user": "14 User",
            "user.id": "16 User.id",
            "user.user_pkey": "14 User",
            "user.made_at": "2 User.made_at",
            "user.ix_user_made_at": "2 User.made_at",
            "user.owner_id": "5 User.owner_id",
            "user.user_owner_id_fkey": "5 User.owner_id",
            "user.made_user": "14 User",
            "user.user_made_at_owner_id_key": "12 User",
        },
    ),
    "dataclasses": (
        """\
reg = registry(metadata=Base.metadata)
@reg.mapped_as_dataclass
class User:
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(init=False, primary_key=True)
@reg.mapped
@dataclass
class Group:
    __tablename__ = "group"
    __sa_dataclass_metadata_key__ = "sa"
    id: int = field(metadata={"sa": Column(Integer, primary_key=True)})
""",
        {
            "user": "3 User",
            "user.id": "5 User.id",
            "user.user_pkey": "3 User",
            "group": "8 Group",
            "group.id": "11 Group.id",
            "group.group_pkey": "8 Group",
        },
    ),
    "composites, deferred columns and expressions": (
        """\
@dataclass
class Point:
    x: int
    y: int
class Line(Base):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[Point] = composite(mapped_column("x1"), mapped_column("y1"))
    end: Mapped[Point] = composite(
        mapped_column("x2"), mapped_column("y2"))
    text: Mapped[str] = deferred(mapped_column(String))
    lazy: Mapped[str] = mapped_column(deferred=True)
    twice: Mapped[int] = column_property(id + id)
    size: Mapped[int] = column_property(mapped_column(Integer))
""",
        {
            "line": "5 Line",
            "line.id": "7 Line.id",
            "line.line_pkey": "5 Line",
            "line.x1": "8 Line.start",
            "line.y1": "8 Line.start",
            "line.x2": "9 Line.end",
            "line.y2": "9 Line.end",
            "line.text": "11 Line.text",
            "line.lazy": "12 Line.lazy",
            "line.size": "14 Line.size",
        },
    ),
    "association tables": (
        """\
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    friends: Mapped[list[User]] = relationship(secondary=lambda: friend,
        primaryjoin=lambda: User.id == friend.c.one, secondaryjoin=lambda: User.id == friend.c.two)
friend = Table(
    "friend", Base.metadata,
    Column("one", Integer, ForeignKey("user.id"), primary_key=True),
    Column("two", ForeignKey("user.id"), primary_key=True),
    Index("by_two", "two"),
)
""",
        {
            "user": "1 User",
            "user.id": "3 User.id",
            "user.user_pkey": "1 User",
            "friend": "6",
            "friend.one": "8",
            "friend.two": "9",
            "friend.friend_pkey": "6",
            "friend.friend_one_fkey": "8",
            "friend.friend_two_fkey": "9",
            "friend.by_two": "10",
        },
    ),
    "constraints and indexes, each at its own line": (
        """\
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int]
    b: Mapped[int]
    __table_args__ = (
        UniqueConstraint("a", "b"),
        UniqueConstraint("b", "a", name="u"),
        CheckConstraint("a > 0",
            name="c"),
        ForeignKeyConstraint(["a"], ["user.id"]),
        ForeignKeyConstraint(["b"], ["user.id"], name="f"),
        ExcludeConstraint(("a", "="), name="x", using="gist"),
        Index("i", "a", unique=True),
        Index(None, "b"),
        {"comment": "people"},
    )
Index("later", User.a.desc(), postgresql_where=User.b > 1)
User.__table__.append_constraint(CheckConstraint("b > 0", name="late"))
""",
        {
            "user": "1 User",
            "user.id": "3 User.id",
            "user.user_pkey": "1 User",
            "user.a": "4 User.a",
            "user.b": "5 User.b",
            "user.user_a_b_key": "7 User",
            "user.u": "8 User",
            "user.c": "9 User",
            "user.user_a_fkey": "11 User",
            "user.f": "12 User",
            "user.x": "13 User",
            "user.i": "14 User",
            "user.ix_user_b": "15 User",
            "user.later": "18 User",
            "user.late": "19 User",
        },
    ),
    "types and sequences are where a column uses them": (
        """\
class Mood(enum.Enum):
    good = 1
class Colour(enum.Enum):
    red = 1
postcode = DOMAIN("postcode", String(10))
counter = Sequence("counter", metadata=Base.metadata)
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(Sequence("user_ids"), primary_key=True)
    mood: Mapped[Mood]
    colours = mapped_column(ARRAY(Enum(Colour)))
    state = mapped_column(ENUM("on", "off", name="state"))
    code = mapped_column(postcode)
    again: Mapped[Mood | None]
""",
        {
            "user": "7 User",
            "user.id": "9 User.id",
            "user.user_pkey": "7 User",
            "user.mood": "10 User.mood",
            "user.colours": "11 User.colours",
            "user.state": "12 User.state",
            "user.code": "13 User.code",
            "user.again": "14 User.again",
            "mood": "10 User.mood",
            "colour": "11 User.colours",
            "state": "12 User.state",
            "postcode": "13 User.code",
            "user_ids": "9 User.id",
            "counter": "6",
        },
    ),
    "joined inheritance": (
        """\
class Animal(Base):
    __tablename__ = "animal"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}
class Cat(Animal):
    __tablename__ = "cat"
    id: Mapped[int] = mapped_column(ForeignKey("animal.id"), primary_key=True)
    lives: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "cat"}
""",
        {
            "animal": "1 Animal",
            "animal.id": "3 Animal.id",
            "animal.kind": "4 Animal.kind",
            "animal.animal_pkey": "1 Animal",
            "cat": "6 Cat",
            "cat.id": "8 Cat.id",
            "cat.cat_id_fkey": "8 Cat.id",
            "cat.cat_pkey": "6 Cat",
            "cat.lives": "9 Cat.lives",
        },
    ),
    "imperative mapping with other attributes": (
        """\
reg = registry(metadata=Base.metadata)
user = Table("user", reg.metadata,
    Column("id", Integer, primary_key=True),
    Column("e_mail", String))
class User:
    pass
reg.map_imperatively(User, user, properties={"mail": user.c.e_mail})
""",
        {
            "user": "2 User",
            "user.id": "3 User.id",
            "user.e_mail": "4 User.mail",
            "user.user_pkey": "2 User",
        },
    ),
    "annotated types": (
        """\
from typing_extensions import Annotated
key = Annotated[int, mapped_column(primary_key=True)]
name = Annotated[str, mapped_column(String(30), index=True)]
class User(Base):
    __tablename__ = "user"
    id: Mapped[key]
    first: Mapped[name]
""",
        {
            "user": "4 User",
            "user.id": "6 User.id",
            "user.first": "7 User.first",
            "user.ix_user_first": "7 User.first",
            "user.user_pkey": "4 User",
        },
    ),
}


def test_sqlmodel_has_the_class_and_the_line_of_each_field(read: Callable[..., Models]) -> None:
    pytest.importorskip("sqlmodel")
    text = """\
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

class Own(SQLModel, registry=registry()):
    pass

class Stamped(Own):
    made_at: int = Field(index=True)

class Hero(Stamped, table=True):
    id: int | None = Field(default=None, primary_key=True)
    team_id: int = Field(
        foreign_key="team.id")

class Team(Own, table=True):
    __tablename__ = "team"
    id: int | None = Field(default=None, primary_key=True)
"""
    models = read(text, "models:Own")
    found = {name[1:]: (one.line, one.model, one.attribute) for name, one in models.places.items()}
    assert found == {
        ("hero",): (10, "Hero", None),
        ("hero", "made_at"): (8, "Hero", "made_at"),
        ("hero", "ix_hero_made_at"): (8, "Hero", "made_at"),
        ("hero", "id"): (11, "Hero", "id"),
        ("hero", "hero_pkey"): (10, "Hero", None),
        ("hero", "team_id"): (12, "Hero", "team_id"),
        ("hero", "hero_team_id_fkey"): (12, "Hero", "team_id"),
        ("team",): (15, "Team", None),
        ("team", "id"): (17, "Team", "id"),
        ("team", "team_pkey"): (15, "Team", None),
    }


def test_classes_that_automap_makes_are_where_their_tables_are(
    read: Callable[..., Models],
) -> None:
    text = (
        HEAD
        + """\
from sqlalchemy.ext.automap import automap_base
meta = MetaData()
Table("read", meta, Column("id", Integer, primary_key=True))
Auto = automap_base(metadata=meta)
Auto.prepare()
"""
    )
    assert told(read(text, "models:Auto")) == {
        "read": "3 read",
        "read.id": "3 read.id",
        "read.read_pkey": "3 read",
    }


@pytest.mark.parametrize(("text", "places"), FORMS.values(), ids=FORMS.keys())
def test_each_form_has_its_class_attribute_and_line(
    read: Callable[..., Models], text: str, places: dict[str, str]
) -> None:
    assert told(read(HEAD + text)) == places
