"""Models that PostgreSQL or SQLAlchemy refuses: what is told of them, and what is made.

Whole messages, as users read them.
"""
# ruff: noqa: E501 - such a message is not cut

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.checks.drift import findings
from pytest_schemaguard.checks.drift.refused import refusals
from pytest_schemaguard.evidence.comparison import Comparison
from pytest_schemaguard.expected.make import build
from pytest_schemaguard.project.tasks.models.targets import unimported

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.answers.models import Models

HEAD = """\
import enum
from sqlalchemy import *
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import *
class Base(DeclarativeBase):
    pass
class Group(Base):
    __tablename__ = "group"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
LONG = "n" * 63


@pytest.fixture
def told(
    read: Callable[..., Models],
    database: Address,
    connect: Callable[[Address], Any],
    tmp_path: Path,
) -> Callable[..., list[str]]:
    """The findings on these lines of the class User, and the tables that were made."""

    def find(lines: str, files: dict[str, str] | None = None) -> list[str]:
        models = read({"models.py": HEAD + lines, **(files or {})}, "models:Base")
        models = replace(models, unimported=unimported(tmp_path))
        connection = connect(database)
        refused = {**models.unrendered, **build(connection, models)}
        comparison = Comparison(differences=(), refused=refused, excluded=(), fills_itself={})
        with connection.cursor() as cursor:
            cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace ="
                           " 'public'::regnamespace")  # fmt: skip
            assert {"group", "user"} <= {name for (name,) in cursor.fetchall()}
        return [
            f"{one.subject}: {one.message}\nfix: {one.fix}"
            for one in (*refusals(comparison, models), *findings(comparison, models))
        ]

    return find


CASES = {
    "constraint doubled": (
        """\
    a: Mapped[int]
    __table_args__ = (
        CheckConstraint("a > 0", name="c"),
        CheckConstraint("a > 1", name="c"),
    )
""",
        (
            "public.user.c: in the model User (models.py:16), but PostgreSQL does not make it: "
            'constraint "c" for relation "user" already exists\n'
            "it is not compared\n"
            "fix: give one of the two constraints another name"
        ),
    ),
    "index without columns": (
        """\
    __table_args__ = (
        Index("nothing"),
    )
""",
        (
            "public.user.nothing: in the model User (models.py:15), but PostgreSQL does not make it: "
            'syntax error at or near ")"\n'
            "it is not compared\n"
            "fix: name its columns, or take it away"
        ),
    ),
    "foreign key to what is not unique": (
        """\
    g: Mapped[str] = mapped_column(
        ForeignKey("group.name"))
""",
        (
            "public.user.user_g_fkey: in the model User.g (models.py:14), but PostgreSQL does not make "
            "it: there is no unique constraint matching given keys for referenced table "
            '"group"\n'
            "it is not compared\n"
            "fix: make what it refers to in group unique=True, or refer to its primary key"
        ),
    ),
    "foreign key to no model": (
        """\
    g: Mapped[int] = mapped_column(Integer, ForeignKey("billing.id"))
""",
        (
            "public.user.user_g_fkey: in the model User.g (models.py:14), but SQLAlchemy does not make "
            "it: Foreign key associated with column 'user.g' could not find table 'billing' with which "
            "to generate a foreign key to target column 'id'\n"
            "it is not compared\n"
            "fix: import the module that defines billing with the other models: billing"
        ),
    ),
    "foreign key to no model, which would have told its type": (
        """\
    g = mapped_column(ForeignKey("nowhere.id"))
""",
        (
            "public.user.user_g_fkey: in the model User.g (models.py:14), but SQLAlchemy does not make "
            "it: Foreign key associated with column 'user.g' could not find table 'nowhere' with which "
            "to generate a foreign key to target column 'id'\n"
            "it is not compared, nor what needs it: public.user.g\n"
            "fix: import the module that defines nowhere with the other models"
        ),
    ),
    "foreign key to no column": (
        """\
    g: Mapped[int] = mapped_column(Integer, ForeignKey("group.nope"))
""",
        (
            "public.user.user_g_fkey: in the model User.g (models.py:14), but SQLAlchemy does not make "
            "it: Could not initialize target column for ForeignKey 'group.nope' on table 'user': table "
            "'group' has no column named 'nope'\n"
            "it is not compared\n"
            "fix: name a column that the table has"
        ),
    ),
    "type of another database": (
        """\
    kind = mapped_column(mysql.SET("a", "b"), index=True)
""",
        (
            "public.user.kind: in the model User (models.py:14), but SQLAlchemy does not make it: "
            "PostgreSQL can't render element of type SET\n"
            "it is not compared\n"
            'fix: use a type of PostgreSQL: ....with_variant(..., "postgresql")'
        ),
    ),
    "type that is not there": (
        """\
    class Vector(types.UserDefinedType):
        cache_ok = True
        def get_col_spec(self):
            return "VECTOR(3)"
    place = mapped_column(Vector, index=True)
