"""The guard's own connections: what the environment says cannot redirect or change them."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.notices import bound
from pytest_schemaguard.servers.settings import Settings
from pytest_schemaguard.sqltext.spelling import SEARCH_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address

CONNECT_TIMEOUT_S = 10


def connect(
    address: Address,
    *,
    token: str | None = None,
    owner: str | None = None,
    settings: Settings = Settings.GUARD,
    major: int | None = None,
    superuser: bool = False,
) -> Any:
    """A psycopg2 connection in autocommit mode to exactly this address.

    With a token, the server must show it in the comment on the role `owner`. `major` is the
    server's version, where it is known, and `superuser` whether the user is one: both decide which
    `settings` there are. Raises ServerError.

    Without `hostaddr=''` PGHOSTADDR wins over the host named here; PGSERVICE, PGOPTIONS, PGTZ and
    their like have no such remedy, so they are out of the environment while libpq looks
    (https://www.postgresql.org/docs/current/libpq-envars.html).
    """
    import psycopg2

    named = {"client_encoding": "UTF8", **dict(address.options)}
    options = settings.options(major=major, superuser=superuser)
    if options:
        # Of two that set the same, the last one counts.
        named["options"] = f"{named.get('options', '')} {options}".strip()
        named["client_encoding"] = "UTF8"
    parameters = {
        "hostaddr": "",
        "options": "",
        "application_name": "schema-guard",
        "connect_timeout": CONNECT_TIMEOUT_S,
        **named,
        "host": address.host,
        "port": address.port,
        "user": address.user,
        "dbname": address.database,
    }
    if address.password:
        parameters["password"] = address.password
    try:
        with _variables.hidden():
            connection = psycopg2.connect(**parameters)
    except psycopg2.OperationalError as error:
        raise ServerError(
            address.safe,
            "cannot connect",
            detail=_without(str(error), address.password),
            fix=_NO_POOLER if "startup parameter" in str(error) else None,
        ) from error
    connection.autocommit = True
    bound(connection)
    try:
        _verify(connection, address, token=token, owner=owner or address.user, settings=settings)
    except BaseException:
        connection.close()
        raise
    return connection


def _verify(
    connection: Any, address: Address, *, token: str | None, owner: str, settings: Settings
) -> None:
    """Raises ServerError: another server, or one that has not heard the start-up options."""
    import psycopg2

    if token is None and settings is not Settings.GUARD:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(_IDENTITY, (owner,))
            search_path, comment = cursor.fetchone()
    except psycopg2.Error as error:
        raise ServerError(
            address.safe,
            "the session began, and its first query failed",
            detail=str(error).strip(),
            fix="look at what ALTER DATABASE and ALTER ROLE set there",
        ) from error
    if settings is Settings.GUARD and search_path != SEARCH_PATH:
        raise ServerError(
            address.safe,
            f"the session begins with the search_path {search_path}, and not with the one that "
            "the guard has asked for",
            fix=_NO_POOLER,
        )
    if token is not None and token not in (comment or ""):
        raise ServerError(
            address.safe,
            "another server than the one of this run answers there",
            fix="look for a proxy or a second server at this host and port",
        )


_NO_POOLER = (
    "name PostgreSQL itself, not a pooler such as PgBouncer: the guard sets what its sessions "
    "begin with in their start-up options"
)
# Qualified, since the search_path of a session with its database's own settings is the owner's.
_IDENTITY = """
    SELECT pg_catalog.current_setting('search_path'), (
        SELECT pg_catalog.shobj_description(oid, 'pg_authid')
        FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) %s
    )
"""


def run_comment(*, run: str, **facts: str) -> str:
    """The comment that marks a role or a database as made by a run."""
    return json.dumps({"schema-guard": run, **facts})


class _LibpqVariables:
    """Those of the environment, out of it while somebody connects, from whichever thread."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._connecting = 0
        self._hidden: dict[str, str] = {}

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        with self._mutex:
            self._connecting += 1
            for name in [name for name in os.environ if name.startswith("PG")]:
                self._hidden[name] = os.environ.pop(name)
        try:
            yield
        finally:
            with self._mutex:
                self._connecting -= 1
                if not self._connecting:
                    os.environ.update(self._hidden)
                    self._hidden.clear()


_variables = _LibpqVariables()


def _without(text: str, password: str) -> str:
    return text.replace(password, "***") if password else text
