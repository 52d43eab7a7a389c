"""No migrations: what there is before them, `prepare` and the baseline, is all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.migrations.source import Linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Reach, Step


class NoMigrations(Linear):
    """A Source without a migration, so that none can be run."""

    name = "no migrations"
    repeats = "nothing again"

    def __init__(self, configured: None, reach: Reach) -> None: ...

    def migrations(self) -> tuple[Migration, ...]:
        return ()

    def up(self, database: str, migrations: Sequence[Migration]) -> Step:
        raise AssertionError(database, migrations)

    def again(self, database: str, migration: Migration) -> FileRun:
        raise AssertionError(database, migration)

    def down(self, database: str, migration: Migration) -> FileRun:
        raise AssertionError(database, migration)
