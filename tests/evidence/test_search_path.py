"""Models that name no schema, compared where production's search_path finds them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.config import Config
from pytest_schemaguard.evidence.comparison import compare
from pytest_schemaguard.evidence.search_path import located, schemas_in
from pytest_schemaguard.project.answers.models import Ddl, Models, OrmStatement, Place
from tests.guarded import run_databases, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_schemaguard.evidence.comparison import Comparison
    from pytest_schemaguard.servers.databases import Databases


@pytest.mark.parametrize(
    ("search_path", "user", "schemas"),
    [
        ("app, public", "me", ("app", "public")),
        ('"$user", public', "me", ("me", "public")),
        ("$user,public", None, ("public",)),
        ('App,"App","a, ""b"', None, ("app", "App", 'a, "b')),
        ("", "me", ()),
    ],
)
def test_a_search_path_is_a_list_of_schemas(
    search_path: str, user: str | None, schemas: tuple[str, ...]
) -> None:
    assert schemas_in(search_path, user=user) == schemas


@pytest.fixture
def databases() -> Iterator[Databases]:
    major = os.environ.get("SCHEMA_GUARD_TEST_MAJOR")
    with run_databases(int(major) if major else None) as found:
        yield found


@pytest.fixture
def compared(databases: Databases, tmp_path: Path) -> Callable[..., Comparison]:
    def look(models: Models, migration: str, search_path: str, *, prepare: str = "") -> Comparison:
        config = Config(file=tmp_path / "pyproject.toml", models=(), migrations=None)
        path = tmp_path / "m.sql"
        path.write_text(migration, encoding="utf-8")
        state = state_of(config, databases, "migrated", "", path, prepare=prepare)
        assert state.snapshot is not None
        where = located(models, state.snapshot, search_path=search_path, role="web")
        return compare(config, databases, state, where)

    return look


def make(kind: str, name: str, sql: str) -> Ddl:
    return Ddl(sql=sql, kind=kind, subject=f"public.{name}", name=("public", name))


ITEM = make("table", "item", "CREATE TABLE item (id serial PRIMARY KEY, state state, name citext)")
STATE = make("type", "state", "CREATE TYPE state AS ENUM ('new', 'old')")
PRICE = make(
    "table", "price", "CREATE TABLE price (id integer PRIMARY KEY, item integer REFERENCES item)"
)
LOG = make("table", "log", "CREATE TABLE public.log (id integer)")
MODELS = Models(
    tables=(("public", "item"), ("public", "price"), ("public", "log")),
    ddl=(STATE, ITEM, PRICE, LOG),
    places={("public", "item", "id"): Place(path="m.py", line=1)},
    statements=(
        OrmStatement(verb="select", entity="Item", table=("public", "item"), sql="SELECT 1"),
    ),
)
EXTENSION = (
    "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; GRANT USAGE ON SCHEMA ext TO public"
)
PRODUCTION = """
CREATE SCHEMA app; CREATE SCHEMA web;
CREATE TYPE app.state AS ENUM ('new', 'old');
CREATE TABLE app.item (id serial PRIMARY KEY, state app.state, name ext.citext);
CREATE TABLE public.price (id integer PRIMARY KEY, item integer REFERENCES app.item);
CREATE TABLE public.log (id integer);
"""


def test_tables_and_types_are_compared_in_the_schemas_where_the_application_finds_them(
    compared: Callable[..., Comparison],
) -> None:
    found = compared(MODELS, PRODUCTION, '"$user", app, public, ext', prepare=EXTENSION)
    assert found.refused == {}
    assert found.differences == ()


def test_a_schema_that_the_model_names_is_the_tables(compared: Callable[..., Comparison]) -> None:
    """Though there is another table of that name where the application looks first."""
    other = Ddl(
        sql="CREATE TABLE app.log (line text)", kind="table", subject="app.log", name=("app", "log")
    )
    found = compared(
        replace(MODELS, ddl=(*MODELS.ddl, other)),
        f"{PRODUCTION} CREATE TABLE app.log (line text)",
        "app, public, ext",
        prepare=EXTENSION,
    )
    assert found.refused == {}
    assert found.differences == ()


def test_what_differs_there_is_told_by_its_own_schema(compared: Callable[..., Comparison]) -> None:
    production = PRODUCTION.replace("item integer", "item bigint").replace(
        "id serial PRIMARY KEY, state", "id serial PRIMARY KEY, more text, state"
    )
    gone = make("table", "gone", "CREATE TABLE gone (id integer)")
    found = compared(
        replace(MODELS, ddl=(*MODELS.ddl, gone)), production, "app, public, ext", prepare=EXTENSION
    )
    assert found.refused == {}
    assert {(one.kind, one.name) for one in found.differences} == {
        ("type", ("public", "price", "item")),
        ("extra-column", ("app", "item", "more")),
        ("missing-table", ("app", "gone")),
    }


def test_places_and_statements_go_with_their_tables(databases: Databases, tmp_path: Path) -> None:
    config = Config(file=tmp_path / "pyproject.toml", models=(), migrations=None)
    path = tmp_path / "m.sql"
    path.write_text("CREATE SCHEMA app; CREATE TABLE app.item (); CREATE TABLE app.log ();")
    snapshot = state_of(config, databases, "migrated", "", path).snapshot
    assert snapshot is not None
    where = located(MODELS, snapshot, search_path="app, public", role=None)
    assert where.tables == (("app", "item"), ("app", "price"), ("public", "log"))
    assert list(where.places) == [("app", "item", "id")]
    assert [one.table for one in where.statements] == [("app", "item")]
    assert [one.name for one in where.ddl if one.kind == "table"] == list(where.tables)
    assert [one.sql for one in where.ddl if "SET SCHEMA" in one.sql] == []
