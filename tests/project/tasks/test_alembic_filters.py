"""What env.py's filters hide, asked as Alembic's autogenerate asks them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.tasks.alembic import facts as alembic_facts
from pytest_schemaguard.project.tasks.alembic import filters as alembic_filters
from pytest_schemaguard.project.tasks.alembic.facts import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address

INI = "[alembic]\nscript_location = %(here)s/migrations\n"
SHOP = """\
from sqlalchemy import *

metadata = MetaData()
user = Table("user", metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Column("only_model", Integer),
    Column("group_id", ForeignKey("group.id", name="fk_model")),
    UniqueConstraint("name", name="uq_model"),
    Index("ix_model", "only_model"),
    Index("ix_both", "name"),
    CheckConstraint("id > 0", name="ck_model"),
)
group = Table("group", metadata, Column("id", Integer, primary_key=True))
only_model = Table("only_model", metadata, Column("id", Integer, primary_key=True))
elsewhere = Table("item", metadata, Column("id", Integer, primary_key=True), schema="shop")
"""
DATABASE = """
    CREATE SCHEMA shop;
    CREATE SCHEMA other;
    CREATE TABLE "group" (id integer PRIMARY KEY);
    CREATE TABLE "user" (
        id integer PRIMARY KEY, name varchar(30), only_db integer,
        group_id integer CONSTRAINT fk_db REFERENCES "group" ON DELETE CASCADE,
        CONSTRAINT uq_db UNIQUE (only_db)
    );
    CREATE INDEX ix_db ON "user" (only_db);
    CREATE INDEX ix_both ON "user" (name, id);
    CREATE TABLE only_db (id integer PRIMARY KEY, x integer);
    CREATE TABLE shop.item (id integer PRIMARY KEY, only_db integer);
    CREATE TABLE other.alien (id integer PRIMARY KEY);
"""
ENV = """\
from alembic import context
from sqlalchemy import create_engine, pool
import shop

{filters}
url = context.config.get_main_option("sqlalchemy.url")
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(
        connection=connection, target_metadata=shop.metadata, include_schemas={schemas},
        include_object=globals().get("include_object"), include_name=globals().get("include_name"))
    with context.begin_transaction():
        context.run_migrations()
