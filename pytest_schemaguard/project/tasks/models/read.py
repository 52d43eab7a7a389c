"""What the models say: DDL, places, and the statements of the ORM.

Arguments: `models` (the entries of the configuration), `root` (its folder), and optionally `source`
(an Alembic migration source: without entries, its env.py's target_metadata are the models) and
`server_version` (`[15, 0]`). The answer is a Models. Raises ProjectError: a module or name
not found, failing as it is imported, without tables, or that SQLAlchemy cannot configure; an env.py
that fails.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.project.answers.models import EnvFacts, Models
from pytest_schemaguard.project.tasks.models.ddl import create_all
from pytest_schemaguard.project.tasks.models.naming import dialect, table_name
from pytest_schemaguard.project.tasks.models.places import places
from pytest_schemaguard.project.tasks.models.statements import statements
from pytest_schemaguard.project.tasks.models.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

SELDOM = 50_000
"""Objects made between two looks for garbage: models stay, and with Python's own 700 half of the
time to read 1,000 tables is spent looking at them again and again."""


def run(arguments: dict[str, Any]) -> Models:
    with _seldom_collected():
        return _models(arguments)


def _models(arguments: dict[str, Any]) -> Models:
    root = Path(arguments["root"]).resolve()
    source = arguments.get("source")
    major, minor = (*arguments.get("server_version", (15, 0)), 0)[:2]
    target = resolve(arguments["models"], root, source)
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
        facts=_facts(source, root),
    )


def _facts(source: dict[str, Any] | None, root: Path) -> EnvFacts:
    if source is None:
        return EnvFacts()
    from pytest_schemaguard.project.tasks.alembic.facts import environment

    return environment(source, root).facts


@contextmanager
def _seldom_collected() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(max(SELDOM, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
