"""What PostgreSQL says beside its results (RAISE NOTICE), in bounded memory.

psycopg2 keeps what arrives during a statement in a list of its own until the statement has ended,
however much that is: 440 bytes each, 4 GB for ten million. libpq hands each to a function
(https://www.postgresql.org/docs/current/libpq-notice-processing.html); here that function is
another than psycopg2's, reached as psycopg2 documents it
(https://www.psycopg.org/docs/connection.html#connection.pgconn_ptr).
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import weakref
from collections import deque
from typing import Any

FIRST, LAST = 100, 100
"""How many are kept of a session's first and last."""
LONGEST = 2000
"""Of a notice's characters."""
_LISTED = 50
"""How many psycopg2 keeps where `connection.notices` is a list."""

_numbers = itertools.count(1)
_connections: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


class Notices:
    """The first and the last of a session; put in place of psycopg2's `connection.notices`."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=LAST)
        self.count = 0
        """Of all that there were."""

    def append(self, text: str) -> None:
        """What psycopg2 calls with each."""
        self.count += 1
        kept = self._first if len(self._first) < FIRST else self._last
        text = text.rstrip()
        more = len(text) - LONGEST
        kept.append(text if more <= 0 else f"{text[:LONGEST]} ... ({more} more characters)")

    @property
    def told(self) -> tuple[str, ...]:
        """They, and between them how many are left out."""
        left_out = self.count - len(self._first) - len(self._last)
        between = (f"... ({left_out} more notices)",) if left_out else ()
        return (*self._first, *between, *self._last)


def bound(connection: Any) -> None:
    """Has a psycopg2 connection's notices delivered one by one, as they arrive.

    They come to `connection.notices` as ever, a list with the last 50 or what is put in its place.
    Where psycopg2's libpq does not show its functions, nothing changes.
    """
    with contextlib.suppress(OSError, AttributeError):
        processor, install = _libpq()
        number = next(_numbers)
        _connections[number] = connection
        install(connection.pgconn_ptr, processor, number)


@functools.cache
def _libpq() -> tuple[Any, Any]:
    """A function for libpq that is never freed, and PQsetNoticeProcessor of psycopg2's libpq."""
    import ctypes

    from psycopg2 import _psycopg

    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
    # Looked for in the module and in what it is linked with: the very libpq that it uses.
    install = ctypes.CDLL(_psycopg.__file__).PQsetNoticeProcessor
    install.argtypes = [ctypes.c_void_p, kind, ctypes.c_void_p]
    install.restype = ctypes.c_void_p
    return kind(_deliver), install


def _deliver(number: int, message: bytes) -> None:
    connection = _connections.get(number)
    if connection is None:
        return
    from psycopg2.extensions import encodings

    # psycopg2, too, drops what the thing in place of its list does not take.
    with contextlib.suppress(Exception):
        # Not connection.encoding, which does not know what a SET of the file's own has changed.
        encoding = connection.get_parameter_status("client_encoding")
        notices = connection.notices
        notices.append(message.decode(encodings.get(encoding, "utf-8"), errors="replace"))
        if isinstance(notices, list):
            del notices[:-_LISTED]
