"""One end of a relayed connection: a socket that waits for nobody."""

from __future__ import annotations

import socket
from contextlib import suppress

CHUNK = 1 << 16
FULL = 1 << 20
"""Bytes that an end has not taken, from which on the other end is not read."""


class End:
    """A connected socket."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connected
        self.number = connected.fileno()
        self.left = bytearray()
        """What is still to be written."""
        self.is_shut = False
        """Whether it takes nothing any more: it is told so, or gone."""
        self._shuts = False

    def read(self) -> bytes | None:
        """What has come: nothing at its end, None where there may be more later."""
        try:
            return self.socket.recv(CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Write it now, as far as it is taken, and the rest with `flush`."""
        if self.is_shut:
            return
        if self.left:
            self.left += data
            return
        taken = self._send(data)
        if taken < len(data):
            self.left += data[taken:]

    def flush(self) -> None:
        del self.left[: self._send(self.left)]
        if self._shuts and not self.left:
            self.shut()

    def shut(self) -> None:
        """Write nothing more than what is left; the other direction goes on."""
        if self.left and not self.is_shut:
            self._shuts = True
            return
        self.is_shut = True
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End both directions at once, whoever else holds the socket."""
        self.is_shut = True
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.is_shut = True  # nobody reads it any more
            self.left.clear()
            return len(data)
