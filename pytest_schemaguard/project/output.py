"""What a process prints into a file, kept small on the disk: its first part and its last."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 16 << 20
"""When more than this is on the disk, the middle goes."""
KEPT_BYTES = 1 << 20
"""Of the beginning and of the end; nothing reads more."""
ENDING_BYTES = 1 << 16
POLL_S = 0.1
_PUNCH_HOLE_KEEP_SIZE = 3
"""linux/falloc.h"""


@contextlib.contextmanager
def bounded(descriptor: int) -> Iterator[None]:
    """While it lasts, the file of the descriptor takes little of the disk, however long it becomes.

    Its middle becomes a hole: each place stays where it is, for those that write and that read.
    (https://man7.org/linux/man-pages/man2/fallocate.2.html; elsewhere than on Linux, and on a file
    system without holes, all of it stays.)
    """
    own, ended = os.dup(descriptor), threading.Event()

    def watch() -> None:
        freed = KEPT_BYTES
        while not ended.wait(POLL_S):
            end = os.fstat(own).st_size - KEPT_BYTES
            if end - freed > MOST_BYTES and _free(own, freed, end):
                freed = end
        os.close(own)

    threading.Thread(target=watch, name="schema-guard-output", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def ending(descriptor: int, start: int = 0, end: int | None = None) -> str:
    """What stands in the file between two places; of much, the last part."""
    end = os.fstat(descriptor).st_size if end is None else end
    start = max(start, end - ENDING_BYTES)
    # pread: what still writes may do so through the same offset.
    return os.pread(descriptor, max(0, end - start), start).decode(errors="replace")


def _free(descriptor: int, start: int, end: int) -> bool:
    if sys.platform != "linux":
        return False
    import ctypes

    offset = ctypes.c_int64
    fallocate = ctypes.CDLL(None).fallocate
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, offset, offset]
    return bool(fallocate(descriptor, _PUNCH_HOLE_KEEP_SIZE, start, end - start) == 0)
