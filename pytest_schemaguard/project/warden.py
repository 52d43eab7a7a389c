"""The warden: the project's parent process, outside the fence. It runs no code of the project.

The process that pytest starts splits in two. One half becomes the project's side. The other, this
one, ends it and everything that it has started when pytest says so or is gone, whatever the
project's code is doing, and relays connections to a database that is reached by TCP. Standard
library only, and no threads of its own until a relay is asked for.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import time

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


def split(life: socket.socket, handle: socket.socket) -> socket.socket:
    """Fork. Returns only in the project's half, with its line to the warden.

    `life` comes from pytest and ends with it; `handle` belongs to the project's half.
    """
    ours, theirs = socket.socketpair()
    guard = os.getppid()
    project = os.fork()
    if project:
        code = 1
        try:
            handle.close()
            theirs.close()
            code = Warden(project, guard=guard, life=life, project=ours).watch()
        finally:
            os._exit(code)
    life.close()
    ours.close()
    os.setsid()  # a project that signals its own process group does not meet the warden
    return theirs


def die_with_warden() -> None:
    """Linux: the kernel kills the caller when the warden ends, even by SIGKILL.

    To be called after the last change of credentials, which would undo it (prctl(2)).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Warden:
    def __init__(
        self, pid: int, *, guard: int, life: socket.socket, project: socket.socket
    ) -> None:
        self.pid = pid
        self.guard = guard
        self.life = life
        self.project = project
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
        told = [ended, self.life.fileno(), self.project.fileno()]
        while not self._look() and os.getppid() == self.guard:
            ready, _, _ = select.select(told, [], [], WATCH_S)
            if ended in ready and signal.SIGTERM in os.read(ended, 100):
                break
            if self.life.fileno() in ready:
                if self.life.recv(len(STACKS)) == STACKS:
                    self._stacks()
                break
            if self.project.fileno() in ready and not self._relay():
                told.remove(self.project.fileno())
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

    def _relay(self) -> bool:
        """Relay what connects to the socket that the project's half hands over."""
        from pytest_schemaguard.project import relay

        return relay.take(self.project)

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
        """The project's end becomes the warden's, for pytest to read."""
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
