"""One thread that waits for descriptors and times, and calls whom they are for."""

from __future__ import annotations

import heapq
import itertools
import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WATCH_S = 1.0
"""How often the relay looks whether its parent lives: someone may hold a copy of the pipe."""
_CHUNK = 1 << 16


class Loop:
    """Waits for descriptors and times, and calls whom they are for."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._times: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._calls: deque[Callable[[], None]] = deque()
        self._woken, self._waking = os.pipe()
        os.set_blocking(self._waking, False)
        self.watch(self._woken, select.POLLIN, self._called)

    def watch(self, number: int, events: int, handler: Callable[[int], None]) -> None:
        """From now on for these events, or for none."""
        if events:
            self._poll.register(number, events)
            self._handlers[number] = handler
        elif self._handlers.pop(number, None):
            self._poll.unregister(number)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._times, (time.monotonic() + seconds, next(self._count), call))

    def call(self, call: Callable[[], None]) -> None:
        """Have it called in the loop's thread; from any."""
        self._calls.append(call)
        os.write(self._waking, b"\0")

    def once(self) -> bool:
        """Wait for something, and do it; False where nothing came."""
        wait_s = WATCH_S
        if self._times:
            wait_s = min(wait_s, max(0.0, self._times[0][0] - time.monotonic()))
        ready = self._poll.poll(wait_s * 1000)
        for number, events in ready:
            if handler := self._handlers.get(number):
                handler(events)
        while self._times and self._times[0][0] <= time.monotonic():
            heapq.heappop(self._times)[2]()
        return bool(ready)

    def _called(self, _: int) -> None:
        os.read(self._woken, _CHUNK)
        while self._calls:
            self._calls.popleft()()
