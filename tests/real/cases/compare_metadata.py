"""A test of the project's own: what alembic says of a clone of the migrated database."""

import importlib
import json
import tomllib
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

HERE = Path(__file__).parent


def metadata():
    table = tomllib.loads((HERE / "pyproject.toml").read_text())["tool"]["schema-guard"]
    entries = table["models"] if isinstance(table["models"], list) else [table["models"]]
    for entry in entries:
        importlib.import_module(entry.partition(":")[0])
    module, _, name = next(entry for entry in entries if ":" in entry).partition(":")
    found = getattr(importlib.import_module(module), name)
    return found if isinstance(found, MetaData) else found.metadata


def words(difference):
    if isinstance(difference, list):  # the changes of one column
        return [word for one in difference for word in words(one)]
    kind, *rest = difference
    thing = rest[0] if kind in ("add_table", "remove_table") else None
    if thing is not None:
        return [f"{kind} {thing.name}"]
    if kind.startswith("modify_"):
        return [f"{kind} {rest[1]}.{rest[2]}"]
    last = rest[-1]
    table = getattr(last, "table", None)
    return [f"{kind} {table.name if table is not None else rest[1]}.{last.name}"]


def test_what_alembic_says(schema_guard_engine):
    with schema_guard_engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        found = compare_metadata(context, metadata())
    said = sorted(word for difference in found for word in words(difference))
    (HERE / "compare_metadata.json").write_text(json.dumps(said))
