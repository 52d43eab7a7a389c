"""No migrations: what there is before them, `prepare` and the baseline, is all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.session import FileRun
    from pytest_schemaguard.migrations.source import Step


class NoMigrations:
    """A Source without a migration, so that none can be run."""

    name = "no migrations"
    repeats = "nothing again"
    environment = None
    together = None

    def migrations(self) -> tuple[Migration, ...]:
        return ()

    def heads(self) -> tuple[Migration, ...]:
        return ()

    def until(self, migration: Migration) -> tuple[Migration, ...]:
        raise AssertionError(migration)

    def state(self) -> bytes:
        return b"no migrations"

    def contains(self, database: str, migrations: Sequence[Migration]) -> None:
        assert not migrations, database

    def up(self, database: str, migrations: Sequence[Migration]) -> Step:
        raise AssertionError(database, migrations)

    def again(self, database: str, migration: Migration) -> FileRun:
        raise AssertionError(database, migration)

    def down(self, database: str, migration: Migration) -> FileRun:
        raise AssertionError(database, migration)

    def go_back(self, database: str, migrations: Sequence[Migration]) -> Collection[str]:
        raise AssertionError(database, migrations)
