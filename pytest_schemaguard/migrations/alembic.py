"""Alembic's revisions, run by Alembic itself in the project's process.

Each run is a fresh process, since env.py files keep the first URL that they read; and after each
the guard looks whether it was its database that changed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.deeds import deeds
from pytest_schemaguard.migrations.file_run import FileRun, SqlError
from pytest_schemaguard.migrations.losses import History as Told
from pytest_schemaguard.migrations.losses import history
from pytest_schemaguard.migrations.migration import Migration, Script
from pytest_schemaguard.migrations.session import excerpt, fix_of
from pytest_schemaguard.migrations.source import Step
from pytest_schemaguard.migrations.tool_run import ToolRun, error_of, lost
from pytest_schemaguard.project.answers.revisions import (
    Failure,
    History,
    RunReport,
    trouble,
)
from pytest_schemaguard.redaction import redacted
from pytest_schemaguard.servers.settings import Settings
from pytest_schemaguard.sqltext.identifiers import in_quotes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_schemaguard.config import AlembicMigrations
    from pytest_schemaguard.migrations.source import Between, Reach, Way
    from pytest_schemaguard.wire.wire import Line, Seen

HISTORY_TIMEOUT_S = 120.0
"""How long the revisions' files may take to be imported."""
RUN_TIMEOUT_S = 3600.0
"""How long a run may take: many statements, each within its own timeout."""


