"""Where the processes of a session listen for TCP, as Linux tells it: proc(5)."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

LISTEN = "0A"
"""net/tcp_states.h, as /proc/net/tcp shows it."""


def places(session: int) -> list[str]:
    """Such as `127.0.0.1:8000` and `[::1]:8000`; none where it cannot be told."""
    inodes = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            if os.getsid(int(process.name)) == session:
                for link in (process / "fd").iterdir():
                    with suppress(OSError):
                        inodes.add(str(link.readlink()))
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        with suppress(OSError):
            for line in Path(f"/proc/self/net/{table}").read_text(encoding="ascii").splitlines():
                _, local, _, state, *rest = line.split()
                if state == LISTEN and f"socket:[{rest[5]}]" in inodes:
                    found.append(_place(local, family))
    return sorted(found)


def _place(local: str, family: socket.AddressFamily) -> str:
    """`0100007F:1F90` -> `127.0.0.1:8000`: words of four bytes in the machine's order."""
    address, _, port = local.partition(":")
    words = [int(address[start : start + 8], 16) for start in range(0, len(address), 8)]
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    host = socket.inet_ntop(family, packed)
    return f"{f'[{host}]' if ':' in host else host}:{int(port, 16)}"
