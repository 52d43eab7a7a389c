"""Where migrations come from: one file a source, one protocol (source.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.config import AlembicMigrations, CommandMigrations, PythonMigrations

if TYPE_CHECKING:
    from pytest_schemaguard.migrations.source import Reach, Source


def source_of(reach: Reach) -> Source:
    """The one that the configuration names; each is imported only when it is used."""
    migrations = reach.config.migrations
    if isinstance(migrations, AlembicMigrations):
        from pytest_schemaguard.migrations.alembic import Alembic

        return Alembic(migrations, reach)
    if isinstance(migrations, CommandMigrations):
        from pytest_schemaguard.migrations.command import CommandSource

        return CommandSource(migrations, reach)
    if isinstance(migrations, PythonMigrations):
        from pytest_schemaguard.migrations.command import FunctionSource

        return FunctionSource(migrations, reach)
    if migrations is None:
        from pytest_schemaguard.migrations.nothing import NoMigrations

        return NoMigrations()
    from pytest_schemaguard.migrations.folder import PlainSql

    return PlainSql(migrations, reach)
