"""`existing`: a server that a URL names. The guard makes and drops its own there, nothing else.

A run's role is marked by a comment that carries the run's id, made in one transaction with the
role; its databases belong to that role. A run is alive while one of its processes holds a session
advisory lock on its id, or while its keeper answers on this machine.
"""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers.owner import create_owner, primary
from pytest_schemaguard.servers.provider import OLDEST_MAJOR, WAYS_OUT, Missing, Server
from pytest_schemaguard.servers.sessions import connect
from pytest_schemaguard.servers.url import parse_url
from pytest_schemaguard.sqltext.identifiers import in_quotes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers.provider import Candidate, Wanted

LOCK_CLASS = 0x5347
"""The first key of the advisory locks; the second is the run's id. (`SG`)"""
PREFIX = "schema_guard_"

FACTS = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
       rolsuper, rolcreatedb, rolcreaterole, pg_is_in_recovery()
  FROM pg_catalog.pg_roles WHERE rolname = current_user
"""
ROLES = """
SELECT rolname, pg_catalog.shobj_description(oid, 'pg_authid') FROM pg_catalog.pg_roles
 WHERE pg_catalog.shobj_description(oid, 'pg_authid') LIKE '{"schema-guard":%'
"""
DATABASES = """
SELECT d.datname, pg_catalog.shobj_description(d.oid, 'pg_database'),
       pg_catalog.shobj_description(d.datdba, 'pg_authid')
  FROM pg_catalog.pg_database d WHERE d.datname LIKE 'schema\\_guard\\_%'
"""
LOCKED = """
SELECT DISTINCT objid::bigint FROM pg_catalog.pg_locks
 WHERE locktype = 'advisory' AND objsubid = 2 AND classid = %s AND granted
