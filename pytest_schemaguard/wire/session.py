"""A client's connection and the server's, and what passes between them."""

from __future__ import annotations

import socket
import threading
from collections import deque
from select import POLLIN, POLLOUT
from typing import TYPE_CHECKING, Protocol

from pytest_schemaguard.wire import frames, startup
from pytest_schemaguard.wire.ends import CHUNK, FULL, End
from pytest_schemaguard.wire.pause import Pause
from pytest_schemaguard.wire.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_schemaguard.wire.conductor import Order
    from pytest_schemaguard.wire.frames import Piece
    from pytest_schemaguard.wire.line import Line

LAST_WORDS_S = 1.0
"""How long a client may take to close its end when the server's is gone."""
_WORK = frozenset({b"Q", b"S", b"F"})
"""What the server answers with ReadyForQuery."""
_LAST = frozenset({b"C", b"E", b"I", b"s"})


class Office(Protocol):
    """Who has taken the connection."""

    def listen_on(self, listening: socket.socket) -> None:
        """Take clients there too."""

    def ended(self, session: Session) -> None: ...


class Session:
    """One connection of a client, from its first byte on. All of it runs in the loop's thread."""

    def __init__(self, near: socket.socket, line: Line, office: Office) -> None:
        self.line = line
        self._office = office
        self.transcript = Transcript(line.keep, line.notices.append)
        self.is_closed = False
        self.is_gone = False
        """Whether nothing more comes from the client."""
        self._near = End(near)
        self._far: End | None = None
        self._first = b""
        self._held: deque[Piece] = deque()
        """What came from the client, and may not pass yet."""
        self._back = b""
        """What came from the server, and the client is not to hear yet."""
        self._pause = Pause(self)
        self._is_busy = True
        """Whether the server has something to do, and has not said that it is ready."""
        self._in_batch = False
        self._is_leaving = False
        """Whether the client has said goodbye."""
        self._is_ending = False
        self._is_fatal = False
        self._is_passed_on = False
        """Whether nobody reads: a CancelRequest, and a line that is not recorded."""
        self._from_client = frames.Reader(frames.CLIENT)
        self._from_server = frames.Reader(frames.SERVER)
        self._take: Callable[[], None] = self._begin
        self._watched: dict[int, int] = {}
        self.watch()

    @property
    def near_number(self) -> int:
        return self._near.number

    @property
    def is_after(self) -> bool:
        """Whether the server has answered what the client has not heard yet."""
        return bool(self._back)

    def ask(self, question: bytes, kept: Mapping[bytes, int]) -> None:
        """Send the server this, and read so much of what it answers."""
        assert self._far is not None
        self._from_server.kept = kept
        self._far.write(question)

    def watch(self) -> None:
        """Ask the loop for what is of use now. An end that is not watched waits in the kernel."""
        if self.is_closed:
            return
        far = self._far
        near_in = not self.is_gone and not self._held
        if far is None:
            near_in = near_in and (self._take == self._begin or self._is_ending)
        else:
            near_in = near_in and len(far.left) < FULL
            far_in = not self._is_ending and len(self._near.left) < FULL
            self._ask(far, far_in, self.far)
        self._ask(self._near, near_in, self.near)
        if self._is_ending and self.is_gone:
            self.close()

    # What the loop calls

    def near(self, events: int) -> None:
        """Something has happened at the client's end."""
        self._guarded(events, self._near, self._take)

    def far(self, events: int) -> None:
        """Something has happened at the server's end."""
        assert self._far is not None
        self._guarded(events, self._far, self._answer)

    def _guarded(self, events: int, end: End, take: Callable[[], None]) -> None:
        try:
            if events & POLLOUT or end.left:
                end.flush()
            if events & ~POLLOUT and self._watched.get(end.number, 0) & POLLIN:
                take()
        except startup.RefusedError as refused:
            self.line.refuse(refused.tried)
            self._end(refused.message)
        except frames.NoMessageError as error:
            self.line.refuse(f"sent what is no message of PostgreSQL's protocol: {error}")
            self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        self.watch()

    def _ask(self, end: End, is_read: bool, handler: Callable[[int], None]) -> None:
        wanted = (POLLIN if is_read else 0) | (POLLOUT if end.left else 0)
        if wanted != self._watched.get(end.number, 0):
            self._watched[end.number] = wanted
            self.line.loop.watch(end.number, wanted, handler)

    # How it begins

    def _begin(self) -> None:
        """The client's first messages. Raises RefusedError."""
        if self._near.socket.family == socket.AF_UNIX:
            data, lent, _, _ = socket.recv_fds(self._near.socket, CHUNK, 1)
            for number in lent:  # a socket to listen on, from where nobody else can
                self._office.listen_on(socket.socket(fileno=number))
                self._near.write(b"L")
        else:
            data = self._near.socket.recv(CHUNK)
        if not data:
            self.close()
            return
        self._first += data
        while (message := startup.first(self._first)) is not None:
            self._first = self._first[len(message) :]
            if message not in startup.ASKS_FOR_ENCRYPTION:
                break
            self._near.write(b"N")  # it goes no further than this machine
        if message is None:
            return
        self._is_passed_on = startup.is_cancel(message)
        self.line.begun += not self._is_passed_on
        if not self._is_passed_on:  # a cancel names its session by a secret key
            told = startup.parameters(message)
            if self.line.confined_to:
                startup.check(told, self.line.confined_to)
            self._is_passed_on = not (self.line.is_read or self.line.server.is_encrypted)
        self._take = self._said
        if (far := self.line.server.connect_at_once()) is not None:
            self._connected(far, message)
            return
        # In a thread: a name may take long to be found, and TLS to be agreed on.
        arguments = (message, self.line.server.connect)
        threading.Thread(target=self._connect, args=arguments, daemon=True).start()

    def _connect(self, first: bytes, connect: Callable[[], End]) -> None:
        try:
            far: End | OSError = connect()
        except OSError as error:
            far = error
        self.line.loop.call(lambda: self._connected(far, first))

    def _connected(self, far: End | OSError, first: bytes) -> None:
        if self.is_closed:
            if isinstance(far, End):
                far.close()
            return
        if isinstance(far, OSError):
            fact = f"pytest-schemaguard's wire cannot connect to {self.line.server}: {far}"
            self._end(frames.error(startup.NO_CONNECTION, fact))
        else:
            self._far = far
            far.write(first)
            if self._first:
                self._pass(self._first)
        self.watch()

    # From the client

    def _said(self) -> None:
        data = self._near.read()
        if data is None or self._is_ending:
            self.is_gone = self.is_gone or data == b""
            return
        if data:
            self._pass(data)
        else:
            self.is_gone = True
            self._pump()

    def _pass(self, data: bytes) -> None:
        if self._is_passed_on:
            assert self._far is not None
            self._far.write(data)
        else:
            self._held.extend(self._from_client.feed(data))
            self._pump()

    def _pump(self) -> None:
        """Pass on what the server may have now."""
        assert self._far is not None
        passed = []
        while self._held and self._may_pass(self._held[0].kind):
            piece = self._held.popleft()
            passed.append(piece.raw)
            self.transcript.client(piece)
            if piece.kind in _WORK:
                self._is_busy = True
            elif piece.kind == b"X":
                self._is_leaving = True
        if passed:
            self._far.write(b"".join(passed))
        if self.is_gone and not self._held:
            self._far.shut()

    def _may_pass(self, kind: bytes) -> bool:
        if kind == frames.REST:
            return True
        if self._is_busy or self._pause.is_on:
            return False
        if not self._in_batch and kind != b"X":
            self._in_batch = True
            if orders := self.line.conductor.before(self.line.sent + 1):
                self._pause.begin(orders)
                return not self._pause.is_on
        return True

    # From the server

    def _answer(self) -> None:
        assert self._far is not None
        data = self._far.read()
        if data is None:
            return
        if not data:
            self._lost()
        elif self._is_passed_on:
            self._near.write(data)
        else:
            self._heard(self._from_server.feed(data))

    def _heard(self, pieces: Sequence[Piece]) -> None:
        out: list[bytes] = []
        latest = b""
        for place, piece in enumerate(pieces):
            kind, raw = piece.kind, piece.raw
            if self._pause.takes(piece):
                continue
            if kind == b"R" and self.line.server.is_encrypted:
                raw = startup.without_channel_binding(piece.body) or raw
            elif kind == b"E":
                self._is_fatal = frames.fields(piece.body).get("V") in {"FATAL", "PANIC"}
            elif kind == b"G" and self.transcript.is_executing:
                self._is_busy = False  # a Sync that was sent behind it is read and thrown away
            self.transcript.server(piece)
            if kind != b"Z":
                out.append(raw)
                latest = kind
                continue
            if orders := self._ready(piece):
                # What was answered last is not told before it is decided either.
                tail = out.pop() if latest in _LAST else b""
                self._near.write(b"".join(out))
                self._back = tail + raw
                self._pause.begin(orders)
                self._heard(pieces[place + 1 :])
                return
            out.append(raw)
        if out:
            self._near.write(b"".join(out))
        if not self._is_busy and self._far is not None and (self._held or self.is_gone):
            self._pump()

    def _ready(self, piece: Piece) -> Sequence[Order]:
        """The server has ended a batch; what to do now."""
        status = chr(piece.body[0])
        batch = self.transcript.hand_on()
        self._is_busy = self._in_batch = False
        return self.line.conductor.after(batch, status)

    def _lost(self) -> None:
        """The server has closed the connection."""
        is_expected = self.is_gone or self._is_leaving or self._is_passed_on
        if not is_expected and not self._is_fatal:
            self.line.lost.append(self.transcript.session)
            if self._from_server.between:
                fact = "pytest-schemaguard's wire: the server closed the connection unexpectedly"
                self._end(frames.error(startup.NO_CONNECTION, fact))
                return
        self._end(b"")

    def resume(self) -> None:
        """Behind the conductor's last wish the client hears what was answered, and goes on."""
        back, self._back = self._back, b""
        self._near.write(back)
        self._pump()

    def cut(self) -> None:
        """Both ends at once, as when the client is killed: the server hears nothing more."""
        self.line.cut.append(self.transcript.session)
        self.close()

    # How it ends

    def _end(self, words: bytes) -> None:
        """Say this last. What is not read would reset the connection, and the words be lost."""
        self._near.write(words)
        self._near.shut()
        self._is_ending = True
        self._pause.end()
        self._held.clear()
        if self._far is not None:
            self._forget(self._far)
            self._far.close()
            self._far = None
        self._take = self._said
        self.line.loop.later(LAST_WORDS_S, self.close)

    def close(self) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self._pause.end()
        for end in (self._near, self._far):
            if end is not None:
                self._forget(end)
                end.close()
        self._office.ended(self)

    def _forget(self, end: End) -> None:
        if self._watched.pop(end.number, 0):
            self.line.loop.watch(end.number, 0, self.near)
