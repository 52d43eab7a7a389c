"""Ways to connect by TCP that Landlock's rule about connect(2) does not see."""

from __future__ import annotations

import platform
import socket
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.project.fence import privileges
from tests.project.test_fence import SENTENCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.project import Project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's Landlock and seccomp")

TRIES = """
import ctypes, os, platform, socket, struct

LIBC = ctypes.CDLL(None, use_errno=True)
FAST_OPEN = 0x20000000
SENDMMSG = {"x86_64": 307, "aarch64": 269}[platform.machine()]

class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))

class Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("namelen", ctypes.c_uint), ("vectors", ctypes.POINTER(Vector)),
        ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )

class Messages(ctypes.Structure):
    _fields_ = (("message", Message), ("sent", ctypes.c_uint))

def said(result):
    return os.strerror(ctypes.get_errno()) if result < 0 else "WENT"

def run(arguments):
    port = arguments["port"]
    four = struct.pack("<H", 2) + struct.pack(">H", port) + bytes([127, 0, 0, 1]) + bytes(8)
    six = struct.pack("<H", 10) + struct.pack(">H", port) + bytes(4) + bytes(10) + b"\\xff\\xff"
    six += bytes([127, 0, 0, 1]) + bytes(4)

    def connected(family, protocol, where, kind=socket.SOCK_STREAM):
        end = LIBC.socket(family, kind, protocol)
        return said(end) if end < 0 else said(LIBC.connect(end, where, len(where)))

    def message():
        vector = Vector(b"hello", 5)
        return Message(four, len(four), ctypes.pointer(vector), 1, None, 0, 0)

    def stream():
        return LIBC.socket(2, 1, 0)

    kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC
    messages = Messages(message(), 0)
    one = message()
    later = socket.socket()
    later.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
    answers = {
        "tcp": connected(2, 0, four),
        "tcp by its number": connected(2, 6, four),
        "mptcp": connected(2, 262, four),
        "mptcp, flagged": connected(2, 262, four, kind),
        "mptcp on IPv6": connected(10, 262, six),
        "smc": connected(43, 0, four),
        "smc on IPv6": connected(43, 1, six),
        "smc as a protocol": connected(2, 256, four),
        "fast open": said(LIBC.sendto(stream(), b"hello", 5, FAST_OPEN, four, len(four))),
        "fast open, flagged": said(
            LIBC.sendto(stream(), b"hello", 5, FAST_OPEN | 0x4000, four, len(four))
        ),
        "fast open by sendmsg": said(LIBC.sendmsg(stream(), ctypes.byref(one), FAST_OPEN)),
        "fast open by sendmmsg": said(
            LIBC.syscall(SENDMMSG, stream(), ctypes.byref(messages), 1, FAST_OPEN)
        ),
        "fast open by an option": said(LIBC.connect(later.fileno(), four, len(four))),
        "io_uring": said(LIBC.syscall(425, 1, ctypes.create_string_buffer(120))),
    }
    mine, other = socket.socketpair()
    mine.sendmsg([b"still"])
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.sendto(b"still", ("127.0.0.1", port))
    answers["others"] = other.recv(5).decode()
    return answers
"""


def test_landlock_lets_no_tcp_through_by_any_name(project: Callable[..., Project]) -> None:
    if platform.machine() not in {"x86_64", "aarch64"}:
        pytest.skip("the fence's sentence says what is open here")
    came: list[object] = []
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        while True:
            try:
                came.append(listening.accept()[1])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    one = project(TRIES, fences=("landlock",))
    if "Landlock" not in one.fence:
        pytest.skip("this kernel is older than 6.7, or has no Landlock")
    answers = one.call("inside.task", {"port": listening.getsockname()[1]}, timeout_s=30)
    assert one.fence == SENTENCES["landlock"]
    assert answers.pop("others") == "still"
    assert set(answers.values()) <= {
        "Permission denied",
        "Protocol not supported",
        "Operation not supported",
        "Function not implemented",
    }
    assert came == []
    socket.create_connection(listening.getsockname()).close()  # it would have been noticed
    listening.close()


def test_where_the_numbers_are_not_known_the_sentence_says_what_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not privileges.refuse_unseen_connections()
