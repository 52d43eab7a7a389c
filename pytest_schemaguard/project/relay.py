"""Relays connections from inside the fence to the one configured database, and nowhere else."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

BACKLOG = 128
CONNECT_S = 30.0
_MESSAGE = 4096
_CHUNK = 1 << 16


def hand_over(line: socket.socket, host: str, port: int, *, at: int) -> int:
    """Listen on 127.0.0.1 where the caller is, and let the warden relay from there to the database.

    `at` is the port to listen on, 0 for any; returns the port. Raises OSError.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", at))
        listening.listen(BACKLOG)
        target = json.dumps({"host": host, "port": port}).encode()
        socket.send_fds(line, [target], [listening.fileno()])
        return int(listening.getsockname()[1])


def take(line: socket.socket) -> bool:
    """Begin to relay what `hand_over` said; False when the other end has closed."""
    message, descriptors, _, _ = socket.recv_fds(line, _MESSAGE, 1)
    if not descriptors:
        return bool(message)
    target = json.loads(message)
    listening = socket.socket(fileno=descriptors[0])
    listening.setblocking(True)
    threading.Thread(
        target=_accept, args=(listening, (target["host"], target["port"])), daemon=True
    ).start()
    return True


def _accept(listening: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_connect, args=(near, target), daemon=True).start()


def _connect(near: socket.socket, target: tuple[str, int]) -> None:
    try:
        far = socket.create_connection(target, CONNECT_S)
    except OSError:
        near.close()  # the driver says that the server closed the connection
        return
    for end in (near, far):
        end.settimeout(None)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    there = threading.Thread(target=_pump, args=(near, far), daemon=True)
    there.start()
    _pump(far, near)
    there.join()
    near.close()
    far.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    # One direction has ended; the other may still have something to say.
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
