"""What commands share: exit codes, lines on the terminal, and progress beside them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from pytest_schemaguard.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLDS, FINDINGS, COULD_NOT_LOOK = 0, 1, 2
INTERRUPTED = 130
"""As shells say of a command that Ctrl-C ended."""


def say(text: str, *, to: TextIO | None = None) -> None:
    """Prints what is printable; a character that the stream cannot encode is escaped."""
    stream = to or sys.stdout
    encoding = stream.encoding or "ascii"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


@contextmanager
def terminal() -> Iterator[Progress]:
    """Progress goes to a terminal on standard error, so that the output can go to a file."""

    def write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    yield Progress(write if sys.stderr.isatty() else None)