class Alembic:
    """The Source of an alembic.ini, or of a function that returns an alembic Config."""

    can_branch = True
    picks = False  # the version table tells, and a revision may have nothing to do

    def __init__(self, configured: AlembicMigrations, reach: Reach) -> None:
        self._configured = configured
        self._reach = reach
        self._config = reach.config

    @property
    def repeats(self) -> str:
        return f"{self.together} again"

    @property
    def together(self) -> str:
        return f"alembic upgrade {self._configured.target or 'heads'}"

    @property
    def branches_meant(self) -> bool:
        return self._configured.target is not None

    @property
    def name(self) -> str:
        """What the user configured, for messages."""
        if self._configured.ini is not None:
            return self._config.relative(self._configured.ini)
        return str(self._configured.function)

    @property
    def environment(self) -> dict[str, Any]:
        ini = self._configured.ini
        return {**asdict(self._configured), "ini": None if ini is None else str(ini)}

    def _call(
        self,
        task: str,
        database: str | None,
        timeout_s: float,
        *,
        shape: Any,
        line: Line | None = None,
        reply: Callable[[str], bool] | None = None,
        **arguments: Any,
    ) -> Any:
        return self._reach.processes.apart(
            task,
            {"subject": f"migrations {self.name}", "source": self.environment, **arguments},
            database=database,
            line=line,
            timeout_s=timeout_s,
            shape=shape,
            reply=reply,
        )

    @cached_property
    def history(self) -> History:
        """All revisions. Raises ProjectError."""

        def look() -> Any:
            return self._call("alembic/history", None, HISTORY_TIMEOUT_S, shape=History)

        found: History = self._reach.once("history", History, look)
        return found

    @cached_property
    def _migrations(self) -> dict[str, Migration]:
        return {
            one.revision: Migration(
                revision=one.revision,
                up=Script(path=Path(one.path), line=one.line),
                down=Script(path=Path(one.path)) if one.has_way_back else None,
                joins=len(one.down) > 1,
            )
            for one in self.history.revisions
        }

    def migrations(self) -> tuple[Migration, ...]:
        return tuple(self._migrations[revision] for revision in self.history.target)

    def heads(self) -> tuple[Migration, ...]:
        return tuple(one for one in self._migrations.values() if one.revision in self.history.heads)

    def until(self, migration: Migration) -> tuple[Migration, ...]:
        wanted = {migration.revision}
        for one in reversed(self.history.revisions):  # who follows comes before what it follows
            if one.revision in wanted:
                wanted.update(one.down, one.depends_on)
        return tuple(one for one in self.migrations() if one.revision in wanted)

    def state(self) -> bytes:
        digest = hashlib.sha256(repr(self._configured).encode())
        for path in (self._configured.ini, Path(self.history.env)):
            digest.update(b"" if path is None else path.read_bytes())
        return digest.digest()

    def contains(self, database: str, migrations: Sequence[Migration]) -> None:
        if migrations:
            self._run(database, "stamp", migrations)

    def up(self, database: str, migrations: Sequence[Migration]) -> Step:
        count = f" and {len(migrations) - 1} before it" if len(migrations) > 1 else ""
        last = self._config.relative(migrations[-1].path)
        with self._reach.progress.step(f"applying {last}{count}"):
            report, seen = self._run(database, "upgrade", migrations)
        failed = report.error and self._migrations[report.error.revision]
        run = self._file_run(report, seen, migrations)
        return Step(run=run, migration=failed or migrations[-1])

    def again(self, database: str, migration: Migration) -> FileRun:
        report, seen = self._run(database, "upgrade", [migration], anew=False)
        return self._file_run(report, seen, [migration])

    def down(self, database: str, migration: Migration) -> FileRun:
        report, seen = self._report(database, "revert", [migration.revision])
        self._refuse_trouble(report, database, pending=[migration.revision])
        return self._file_run(report, seen, [migration])

    def walk(self, database: str, steps: Sequence[tuple[Way, Migration]], between: Between) -> None:
        named = {f"{way} {one.revision}": one for way, one in steps}
        report: RunReport = self._call(
            *("alembic/walk", database, RUN_TIMEOUT_S),
            shape=RunReport,
            reply=lambda question: between(named.get(question)),
            steps=[(way, one.revision) for way, one in steps],
        )
        self._refuse_trouble(report, database)

    def _run(
        self, database: str, action: str, migrations: Sequence[Migration], *, anew: bool = True
    ) -> tuple[RunReport, Seen]:
        report, seen = self._report(database, action, self._last_of(migrations))
        pending = [one.revision for one in migrations] if anew and action == "upgrade" else []
        self._refuse_trouble(report, database, pending=pending)
        return report, seen

    def _report(self, database: str, action: str, targets: Sequence[str]) -> tuple[RunReport, Seen]:
        """What Alembic did, and what was seen of it."""
        told: dict[str, Any] = {"action": action, "targets": [*targets]}
        with self._reach.processes.line(database) as line:
            report = self._call(
                *("alembic/run", database, RUN_TIMEOUT_S), shape=RunReport, line=line, **told
            )
            return report, line.seen()

    def _last_of(self, migrations: Sequence[Migration]) -> list[str]:
        """Those that no other of these follows: one, where they are a line."""
        named = {one.revision for one in migrations}
        followed: set[str] = set()
        for one in self.history.revisions:
            if one.revision in named:
                followed.update(one.down, one.depends_on)
        return [one.revision for one in migrations if one.revision not in followed]

    def _refuse_trouble(
        self, report: RunReport, database: str, *, pending: Sequence[str] = ()
    ) -> None:
        """Raises ProjectError where the run says nothing of the guard's database."""
        env = self._config.relative(Path(self.history.env))
        full = self._reach.databases().full_name(database)
        wrong = trouble(report, database=full, env_path=env, pending=pending)
        if wrong is None and report.error is None:
            stored = self._stored(report, database)
            wrong = trouble(report, database=full, env_path=env, pending=pending, stored=stored)
        if wrong is not None:
            raise wrong

    def _stored(self, report: RunReport, database: str) -> list[str]:
        """What the version tables hold, as the guard reads them itself.

        Raises MigrationError for one that is not there.
        """
        import psycopg2

        tables = dict.fromkeys(
            (one.version_table_schema, one.version_table) for one in report.contexts
        )
        found: list[str] = []
        databases = self._reach.databases()
        with (
            databases.session(database, settings=Settings.STAND_IN) as owner,
            owner.cursor() as cursor,
        ):
            for schema, table in tables:
                name = in_quotes(schema, table) if schema else in_quotes(table)
                try:
                    cursor.execute(f"SELECT version_num FROM {name}")  # noqa: S608 - it is quoted
                except psycopg2.Error as error:
                    raise MigrationError(
                        self.name,
                        f"the version table {name} cannot be read after the run: "
                        f"{error.diag.message_primary}",
                        fix="env.py must commit what it runs, on the guard's database",
                        path=self._config.relative(Path(self.history.env)),
                    ) from None
                found += [version for (version,) in cursor.fetchall()]
        return found

    def _file_run(self, report: RunReport, seen: Seen, migrations: Sequence[Migration]) -> FileRun:
        tables = "|".join({re.escape(one.version_table) for one in report.contexts}) or "(?!)"
        own = re.compile(rf"\b({tables})\b")
        told = history(seen.statements)
        kept = [one for one in told.kept if own.search(one.sql) is None]
        error = self._undone(told, migrations)
        return FileRun(
            statements=len(kept),
            seconds=sum(one.seconds for one in report.applied),
            notices=tuple(map(redacted, seen.notices)),
            error=error if report.error is None else self._error(report.error),
            transaction="idle",
            deeds=deeds(kept, seen.statements),
        )

    def _undone(self, told: Told, migrations: Sequence[Migration]) -> SqlError | None:
        """What a revision rolls back itself, and does not do again."""
        losses = [one for one in told.losses if one.failure is None]
        if not losses:
            return None
        files = {
            self._config.relative(one.path): one.path.read_text("utf-8", errors="replace")
            for one in migrations
        }
        tool = ToolRun(success=f"`{self.together}` ends without an error", must="fail")
        found = lost(told, losses, files)
        path = self._config.relative(migrations[-1].path)
        return error_of(found[0], tool, files, path) if found else None

    def _error(self, failure: Failure) -> SqlError:
        sql = failure.statement or ""
        major = self._reach.databases().server.major
        return SqlError(
            sqlstate=failure.sqlstate,
            message=failure.message,
            detail=failure.detail,
            hint=failure.hint,
            statement=excerpt(sql),
            line=failure.line,
            context=failure.context,
            fix=fix_of(failure.sqlstate, sql, major=major),
        ).without_passwords(sql)
