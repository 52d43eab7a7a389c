"""A test of the project's own: what alembic says of a clone of the migrated database."""

import importlib
import json
import os
import tomllib
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData
from sqlalchemy.exc import DBAPIError

HERE = Path(__file__).parent
TOOLS = tomllib.loads((HERE / "pyproject.toml").read_text())["tool"]
TABLE = TOOLS["schema-guard"]
MODELS = TABLE.get("models") or TOOLS["compare-metadata"]["models"]
SAID = HERE / "compare_metadata.json"


def metadatas():
    """Those of the configured models; a module without a name is imported for its effect."""
    entries = MODELS if isinstance(MODELS, list) else [MODELS]
    found = []
    for entry in entries:
        module, _, name = entry.partition(":")
        imported = importlib.import_module(module)
        if name:
            models = getattr(imported, name)
            found.append(models if isinstance(models, MetaData) else models.metadata)
    return found


def words(difference):
    if isinstance(difference, list):  # the changes of one column
        return [word for one in difference for word in words(one)]
    kind, *rest = difference
    if kind in ("add_table", "remove_table"):
        return [f"{kind} {rest[0].name}"]
    if kind.startswith("modify_"):
        return [f"{kind} {rest[1]}.{rest[2]}"]
    last = rest[-1]
    table = getattr(last, "table", None)
    return [f"{kind} {table.name if table is not None else rest[1]}.{last.name}"]


def test_what_alembic_says(schema_guard_engine):
    url = schema_guard_engine.url.render_as_string(hide_password=False)
    for name, value in TABLE.get("env", {}).items():
        os.environ[name] = value.replace("{dir}", str(HERE)).replace("{url:psycopg2}", url)
    if "setup" in TABLE:
        module, _, name = TABLE["setup"].partition(":")
        getattr(importlib.import_module(module), name)(url, str(HERE))
    said = []
    try:
        found = differences(schema_guard_engine, compare_server_default=True)
    except DBAPIError as error:
        said.append(f"cannot compare defaults: {str(error.orig).splitlines()[0]}")
        found = differences(schema_guard_engine, compare_server_default=False)
    said += sorted(word for difference in found for word in words(difference))
    SAID.write_text(json.dumps(said, indent=1))


def differences(engine, **options):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, **options})
        return compare_metadata(context, metadatas())
