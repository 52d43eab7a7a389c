"""A function of the project's that migrates, once.

Arguments: `subject`, `root`, `function` (`module:function`) and `do`. With `do` = "look" the answer
is `{"takes_version"}`; with "run", and `version` (a migration's name, or None), `{"seconds",
"error", "refused" (what the fence refused it)}`, where `error` is null or has `message`, `detail`,
`path`, `line`, `sqlstate` and `statement`, all but the first of which may be null.

A function of no arguments finds its database as the application does. Its first required argument
is the database's URL, its second the migration; `url` and `version` are known by their names too.
Raises ProjectError: it is not found, or asks for more.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import time
from pathlib import Path
from typing import Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.child.inside import here, known_passwords
from pytest_schemaguard.project.failure import words
from pytest_schemaguard.project.tasks import loading
from pytest_schemaguard.project.tasks.telling import told
from pytest_schemaguard.redaction import redacted

TAIL_LINES = 20
STDERR = 2
LONGEST_STATEMENT = 2000
"""Characters of a statement that are told."""


def run(arguments: dict[str, Any]) -> dict[str, Any]:
    root, subject = Path(arguments["root"]).resolve(), arguments["subject"]
    function = loading.find(arguments["function"], subject=subject, root=root)
    names = _names(function, subject=subject)
    if arguments["do"] == "look":
        return {"takes_version": "version" in names.values()}
    version = arguments["version"]
    if version is None and "version" in names.values():
        raise ProjectError(
            subject,
            "it takes a version, and no `versions` name the migrations",
            fix='such as: migrations = { python = "...", versions = "migrations/*.sql" }',
        )
    values = {"url": here().address.url(), "version": version}
    began = time.perf_counter()
    noted, printed = len(_refused()), os.fstat(STDERR).st_size
    with told(f"calling {arguments['function']}"):
        error = _call(function, {name: values[one] for name, one in names.items()})
    return {
        "seconds": time.perf_counter() - began,
        "error": error and _told(error, subject, root, printed),
        "refused": _refused()[noted:],
    }


def _names(function: Any, *, subject: str) -> dict[str, str]:
    """By the function's own names of its arguments: `url` or `version`."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise ProjectError(
            subject, f"it is no function: {function!r:.80}", fix="write `def function(url)`"
        ) from None
    found = {one.name: one.name for one in parameters if one.name in {"url", "version"}}
    left = [one for one in ("url", "version") if one not in found]
    for one in parameters:
        is_any = one.kind in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
        if one.name in found or is_any or one.default is not one.empty:
            continue
        if not left:
            raise ProjectError(
                subject,
                f"nothing is known that {one.name!r} could be",
                fix="write `def function()`, `def function(url)` or `def function(url, version)`",
            )
        found[one.name] = left.pop(0)
    return found


def _call(function: Any, values: dict[str, Any]) -> BaseException | None:
    """What it raised; an exit with success is none."""

    async def finished(awaitable: Any) -> None:
        await awaitable

    bound = inspect.signature(function).bind(**values)
    try:
        result = function(*bound.args, **bound.kwargs)
        if inspect.isawaitable(result):
            asyncio.run(finished(result))
    except SystemExit as ended:
        return ended if ended.code else None
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the migration
        return error
    return None


def _told(error: BaseException, subject: str, root: Path, printed: int) -> dict[str, Any]:
    wrong = words(error, subject=subject, root=root)
    # Whoever exits, such as argparse, has said why.
    output = _output(printed) if isinstance(error, SystemExit) else ""
    secrets = known_passwords()
    found: dict[str, Any] = {
        "message": wrong.fact,
        "detail": "\n".join(filter(None, [wrong.detail, output])) or None,
        "sqlstate": _sqlstate(error),
        "statement": getattr(error, "statement", None),  # SQLAlchemy's
    }
    shown = {
        name: redacted(text, secrets)[:LONGEST_STATEMENT] if text else None
        for name, text in found.items()
    }
    return {**shown, "path": wrong.path, "line": wrong.line}


def _output(start: int) -> str:
    """What this process has printed since; empty where that cannot be read again."""
    try:
        sys.stdout.flush()
        with Path(f"/dev/fd/{STDERR}").open("rb") as file:
            file.seek(start)
            text = file.read().decode(errors="replace")
    except (OSError, ValueError, AttributeError):
        return ""
    lines = text.rstrip().splitlines()[-TAIL_LINES:]
    return "\n".join(["its output ends:", *lines]) if lines else ""


def _sqlstate(error: BaseException) -> str | None:
    for one in (error, getattr(error, "orig", None), error.__cause__):
        for name in ("sqlstate", "pgcode"):  # psycopg and asyncpg; psycopg2
            value = getattr(one, name, None)
            if isinstance(value, str):
                return value
    return None


def _refused() -> list[str]:
    try:
        notes = (here().folder / "refused.txt").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return redacted(notes, known_passwords()).splitlines()
