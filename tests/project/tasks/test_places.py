"""The file and line of what the models say, in each way of saying it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.project.answers.models import Models


def lines(models: Models) -> dict[str, tuple[str, int]]:
    return {".".join(name): (place.path, place.line) for name, place in models.places.items()}


BASE = """\
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy import ForeignKey, MetaData, func

class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    })

class Root(Base):
    __abstract__ = True
    id: Mapped[int] = mapped_column(primary_key=True)

class Owned:
    @declared_attr
    def owner_id(cls) -> Mapped[int]:
        return mapped_column(ForeignKey("user.id", name="owned_by"))
"""
USER = """\
from sqlalchemy import *
from sqlalchemy.orm import *
from app.base import Base, Owned, Root

class User(Root):
    __tablename__ = "user"

    mail: Mapped[str] = mapped_column(
        "email", String(50), unique=True, index=True
    )
    if True:
        age: Mapped[int]
    __table_args__ = (
        UniqueConstraint("email", "age"),
        CheckConstraint(
            "age > 0", name="grown"
        ),
        Index("by_age", "age"),
    )

class Post(Owned, Root):
    __tablename__ = "post"
    title: Mapped[str]

Index("by_title", func.lower(Post.title))
"""


def test_declarative_classes_mixins_and_abstract_bases(read: Callable[..., Models]) -> None:
    models = read(
        {"app/__init__.py": "", "app/base.py": BASE, "app/user.py": USER},
        "app.base:Base",
        "app.user",
    )
    assert lines(models) == {
        "public.user": ("app/user.py", 5),
        "public.user.id": ("app/base.py", 13),
        "public.user.email": ("app/user.py", 8),
        "public.user.age": ("app/user.py", 12),
        "public.user.user_pkey": ("app/user.py", 5),
        "public.user.ix_user_email": ("app/user.py", 8),
        "public.user.uq_user_email": ("app/user.py", 14),
        "public.user.ck_user_grown": ("app/user.py", 15),
        "public.user.by_age": ("app/user.py", 18),
        "public.post": ("app/user.py", 21),
        "public.post.id": ("app/base.py", 13),
        "public.post.title": ("app/user.py", 23),
        "public.post.owner_id": ("app/base.py", 17),
        "public.post.owned_by": ("app/base.py", 18),
        "public.post.post_pkey": ("app/user.py", 21),
        "public.post.by_title": ("app/user.py", 25),
    }
    email = models.places["public", "user", "email"]
    assert (email.model, email.attribute) == ("User", "mail")


def test_tables_and_imperative_mapping(read: Callable[..., Models]) -> None:
    models = read(
        """\
from dataclasses import dataclass
from sqlalchemy import *
from sqlalchemy.orm import registry

reg = registry()
NAME = "made_up"

user = Table(
    "user",
    reg.metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String, unique=True),
    Column("group_id", ForeignKey("acme.group.id")),
    CheckConstraint("id > 0", name="positive"),
)
group = Table("group", reg.metadata, Column("id", Integer, primary_key=True), schema="acme")
other = Table(NAME, reg.metadata, Column("id", Integer))

@dataclass
class User:
    id: int
    mail: str

reg.map_imperatively(User, user, properties={"mail": user.c.email})
""",
        "models:reg",
    )
    assert {name: line for name, (_, line) in lines(models).items()} == {
        "public.user": 8,
        "public.user.id": 11,
        "public.user.email": 12,
        "public.user.group_id": 13,
        "public.user.user_pkey": 8,
        "public.user.user_email_key": 12,
        "public.user.user_group_id_fkey": 13,
        "public.user.positive": 14,
        "acme.group": 16,
        "acme.group.id": 16,
        "acme.group.group_pkey": 16,
        "public.made_up": 17,
        "public.made_up.made_up_pkey": 17,
    }
    email = models.places["public", "user", "email"]
    assert (email.model, email.attribute) == ("User", "mail")


def test_dataclasses_single_inheritance_and_tables_in_classes(
    read: Callable[..., Models],
) -> None:
    models = read(
        """\
from sqlalchemy import *
from sqlalchemy.orm import *

class Base(MappedAsDataclass, DeclarativeBase):
    pass

class Zebra(Base):
    __tablename__ = "animal"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    kind: Mapped[str] = mapped_column(default="zebra")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "zebra"}

class Ape(Zebra):
    hands: Mapped[int | None] = mapped_column(default=4)
    __mapper_args__ = {"polymorphic_identity": "ape"}

class Plain(DeclarativeBase):
    metadata = Base.metadata

class Hybrid(Plain):
    __table__ = Table("hybrid", Base.metadata,
        Column("id", Integer, primary_key=True))

class Point(Base):
    __tablename__ = "point"
    id: Mapped[int] = mapped_column(primary_key=True)

    class Nested(Base):
        __tablename__ = "nested"
        id: Mapped[int] = mapped_column(primary_key=True)
"""
    )
    found = {name: line for name, (_, line) in lines(models).items() if "pkey" not in name}
    assert found == {
        "public.animal": 7,
        "public.animal.id": 9,
        "public.animal.kind": 10,
        "public.animal.hands": 14,
        "public.hybrid": 21,
        "public.hybrid.id": 22,
        "public.point": 24,
        "public.point.id": 26,
        "public.nested": 28,
        "public.nested.id": 30,
    }
    assert models.places["public", "animal"].model == "Zebra"
    assert models.places["public", "animal", "hands"].model == "Ape"


def test_classes_made_by_programs_have_no_place(read: Callable[..., Models]) -> None:
    models = read(
        """\
from sqlalchemy import *
from sqlalchemy.orm import *

class Base(DeclarativeBase):
    pass

Made = type("Made", (Base,), {"__tablename__": "made", "id": mapped_column(
    Integer, primary_key=True)})
"""
    )
    assert models.tables == (("public", "made"),)
    assert dict(models.places) == {}
