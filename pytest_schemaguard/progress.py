"""Says what a long step is doing, on a terminal and nowhere else."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_schemaguard.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 1.0
"""What takes less than this needs no words."""
BAR_WIDTH = 30


class Progress:
    """Steps with a name; one that takes longer than PATIENCE_S is told, once a second."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write
        """Where the words go; None where nobody watches."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tells `name` and the seconds that passed, while the block runs."""
        if self._write is None:
            yield
            return
        done = threading.Event()
        teller = threading.Thread(target=self._tell, args=(name, done), daemon=True)
        teller.start()
        try:
            yield
        finally:
            done.set()
            teller.join()

    def _tell(self, name: str, done: threading.Event) -> None:
        assert self._write is not None
        seconds = 0
        while not done.wait(PATIENCE_S):
            seconds += 1
            self._write(f"\r\033[Kschema-guard: {printable(name)} ... {seconds} s")
        if seconds:
            self._write("\r\033[K")

    def tell(self, text: str) -> None:
        """Tells what a long step is at, at once."""
        if self._write is not None:
            self._write(f"\r\033[Kschema-guard: {printable(text)}")

    def bar(self, done: int, of: int) -> None:
        """Draws how many of them are done; `clear` before something else is written."""
        if self._write is not None and done < of:
            filled = done * BAR_WIDTH // of
            drawn = "#" * filled + "." * (BAR_WIDTH - filled)
            self._write(f"\r\033[Kschema-guard: [{drawn}] {done} of {of}")

    def clear(self) -> None:
        """Takes the words and the bar off the line."""
        if self._write is not None:
            self._write("\r\033[K")