""",
        (
            "public.user.place: in the model User (models.py:18), but PostgreSQL does not make it: "
            'type "vector" does not exist\n'
            "it is not compared\n"
            "fix: make it before the models' tables: in a migration, or in `prepare`"
        ),
    ),
    "index of what is not immutable": (
        """\
    at: Mapped[str] = mapped_column(DateTime(timezone=True))
    __table_args__ = (
        Index("by_day", text("date_trunc('day', at)")),
    )
""",
        (
            "public.user.by_day: in the model User (models.py:16), but PostgreSQL does not make it: "
            "functions in index expression must be marked IMMUTABLE\n"
            "it is not compared\n"
            "fix: use functions that depend on their arguments alone, on no setting such as the time "
            "zone"
        ),
    ),
    "index with a name too long": (
        f"""\
    __table_args__ = (
        Index("{LONG}x", "id"),
    )
""",
        (
            f"public.user.{LONG}x: in the model User (models.py:15), but SQLAlchemy does not make it: "
            f"Identifier '{LONG}x' exceeds maximum length of 63 characters\n"
            "it is not compared\n"
            "fix: give it a shorter name: PostgreSQL keeps 63 bytes of a name"
        ),
    ),
    "constraint with a name too long": (
        f"""\
    __table_args__ = (
        CheckConstraint("id > 0", name="{LONG}x"),
    )
""",
        (
            f"public.user.{LONG}x: in the model User (models.py:15), but SQLAlchemy does not make it: "
            f"Identifier '{LONG}x' exceeds maximum length of 63 characters\n"
            "it is not compared\n"
            "fix: give it a shorter name: PostgreSQL keeps 63 bytes of a name"
        ),
    ),
    "columns whose names are cut to one": (
        f"""\
    {LONG}1: Mapped[int]
    {LONG}2: Mapped[int]
""",
        (
            f"public.user.{LONG}2: in the model User (models.py:15), but PostgreSQL does not make it: "
            f'column "{LONG}" of relation "user" already exists\n'
            "it is not compared\n"
            "fix: give one of the two columns another name: PostgreSQL keeps 63 bytes of a name"
        ),
    ),
    "index whose name another table's has": (
        """\
    __table_args__ = (Index("by_id", "id"),)
Index("by_id", Group.name)
""",
        (
            "public.user.by_id: in the model User (models.py:14), but PostgreSQL does not make it: "
            'relation "by_id" already exists\n'
            "it is not compared\n"
            "fix: give one of the two another name: tables, indexes and sequences of a schema share "
            "theirs"
        ),
    ),
    "enum defined twice": (
        """\
    a = mapped_column(Enum("x", name="mood"))
    b = mapped_column(Enum("y", name="mood"))
class Other(Base):
    __tablename__ = "other"
    id: Mapped[int] = mapped_column(primary_key=True)
    b = mapped_column(Enum("z", name="mood"))
""",
        (
            "public.mood: in the model User.a (models.py:14), but SQLAlchemy does not make it: "
            "the models define two of this name: 'x' | 'y'\n"
            "it is not compared\n"
            "fix: give one of the two another name, or define it once"
        ),
    ),
    "operator class that a type has not": (
        """\
    a: Mapped[str]
    __table_args__ = (
        Index("by_a", "a", postgresql_using="gin"),
    )
""",
        (
            "public.user.by_a: in the model User (models.py:16), but PostgreSQL does not make it: "
            'data type character varying has no default operator class for access method "gin"\n'
            "it is not compared\n"
            "fix: name an operator class, or an access method, that knows its type"
        ),
    ),
    "check of no column": (
        """\
    __table_args__ = (
        CheckConstraint("nope > 0", name="c"),
    )
""",
        (
            "public.user.c: in the model User (models.py:15), but PostgreSQL does not make it: "
            'column "nope" does not exist\n'
            "it is not compared\n"
            "fix: name a column by its name in the database"
        ),
    ),
}
BILLING = "from models import Base\nclass Bill(Base):\n    __tablename__ = 'billing'\n"


@pytest.mark.parametrize(("lines", "words"), CASES.values(), ids=CASES.keys())
def test_what_is_refused_is_named_and_the_rest_is_made(
    told: Callable[..., list[str]], lines: str, words: str | None
) -> None:
    assert told(lines, {"billing.py": BILLING}) == ([words] if words else [])


def test_what_falls_with_a_table_is_told_with_it_and_not_one_by_one(
    told: Callable[..., list[str]],
) -> None:
    assert told(
        f"""\
class Long(Base):
    __tablename__ = "{LONG}x"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int] = mapped_column(index=True)
class Child(Base):
    __tablename__ = "child"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int] = mapped_column(ForeignKey("{LONG}x.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("group.id"))
"""
    ) == [
        (
            f"public.{LONG}x: in the model Long (models.py:14), but SQLAlchemy does not make it: "
            f"Identifier '{LONG}x' exceeds maximum length of 63 characters\n"
            "it is not compared, nor what needs it: public.child.child_parent_id_fkey\n"
            "fix: give it a shorter name: PostgreSQL keeps 63 bytes of a name"
        )
    ]
