"""Forks of a process that has imported only libraries: a fresh process in a few milliseconds.

Code that migrates must run in a process of its own each time: env.py files keep the first URL that
they read, and a second run in the same process goes to the first database and reports success.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_ANSWERED = 86
"""The exit code that says so; the project's code may end its process with any other."""


def answer_in_fork(work: Callable[[], None], say: Callable[[dict[str, Any]], None]) -> None:
    """Do the work in a fork of this process, and wait for its end, and for that of its group.

    `work` answers by itself. Where the fork ends before it has, its exit code (negative for a
    signal) is said in its place.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # While the fork runs, a request to show where the code is goes on to the fork.
    faulthandler.disable()
    pid = os.fork()
    if not pid:
        try:
            faulthandler.enable()
            os.setsid()
            work()
            os._exit(_ANSWERED)
        finally:
            os._exit(1)
    aborted = False

    def abort(_number: int, _frame: object) -> None:
        nonlocal aborted
        aborted = True
        os.kill(pid, signal.SIGABRT)

    signal.signal(signal.SIGABRT, abort)
    _, status = os.waitpid(pid, 0)
    signal.signal(signal.SIGABRT, signal.SIG_DFL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if aborted:
        os.kill(os.getpid(), signal.SIGABRT)
    faulthandler.enable()
    code = os.waitstatus_to_exitcode(status)
    if code != _ANSWERED:
        say({"ended": code})
