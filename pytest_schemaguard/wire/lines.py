"""A line: what listens for one run of something, and leads to one server."""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.wire import frames, startup
from pytest_schemaguard.wire.conductor import Conductor, Order
from pytest_schemaguard.wire.ends import End
from pytest_schemaguard.wire.session import CONNECT_S, Session

if TYPE_CHECKING:
    from pytest_schemaguard.wire.relay import Loop

BACKLOG = 512
MOST_SESSIONS = 500
MOST_BYTES = 256 << 20
"""Of statements' texts, for one line: they are kept in memory."""
_UNENCRYPTED = {"disable", "allow"}


class Line:
    """One address at which clients are taken, and all that they send there."""

    def __init__(
        self,
        loop: Loop,
        *,
        path: str,
        host: str,
        name: str,
        port: int,
        options: dict[str, str],
        confined_to: str,
        is_read: bool,
        orders: list[list[Any]],
    ) -> None:
        """Raises OSError where it cannot listen."""
        self.loop = loop
        self.confined_to = confined_to
        self.is_read = is_read
        self.is_encrypted = not host.startswith("/")
        """Whether the server's end may be: then it offers what the client cannot do without."""
        self.conductor = Conductor([Order(*one) for one in orders])
        self.server = f"{host}:{port}"
        self.sent = 0
        self.statements: list[dict[str, Any]] = []
        self.bytes = 0
        self.refused: list[str] = []
        self.lost: list[int] = []
        self.cut: list[int] = []
        self.held: dict[int, Session] = {}
        """By number of the hold."""
        self._holds = 0
        self._host, self._name, self._port, self._options = host, name, port, options
        self._sessions: set[Session] = set()
        self._listening: list[socket.socket] = []
        self._path = path
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            one.bind(path)
        except OSError:
            one.close()
            raise
        self.listen_on(one)

    def listen_on(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self._listening.append(listening)
        self.loop.watch(listening.fileno(), select.POLLIN, lambda _: self._accept(listening))

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:  # nobody is there any more
                return
            if len(self._sessions) < MOST_SESSIONS:
                self._sessions.add(Session(near, self))
                continue
            fact = f"pytest-schemaguard's wire takes {MOST_SESSIONS} connections at once, no more"
            self.refused.append(f"opened more than {MOST_SESSIONS} connections at once")
            near.settimeout(0)
            with suppress(OSError):
                near.send(frames.error(startup.NO_ROOM, fact))
            near.close()

    def connect_at_once(self) -> End | None:
        """To a server by its socket; None where that must be waited for."""
        if self.is_encrypted:
            return None
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.setblocking(False)
            far.connect(f"{self._host}/.s.PGSQL.{self._port}")
        except OSError:
            far.close()
            return None
        return End(far)

    def connect(self) -> End:
        """To the server; waits for it. Raises OSError."""
        if self._host.startswith("/"):
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            far = socket.create_connection((self._host, self._port), CONNECT_S)
        try:
            if self._host.startswith("/"):
                far.settimeout(CONNECT_S)
                far.connect(f"{self._host}/.s.PGSQL.{self._port}")
                return End(far)
            if self._options.get("sslmode") in _UNENCRYPTED:
                return End(far)
            from pytest_schemaguard.wire import tls

            return tls.encrypted(far, self._name, self._options)
        except BaseException:
            far.close()
            raise

    # What sessions tell

    def keep(self, told: dict[str, Any]) -> None:
        """A statement, as it is sent."""
        self.sent += 1
        told["number"] = self.sent
        self.bytes += len(told["sql"]) if self.is_read else 0
        if self.is_read and not self.is_too_much:
            self.statements.append(told)

    def hold(self, session: Session) -> None:
        self._holds += 1
        self.held[self._holds] = session

    def ended(self, session: Session) -> None:
        self._sessions.discard(session)
        self.held = {number: one for number, one in self.held.items() if one is not session}

    # What the guard wants

    @property
    def is_quiet(self) -> bool:
        """Whether every client that has gone is done with, and nobody has something to say."""
        if any(one.is_gone for one in self._sessions):
            return False
        ends = select.poll()
        for number in [one.near_number for one in self._sessions]:
            ends.register(number, select.POLLIN)
        for one in self._listening:
            ends.register(one, select.POLLIN)
        return not ends.poll(0)

    @property
    def is_too_much(self) -> bool:
        return self.bytes > MOST_BYTES

    @property
    def open(self) -> list[int]:
        """The server's processes that clients are still connected to."""
        return [one.transcript.session for one in self._sessions]

    def close(self) -> None:
        for session in list(self._sessions):
            session.close()
        for one in self._listening:
            self.loop.watch(one.fileno(), 0, lambda _: None)
            one.close()
        with suppress(OSError):
            os.unlink(self._path)  # noqa: PTH108 - no pathlib here
