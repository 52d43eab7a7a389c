"""The relay's process: started by the guard, and ended with it, whatever ends that.

It hears the guard on its standard input and answers on its standard output, a line of JSON each,
and runs no code of the project. Standard library only; one thread, which waits for whatever comes
first, so that no two readers take each other's messages.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import select
import time
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.wire.line import Line
from pytest_schemaguard.wire.listening import Listening
from pytest_schemaguard.wire.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE_S = 0.02
"""How long an answer that there may be later is waited for; then the guard asks again."""
_CHUNK = 1 << 16


class Relay:
    """Does what the guard says. Each request gets one answer."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._lines: dict[int, Listening] = {}
        self._numbers = itertools.count(1)
        self._received = b""
        self.is_over = False
        loop.watch(0, select.POLLIN, self._hear)

    def _hear(self, _: int) -> None:
        data = os.read(0, _CHUNK)
        self.is_over = not data
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._do(**json.loads(line))

    def _do(self, do: str, **values: Any) -> None:
        getattr(self, f"_do_{do}")(**values)

    def _do_listen(self, path: str, **values: Any) -> None:
        try:
            line = Listening(Line(self._loop, **values), path)
        except OSError as error:
            self._say({"error": f"{error}"})
            return
        number = next(self._numbers)
        self._lines[number] = line
        self._say({"line": number})

    def _do_wait(self, line: int) -> None:
        """Whom a hold has stopped; none where nobody is after a while."""
        self._soon(lambda: bool(self._lines[line].line.held), lambda: self._say_held(line))

    def _do_release(self, line: int, hold: int, cut: bool) -> None:
        """Said of a hold that has ended by itself it does nothing."""
        if session := self._lines[line].line.held.pop(hold, None):
            (session.cut if cut else session.release)()
        self._say({})

    def _do_finish(self, line: int, hurry: bool) -> None:
        """What the line has seen, once every client that has gone is done with."""
        one = self._lines[line]
        if hurry:
            one.hurry()
        self._soon(lambda: one.is_quiet, lambda: self._say_end(one))

    def _do_close(self, line: int) -> None:
        self._lines.pop(line).close()
        self._say({})

    def _say_held(self, line: int) -> None:
        held = self._lines[line].line.held
        self._say({"held": [[number, one.told] for number, one in held.items()]})

    def _say_end(self, one: Listening) -> None:
        self._say({**one.line.told, "open": one.open} if one.is_quiet else {})

    def _soon(self, is_so: Callable[[], bool], say: Callable[[], None]) -> None:
        """Say it when it is so, after what has come already, or when the guard should ask again."""
        deadline = time.monotonic() + SLICE_S

        def look() -> None:
            if is_so() or time.monotonic() > deadline:
                say()
            else:
                self._loop.later(0.0005, look)

        self._loop.later(0, look)

    def _say(self, message: dict[str, Any]) -> None:
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            data = data[os.write(1, data) :]

    def close(self) -> None:
        for line in self._lines.values():
            line.close()


def main() -> None:
    """Entry point."""
    parent = os.getppid()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 1 << 16)), hard))
    loop = Loop()
    relay = Relay(loop)
    try:
        while not relay.is_over and os.getppid() == parent:
            loop.once()
    except BrokenPipeError:
        pass
    except BaseException:  # noqa: BLE001 - the guard says it
        import traceback

        os.write(1, json.dumps({"crash": traceback.format_exc()}).encode() + b"\n")
    finally:
        relay.close()
        os._exit(0)  # nothing is left to do, and the guard waits
