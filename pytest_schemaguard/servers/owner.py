"""The role that migrations log in as."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.servers.sessions import run_comment
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal

if TYPE_CHECKING:
    from pytest_schemaguard.run import Run

OWNER = "schema_guard_owner"
"""Its name on a server of our own."""


def create_owner(connection: Any, name: str, run: Run) -> tuple[str, str]:
    """Create the role; returns its password (hex: safe in any URL) and the server's token.

    Role and comment are one transaction: a role of ours is always marked as one.
    """
    password, token = secrets.token_hex(16), secrets.token_hex(16)
    comment = run_comment(
        run=run.id, token=token, host=socket.gethostname(), folder=str(run.folder)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"BEGIN; CREATE ROLE {in_quotes(name)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE"
            f" PASSWORD {literal(password)};"
            f" COMMENT ON ROLE {in_quotes(name)} IS {literal(comment)}; COMMIT"
        )
    return password, token
