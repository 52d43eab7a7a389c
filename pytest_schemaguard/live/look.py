"""One look at one database: a connection of its own, a transaction that cannot write, an end.

Whatever keeps it from looking is told in words, with what to do about it.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import errorcodes

from pytest_schemaguard.catalog.transaction import Limits, read_only
from pytest_schemaguard.errors import GuardError, ServerError
from pytest_schemaguard.servers.provider import OLDEST_MAJOR
from pytest_schemaguard.servers.sessions import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.live.targets import Target

NEWEST_MAJOR = 18
"""The newest version that the queries of the catalog were tried on."""
SERVERS_OWN_MAJOR = 10000


class CannotLookError(GuardError):
    """A database that could not be looked at: the others are."""


@contextmanager
def looking_at(target: Target, *, limits: Limits) -> Iterator[Any]:
    """A cursor that can only read, in one moment of this database.

    It asks for no right but that to connect: the catalog is open to every role. Raises
    CannotLookError.
    """
    assert target.address is not None
    try:
        connection = connect(target.address)
    except ServerError as error:
        raise CannotLookError(
            target.name,
            "cannot connect",
            detail=error.detail,
            fix="look at the host, the role and its password (in the URL, or in ~/.pgpass)",
        ) from None
    with closing(connection):
        major = connection.info.server_version // SERVERS_OWN_MAJOR
        if major < OLDEST_MAJOR:
            raise CannotLookError(
                target.name,
                f"it runs PostgreSQL {major}: its catalog has not what the comparison asks for",
                fix=f"PostgreSQL {OLDEST_MAJOR} and newer are compared",
            )
        try:
            with read_only(connection, limits=limits) as cursor:
                yield cursor
        except psycopg2.Error as error:
            raise _why(target, error, connection, limits) from error


def newer_than_known(cursor: Any) -> str | None:
    """What is to be said of a server that is newer than this package; None where it is not."""
    major = cursor.connection.info.server_version // SERVERS_OWN_MAJOR
    if major <= NEWEST_MAJOR:
        return None
    return (
        f"it runs PostgreSQL {major}, newer than the {NEWEST_MAJOR} that this version of "
        "pytest-schemaguard knows: what is new there is not compared"
    )


def _why(target: Target, error: psycopg2.Error, connection: Any, limits: Limits) -> CannotLookError:
    name = target.name
    if connection.closed or error.pgcode is None:
        return CannotLookError(
            name,
            "the connection was lost while its catalog was read",
            detail=str(error),
            fix="run the check again; a pooler or the server ended the session",
        )
    if error.pgcode == errorcodes.QUERY_CANCELED:
        return CannotLookError(
            name,
            f"a query of its catalog took longer than {limits.statement_ms / 1000:g} s",
            fix="--statement-timeout-s gives it more",
        )
    if error.pgcode == errorcodes.LOCK_NOT_AVAILABLE:
        return CannotLookError(
            name,
            f"a table was locked for longer than {limits.lock_ms / 1000:g} s: DDL is running there",
            fix="run the check again when it has ended",
        )
    said = error.diag.message_primary or str(error)
    if error.pgcode == errorcodes.INSUFFICIENT_PRIVILEGE:
        assert target.address is not None
        return CannotLookError(
            name,
            f"the role {target.address.user} may not read the catalog: {said}",
            fix="every role may, unless that was revoked: GRANT SELECT on what is named to it",
        )
    return CannotLookError(name, f"PostgreSQL refused to be read: {said}")
