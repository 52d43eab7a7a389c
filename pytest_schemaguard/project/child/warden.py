"""The wardens: the project's parents, outside the fence. They run no code of the project.

The process that pytest starts becomes three: the outer warden, its child the inner one, and the
project's side below that. The inner warden ends the project's side and everything that it has
started when pytest says so or is gone, whatever the project's code is doing. The outer one does the
same when the inner one is killed, and the inner one when the outer one is. Standard library only,
and no threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from typing import Any, NoReturn

STACKS = b"S"
"""Said by pytest: show where the project's code is, then end it."""
STACKS_S = 1.0
"""How long faulthandler may take to write the stacks."""
SWEEP_S = 5.0
WATCH_S = 1.0
"""How often the warden looks whether its parent lives: someone may hold a copy of the pipe."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h"""


def split(life: socket.socket, handle: socket.socket) -> None:
    """Fork twice. Returns only in the project's half.

    `life` comes from pytest and ends with it; `handle` belongs to the project's half.
    """
    guard = os.getppid()
    inner = os.fork()
    if inner:
        life.close()
        handle.close()
        _stand_over(Warden(inner, guard=guard))
    die_with_parent(signal.SIGTERM)
    guard = os.getppid()
    project = os.fork()
    if project:
        handle.close()
        _stand_over(Warden(project, guard=guard, life=life))
    life.close()
    os.setsid()  # a project that signals its own process group does not meet the wardens


def _stand_over(warden: Warden) -> NoReturn:
    code = 1
    try:
        code = warden.watch()
    finally:
        os._exit(code)


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Linux: the kernel sends the caller this signal when its parent ends, even by SIGKILL.

    To be called after the last change of credentials, which would undo it (prctl(2)).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


class Warden:
    """Of the process `pid`, its child; `guard` is its own parent.

    `life` ends with pytest.
    """

    def __init__(self, pid: int, *, guard: int, life: socket.socket | None = None) -> None:
        self.pid = pid
        self.guard = guard
        self.life = life
        self.status: int | None = None

    def watch(self) -> int:
        """Wait for an end, make it everyone's, and return the exit code."""
        if sys.platform == "linux":
            # What the project starts becomes ours when its parents end, wherever it hides.
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        ended, ending = os.pipe()
        os.set_blocking(ending, False)
        signal.set_wakeup_fd(ending)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, _wake)
        told: list[Any] = [ended, *([] if self.life is None else [self.life])]
        while not self._look() and os.getppid() == self.guard:
            ready, _, _ = select.select(told, [], [], WATCH_S)
            if ended in ready and signal.SIGTERM in os.read(ended, 100):
                break
            if self.life is not None and self.life in ready:
                if self.life.recv(len(STACKS)) == STACKS:
                    self._stacks()
                break
        self._sweep()
        return self._leave()

    def _look(self) -> bool:
        """Whether the project's process has ended; reaps what else has."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == self.pid:
                self.status = status
            if not pid:
                return self.status is not None

    def _stacks(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGABRT)
        deadline = time.monotonic() + STACKS_S
        while not self._look() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _sweep(self) -> None:
        """Kill the project's session, and what has left it and is therefore ours."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        deadline = time.monotonic() + SWEEP_S
        while time.monotonic() < deadline:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == self.pid:
                self.status = status
            if not pid:
                time.sleep(0.002)

    def _leave(self) -> int:
        """The end of the one below becomes the warden's, for pytest to read."""
        if self.status is None:
            return 1
        if os.WIFSIGNALED(self.status):
            number = os.WTERMSIG(self.status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        return os.waitstatus_to_exitcode(self.status)


def _wake(_number: int, _frame: object) -> None:
    """Nothing to do: the wakeup descriptor has told it."""


def _children() -> list[int]:
    """Our children (Linux; elsewhere nobody's orphans become ours)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123 - no pathlib here
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []
