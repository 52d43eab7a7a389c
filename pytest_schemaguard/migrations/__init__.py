"""Where migrations come from: one file a source, one protocol (source.py), one line below."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pytest_schemaguard.config import (
    AlembicMigrations,
    CommandMigrations,
    PythonMigrations,
    SqlMigrations,
)

if TYPE_CHECKING:
    from pytest_schemaguard.migrations.source import Reach, Source

SOURCES = {
    SqlMigrations: "folder:SqlFolder",
    AlembicMigrations: "alembic:Alembic",
    CommandMigrations: "command:CommandSource",
    PythonMigrations: "command:FunctionSource",
    type(None): "nothing:NoMigrations",
}
"""By what the configuration holds: the module and the class, which takes that and a Reach."""


def source_of(reach: Reach) -> Source:
    """The one that the configuration names; each is imported only when it is used."""
    configured = reach.config.migrations
    module, name = SOURCES[type(configured)].split(":")
    source: Source = getattr(import_module(f"{__name__}.{module}"), name)(configured, reach)
    return source
