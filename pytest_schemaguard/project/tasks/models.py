"""What the models say: DDL, places, and the statements of the ORM.

Arguments: `models` (the entries of the configuration), `root` (its folder), and optionally
`server_version` (`[15, 0]`). The answer is Models.to_json(). Raises ProjectError: a module or name
not found, failing as it is imported, without tables, or that SQLAlchemy cannot configure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_schemaguard.models import Models
from pytest_schemaguard.project.tasks.ddl import create_all
from pytest_schemaguard.project.tasks.naming import dialect, table_name
from pytest_schemaguard.project.tasks.places import places
from pytest_schemaguard.project.tasks.statements import statements
from pytest_schemaguard.project.tasks.targets import resolve


def run(arguments: dict[str, Any]) -> Any:
    root = Path(arguments["root"]).resolve()
    major, minor = (*arguments.get("server_version", (15, 0)), 0)[:2]
    target = resolve(arguments["models"], root)
    postgresql = dialect((major, minor))
    ddl, unrendered = create_all(target.metadatas, postgresql)
    told, refused = statements(target.mappers, postgresql)
    return Models(
        tables=tuple(
            table_name(table) for metadata in target.metadatas for table in metadata.tables.values()
        ),
        ddl=ddl,
        places=places(target, postgresql, root),
        statements=told,
        unrendered=unrendered,
        unstated=refused,
    ).to_json()
