"""Imports modules in a thread, while something else waits."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def importing(*modules: str) -> Iterator[None]:
    """Imports the modules while the block runs; at its end they are imported.

    One that fails says so to whoever imports it next, in the words of its own error.
    """
    if all(module in sys.modules for module in modules):
        yield
        return
    thread = Thread(target=_import, args=(modules,))
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _import(modules: tuple[str, ...]) -> None:
    for module in modules:
        with suppress(ImportError):
            import_module(module)
