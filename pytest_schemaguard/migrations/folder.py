"""Runs the scripts of a folder of SQL, each on a session of its own."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from pytest_schemaguard.migrations.judging import named
from pytest_schemaguard.migrations.session import run_script
from pytest_schemaguard.migrations.source import Linear, Step
from pytest_schemaguard.migrations.styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.config import Config, SqlMigrations
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration, Script
    from pytest_schemaguard.migrations.source import Reach
    from pytest_schemaguard.servers.databases import Databases

    Contained = Callable[[Sequence[Migration]], int]
    """How many of these, in the order in which they run, the baseline's schema has already."""


class Style(Protocol):
    """A module that knows how one tool lays out its files."""

    def migrations(
        self, folder: Path, *, root: Path, transaction: str | None, contained: Contained
    ) -> tuple[Migration, ...]:
        """The migrations of a folder, in the order in which they run.

        `transaction` is what the configuration says; None: what the style's own tool does. Paths
        in messages are relative to `root`. The files that are `contained` are not run: their
        scripts have no text, and what stands in them is refused no more. Raises MigrationError for
        a folder of another style, and what `contained` raises.
        """


class SqlFolder(Linear):
    """The Source of a folder of SQL."""

    repeats = "the file again"

    def __init__(self, configured: SqlMigrations, reach: Reach) -> None:
        self._configured = configured
        self.name = reach.config.relative(configured.folder)
        self._config = reach.config
        self._reach = reach

    @cached_property
    def _migrations(self) -> tuple[Migration, ...]:
        """Read once: what is judged is what runs, whatever is saved meanwhile."""
        configured = self._configured
        if self._config.baseline.schema is not None and _has_no_sql(configured.folder):
            return ()  # all that there was is in the schema
        style: Style = import_module(STYLES[configured.style or next(iter(STYLES))])
        return style.migrations(
            configured.folder,
            root=self._config.root,
            transaction=configured.transaction,
            contained=self._contained,
        )

    def _contained(self, migrations: Sequence[Migration]) -> int:
        baseline = self._config.baseline
        if baseline.schema is None or baseline.at is None:
            return 0
        return 1 + migrations.index(named(migrations, baseline.at, file=self._config.file))

    def migrations(self) -> tuple[Migration, ...]:
        return self._migrations

    def up(self, database: str, migrations: Sequence[Migration]) -> Step:
        for migration in migrations:
            with self._reach.progress.step(f"applying {self._config.relative(migration.path)}"):
                run = self._run(database, migration.up)
            if not run.applied:
                break
        return Step(run=run, migration=migration)

    def again(self, database: str, migration: Migration) -> FileRun:
        return self._run(database, migration.up)

    def down(self, database: str, migration: Migration) -> FileRun:
        assert migration.down is not None
        return self._run(database, migration.down)

    def _run(self, database: str, script: Script) -> FileRun:
        databases = self._reach.databases()
        with self._reach.processes.line(database) as line:
            return run_sql(databases, database, script, config=self._config, by=line.address)


def _has_no_sql(folder: Path) -> bool:
    return folder.is_dir() and not any(one.suffix.lower() == ".sql" for one in folder.rglob("*"))


def run_sql(
    databases: Databases,
    database: str,
    script: Script,
    *,
    config: Config,
    by: Address | None = None,
) -> FileRun:
    """A script on a database of the run, as its owner. Raises GuardError."""
    with databases.session(database, by=by) as owner:
        return run_script(
            owner, script, statement_timeout_s=config.statement_timeout_s, root=config.root
        )
