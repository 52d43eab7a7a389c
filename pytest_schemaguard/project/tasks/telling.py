"""Says what takes long, and how long it has been taking."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pytest_schemaguard.project.child.inside import here

if TYPE_CHECKING:
    from collections.abc import Iterator

TELL_EVERY_S = 10.0


def tell(text: str) -> None:
    with suppress(RuntimeError):  # called as a function, not in the project's process
        here().tell(text)


@contextmanager
def told(text: str) -> Iterator[None]:
    """Tells `text`, and while the block runs every ten seconds how long it has been."""
    tell(text)
    done = threading.Event()
    start = time.monotonic()

    def go_on() -> None:
        while not done.wait(TELL_EVERY_S):
            tell(f"{text} ... {time.monotonic() - start:.0f} s")

    teller = threading.Thread(target=go_on, daemon=True, name="telling")
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
