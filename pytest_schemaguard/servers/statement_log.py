"""What sessions of one database sent to the server, as its log tells.

Programs of all languages are seen alike this way, and so is what they do not tell: an error that
they have caught, a transaction that they have not committed. The log's format is elog.c's: a line
that goes on begins with a tab, whatever a statement holds, so that no statement can pass for
another line. `log_line_prefix` is private.SETTINGS's
(https://www.postgresql.org/docs/current/runtime-config-logging.html).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.sqltext.identifiers import in_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.servers.provider import Server

DEADLINE_S = 10.0
"""How long the log may take to show what was written; a container's goes through its engine."""
POLL_S = 0.01
MOST_BYTES = 256 << 20
"""Of the log, for one command: it is read into memory."""


@dataclass(frozen=True, kw_only=True)
class LoggedError:
    """What PostgreSQL answered in place of a result, without passwords."""

    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    position: int | None = None
    """The character of the statement that it points at, counted from 1."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One message to the server: a statement, or several in one text."""

    session: int
    """The server's process that it was sent to."""
    sql: str
    """As it was sent: it may hold passwords, which whoever shows it cuts out."""
    error: LoggedError | None = None


class Recording:
    """What was sent while it ran; to be read when it has ended."""

    def __init__(self) -> None:
        self.sent: tuple[Sent, ...] | None = None
        """In the log's order; None where the log is not the guard's, and nothing was seen."""


@contextlib.contextmanager
def record(databases: Databases, name: str) -> Iterator[Recording]:
    """Everything that sessions of this database, save the guard's admin's, send meanwhile.

    Only sessions that begin meanwhile are seen whole. Raises ServerError where the log, which is
    the guard's, cannot be read.
    """
    recording = Recording()
    server = databases.server
    if server.log is None and server.container is None:
        yield recording
        return
    database = databases.full_name(name)
    alter = f"ALTER DATABASE {in_quotes(database)}"
    start = _end(server)
    first = _mark(databases, name, f"{alter} SET log_statement = 'all'")
    try:
        yield recording
    finally:
        last = _mark(databases, name, f"{alter} RESET log_statement")
    text = _between(server, start, first, last)
    recording.sent = read(text, database=database, without=server.admin.user)


def read(log: str, *, database: str, without: str) -> tuple[Sent, ...]:
    """What the log says of one database, but for the sessions of the user `without`."""
    found: list[Sent] = []
    latest: dict[int, int] = {}
    """By session, where in `found` its last statement stands."""
    for session, entry in _entries(log, database, without):
        sql, error = _sql(entry), _error(entry)
        if sql is None:
            continue
        one = Sent(session=session, sql=sql, error=error)
        place = latest.get(session)
        if error is not None and place is not None and found[place] == replace(one, error=None):
            found[place] = one
        else:
            latest[session] = len(found)
            found.append(one)
    return tuple(found)


_START = re.compile(r"\S+ \S+ \S+ \[(\d+)\] (\w{5}) (.*)", re.DOTALL)
"""`%m [%p] %e ` and the rest, `%u@%d `, of private.SETTINGS' log_line_prefix."""
_STATEMENT = re.compile(r"(?:statement|execute (?!fetch from )[^:]*): (.*)", re.DOTALL)
"""postgres.c: of the simple and of the extended protocol; a fetch goes on with what was sent."""
_ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
_DETAILS = frozenset({"DETAIL", "HINT", "QUERY", "CONTEXT", "STATEMENT"})
_POSITION = re.compile(r" at character (\d+)\Z")


def _entries(log: str, database: str, without: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each LOG line or error of the database, with the lines that belong to it."""
    place = re.compile(rf"(.*?)@{re.escape(database)} ([A-Z]+\d?):  (.*)", re.DOTALL)
    current: tuple[int, dict[str, str]] | None = None
    for line in lines(log):
        start = _START.fullmatch(line)
        there = start and place.fullmatch(start[3])
        if not start or not there or there[1] == without:
            continue
        session, (_, kind, text) = int(start[1]), there.groups()
        if kind in _DETAILS:
            # They are written together with what they belong to.
            if current is not None and current[0] == session:
                current[1][kind] = text
            continue
        if current is not None:
            yield current
        current = (session, {"kind": kind, "sqlstate": start[2], "text": text})
    if current is not None:
        yield current


def lines(log: str) -> Iterator[str]:
    """Each with the lines that go on with it."""
    whole: list[str] = []
    for line in log.split("\n"):  # splitlines() would split at characters within a statement
        if not line.startswith("\t") and whole:
            yield "\n".join(whole)
            whole = []
        whole.append(line.removeprefix("\t") if whole else line)
    yield "\n".join(whole)


def _sql(entry: dict[str, str]) -> str | None:
    if entry["kind"] in _ERRORS:
        return entry.get("STATEMENT")
    statement = _STATEMENT.fullmatch(entry["text"]) if entry["kind"] == "LOG" else None
    return statement and statement[1]


def _error(entry: dict[str, str]) -> LoggedError | None:
    if entry["kind"] not in _ERRORS:
        return None
    position = _POSITION.search(entry["text"])
    details = {name: entry.get(name.upper()) for name in ("detail", "hint", "context")}
    return LoggedError(
        sqlstate=entry["sqlstate"],
        message=entry["text"][: position.start()] if position else entry["text"],
        # In a function's own query it says nothing of the statement.
        position=int(position[1]) if position and "QUERY" not in entry else None,
        **details,
    )


# The log itself


def _mark(databases: Databases, name: str, sql: str) -> str:
    """Runs the SQL and writes a word of this moment into the log, which it returns."""
    mark = f"schema-guard-{secrets.token_hex(8)}"
    _execute(databases, name, (sql, f"DO $$BEGIN RAISE LOG '{mark}'; END$$"))
    return mark


def _execute(databases: Databases, name: str, statements: Iterable[str]) -> None:
    import psycopg2

    with databases.session(name, as_admin=True) as admin, admin.cursor() as cursor:
        for sql in statements:
            try:
                cursor.execute(sql)
            except psycopg2.Error as error:
                raise ServerError("PostgreSQL", f"{sql}: it failed", detail=str(error)) from error


def _end(server: Server) -> int:
    """Where a log that is a file ends now, in bytes."""
    return server.log.stat().st_size if server.log is not None else 0


def _between(server: Server, start: int, first: str, last: str) -> str:
    """The log from one mark to another. Raises ServerError where they do not come."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        text = _text(server, start)
        if first in text and last in text:
            return text[text.rindex(first) : text.index(last)]
        if time.monotonic() > deadline:
            raise ServerError(
                "PostgreSQL",
                f"its log does not show within {DEADLINE_S:.0f} s what was written to it",
                detail="\n".join(text.splitlines()[-5:]),
                fix="look whether the disk is full, or an image changes log_destination",
            )
        time.sleep(POLL_S)


def _text(server: Server, start: int) -> str:
    if server.log is None:
        from pytest_schemaguard.servers import docker

        assert server.container is not None
        return docker.log_tail(server.container, None)
    with server.log.open("rb") as file:
        size = file.seek(0, os.SEEK_END) - start
        if size > MOST_BYTES:
            raise ServerError(
                "PostgreSQL",
                f"what was sent to it takes {size >> 20} MB of its log, and more than "
                f"{MOST_BYTES >> 20} MB are not read",
                fix="let it send less at once: COPY is one statement, however many rows it has",
            )
        file.seek(start)
        return file.read(size).decode(errors="replace")
