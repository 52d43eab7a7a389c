"""Locks that the system releases however the process that holds them ends."""

from __future__ import annotations

import fcntl
import time


def flocked(descriptor: int) -> bool:
    """Whether the lock could be had without waiting. Raises OSError where files have no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def flocked_within(descriptor: int, wait_s: float, *, poll_s: float) -> bool:
    """Whether the lock could be had in this time."""
    deadline = time.monotonic() + wait_s
    while not flocked(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_s)
    return True
