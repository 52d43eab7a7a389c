"""Migrations that a command or a function of the project's runs.

What it does is seen on the wire, whatever it is written in, and what it says of itself is
held against that: a runner that hides an error of PostgreSQL, or never commits, reports success.

Where the command has the word `{version}`, or the function an argument for it, each file of
`versions` is a migration and a run of its own. Otherwise one run applies them all, and they are one
migration, `head`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_schemaguard import command_words
from pytest_schemaguard.migrations import versions
from pytest_schemaguard.migrations.file_run import SqlError
from pytest_schemaguard.migrations.losses import THERE_ALREADY
from pytest_schemaguard.migrations.source import Linear, Step
from pytest_schemaguard.migrations.tool_run import ToolRun, file_run
from pytest_schemaguard.project.peer import signal_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.config import CommandMigrations, PythonMigrations
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Reach
    from pytest_schemaguard.wire.wire import Line

RUN_TIMEOUT_S = 3600.0
"""How long a run may take: many statements, each within its own timeout."""
GRACE_S = 30.0
"""How long the project's process may take besides its command."""
LOOK_TIMEOUT_S = 120.0
"""How long a function's module may take to be imported."""


class _Tool(Linear):
    """What the two sources have in common."""

    picks = True
    name: str
    """As the user configured it."""

    def __init__(self, patterns: tuple[str, ...], reach: Reach) -> None:
        self._patterns = patterns
        self._reach = reach
        self._config = reach.config

    @property
    @abstractmethod
    def by_version(self) -> bool:
        """Whether it is told which migration to run."""

    @abstractmethod
    def _tool_run(self, database: str, version: str | None, line: Line) -> ToolRun: ...

    @property
    def repeats(self) -> str:
        return f"{self.name} again"

    @cached_property
    def _migrations(self) -> tuple[Migration, ...]:
        if self.by_version:
            return versions.each(self._patterns, self._config)
        return (versions.whole(self._patterns, self._config),)

    def migrations(self) -> tuple[Migration, ...]:
        return self._migrations

    def state(self) -> bytes:
        paths = versions.files(self._patterns, self._config)
        return repr((self.name, [(str(one), one.read_bytes()) for one in paths])).encode()

    def up(self, database: str, migrations: Sequence[Migration]) -> Step:
        for migration in migrations:
            run = self._run(database, migration, anew=True)
            if not run.applied:
                break
        return Step(run=run, migration=migration)

    def again(self, database: str, migration: Migration) -> FileRun:
        return self._run(database, migration, anew=False)

    def down(self, database: str, migration: Migration) -> FileRun:
        raise NotImplementedError  # no migration of these has a downgrade

    def _run(self, database: str, migration: Migration, *, anew: bool) -> FileRun:
        version = migration.revision if self.by_version else None
        path = self._config.relative(migration.path)
        with (
            self._reach.progress.step(f"applying {path}" if version else f"running {self.name}"),
            self._reach.processes.line(database) as line,
        ):
            tool = self._tool_run(database, version, line)
            seen = line.seen()
        run = file_run(tool, seen, files=self._texts(), path=path)
        nobody = not seen.begun
        if anew and nobody and run.error is None:
            return self._nothing_seen(run, tool)
        if anew and run.error is not None and self._is_unaware(run.error):
            return replace(run, error=replace(run.error, fix=_UNAWARE))
        if anew and run.error is not None and nobody and self._asks_tcp(database, tool):
            return replace(run, error=replace(run.error, fix=_TCP))
        return run

    def _is_unaware(self, error: SqlError) -> bool:
        """Whether the runner does not know what the baseline's schema has."""
        baseline = self._config.baseline
        told = baseline.at is not None or not self.by_version
        return baseline.schema is not None and told and error.sqlstate in THERE_ALREADY

    def _asks_tcp(self, database: str, tool: ToolRun) -> bool:
        """Whether it was refused where the guard's server does not listen."""
        said = f"{tool.failure}\n{tool.said}"
        return self._reach.databases().address(database).is_socket and bool(_REFUSED.search(said))

    def _texts(self) -> dict[str, str]:
        return {
            self._config.relative(path): path.read_text(encoding="utf-8", errors="replace")
            for path in versions.files(self._patterns, self._config)
        }

    def _nothing_seen(self, run: FileRun, tool: ToolRun) -> FileRun:
        """It may have migrated another database, or none; the guard's it did not."""
        names = [name for name, value in self._config.env.items() if "{" in value]
        asked = f"does it read {' and '.join(names)}? " if names else ""
        error = SqlError(
            sqlstate="",
            message=f"{tool.success}, and has changed nothing: it sent the guard's database no "
            "statement",
            detail=tool.said or None,
            hint=None,
            statement="",
            line=None,
            context=None,
            fix=f"{asked}Name the variables that it reads, such as "
            'env = { DATABASE_URL = "{url}" }',
        )
        return replace(run, error=error)


