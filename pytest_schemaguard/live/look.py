"""One look at one database: a connection of its own, a transaction that cannot write, an end.

Whatever keeps it from looking is told in words, with what to do about it.
"""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import errorcodes

from pytest_schemaguard.catalog.fetch import HeldTooLongError, VanishedError
from pytest_schemaguard.catalog.transaction import Limits, read_only
from pytest_schemaguard.errors import GuardError, ServerError
from pytest_schemaguard.live.catalogs import Catalog, catalog_of, catalogs_of
from pytest_schemaguard.servers.provider import OLDEST_MAJOR
from pytest_schemaguard.servers.sessions import CONNECT_TIMEOUT_S, connect
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from pytest_schemaguard.live.deadlines import Deadlines
    from pytest_schemaguard.live.targets import Target

NEWEST_MAJOR = 18
"""The newest version that the queries of the catalog were tried on."""
SERVERS_OWN_MAJOR = 10000
LONGEST_CONNECT_S = 60
NAMED = 8
"""How many of a database's schemas are named where none matches."""
SCHEMAS = """
SELECT nspname FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1
"""
_GONE_MEANWHILE = {
    errorcodes.INTERNAL_ERROR,  # could not open relation with OID, cache lookup failed for ...
    errorcodes.UNDEFINED_TABLE,
    errorcodes.UNDEFINED_OBJECT,
    errorcodes.UNDEFINED_FUNCTION,
    errorcodes.UNDEFINED_COLUMN,
    errorcodes.INVALID_SCHEMA_NAME,
}
"""What PostgreSQL answers about an object that was dropped after the snapshot was taken."""


class CannotLookError(GuardError):
    """A database that could not be looked at: the others are."""


class MeanwhileError(CannotLookError):
    """DDL ran there, or the connection was lost: another look may succeed."""


class SilentError(CannotLookError):
    """Nothing answered in time."""


@contextmanager
def looking_at(
    target: Target,
    *,
    limits: Limits,
    deadlines: Deadlines,
    turn: Callable[[], AbstractContextManager[None]],
) -> Iterator[Any]:
    """A cursor that can only read, in one moment of this database, when it is its turn.

    It asks for no right but that to connect: the catalog is open to every role. Raises
    CannotLookError.
    """
    answer_s = (limits.statement_ms + limits.silence_ms) / 1000
    with (
        closing(_connected(target)) as connection,
        deadlines.watching(connection, answer_s=answer_s),
        turn(),
    ):
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
            if deadlines.was_cut(connection):
                raise SilentError(
                    target.name,
                    f"the server did not answer for {answer_s:g} s: its connection was cut",
                    fix="look at the server and at the network between, and run the check again",
                ) from error
            raise _why(target, error, connection, limits) from error
        except VanishedError as error:
            raise _changing(target, f"a {error} was dropped meanwhile") from error
        except HeldTooLongError as error:
            raise CannotLookError(
                target.name,
                f"to read one {error} took longer than {limits.held_ms / 1000:g} s, for which "
                "PostgreSQL locks its tables (ACCESS SHARE)",
                fix="run the check again when the server has less to do, or check a dump of it: "
                "pg_dump --schema-only",
            ) from error


def catalogs_at(
    target: Target,
    *,
    schemas: str | None,
    called: str | None,
    exclude: Sequence[str],
    limits: Limits,
    deadlines: Deadlines,
    turn: Callable[[], AbstractContextManager[None]],
) -> tuple[dict[Target, Catalog], str | None]:
    """The target's catalog, or with a pattern of schemas each tenant's; and what is to be said.

    After DDL meanwhile, and after a lost connection, it looks once more. Raises CannotLookError.
    """

    def look() -> tuple[dict[Target, Catalog], str | None]:
        with looking_at(target, limits=limits, deadlines=deadlines, turn=turn) as cursor:
            said = newer_than_known(cursor)
            if schemas is None:
                return {target: catalog_of(cursor, exclude=exclude, limits=limits)}, said
            names = _matching(cursor, target, schemas)
            assert called is not None
            found = catalogs_of(cursor, names, called=called, exclude=exclude, limits=limits)
            return {replace(target, schema=name): one for name, one in found.items()}, said

    try:
        return look()
    except MeanwhileError:
        return look()


def newer_than_known(cursor: Any) -> str | None:
    """What is to be said of a server that is newer than this package; None where it is not."""
    major = cursor.connection.info.server_version // SERVERS_OWN_MAJOR
    if major <= NEWEST_MAJOR:
        return None
    return (
        f"it runs PostgreSQL {major}, newer than the {NEWEST_MAJOR} that this version of "
        "pytest-schemaguard knows: what is new there is not compared"
    )


def _connected(target: Target) -> Any:
    assert target.address is not None
    options = dict(target.address.options)
    timeout = options.pop("connect_timeout", "")
    # 0 would be without end: https://www.postgresql.org/docs/current/libpq-connect.html
    limit_s = int(timeout) if timeout.isdecimal() and int(timeout) > 0 else CONNECT_TIMEOUT_S
    options["connect_timeout"] = str(min(limit_s, LONGEST_CONNECT_S))
    began = time.monotonic()
    try:
        # A pooler may refuse start-up options: read_only() sets what matters in the transaction.
        return connect(
            replace(target.address, options=tuple(options.items())), settings=Settings.OWN
        )
    except ServerError as error:
        silent = time.monotonic() - began >= limit_s - 1
        raise (SilentError if silent else CannotLookError)(
            target.name,
            "cannot connect",
            detail=error.detail,
            fix="look at the host, the role and its password (in the URL, or in ~/.pgpass)",
        ) from None


def _matching(cursor: Any, target: Target, pattern: str) -> list[str]:
    cursor.execute(SCHEMAS)
    there = [name for (name,) in cursor.fetchall()]
    found = [name for name in there if fnmatchcase(name, pattern)]
    if not found:
        more = " and more" if len(there) > NAMED else ""
        raise CannotLookError(
            target.name,
            f"no schema matches {pattern}",
            fix=f"it has {', '.join(there[:NAMED])}{more}",
        )
    return found


def _changing(target: Target, what: str) -> MeanwhileError:
    return MeanwhileError(
        target.name,
        f"DDL ran there while its catalog was read, twice: {what}",
        fix="run the check again when it has ended",
    )


def _why(target: Target, error: psycopg2.Error, connection: Any, limits: Limits) -> CannotLookError:
    name = target.name
    if connection.closed or error.pgcode is None:
        return MeanwhileError(
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
    if error.pgcode in _GONE_MEANWHILE:
        return _changing(target, said)
    if error.pgcode == errorcodes.INSUFFICIENT_PRIVILEGE:
        assert target.address is not None
        return CannotLookError(
            name,
            f"the role {target.address.user} may not read the catalog: {said}",
            fix="every role may, unless that was revoked: GRANT SELECT on what is named to it",
        )
    return CannotLookError(name, f"PostgreSQL refused to be read: {said}")
