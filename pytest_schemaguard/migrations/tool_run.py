"""What a tool says of its run, held against what was seen of it on the wire. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.migrations.deeds import deeds
from pytest_schemaguard.migrations.file_run import FileRun, SqlError
from pytest_schemaguard.migrations.losses import history, refused
from pytest_schemaguard.migrations.session import excerpt
from pytest_schemaguard.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_schemaguard.migrations.losses import History, Loss
    from pytest_schemaguard.wire.wire import Seen, StatementError


@dataclass(frozen=True, kw_only=True)
class ToolRun:
    """A command or a function that has run, in its own words."""

    success: str
    """What it does when all is well: `the command exits 0`, `the function returns`."""
    failure: str | None = None
    """What it did instead: `exit code 1`, the exception's last line; None if all was well."""
    seconds: float = 0.0
    said: str = ""
    """Its last lines, or the frames of its exception; may be empty."""
    sqlstate: str = ""
    """Of its exception."""
    statement: str = ""
    """Of its exception."""
    path: str | None = None
    """The project's file in which its exception was raised."""
    line: int | None = None
    must: str
    """How it tells a failure: `end with another exit code than 0`, `raise`."""


def file_run(tool: ToolRun, seen: Seen, *, files: Mapping[str, str], path: str) -> FileRun:
    """`files`: the migrations' texts by their paths; `path`: that of the migration that ran.

    An error of PostgreSQL that the tool hides is one here, unless it has recovered from it.
    """
    told = history(seen.statements)
    gone = lost(told, told.losses, files)
    error = None
    if tool.failure is not None:
        cause = told.cause(is_migration=_in(files))
        error = _own_failure(tool) if cause is None else error_of(cause, tool, files, path)
    elif gone:
        error = error_of(gone[0], tool, files, path)
    return FileRun(
        statements=len(told.kept),
        seconds=tool.seconds,
        notices=(
            *(
                f"ERROR:  {one.failure.error.message}"
                for one in told.losses
                if one not in gone and one.failure and one.failure.error
            ),
            *map(redacted, seen.notices),
        ),
        error=error,
        transaction="idle",
        deeds=deeds(told.kept, seen.statements),
    )


def lost(told: History, losses: Sequence[Loss], files: Mapping[str, str]) -> list[Loss]:
    """Those of these losses that the tool has not recovered from."""
    return [one for one in losses if not told.recovered(one, is_migration=_in(files))]


def _in(files: Mapping[str, str]) -> Callable[[str], bool]:
    return lambda sql: any(sql in text for text in files.values())


def _own_failure(tool: ToolRun) -> SqlError:
    """PostgreSQL has refused nothing that was seen."""
    return SqlError(
        sqlstate=tool.sqlstate,
        message=str(tool.failure),
        detail=tool.said or None,
        hint=None,
        statement=excerpt(tool.statement),
        line=tool.line,
        context=None,
        path=tool.path,
    ).without_passwords(tool.statement)


def error_of(loss: Loss, tool: ToolRun, files: Mapping[str, str], path: str) -> SqlError:
    error = loss.failure.error if loss.failure else None
    sql, offset = refused(loss.failure) if loss.failure else (loss.writes[0], 0)
    where, line = _place(sql, files)
    context = [] if error is None or error.context is None else [error.context]
    if where not in {path, ""}:
        context.append(f"in {where}:{line + offset}")
    if tool.failure is not None:
        context += [tool.failure, *([tool.said] if tool.said else [])]
    return SqlError(
        sqlstate=loss.sqlstate,
        message=_message(loss, error, tool),
        detail=error.detail if error else None,
        hint=error.hint if error else None,
        statement=excerpt(sql, offset),
        line=line + offset if where == path else None,
        context="\n".join(context) or None,
        fix=_fix(loss, tool),
    ).without_passwords(sql)


def _message(loss: Loss, error: StatementError | None, tool: ToolRun) -> str:
    if tool.failure is not None:
        return error.message if error else tool.failure
    writes = len(loss.writes)
    gone = "1 statement is lost" if writes == 1 else f"{writes} statements are lost"
    if error is not None:
        return f"{tool.success}, but PostgreSQL refused it, and {gone}: {error.message}"
    if loss.end == "open":
        return f"{tool.success} without a commit, and {gone}"
    return f"{tool.success}, but rolls back, and {gone}"


_TOO_LONG = "raise `statement-timeout-s`, or mend the statement if it never ends"


def _fix(loss: Loss, tool: ToolRun) -> str | None:
    if loss.sqlstate == "57014":
        return _TOO_LONG
    if tool.failure is not None:
        return None
    if loss.failure is not None:
        return f"let it {tool.must} when a statement fails"
    return "commit before the connection is closed" if loss.end == "open" else "commit it"


def _place(sql: str, files: Mapping[str, str]) -> tuple[str, int]:
    """In which migration's file the statement stands, and from which line on."""
    for path, text in files.items():
        start = text.find(sql)
        if start >= 0:
            return path, text.count("\n", 0, start) + 1
    return "", 1