"""


def thing(kind: str, path: str, side: str) -> dict[str, str]:
    schema, table, *rest = path.split(".")
    name = rest[0] if rest else table
    return {"kind": kind, "schema": schema, "table": table, "name": name, "side": side}


EVERYTHING = [
    thing("table", "public.only_model", "models"),
    thing("table", "public.only_db", "database"),
    thing("table", "other.alien", "database"),
    thing("column", "public.user.only_model", "models"),
    thing("column", "public.user.name", "models"),
    thing("column", "public.user.only_db", "database"),
    thing("column", "shop.item.only_db", "database"),
    thing("index", "public.user.ix_model", "models"),
    thing("index", "public.user.ix_both", "models"),
    thing("index", "public.user.ix_db", "database"),
    thing("unique_constraint", "public.user.uq_model", "models"),
    thing("unique_constraint", "public.user.uq_db", "database"),
    thing("foreign_key_constraint", "public.user.fk_model", "models"),
    thing("foreign_key_constraint", "public.user.fk_db", "database"),
]
"""Everything in which models and database differ, but checks, which have no filter."""


@pytest.fixture
def hidden(
    write: Callable[..., Path],
    on_alembic: Callable[..., dict[str, Any]],
    database: Address,
    connect: Callable[[Address], Any],
) -> Callable[..., dict[str, str]]:
    """What an env.py with these filters hides of some objects: their names and why."""
    with connect(database).cursor() as cursor:
        cursor.execute(DATABASE)

    def look(
        filters: str,
        *objects: dict[str, str],
        schemas: bool = True,
        env: str = ENV,
    ) -> dict[str, str]:
        alembic_facts._run.clear()
        text = env.format(filters=filters, schemas=schemas)
        root = write({"alembic.ini": INI, "migrations/env.py": text, "shop.py": SHOP})
        answer = alembic_filters.run(
            {"source": on_alembic(), "root": str(root), "objects": list(objects or EVERYTHING)}
        )
        return {_path(one): by for one, by in answer["hidden"]}

    return look


def _path(one: dict[str, str]) -> str:
    whole = [one["schema"], one["table"], one["name"]]
    return ".".join(whole[:2] if one["kind"] == "table" else whole)


def test_without_filters_nothing_is_hidden(hidden: Callable[..., dict[str, str]]) -> None:
    assert hidden("") == {}


def test_a_hidden_table_hides_what_belongs_to_it(hidden: Callable[..., dict[str, str]]) -> None:
    check = thing("constraint", "public.user.ck_model", "models")
    found = hidden(
        "def include_object(o, name, type_, *_):\n    return name != 'user'\n", check, *EVERYTHING
    )
    assert found == {
        _path(one): "include_object in migrations/env.py:5"
        for one in (check, *EVERYTHING)
        if one["table"] == "user"
    }


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("include_object", "type_ != 'index'"),
        ("include_object", "not reflected"),
        ("include_object", "reflected"),
        ("include_object", "compare_to is None"),
        ("include_object", "type_ == 'table' or compare_to is not None"),
        ("include_object", "type_ == 'table' or o.table.name == 'group'"),
        ("include_object", "not name.startswith('only')"),
        ("include_object", "getattr(o, 'schema', None) != 'shop'"),
        ("include_object", "type_ != 'foreign_key_constraint' or o.ondelete is None"),
        ("include_object", "type_ != 'column' or str(o.type) != 'VARCHAR(20)'"),
        ("include_name", "type_ != 'schema' or name in (None, 'shop')"),
        ("include_name", "type_ != 'table' or name != 'only_db'"),
        ("include_name", "parents.get('schema_qualified_table_name') != 'other.alien'"),
        ("include_name", "parents.get('schema_name') != 'other'"),
        ("include_name", "type_ != 'column' or parents['table_name'] != 'user' or name == 'name'"),
        ("include_name", "not (name or '').endswith('_db')"),
    ],
)
def test_hidden_is_what_alembic_does_not_tell_because_of_the_filter(
    hidden: Callable[..., dict[str, str]],
    on_alembic: Callable[..., dict[str, Any]],
    database: Address,
    name: str,
    shown: str,
) -> None:
    arguments = {
        "include_object": "o, name, type_, reflected, compare_to",
        "include_name": "name, type_, parents",
    }
    for schemas in (True, False):
        found = hidden(f"def {name}({arguments[name]}):\n    return {shown}\n", schemas=schemas)
        configured = environment(on_alembic(), Path.cwd()).configured[0]
        filters = {one.name: one.function for one in configured.filters}
        everything = _told(database, configured.metadatas, {"include_schemas": True})
        assert everything == {_path(one) for one in EVERYTHING}
        seen = _told(database, configured.metadatas, {"include_schemas": schemas, **filters})
        assert set(found) == everything - seen


def _told(database: Address, metadatas: Any, options: dict[str, Any]) -> set[str]:
    """The objects that alembic's own comparison tells."""
    engine = create_engine(database.url("psycopg2"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        operations = compare_metadata(context, metadatas[0])
    engine.dispose()
    flat = [one for each in operations for one in (each if isinstance(each, list) else [each])]
    return {_subject(one) for one in flat}


def _subject(operation: Any) -> str:
    verb, *rest = operation
    if verb in {"add_column", "remove_column"}:
        return f"{rest[0] or 'public'}.{rest[1]}.{rest[2].name}"
    if verb.startswith("modify_"):
        return f"{rest[0] or 'public'}.{rest[1]}.{rest[2]}"
    table = getattr(rest[0], "table", None)
    if table is None:
        return f"{rest[0].schema or 'public'}.{rest[0].name}"
    return f"{table.schema or 'public'}.{table.name}.{rest[0].name}"


def test_other_schemas_are_hidden_where_alembic_looks_at_the_default_alone(
    hidden: Callable[..., dict[str, str]],
) -> None:
    assert hidden("", schemas=False) == {
        "other.alien": "include_schemas=False in migrations/env.py:8",
        "shop.item.only_db": "include_schemas=False in migrations/env.py:8",
    }


def test_a_filter_may_ask_alembics_context(hidden: Callable[..., dict[str, str]]) -> None:
    filters = (
        "def include_object(o, name, *_):\n"
        "    return name != context.config.get_main_option('hide', 'only_db')\n"
    )
    assert list(hidden(filters, thing("table", "public.only_db", "database"))) == ["public.only_db"]


def test_what_one_configuration_shows_is_not_hidden(hidden: Callable[..., dict[str, str]]) -> None:
    once = "def include_object(o, name, *_):\n    return name != 'only_model'\n"
    twice = ENV + ENV.partition("{filters}\n")[2].replace('globals().get("include_object")', "None")
    one = thing("table", "public.only_model", "models")
    assert list(hidden(once, one)) == ["public.only_model"]
    assert hidden(once, one, env=twice) == {}


def test_a_filter_that_fails_is_told_with_its_line(hidden: Callable[..., dict[str, str]]) -> None:
    with pytest.raises(ProjectError) as caught:
        hidden("def include_object(o, name, *_):\n    return o.info['skip']\n")
    said = str(caught.value)
    assert said.startswith(
        "migrations/env.py:6: include_object in migrations/env.py:5:"
        " failed, asked about the table only_model: KeyError: 'skip'\n"
    )
