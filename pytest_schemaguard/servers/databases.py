"""Databases of one run on one server: made, cloned, frozen into templates, dropped."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import sessions
from pytest_schemaguard.servers.log import log_tail
from pytest_schemaguard.servers.sessions import run_comment
from pytest_schemaguard.servers.settings import Settings
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers.provider import Server

QUIET_DEADLINE_S = 10.0
POLL_S = 0.001
LONGEST_NAME = 63
"""NAMEDATALEN - 1: PostgreSQL cuts longer names."""
FILE_COPY_SINCE = 15
DUPLICATE_DATABASE = "42P04"


class Databases:
    """What a process of the run does with databases; each process has its own."""

    def __init__(self, server: Server, run: Run, *, prefix: str = "") -> None:
        self.server = server
        self.run = run
        self.written = 0
        """Transactions of this object's that wrote while something else ran."""
        self._prefix = prefix
        self._admin: Any = None
        self._admin_pid = 0

    def full_name(self, name: str) -> str:
        """The name on the server: it carries the run's id, and is no longer than 63 bytes."""
        name = f"{self._prefix}{name}"
        full = f"schema_guard_{self.run.id}_{name}"
        if len(full.encode()) <= LONGEST_NAME:
            return full
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        start = full.encode()[: LONGEST_NAME - len(digest) - 1].decode(errors="ignore")
        return f"{start}_{digest}"

    def address(self, name: str) -> Address:
        """The database, logged in as its owner."""
        return self.server.owner.at(self.full_name(name))

    def exists(self, name: str) -> bool:
        rows = self._sql(
            "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", (self.full_name(name),)
        )
        return bool(rows)

    def create(self, name: str, *, template: str | None = None) -> None:
        """A database that belongs to the owner role: empty, or a clone of `template`.

        One of this name, which another process of the run has left half made, is replaced.
        Waits until nobody is connected to the template: CREATE DATABASE would sleep for 100 ms,
        or fail after 5 s. Raises ServerError after 10 s, naming who is.
        """
        own = self.server.provider != "existing"
        source, strategy = "template1" if own else "template0", ""
        if template is not None:
            source = self.full_name(template)
            self._wait_until_quiet(source)
        if self.server.major >= FILE_COPY_SINCE:
            # A copy of files is fastest, but forces a checkpoint, which others would feel.
            strategy = " STRATEGY FILE_COPY" if own else " STRATEGY WAL_LOG"
        full = in_quotes(self.full_name(name))
        statement = (
            f"CREATE DATABASE {full} OWNER {in_quotes(self.server.owner.user)}"
            f" TEMPLATE {in_quotes(source)}{strategy}"
        )
        try:
            self._sql(statement)
        except ServerError as error:
            if getattr(error.__cause__, "pgcode", None) != DUPLICATE_DATABASE:
                raise
            # A process of this run was killed while it worked there: what it left proves nothing.
            self.drop(name)
            self._sql(statement)
        if not own:
            self._sql(f"COMMENT ON DATABASE {full} IS {literal(run_comment(run=self.run.id))}")

    @contextlib.contextmanager
    def limited(self, name: str, *, statement_timeout_s: float) -> Iterator[None]:
        """How long a statement may take there meanwhile, in sessions that set nothing else."""
        timeout_ms = max(1, round(statement_timeout_s * 1000))
        full = in_quotes(self.full_name(name))
        self._sql(f"ALTER DATABASE {full} SET statement_timeout = {timeout_ms}")
        self.written += 1
        yield
        # It would be read as a setting that the migration has made.
        self._sql(f"ALTER DATABASE {full} RESET statement_timeout")
        self.written += 1

    def freeze(self, name: str) -> None:
        """Nobody may connect to it any more: it becomes a template."""
        self._sql(f"ALTER DATABASE {in_quotes(self.full_name(name))} ALLOW_CONNECTIONS false")

    def thaw(self, name: str) -> None:
        """Everybody who may can connect to it again."""
        self._sql(f"ALTER DATABASE {in_quotes(self.full_name(name))} ALLOW_CONNECTIONS true")

    def drop(self, name: str) -> None:
        """Gone, whoever is connected, and whether it existed or not."""
        self._sql(f"DROP DATABASE IF EXISTS {in_quotes(self.full_name(name))} WITH (FORCE)")

    def connect(
        self,
        name: str,
        *,
        as_admin: bool = False,
        settings: Settings | None = None,
        by: Address | None = None,
    ) -> Any:
        """A connection (autocommit) as the owner, or as the server's admin.

        Where nothing is said of `settings`, the owner's are the database's own, and the admin's are
        the guard's. It goes to this run's server whatever the environment says, or raises
        ServerError. `by` is another way to the same database, as the owner.
        """
        address = by or (self.server.admin if as_admin else self.server.owner)
        settings = settings or (Settings.GUARD if as_admin else Settings.OWN)
        return self._connect(address.at(self.full_name(name)), settings, as_admin=as_admin)

    @contextlib.contextmanager
    def session(
        self,
        name: str,
        *,
        as_admin: bool = False,
        settings: Settings | None = None,
        by: Address | None = None,
    ) -> Iterator[Any]:
        """connect(), closed at the end."""
        connection = self.connect(name, as_admin=as_admin, settings=settings, by=by)
        try:
            yield connection
        finally:
            connection.close()

    @contextlib.contextmanager
    def looking(self, name: str) -> Iterator[Any]:
        """A session as the owner in which the guard looks for itself, with its own settings."""
        with self.session(name, settings=Settings.GUARD) as owner:
            yield owner

    def execute_marking_roles(self, cursor: Any, statement: str) -> None:
        """Execute it; the roles that it creates go when the run ends. Raises psycopg2.Error.

        Roles live on the server, not in a database; on a server of our own they end with it. On
        another the statement and the marks are one transaction, so that a killed run leaves no role
        without its mark, and a repeatable read sees no role that somebody else creates meanwhile
        (https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ). What
        refuses a transaction runs without.
        """
        import psycopg2
        from psycopg2 import errors

        if self.server.provider != "existing" or _is_open(cursor.connection):
            cursor.execute(statement)
            return
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        there = _roles(cursor)
        try:
            cursor.execute(statement)
            if _is_open(cursor.connection):
                comment = literal(run_comment(run=self.run.id))
                for name in _roles(cursor) - there:
                    cursor.execute(f"COMMENT ON ROLE {in_quotes(name)} IS {comment}")
                cursor.execute("COMMIT")
        except (errors.ActiveSqlTransaction, errors.InvalidTransactionTermination):
            cursor.execute("ROLLBACK")
            cursor.execute(statement)
        except psycopg2.Error:
            if not cursor.connection.closed:
                cursor.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close this process's connection; the databases stay until the run ends."""
        if self._admin is not None and self._admin_pid == os.getpid():
            self._admin.close()
        self._admin = None

    def _connect(self, address: Address, settings: Settings, *, as_admin: bool) -> Any:
        server = self.server
        try:
            return sessions.connect(
                address,
                token=server.token,
                owner=server.owner.user,
                settings=settings,
                major=server.major,
                superuser=as_admin and server.is_superuser,
            )
        except ServerError as error:
            error.detail = self._with_log(error.detail)
            raise

    def _with_log(self, said: str | None) -> str:
        """A server of our own that failed tells why in its log."""
        return "\n".join(text for text in ((said or "").strip(), log_tail(self.server)) if text)

    def _sql(self, statement: str, values: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        import psycopg2

        if self._admin is None or self._admin.closed or self._admin_pid != os.getpid():
            self._admin = self._connect(self.server.admin, Settings.GUARD, as_admin=True)
            self._admin_pid = os.getpid()
        try:
            with self._admin.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            raise ServerError(
                self.server.origin,
                f"{statement.split(' OWNER ', maxsplit=1)[0]}: it failed",
                detail=self._with_log(str(error)),
            ) from error

    def _wait_until_quiet(self, database: str) -> None:
        deadline = time.monotonic() + QUIET_DEADLINE_S
        while True:
            rows = self._sql(
                "SELECT pid, usename, application_name, state, query"
                " FROM pg_catalog.pg_stat_activity WHERE datname = %s",
                (database,),
            )
            if not rows:
                return
            if time.monotonic() > deadline:
                raise ServerError(
                    database,
                    f"{len(rows)} sessions are still connected after {QUIET_DEADLINE_S:.0f} s, "
                    "so that it cannot be cloned",
                    detail="\n".join(
                        f"pid {pid}, {user}, {application or 'no name'}, {state}: {query}"
                        for pid, user, application, state, query in rows
                    ),
                    fix="close these connections",
                )
            time.sleep(POLL_S)


def _roles(cursor: Any) -> set[str]:
    cursor.execute("SELECT rolname FROM pg_catalog.pg_roles")
    return {name for (name,) in cursor.fetchall()}


def _is_open(connection: Any) -> bool:
    """Whether a transaction is open."""
    return bool(connection.get_transaction_status())
