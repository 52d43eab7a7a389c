"""Models in the forms of real projects, made and queried on a real server."""

from __future__ import annotations

import gc
import tempfile
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.config import Config
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.evidence.planning import refused
from pytest_schemaguard.expected.make import build
from pytest_schemaguard.project import Project
from pytest_schemaguard.project.tasks.login import by_orm as login
from pytest_schemaguard.project.tasks.models.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.answers.models import Models

HEAD = """\
import enum
from dataclasses import dataclass
from sqlalchemy import *
from sqlalchemy.orm import *

"""


@pytest.fixture
def proven(
    read: Callable[..., Models], database: Address, connect: Callable[[Address], Any]
) -> Callable[..., Models]:
    """What the models say; PostgreSQL makes it all, and plans what the ORM sends."""

    def prove(texts: dict[str, str] | str, *entries: str) -> Models:
        models = read(texts, *entries)
        assert models.unrendered == {}
        assert models.unstated == {}
        assert build(connect(database), models) == {}
        assert refused(connect(database), models.statements) == ()
        return models

    return prove


@pytest.fixture
def project_folder() -> Iterator[Path]:
    """A folder that other users can enter: the fence may change the user."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def tables(models: Models) -> set[str]:
    return {".".join(name) for name in models.tables}


def entities(models: Models) -> set[str]:
    return {one.entity for one in models.statements}


def test_one_table_name_in_the_schemas_of_two_bases(proven: Callable[..., Models]) -> None:
    text = HEAD + (
        "class One(DeclarativeBase):\n    metadata = MetaData(schema='one')\n"
        "class Two(DeclarativeBase):\n    metadata = MetaData(schema='two')\n"
        "class User(One):\n    __tablename__ = 'user'\n"
        "    id = mapped_column(Integer, primary_key=True)\n"
        "class Person(Two):\n    __tablename__ = 'user'\n"
        "    id = mapped_column(Integer, primary_key=True)\n"
    )
    models = proven(text, "models:One", "models:Two")
    assert tables(models) == {"one.user", "two.user"}
    assert entities(models) == {"User", "Person"}
    assert models.places["two", "user"].line == 13


def test_a_foreign_key_may_lead_to_a_base_that_is_named_later(
    proven: Callable[..., Models],
) -> None:
    text = HEAD + (
        "class One(DeclarativeBase): pass\nclass Two(DeclarativeBase): pass\n"
        "class User(One):\n    __tablename__ = 'user'\n"
        "    id = mapped_column(Integer, primary_key=True)\n"
        "class Post(Two):\n    __tablename__ = 'post'\n"
        "    id = mapped_column(Integer, primary_key=True)\n"
        "    user_id = mapped_column(ForeignKey(User.id))\n    user = relationship(User)\n"
    )
    models = proven(text, "models:Two", "models:One")
    assert [one.name for one in models.ddl] == [("public", "user"), ("public", "post")]


def test_dataclasses_imperative_mappings_and_bare_tables(proven: Callable[..., Models]) -> None:
    text = HEAD + (
        "mapper = registry()\n"
        "@mapper.mapped_as_dataclass\nclass User:\n    __tablename__ = 'user'\n"
        "    id: Mapped[int] = mapped_column(init=False, primary_key=True)\n"
        "    name: Mapped[str] = mapped_column(default='x')\n"
        "post = Table('post', mapper.metadata, Column('id', Integer, primary_key=True))\n"
        "@dataclass\nclass Post:\n    id: int\n"
        "mapper.map_imperatively(Post, post)\n"
        "Table('bare', mapper.metadata, Column('id', Integer))\n"
    )
    before = gc.get_threshold()
    models = proven(text, "models:mapper")
    assert gc.get_threshold() == before  # changed while many models are read
    assert tables(models) == {"public.user", "public.post", "public.bare"}
    assert entities(models) == {"User", "Post"}
    assert models.places["public", "user", "name"].line == 11


TENANTS = HEAD + (
    "class Mood(enum.Enum):\n    good = 1\n"
    "class Base(DeclarativeBase): pass\n"
    "class Plan(Base):\n"
    "    __tablename__ = 'plan'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
    "class User(Base):\n"
    "    __tablename__ = 'user'\n    __table_args__ = {'schema': 'tenant'}\n"
    "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    "    number: Mapped[int] = mapped_column(Sequence('numbers', schema='tenant'))\n"
    "    name: Mapped[str]\n"
    "    mood: Mapped[Mood] = mapped_column(Enum(Mood, name='mood', schema='tenant'))\n"
    "    moods = mapped_column(ARRAY(Enum(Mood, name='moods', schema='tenant')))\n"
    "    plan_id: Mapped[int] = mapped_column(ForeignKey('plan.id'))\n"
    "    boss_id: Mapped[int | None] = mapped_column(ForeignKey('tenant.user.id'))\n"
    "    is_on: Mapped[bool | None]\n"
    "    boss = relationship('User', remote_side=[id])\n"
    "tenant_1 = Base, {'tenant': 'tenant_1'}\n"
    "def every():\n    return Base, {'tenant': 'tenant_1', None: 'shared'}\n"
)


def test_schemas_are_translated_for_drift_and_queries(proven: Callable[..., Models]) -> None:
    models = proven(TENANTS, "models:tenant_1")
    assert tables(models) == {"public.plan", "tenant_1.user"}
    made = {(one.kind, ".".join(one.name)) for one in models.ddl}
    assert {
        ("schema", "tenant_1"),
        ("type", "tenant_1.mood"),
        ("type", "tenant_1.moods"),
        ("sequence", "tenant_1.numbers"),
    } < made
    assert not any('tenant"' in one.sql or "tenant." in one.sql for one in models.ddl)
    assert models.places["tenant_1", "user", "name"].line == 17


def test_models_without_a_schema_are_translated_too(proven: Callable[..., Models]) -> None:
    models = proven(TENANTS, "models:every")
    assert tables(models) == {"shared.plan", "tenant_1.user"}


def test_schemas_are_translated_once_however_often_they_are_read(
    proven: Callable[..., Models], tmp_path: Path
) -> None:
    text = HEAD + (
        "metadata = MetaData()\n"
        "Table('a', metadata, Column('id', Integer), schema='one')\n"
        "Table('b', metadata, Column('id', Integer), schema='two')\n"
        "swapped = metadata, {'one': 'two', 'two': 'one'}\n"
    )
    assert tables(proven(text, "models:swapped")) == {"two.a", "one.b"}
    (metadata,) = resolve(["models:swapped"], tmp_path).metadatas
    assert {table.fullname for table in metadata.tables.values()} == {"two.a", "one.b"}


def test_a_login_finds_its_row_in_the_translated_schema(
    proven: Callable[..., Models],
    database: Address,
    connect: Callable[[Address], Any],
    tmp_path: Path,
) -> None:
    proven(TENANTS, "models:every")
    with connect(database).cursor() as cursor:
        cursor.execute(
            "INSERT INTO shared.plan DEFAULT VALUES; INSERT INTO tenant_1.user"
            " (number, name, mood, moods, plan_id) VALUES (1, 'Ada', 'good', '{good}', 1)"
        )
    report = login.run(
        {
            "models": ["models:every"],
            "root": str(tmp_path),
            "url": database.url(),
            "model": "User",
            "by": "name",
        }
    )
    assert [one.outcome for one in report.attempts] == ["ok", "ok"]
    assert report.table == ("tenant_1", "user")


BINDS = HEAD + (
    "mapper = registry()\n"
    "class db:\n    metadatas = {None: mapper.metadata, 'reports': MetaData()}\n"
    "class Model(DeclarativeBase):\n    registry = mapper\n"
    "class User(Model):\n    __tablename__ = 'user'\n"
    "    id = mapped_column(Integer, primary_key=True)\n"
    "class Report(Model):\n    __tablename__ = 'report'\n    metadata = db.metadatas['reports']\n"
    "    id = mapped_column(Integer, primary_key=True)\n"
)


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("models:Model", {"User"}),
        ("models:db.metadatas.reports", {"Report"}),
        ("models:db.metadatas", {"User", "Report"}),
    ],
)
def test_one_registry_may_serve_several_databases(
    proven: Callable[..., Models], entry: str, found: set[str]
) -> None:
    assert entities(proven(BINDS, entry)) == found


FLASK = {
    "shop/__init__.py": (
        "from flask import Flask\n"
        "def create_app():\n"
        "    app = Flask('shop')\n    app.config['PREFIX'] = 'shop_'\n    return app\n"
        "def models():\n"
        "    create_app().app_context().push()\n"
        "    from shop.db import Base\n    return Base.metadata\n"
        "def setup(url, dir):\n    create_app().app_context().push()\n"
    ),
    "shop/db.py": HEAD
    + (
        "from flask import current_app\n"
        "class Base(DeclarativeBase): pass\n"
        "class User(Base):\n    __tablename__ = current_app.config['PREFIX'] + 'user'\n"
        "    id = mapped_column(Integer, primary_key=True)\n"
    ),
    "lazy.py": (
        "from flask import current_app\nfrom werkzeug.local import LocalProxy\n"
        "db = LocalProxy(lambda: current_app.extensions['db'])\n"
    ),
}


def test_a_function_may_push_the_application_context(proven: Callable[..., Models]) -> None:
    models = copy_context().run(proven, FLASK, "shop:models")
    assert tables(models) == {"public.shop_user"}


def test_setup_may_push_the_application_context(postgres: Address, project_folder: Path) -> None:
    for name, text in FLASK.items():
        path = project_folder / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    root = project_folder / "root"
    config = Config(
        file=root / "pyproject.toml", models=("shop.db:Base",), migrations=None, setup="shop:setup"
    )
    with Project(config, postgres, folder=project_folder / "own") as project:
        found = project.call(
            "models/read", {"models": list(config.models), "root": str(root)}, timeout_s=60
        )
    assert found["tables"] == [["public", "shop_user"]]


@pytest.mark.parametrize(
    ("entry", "place", "fact"),
    [
        ("lazy:db", "lazy.py:3", "it has no .metadata yet"),
        ("shop.db:Base", "shop/db.py:9", "failed as it was imported"),
    ],
)
def test_without_an_application_context_setup_is_proposed(
    read: Callable[..., Models], entry: str, place: str, fact: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        read(FLASK, entry)
    said = str(caught.value)
    assert said.startswith(
        f"{place}: models {entry}: {fact}: RuntimeError: Working outside of application context.\n"
    )
    assert said.endswith(
        "  next: name a function in `setup` that makes the application and pushes its context"
    )


def test_flask_sqlalchemy_and_its_binds(proven: Callable[..., Models]) -> None:
    pytest.importorskip("flask_sqlalchemy")
    text = (
        "from flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\n"
        "class User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
        "class Report(db.Model):\n    __bind_key__ = 'reports'\n"
        "    id = db.Column(db.Integer, primary_key=True)\n"
    )
    assert entities(proven(text, "models:db")) == {"User"}
    assert entities(proven(text, "models:db.metadatas.reports")) == {"Report"}


def test_sqlmodel(proven: Callable[..., Models]) -> None:
    pytest.importorskip("sqlmodel")
    text = (
        "from typing import Optional\nfrom sqlmodel import Field, SQLModel\n"
        "class Team(SQLModel, table=True):\n    id: Optional[int] = Field(primary_key=True)\n"
        "class Hero(SQLModel, table=True):\n    id: Optional[int] = Field(primary_key=True)\n"
        "    name: str = Field(index=True)\n"
        "    team_id: Optional[int] = Field(default=None, foreign_key='team.id')\n"
    )
    models = proven(text, "models", "sqlmodel:SQLModel")
    assert entities(models) == {"Team", "Hero"}
    assert models.places["public", "hero", "ix_hero_name"].line == 7
