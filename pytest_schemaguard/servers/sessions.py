"""The guard's own connections: what the environment says cannot redirect or change them."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address

CONNECT_TIMEOUT_S = 10


def connect(address: Address, *, token: str | None = None, owner: str | None = None) -> Any:
    """A psycopg2 connection in autocommit mode to exactly this address.

    With a token, the server must show it in the comment on the role `owner`. Raises ServerError.
    Without `hostaddr=''` PGHOSTADDR wins over the host named here; PGSERVICE, PGOPTIONS, PGTZ and
    their like have no such remedy, so they are out of the environment while libpq looks
    (https://www.postgresql.org/docs/current/libpq-envars.html).
    """
    import psycopg2

    parameters = {
        "hostaddr": "",
        "options": "",
        "application_name": "schema-guard",
        "client_encoding": "UTF8",
        "connect_timeout": CONNECT_TIMEOUT_S,
        **dict(address.options),
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
            address.safe, "cannot connect", detail=_without(str(error), address.password)
        ) from error
    connection.autocommit = True
    if token is not None and token not in comment_on_role(connection, owner or address.user):
        connection.close()
        raise ServerError(
            address.safe,
            "another server than the one of this run answers there",
            fix="look for a proxy or a second server at this host and port",
        )
    return connection


def comment_on_role(connection: Any, role: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_catalog.shobj_description(oid, 'pg_authid')"
            " FROM pg_catalog.pg_roles WHERE rolname = %s",
            (role,),
        )
        row = cursor.fetchone()
    return (row and row[0]) or ""


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
