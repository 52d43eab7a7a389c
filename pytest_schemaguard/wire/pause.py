"""What the conductor wants of a session between two of its statements: look, hold, cut."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pytest_schemaguard.wire import frames
from pytest_schemaguard.wire.look import Look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_schemaguard.wire.conductor import Order
    from pytest_schemaguard.wire.frames import Piece
    from pytest_schemaguard.wire.line import Line
    from pytest_schemaguard.wire.transcript import Transcript


class Stopped(Protocol):
    """The session, which lets nothing of its client pass meanwhile."""

    line: Line
    transcript: Transcript

    @property
    def is_after(self) -> bool: ...

    def ask(self, question: bytes, kept: Mapping[bytes, int]) -> None: ...

    def resume(self) -> None: ...

    def watch(self) -> None: ...

    def cut(self) -> None: ...


class Pause:
    """The orders of one session that are not carried out yet; none but for a while."""

    def __init__(self, session: Stopped) -> None:
        self.is_on = False
        self._session = session
        self._todo: deque[Order] = deque()
        self._look: Look | None = None
        self._turn = 0
        """Counts the orders, so that a deadline knows its own."""

    def begin(self, orders: Sequence[Order]) -> None:
        self.is_on = True
        self._todo.extend(orders)
        self._go_on()

    def end(self) -> None:
        """There is no session any more to carry out orders on."""
        self._turn += 1
        self._todo.clear()
        self._session.line.let_go(self)

    def takes(self, piece: Piece) -> bool:
        """Whether what the server says is the answer to a look, and not the client's."""
        look = self._look
        if look is None or look.is_the_clients(piece):
            return False
        more = look.take(piece)
        if look.is_done:
            self._session.transcript.latest[-1]["looks"].append(look.told)
            self._look = None
            self._session.ask(b"", frames.SERVER)
            self._go_on()
        elif more:
            self._session.ask(more, frames.LOOKED_AT)
        return True

    @property
    def told(self) -> dict[str, Any]:
        """Where a hold has stopped the session."""
        session, is_after = self._session, self._session.is_after
        return {
            "session": session.transcript.session,
            "number": session.line.sent + (not is_after),
            "is_after": is_after,
        }

    def release(self) -> None:
        """Let it go on, behind a hold."""
        self._go_on()
        self._session.watch()

    def cut(self) -> None:
        self._session.cut()

    def _go_on(self) -> None:
        """The next order."""
        self._turn += 1
        if not self._todo:
            self.is_on = False
            self._session.resume()
            return
        order = self._todo.popleft()
        if order.action == "cut":
            self._session.cut()
            return
        if order.action == "look":
            self._look = Look(order.sql, status=self._session.transcript.status)
            self._session.ask(self._look.ask(), frames.LOOKED_AT)
        else:
            self._session.line.hold(self)
        self._session.line.loop.later(order.within_s, partial(self._too_late, order, self._turn))

    def _too_late(self, order: Order, turn: int) -> None:
        if self._turn == turn:
            self._session.line.late.append(f"a {order.action} took more than {order.within_s:g} s")
            self._session.cut()
