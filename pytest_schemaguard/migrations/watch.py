"""A deadline for each statement, kept on the client's side.

`statement_timeout` alone does not do: a file may set it to 0. And while psycopg2 waits for the
server it hears neither Ctrl-C nor a clock. So the statements run in a thread, and the thread that
asked for them watches the clock and cancels what is late.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_schemaguard.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

GRACE_S = 0.5
"""How long the server's own statement_timeout gets to end a statement before the guard does."""
CANCELS = 3
"""How often a statement is asked to end (it may catch `query_canceled`) before it is cut off."""
BETWEEN_S = 1.0


class Watch:
    """Runs work in a thread; each statement of it has a deadline."""

    def __init__(self, *, statement_timeout_s: float) -> None:
        self.statement_timeout_s = statement_timeout_s
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._connection: Any = None
        self._until: float | None = None
        self._interrupts = 0

    @property
    def interrupted(self) -> bool:
        """Whether the statement that ran last was late, and the guard ended it."""
        return self._interrupts > 0

    @property
    def cut_off(self) -> bool:
        """Whether it went on when it was told to end, so that its connection was closed."""
        return self._interrupts > CANCELS

    def run(self, work: Callable[[], T]) -> T:
        """The result of `work()`, or what it raises.

        Raises ServerError when a statement's connection is closed and still nothing ends.
        """
        results: list[T] = []
        errors: list[BaseException] = []

        def body() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
                errors.append(error)
            finally:
                self._done.set()

        self._done.clear()
        threading.Thread(target=body, name="schema-guard-statements", daemon=True).start()
        try:
            while not self._done.wait(self._seconds_left()):
                self._interrupt()
        except BaseException:  # Ctrl-C: what runs on the server must not go on alone
            self._cancel()
            self._done.wait(BETWEEN_S)
            raise
        if errors:
            raise errors[0]
        return results[0]

    @contextlib.contextmanager
    def statement(self, connection: Any) -> Iterator[None]:
        """Around one statement, in the work's thread."""
        with self._lock:
            self._connection = connection
            self._interrupts = 0
            self._until = time.monotonic() + self.statement_timeout_s + GRACE_S
        try:
            yield
        finally:
            with self._lock:  # a cancel under way is over before the next statement begins
                self._until = None
                self._connection = None

    def _seconds_left(self) -> float:
        with self._lock:
            if self._until is None:
                return GRACE_S  # a statement that begins meanwhile has at least as long
            return max(0.0, self._until - time.monotonic())

    def _interrupt(self) -> None:
        with self._lock:
            if self._until is None or time.monotonic() < self._until:
                return
            self._interrupts += 1
            self._until = time.monotonic() + BETWEEN_S
            if self._interrupts <= CANCELS:
                self._cancel()
            elif self._interrupts == CANCELS + 1:
                _cut(self._connection)
            else:
                raise ServerError(
                    "PostgreSQL",
                    f"a statement did not end within {self.statement_timeout_s:g} s, "
                    "nor when it was cancelled, nor when its connection was closed",
                    fix="look whether this machine has memory left, and whether the server hangs; "
                    "one that the guard has started ends with the run",
                )

    def _cancel(self) -> None:
        connection = self._connection
        if connection is None:
            return
        # In a thread, since the request to cancel waits for the server without a deadline.
        asking = threading.Thread(target=_ask_to_cancel, args=(connection,), daemon=True)
        asking.start()
        asking.join(BETWEEN_S)


def _ask_to_cancel(connection: Any) -> None:
    import psycopg2

    with contextlib.suppress(psycopg2.Error):  # the server is gone, as the statement will tell
        connection.cancel()


def _cut(connection: Any) -> None:
    """End the connection under the thread that waits on it, which close() does not do."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)
