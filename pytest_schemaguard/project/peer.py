"""The child process as pytest holds it: started, spoken with, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.project.answers import wrong_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

END_S = 8.0
"""How long the warden may take to end the project's processes."""
EXIT_S = 1.0
"""How long a process that has closed its channel may take to exit."""
POLL_S = 0.2
"""How often the process is looked at while it says nothing: a copy of its socket may outlive it."""

SAY_S = 30.0
"""How long a message may take that no answer is waited for."""
LONGEST = 64 << 20
"""Bytes of a message: models of thousands of tables are a tenth of it."""

_CHUNK = 1 << 20
SHOWN = 200
"""Characters of an answer that is none."""
_BOOT = (
    "import sys\n"
    "if sys.path and not sys.path[0]: del sys.path[0]\n"
    "sys.path.insert(0, sys.argv[3])\n"
    "import pytest_schemaguard\n"
    "del sys.path[0]\n"
    "from pytest_schemaguard.project.child import main\n"
    "main()\n"
)
"""This very package, wherever pytest found it. The project's folder comes to sys.path only later: a
json.py in it must not boot."""
_PACKAGES = str(Path(__file__).parents[2])


class GoneError(Exception):
    """The process has ended, or does not listen any more."""


class GarbageError(Exception):
    """What came over the channel is no message: its beginning."""


class Peer:
    """One child process, seen from pytest.

    Raises OSError when it cannot be started.
    """

    def __init__(self, *, cwd: Path, env: Mapping[str, str], output: int) -> None:
        self.fence: str | None = None
        """How it is fenced, once it has said so."""
        self._received = b""
        self._channel, channel = socket.socketpair()
        self._life, life = socket.socketpair()
        descriptors = (life.fileno(), channel.fileno())
        try:
            with channel, life:
                self._process = subprocess.Popen(
                    [sys.executable, *_flags(), "-c", _BOOT, *map(str, descriptors), _PACKAGES],
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=descriptors,
                    start_new_session=True,
                )
        except BaseException:
            self._channel.close()
            self._life.close()
            raise

    def say(self, message: dict[str, Any], *, within_s: float = SAY_S) -> None:
        # One that has died, or does not listen, is noticed when its answer is waited for.
        self._channel.settimeout(max(within_s, POLL_S))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            self._channel.sendall(json.dumps(message).encode() + b"\n")

    def answer(
        self, deadline: float, tell: Callable[[str], None], reply: Callable[[str], bool] | None
    ) -> dict[str, Any]:
        """The next result or error. Raises GoneError, GarbageError, TimeoutError.

        `reply` answers what the task asks meanwhile; the deadline does not count its time.
        """
        while True:
            message = self._message(deadline)
            if "progress" in message:
                tell(message["progress"])
            elif "question" in message and reply is not None:
                asked = time.monotonic()
                self.say({"reply": reply(message["question"])})
                deadline += time.monotonic() - asked
            elif "fence" not in message:
                return message

    def wait_for_fence(self, deadline: float) -> str:
        """How it is fenced. Raises GoneError, GarbageError, TimeoutError."""
        while self.fence is None:
            self._message(deadline)
        return self.fence

    def exit_code(self) -> int | None:
        """Of a process that has closed its channel: negative for a signal, None if it lives on."""
        try:
            return self._process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            return None

    def end(self, *, stacks: bool = False) -> None:
        """End it and all that it has started; with `stacks`, its output says where it was."""
        with contextlib.suppress(OSError):
            if stacks:
                from pytest_schemaguard.project.child.warden import STACKS

                self._life.sendall(STACKS)
            self._life.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            # The inner warden is stuck; the outer one ends it, and what was below it.
            self._process.terminate()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        finally:
            self._life.close()
            self._channel.close()

    def _message(self, deadline: float) -> dict[str, Any]:
        line = self._line(deadline)
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise GarbageError(repr(line[:SHOWN])) from None
        if wrong_message(message):
            raise GarbageError(repr(line[:SHOWN]))
        if b"\\ud" in line.lower():  # half of a pair, which no file and no terminal can be given
            message = json.loads(json.dumps(message, ensure_ascii=False).encode(errors="replace"))
        if "fence" in message:
            self.fence = message["fence"]
        found: dict[str, Any] = message
        return found

    def _line(self, deadline: float) -> bytes:
        parts = [self._received]
        size = len(self._received)
        while b"\n" not in parts[-1]:
            if size > LONGEST:
                raise GarbageError(f"{size} bytes without the end of a message")
            parts.append(self._data(deadline))
            size += len(parts[-1])
        line, _, self._received = b"".join(parts).partition(b"\n")
        return line

    def _data(self, deadline: float) -> bytes:
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            ended = self._process.poll() is not None
            ready = poll.poll(0 if ended else min(POLL_S, left_s) * 1000)
            if ready:
                try:
                    data = self._channel.recv(_CHUNK)
                except ConnectionResetError:
                    data = b""
                if data:
                    return data
            if ready or ended:
                raise GoneError


def signal_name(number: int) -> str:
    """SIGKILL for 9; the number where it has no name, as the real-time signals."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _flags() -> list[str]:
    """The options that this interpreter was started with and that change what code does."""
    flags = [
        option
        for option, chosen in (
            ("-I", sys.flags.isolated),
            ("-E", sys.flags.ignore_environment),
            ("-s", sys.flags.no_user_site),
            ("-B", sys.flags.dont_write_bytecode),
            ("-O", sys.flags.optimize == 1),
            ("-OO", sys.flags.optimize > 1),
        )
        if chosen
    ]
    for name, value in sys._xoptions.items():  # noqa: SLF001 - the documented name
        flags += ["-X", name if value is True else f"{name}={value}"]
    return flags
