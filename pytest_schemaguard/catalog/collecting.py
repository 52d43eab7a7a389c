"""Many values made at once: the garbage collector would go through all of them, again and again."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = threading.Lock()
_state = {"threads": 0, "enabled": True}


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of reference cycles, of which a snapshot's values make none.

    Several threads may be in here: the last one out puts it back as the first one found it.
    https://docs.python.org/3/library/gc.html
    """
    with _lock:
        if not _state["threads"]:
            _state["enabled"] = gc.isenabled()
            gc.disable()
        _state["threads"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["threads"] -= 1
            if not _state["threads"] and _state["enabled"]:
                gc.enable()
