"""What went wrong with a row that should log in, as values for the report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.login import Attempt
from pytest_schemaguard.project.failure import words as told
from pytest_schemaguard.project.tasks.login.entity import NobodyError
from pytest_schemaguard.project.tasks.models.ddl import words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.project.tasks.login.entity import Entity

LONGEST_STATEMENT = 300
THEIRS = frozenset({"call", "create"})
"""Steps in which functions of the project run: their own frames tell more than PostgreSQL."""


def failed(
    kind: str,
    step: str,
    error: BaseException,
    *,
    root: Path,
    hide: Callable[[str], str],
    entity: Entity | None = None,
    value: str | None = None,
) -> Attempt:
    """An attempt that ended with this error; `hide` cuts secrets out of a text.

    Raises the error itself where it is a ProjectError, which says that nothing could be tried.
    """
    if isinstance(error, ProjectError):
        raise error
    where = told(error, subject="", root=root)
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    message = words(error) if isinstance(error, Exception) else where.fact
    if isinstance(error, NobodyError):
        message = str(error)
    statement = None
    if isinstance(error, DBAPIError):
        diagnosis = getattr(cause, "diag", None)
        message = getattr(diagnosis, "message_primary", None) or str(cause).strip()
        flat = " ".join((error.statement or "").split())
        cut = len(flat) > LONGEST_STATEMENT
        statement = (f"{flat[:LONGEST_STATEMENT]} ..." if cut else flat) or None
    return Attempt(
        kind=kind,
        outcome="error",
        step=step,
        value=value,
        error=None if isinstance(error, NobodyError) else type(cause).__name__,
        sqlstate=getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None),
        message=hide(message),
        detail=hide(where.detail) if where.detail and where.path and step in THEIRS else None,
        statement=statement,
        column=_column(message, cause, entity),
        path=where.path,
        line=where.line,
    )


def _column(message: str, cause: Any, entity: Entity | None) -> tuple[str, ...] | None:
    """The model's column that PostgreSQL names, where it names one."""
    if entity is None:
        return None
    named = getattr(getattr(cause, "diag", None), "column_name", None)
    found = re.match(r'column (?:"?\w+"?\.)*"?([^".]+?)"? (?:of relation .*)?does not', message)
    return entity.column_named(named or (found and found[1]))
