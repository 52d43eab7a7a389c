"""The client's own deadline for each answer of a server: one that falls silent sends no timeout.

A server that is stopped, or a network that swallows packets, leaves libpq waiting for ever:
statement_timeout is the server's, and TCP's keepalives are answered by its kernel.
https://www.postgresql.org/docs/current/libpq-connect.html
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class

if TYPE_CHECKING:
    from collections.abc import Iterator

POLL_S = 0.1


class Deadlines:
    """Of the connections of one command. A thread of its own cuts those that are past theirs."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._open: dict[Any, float | None] = {}
        self._cut: set[Any] = set()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, connection: Any, *, answer_s: float) -> Iterator[None]:
        """Each statement of the connection ends within so many seconds, or it is cut."""
        deadlines = self

        class Watched(Cursor):  # type: ignore[misc] # psycopg2 has no types
            def execute(self, text: Any, values: Any = None) -> None:
                deadlines._set(connection, time.monotonic() + answer_s)
                try:
                    super().execute(text, values)
                finally:
                    deadlines._set(connection, None)

        connection.cursor_factory = Watched
        self._set(connection, None)
        try:
            yield
        finally:
            with self._mutex:
                del self._open[connection]

    def was_cut(self, connection: Any) -> bool:
        """Whether the connection was cut because nothing came."""
        return connection in self._cut

    def cut_all(self) -> None:
        """Ends every wait at once: whoever waits there meets a lost connection."""
        with self._mutex:
            for connection in self._open:
                _cut(connection)

    def _set(self, connection: Any, deadline: float | None) -> None:
        with self._mutex:
            self._open[connection] = deadline
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="schema-guard-deadlines", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(POLL_S)
            now = time.monotonic()
            with self._mutex:
                if not self._open:
                    self._thread = None
                    return
                late = [one for one, deadline in self._open.items() if deadline and deadline < now]
                for connection in late:
                    self._open[connection] = None
                    self._cut.add(connection)
                    _cut(connection)


def _cut(connection: Any) -> None:
    """Shuts the connection's socket down; libpq, which waits for it in another thread, wakes up."""
    with contextlib.suppress(OSError, psycopg2.InterfaceError):  # it is closed already
        number = os.dup(connection.fileno())
        with socket.socket(fileno=number) as one:
            one.shutdown(socket.SHUT_RDWR)
