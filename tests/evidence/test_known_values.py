"""What a project's models say of their types, and rows of it that the ORM can load."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import (
    create_engine,
    select,
)

from pytest_schemaguard.evidence.known_values import KNOWN_VALUES
from pytest_schemaguard.evidence.models import MODELS as MODELS_LOOK
from pytest_schemaguard.guard import Guard
from pytest_schemaguard.project.answers.models import KnownValues
from pytest_schemaguard.rows.fill import Kind, fill
from pytest_schemaguard.servers.settings import Settings
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODELS = """\
from sqlalchemy import *

class Reversed(TypeDecorator):
    impl = LargeBinary
    cache_ok = True

    @property
    def python_type(self):
        return str

    def process_bind_param(self, value, dialect):
        return value and b"!" + value.encode()[::-1]

    def process_result_value(self, value, dialect):
        if value is not None and bytes(value)[:1] != b"!":
            raise ValueError("it is not encrypted")
        return value and bytes(value)[:0:-1].decode()

metadata = MetaData()
Table(
    "thing", metadata,
    Column("id", Integer, primary_key=True),
    Column("state", Enum("new", "old", native_enum=False)),
    Column("secret", Reversed),
)
"""
TABLE = "CREATE TABLE thing (id serial PRIMARY KEY, state varchar(3), secret bytea);"


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Writes a project whose models are these, with more keys of its table."""

    def write(models: str = MODELS, more: str = "") -> Path:
        tmp_path.chmod(0o755)
        major = os.environ.get("SCHEMA_GUARD_TEST_MAJOR")
        (tmp_path / "pyproject.toml").write_text(
            '[tool.schema-guard]\nmodels = "models:metadata"\nmigrations = "migrations"\n'
            f'server = "{OWN["provider"]}"\n{f"postgres = {major}" if major else ""}\n{more}\n'
        )
        (tmp_path / "models.py").write_text(models)
        (tmp_path / "migrations").mkdir()
        (tmp_path / "migrations/1.sql").write_text(TABLE)
        return tmp_path

    return write


@pytest.mark.parametrize("kind", Kind)
def test_rows_of_known_values_can_be_loaded_by_the_models(
    project: Callable[..., Path], kind: Kind
) -> None:
    with Guard.of(project()) as guard:
        guard.processes.boot_models()
        known = guard.look(KNOWN_VALUES).of
        assert {name: texts[:2] for name, texts in known.items()} == {
            ("public", "thing", "state"): ("new", "old"),
            ("public", "thing", "secret"): (r"\x21312074786574", r"\x21322074786574"),
        }
        guard.databases.create("rows")
        with guard.databases.session("rows", settings=Settings.STAND_IN) as owner:
            owner.cursor().execute(TABLE)
            assert fill(owner, rows=8, known=known, kind=kind).rows == {("public", "thing"): 8}
        scope: dict[str, Any] = {}
        exec(MODELS, scope)  # noqa: S102 - the text above
        thing = scope["metadata"].tables["thing"]
        url = guard.databases.address("rows").url().replace("postgresql:", "postgresql+psycopg2:")
        engine = create_engine(url)
        with engine.connect() as connection:
            rows = connection.execute(select(thing.c.state, thing.c.secret)).all()
        engine.dispose()
        assert {"new", "old"} <= {row.state for row in rows} <= {"new", "old", None}
        assert {"text 1", "text 3"} <= {row.secret for row in rows}
        assert guard.look(MODELS_LOOK).tables == (("public", "thing"),)


def test_models_that_cannot_be_imported_have_none(project: Callable[..., Path]) -> None:
    with Guard.of(project("raise RuntimeError('no')")) as guard:
        assert guard.look(KNOWN_VALUES) == KnownValues()


def test_what_is_read_first_leaves_the_process_of_the_models_as_it_was(
    project: Callable[..., Path],
) -> None:
    models = (
        MODELS
        + "\nimport os\nTable(os.environ['DATABASE_URL'][-12:], metadata, Column('n', Integer))\n"
    )
    with Guard.of(project(models)) as guard:
        guard.look(KNOWN_VALUES)
        (_, other), *_ = [name for name in guard.look(MODELS_LOOK).tables if name[1] != "thing"]
        assert "nowhere" not in other


def test_a_model_without_a_schema_is_looked_for_in_the_search_path(
    project: Callable[..., Path],
) -> None:
    with Guard.of(project(more='search-path = "app, public"')) as guard:
        known = guard.look(KNOWN_VALUES).of
    assert {name[0] for name in known} == {"app", "public"}
    assert known["app", "thing", "state"] == known["public", "thing", "state"] == ("new", "old")


ENV = """\
import os
from alembic import context
from sqlalchemy import create_engine
from models import metadata

with create_engine(os.environ["DATABASE_URL"].replace("sql:", "sql+psycopg2:")).connect() as bind:
    context.configure(connection=bind, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_models_of_an_env_py_that_connects(project: Callable[..., Path]) -> None:
    root = project()
    (root / "pyproject.toml").write_text(
        f'[tool.schema-guard]\nmigrations = "alembic.ini"\nserver = "{OWN["provider"]}"\n'
    )
    (root / "alembic.ini").write_text("[alembic]\nscript_location = alembic\n")
    (root / "alembic/versions").mkdir(parents=True)
    (root / "alembic/env.py").write_text(ENV)
    (root / "alembic/versions/a.py").write_text(
        "revision, down_revision = 'a', None\ndef upgrade(): pass\n"
    )
    with Guard.of(root) as guard:
        assert guard.look(KNOWN_VALUES).of["public", "thing", "state"] == ("new", "old")
