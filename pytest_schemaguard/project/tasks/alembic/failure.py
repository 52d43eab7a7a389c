"""What a revision, or env.py, raised: as values, or in the words of a ProjectError."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from pytest_schemaguard.project.answers.revisions import Failure
from pytest_schemaguard.project.failure import failure
from pytest_schemaguard.project.paths import relative
from pytest_schemaguard.project.tasks.alembic.attributes import CONNECTIONS, ENGINES
from pytest_schemaguard.project.tasks.alembic.config import CommandError

if TYPE_CHECKING:
    from pytest_schemaguard.errors import ProjectError
    from pytest_schemaguard.project.answers.revisions import Revision
    from pytest_schemaguard.project.tasks.alembic.config import Prepared

LONGEST_STATEMENT = 2000
"""Characters of a statement that are told."""
CONNECTING = ("08", "28", "3D", "57P")
"""SQLSTATEs of who does not get in: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
URL_FIX = (
    'name the variable that env.py reads in `env`, such as env = { DATABASE_URL = "{url}" };'
    " only the guard's own database can be reached"
)
ATTRIBUTES_FIX = (
    "name a function that returns a Config with these attributes set: migrations = { alembic ="
    ' "module:function" }'
)
CONTEXT_FIX = (
    "name a function in `setup` that pushes the application's context:"
    " create_app().app_context().push()"
)


def failed_in(error: BaseException, revision: Revision) -> Failure:
    """The error as it arose in this revision."""
    line = _line_in(error, revision.path) or revision.line
    if not is_of_database(error):
        return Failure(
            revision=revision.revision,
            path=revision.path,
            line=line,
            kind="python",
            message=traceback.format_exception_only(type(error), error)[-1].strip(),
        )
    origin = error.orig if isinstance(error, DBAPIError) else error
    told = _told(origin)
    statement = error.statement if isinstance(error, DBAPIError) else None
    return Failure(
        revision=revision.revision,
        path=revision.path,
        line=line,
        kind="database",
        sqlstate=_sqlstate(origin),
        message=told.get("message") or str(origin).strip(),
        detail=told.get("detail"),
        hint=told.get("hint"),
        context=told.get("context"),
        statement=statement and statement[:LONGEST_STATEMENT],
    )


def is_of_database(error: BaseException) -> bool:
    """Whether a database, or its driver, raised it."""
    return isinstance(error, DBAPIError) or bool(_sqlstate(error))


def env_failed(error: BaseException, prepared: Prepared) -> ProjectError:
    """What env.py raised outside of any revision."""
    wrong = failure(error, "env.py failed", subject=prepared.subject, root=prepared.root)
    if wrong.path is None:
        line = _line_in(error, str(prepared.env))
        wrong.path, wrong.line = relative(str(prepared.env), prepared.root), line
    asked = prepared.attributes.asked
    lacking = [name for name in asked if name in CONNECTIONS | ENGINES]
    if isinstance(error, DBAPIError) and _is_about_connecting(error):
        wrong.fix = URL_FIX
    elif "application context" in str(error):
        wrong.fix = CONTEXT_FIX
    elif isinstance(error, KeyError) and error.args[0] in asked:
        wrong.fact = f"env.py needs config.attributes[{error.args[0]!r}]"
        wrong.fix = ATTRIBUTES_FIX
    elif lacking and isinstance(error, (AttributeError, TypeError, ValueError, CommandError)):
        wrong.fact += f" (config.attributes.get({lacking[0]!r}) is None here)"
        wrong.fix = ATTRIBUTES_FIX
    return wrong


def _is_about_connecting(error: DBAPIError) -> bool:
    state = _sqlstate(error.orig)
    return error.statement is None and (not state or state.startswith(CONNECTING))


def _sqlstate(error: BaseException | None) -> str:
    for name in ("sqlstate", "pgcode"):  # psycopg and asyncpg; psycopg2
        value = getattr(error, name, None)
        if isinstance(value, str):
            return value
    return str(_pg8000(error).get("C", ""))


def _told(error: BaseException | None) -> dict[str, str | None]:
    """PostgreSQL's own words, wherever the driver keeps them."""
    diagnosis = getattr(error, "diag", None)  # psycopg2, psycopg
    if diagnosis is not None:
        names = {
            "message": "message_primary",
            "detail": "message_detail",
            "hint": "message_hint",
            "context": "context",
        }
        return {key: getattr(diagnosis, name, None) for key, name in names.items()}
    fields = _pg8000(error)
    if fields:
        return {
            key: fields.get(code)
            for key, code in (("message", "M"), ("detail", "D"), ("hint", "H"), ("context", "W"))
        }
    cause = getattr(error, "__cause__", None)  # asyncpg's own error, which SQLAlchemy translates
    return {key: getattr(cause, key, None) for key in ("message", "detail", "hint", "context")}


def _pg8000(error: BaseException | None) -> dict[str, Any]:
    """https://www.postgresql.org/docs/current/protocol-error-fields.html as pg8000 passes them."""
    first = next(iter(getattr(error, "args", ())), None)
    return first if isinstance(first, dict) else {}


def _line_in(error: BaseException, path: str) -> int | None:
    """The innermost line of this file on the way to the error."""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if os.path.realpath(frame.f_code.co_filename) == os.path.realpath(path)
    ]
    if isinstance(error, SyntaxError) and error.filename == path:
        lines.append(error.lineno or 1)
    return lines[-1] if lines else None
