"""Where a line's clients are taken: a socket in a folder, and those that are handed over."""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_schemaguard.wire import frames, startup
from pytest_schemaguard.wire.session import Session

if TYPE_CHECKING:
    from pytest_schemaguard.wire.line import Line

BACKLOG = 512
MOST_SESSIONS = 500


class Listening:
    """The sockets and the sessions of one line."""

    def __init__(self, line: Line, path: str) -> None:
        """Raises OSError where it cannot listen."""
        self.line = line
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
        self.line.loop.watch(listening.fileno(), select.POLLIN, lambda _: self._accept(listening))

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:  # nobody is there any more
                return
            if len(self._sessions) < MOST_SESSIONS:
                self._sessions.add(Session(near, self.line, self))
                continue
            fact = f"pytest-schemaguard's wire takes {MOST_SESSIONS} connections at once, no more"
            self.line.refuse(f"opened more than {MOST_SESSIONS} connections at once")
            near.settimeout(0)
            with suppress(OSError):
                near.send(frames.error(startup.NO_ROOM, fact))
            near.close()

    def ended(self, session: Session) -> None:
        self._sessions.discard(session)

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

    def hurry(self) -> None:
        """Cut the sessions that go on at the server without their client."""
        for session in [one for one in self._sessions if one.is_gone]:
            self.line.late.append("a session went on without its client, and was cut")
            session.cut()

    @property
    def open(self) -> list[int]:
        """The server's processes that clients are still connected to."""
        return [one.transcript.session for one in self._sessions]

    def close(self) -> None:
        for session in list(self._sessions):
            session.close()
        for one in self._listening:
            self.line.loop.watch(one.fileno(), 0, lambda _: None)
            one.close()
        with suppress(OSError):
            os.unlink(self._path)  # noqa: PTH108 - no pathlib here
