"""Runs the files of a plain folder of SQL, each on a session of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.migrations.session import FileRun, run_file
from pytest_schemaguard.migrations.source import Step
from pytest_schemaguard.migrations.styles.plain import SqlFolder

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Reach
    from pytest_schemaguard.servers.databases import Databases


class PlainSql:
    """The Source of a plain folder."""

    repeats = "the file again"
    environment = None
    together = None

    def __init__(self, folder: Path, reach: Reach) -> None:
        self._folder = folder
        self.name = reach.config.relative(folder)
        self._config = reach.config
        self._reach = reach

    def migrations(self) -> tuple[Migration, ...]:
        return SqlFolder(self._folder, root=self._config.root).migrations()

    def heads(self) -> tuple[Migration, ...]:
        return self.migrations()[-1:]

    def until(self, migration: Migration) -> tuple[Migration, ...]:
        every = self.migrations()
        return every[: every.index(migration) + 1]

    def state(self) -> bytes:
        return b""

    def contains(self, database: str, migrations: Sequence[Migration]) -> None:
        """Nothing to do: which files have run is written nowhere."""

    def up(self, database: str, migrations: Sequence[Migration]) -> Step:
        for migration in migrations:
            with self._reach.progress.step(f"applying {self._config.relative(migration.path)}"):
                run = self._run(database, migration.path)
            if not run.applied:
                break
        return Step(run=run, migration=migration)

    def again(self, database: str, migration: Migration) -> FileRun:
        return self._run(database, migration.path)

    def down(self, database: str, migration: Migration) -> FileRun:
        assert migration.down is not None
        return self._run(database, migration.down)

    def go_back(
        self,
        database: str,  # noqa: ARG002 - a Source's
        migrations: Sequence[Migration],  # noqa: ARG002 - a Source's
    ) -> Collection[str]:
        """None: each is looked at by itself."""
        return ()

    def _run(self, database: str, path: Path) -> FileRun:
        databases = self._reach.databases()
        with self._reach.line(database) as line:
            return run_sql(databases, database, path, config=self._config, by=line.address)


def run_sql(
    databases: Databases,
    database: str,
    path: Path,
    *,
    config: Config,
    by: Address | None = None,
) -> FileRun:
    """One file of SQL on a database of the run, as its owner. Raises GuardError."""
    with databases.session(database, by=by) as owner:
        return run_file(
            owner, path, statement_timeout_s=config.statement_timeout_s, root=config.root
        )