"""


class Existing:
    name = "existing"

    def find(self, wanted: Wanted) -> Candidate | Missing:
        """Raises ServerError when the URL cannot be read."""
        return ExistingServer(address=parse_url(wanted.provider))


@dataclass(frozen=True, kw_only=True)
class ExistingServer:
    """A Candidate that runs already."""

    address: Address

    @property
    def words(self) -> str:
        return f"PostgreSQL at {self.address.safe}, in databases of its own"

    def start(self, wanted: Wanted, run: Run) -> Server:
        """Raises ServerError: unreachable, the wrong major, or a user who may not do enough."""
        connection = alive(self.address, run)
        with connection.cursor() as cursor:
            cursor.execute(FACTS)
            number, version, is_superuser, *may = cursor.fetchone()
        major = number // 10000
        self._check(wanted, major, version, is_superuser, may)
        sweep(connection, keep=run.id)
        confined_to = f"{PREFIX}{run.id}_"
        owner = f"{confined_to}owner"
        token = create_owner(connection, owner, run)
        if not is_superuser:
            # Who makes databases for a role must be its member; since 16 making it is not enough.
            with connection.cursor() as cursor:
                cursor.execute(f"GRANT {in_quotes(owner)} TO CURRENT_USER")
        return Server(
            provider=Existing.name,
            version=version.split()[0],
            major=major,
            origin=self.address.safe,
            admin=self.address,
            is_superuser=is_superuser,
            owner=replace(
                self.address.logged_in_as(owner, run.password(owner)), confined_to=confined_to
            ),
            token=token,
            reach=f"the server is the one that was named, with its network: {WAYS_OUT}",
        )

    def _check(
        self, wanted: Wanted, major: int, version: str, is_superuser: bool, may: list[bool]
    ) -> None:
        may_create_databases, may_create_roles, in_recovery = may
        subject = self.address.safe
        if not wanted.supports(major):
            needed = (
                f"`postgres = {wanted.major}` is configured"
                if wanted.major is not None
                else f"the guard needs {OLDEST_MAJOR} or newer"
            )
            raise ServerError(
                subject,
                f"it runs PostgreSQL {version.split(maxsplit=1)[0]}, but {needed}",
                fix="name a server of that version, or none: a throwaway one is started",
            )
        if in_recovery:
            raise ServerError(
                subject,
                "it is a standby, on which no database can be created",
                fix="name its primary, or better a server that is not production's",
            )
        lacking = [
            name
            for name, allowed in (
                ("CREATEDB", may_create_databases),
                ("CREATEROLE", may_create_roles),
            )
            if not (allowed or is_superuser)
        ]
        if lacking:
            raise ServerError(
                subject,
                f"the role {self.address.user} lacks {' and '.join(lacking)}: "
                "the guard makes databases and a role of its own there",
                fix="run as a superuser: "
                f"ALTER ROLE {in_quotes(self.address.user)} {' '.join(lacking)};",
            )


def alive(address: Address, run: Run) -> Any:
    """This process's connection whose lock says that the run is alive; opened once per process.

    Taken before anything is made, so that no other run sweeps it.
    """

    def make() -> Any:
        connection = connect(address)
        with connection.cursor() as cursor:
            cursor.execute("SET idle_session_timeout = 0")
            cursor.execute(
                "SELECT pg_catalog.pg_advisory_lock_shared(%s, %s)", (LOCK_CLASS, _signed(run.id))
            )
        return connection

    return run.hold(f"alive at {address.url()}", make, close=lambda connection: connection.close())


def clear(server: Server, run_id: str) -> None:
    """Drop what the run made, and what it kept others from dropping. Raises ServerError."""
    import psycopg2

    connection = connect(server.admin)
    try:
        drop_runs(connection, lambda run: run == run_id)
        sweep(connection, keep=run_id)
    except psycopg2.Error as error:
        raise ServerError(
            server.origin,
            f"what this run made there could not be dropped: {primary(error)}",
            fix=f"drop the databases and roles whose names begin with {PREFIX}{run_id}_, or let "
            "the next run do it",
        ) from error
    finally:
        connection.close()


def sweep(connection: Any, *, keep: str) -> None:
    """Drop what dead runs left. A run whose state is not known counts as alive."""
    with connection.cursor() as cursor:
        # Marks before locks: a run takes its lock before it makes anything.
        marks = _marks(cursor)
        cursor.execute(LOCKED, (LOCK_CLASS,))
        locked = {row[0] for row in cursor.fetchall()}
    dead = {
        run
        for run, mark in marks.items()
        if run != keep and int(run, 16) not in locked and not _keeper_answers(mark)
    }
    drop_runs(connection, dead.__contains__, all_of_it=False)


def drop_runs(connection: Any, chosen: Callable[[str], bool], *, all_of_it: bool = True) -> None:
    """Drop databases and roles of the chosen runs (a predicate of the run's id).

    Without `all_of_it` what this user may not drop stays, for a run of the user who made it.
    """
    import psycopg2

    stays: tuple[type[psycopg2.Error], ...] = ()
    if not all_of_it:
        stays = (psycopg2.errors.InsufficientPrivilege,)
    with connection.cursor() as cursor:
        cursor.execute(DATABASES)
        for name, own_comment, owner_comment in cursor.fetchall():
            run = _run_in(own_comment) or _run_in(owner_comment)
            if run is not None and chosen(run) and name.startswith(f"{PREFIX}{run}_"):
                with contextlib.suppress(*stays):
                    cursor.execute(f"DROP DATABASE IF EXISTS {in_quotes(name)} WITH (FORCE)")
        cursor.execute(ROLES)
        for name, comment in cursor.fetchall():
            run = _run_in(comment)
            if run is None or not chosen(run):
                continue
            # A role of a baseline that another run's databases grant things to: that run drops it
            # at its end.
            with contextlib.suppress(psycopg2.errors.DependentObjectsStillExist, *stays):
                cursor.execute(f"DROP ROLE IF EXISTS {in_quotes(name)}")


def _marks(cursor: Any) -> dict[str, dict[str, str]]:
    """What the comments say of each run: its id, with host and folder where they say so."""
    marks: dict[str, dict[str, str]] = {}
    cursor.execute(ROLES)
    comments = [comment for _, comment in cursor.fetchall()]
    cursor.execute(DATABASES)
    comments += [comment for row in cursor.fetchall() for comment in row[1:]]
    for comment in comments:
        run = _run_in(comment)
        if run is not None:
            marks.setdefault(run, {}).update(json.loads(comment))
    return marks


def _run_in(comment: str | None) -> str | None:
    """The id of the run that wrote the comment; None when none did."""
    try:
        run = json.loads(comment or "")["schema-guard"]
        int(run, 16)
    except (ValueError, TypeError, KeyError):
        return None
    return str(run)


def _keeper_answers(mark: dict[str, str]) -> bool:
    """Whether the run's keeper is there, on this machine; alive, too, if that cannot be seen."""
    if mark.get("host") != socket.gethostname() or "folder" not in mark:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(Path(mark["folder"]) / "keeper"))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
    return True


def _signed(run_id: str) -> int:
    number = int(run_id, 16)
    return number - 2**32 if number >= 2**31 else number