_UNAWARE = (
    "the baseline's schema has it already: put the rows of the runner's own table of versions into "
    "`seed`, so that it runs what is pending"
)
_REFUSED = re.compile(r"(?:localhost|127\.0\.0\.1|::1)\b.*(?:refused|\[Errno 111\])", re.IGNORECASE)
_TCP = "the guard's server listens on a unix socket alone: `tcp = true` gives it a host and a port"


class CommandSource(_Tool):
    """The Source of `{ command, versions }`."""

    def __init__(self, configured: CommandMigrations, reach: Reach) -> None:
        super().__init__(configured.versions, reach)
        self._command = configured.command
        self.name = " ".join(configured.command)

    @property
    def by_version(self) -> bool:
        return command_words.takes_version(self._command)

    def _tool_run(self, database: str, version: str | None, line: Line) -> ToolRun:
        answer = self._reach.processes.apart(
            "command",
            {
                "subject": f"migrations {self.name}",
                "command": list(self._command),
                "version": version,
                "timeout_s": RUN_TIMEOUT_S,
            },
            database=database,
            line=line,
            timeout_s=RUN_TIMEOUT_S + GRACE_S,
            shape={"exit_code": int | None, "seconds": float, "output": str},
        )
        return ToolRun(
            success="the command exits 0",
            failure=_failure(answer["exit_code"]),
            must="end with another exit code than 0",
            seconds=answer["seconds"],
            said=f"its output ends:\n{answer['output']}" if answer["output"] else "",
        )


_FUNCTION_FAILED = {
    "message": str | None,
    "detail": str | None,
    "sqlstate": str | None,
    "statement": str | None,
    "path": str | None,
    "line": int | None,
}
_FUNCTION_RAN = {"seconds": float, "error": (None, _FUNCTION_FAILED), "refused": list[str]}


def _failure(code: int | None) -> str | None:
    if code is None:
        return f"the command did not end within {RUN_TIMEOUT_S:g} s, and was killed"
    if code < 0:
        return f"the command was killed by {signal_name(-code)}"
    return f"the command ended with exit code {code}" if code else None


class FunctionSource(_Tool):
    """The Source of `{ python, versions }`."""

    def __init__(self, configured: PythonMigrations, reach: Reach) -> None:
        super().__init__(configured.versions, reach)
        self.name = configured.function

    @cached_property
    def by_version(self) -> bool:
        """Raises ProjectError."""

        def look() -> Any:
            answer = self._call("look", None, LOOK_TIMEOUT_S, shape={"takes_version": bool})
            return answer["takes_version"]

        return bool(self._patterns and self._reach.once("function", bool, look))

    def _call(
        self,
        do: str,
        database: str | None,
        timeout_s: float,
        *,
        shape: Any,
        line: Line | None = None,
        **arguments: Any,
    ) -> Any:
        return self._reach.processes.apart(
            "function",
            {
                "subject": f"migrations {self.name}",
                "function": self.name,
                "do": do,
                **arguments,
            },
            database=database,
            line=line,
            timeout_s=timeout_s,
            shape=shape,
        )

    def _tool_run(self, database: str, version: str | None, line: Line) -> ToolRun:
        answer = self._call(
            *("run", database, RUN_TIMEOUT_S), shape=_FUNCTION_RAN, line=line, version=version
        )
        error = answer["error"]
        said = [f"it {one}, which the fence refused" for one in answer["refused"]]
        if error and error["detail"]:
            said.insert(0, error["detail"].rstrip())
        return ToolRun(
            success="the function returns",
            failure=error and error["message"],
            must="raise",
            seconds=answer["seconds"],
            said="\n".join(said),
            sqlstate=(error and error["sqlstate"]) or "",
            statement=(error and error["statement"]) or "",
            path=error and error["path"],
            line=error and error["line"],
        )
