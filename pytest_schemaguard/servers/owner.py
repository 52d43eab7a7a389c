"""The role that migrations log in as."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers.scram import verifier
from pytest_schemaguard.servers.sessions import run_comment
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal

if TYPE_CHECKING:
    from pytest_schemaguard.run import Run

OWNER = "schema_guard_owner"
"""Its name on a server of our own."""


def create_owner(connection: Any, name: str, run: Run) -> str:
    """Create the role, with Run.password; returns the server's token.

    Role and comment are one transaction: a role of ours is always marked as one. Raises
    ServerError, without the statement: it has the verifier.
    """
    import psycopg2

    token = secrets.token_hex(16)
    comment = run_comment(
        run=run.id, token=token, host=socket.gethostname(), folder=str(run.folder)
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"BEGIN; CREATE ROLE {in_quotes(name)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE"
                f" PASSWORD {literal(verifier(run.password(name)))};"
                f" COMMENT ON ROLE {in_quotes(name)} IS {literal(comment)}; COMMIT"
            )
    except psycopg2.Error as error:
        raise ServerError(
            "PostgreSQL",
            f"it did not let the guard create its role {name}: {primary(error)}",
            fix=f"find out why it refuses CREATE ROLE {in_quotes(name)} LOGIN PASSWORD "
            "'SCRAM-SHA-256$...', or name another server",
        ) from None
    return token


def primary(error: Any) -> str:
    """PostgreSQL's message alone: the text of the error may quote the statement."""
    message: str | None = error.diag.message_primary
    return message or "the connection was lost"
