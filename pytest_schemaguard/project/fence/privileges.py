"""What the project's process may do no more, nor what it starts: Linux, and without return.

Capabilities (capabilities(7)) would let it take off what the fence has covered, and look into
pytest. Some system calls make a TCP connection that Landlock does not see (seccomp(2)).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

_KEPT = {"chown": 0, "dac_override": 1, "fowner": 3, "fsetid": 4, "kill": 5, "setgid": 6}
_KEPT |= {"setuid": 7, "net_bind_service": 10, "audit_write": 29}
"""Those by which root works with other users' files and becomes another user, as in a container.
linux/capability.h"""
_KEPT_MASK = sum(1 << number for number in _KEPT.values())

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_CAPABILITY_VERSION_3 = 0x20080522
"""linux/prctl.h, linux/capability.h"""

_libc = ctypes.CDLL(None, use_errno=True)


def capabilities() -> int:
    """Those that this process may use, a bit each; 0 where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("CapPrm:")[2].split(maxsplit=1)[0], 16)
    except (OSError, ValueError, IndexError):
        return 0


def drop(before: int) -> None:
    """Keep only what is needed of the capabilities `before` the fence, which gave others.

    Raises OSError.
    """
    kept = before & _KEPT_MASK
    # linux/capability.h: low words of effective, permitted and inheritable, then the high words.
    low, high = kept & 0xFFFFFFFF, kept >> 32
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, struct.pack("6I", low, low, 0, high, high, 0)), "capset")
    # Root has all of them back by execve(2), but for this.
    no_new_privileges()


def no_new_privileges() -> None:
    """No program that it starts has more rights than itself. Raises OSError."""
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


@dataclass(frozen=True, kw_only=True)
class _Machine:
    audit: int
    """linux/audit.h"""
    socket: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    above: int
    """System calls from this number on belong to another way of calling (x32)."""


_MACHINES = {
    "x86_64": _Machine(
        audit=0xC000003E, socket=41, sendto=44, sendmsg=46, sendmmsg=307, above=1 << 30
    ),
    "aarch64": _Machine(
        audit=0xC00000B7, socket=198, sendto=206, sendmsg=211, sendmmsg=269, above=1 << 30
    ),
}
_IO_URING_SETUP = 425
_AF_SMC = 43
_TYPE = 0xF
"""Of socket(2)'s second argument; the rest are flags."""
_MSG_FASTOPEN = 0x20000000
_LOAD, _AND = 0x20, 0x54
_IS, _AT_LEAST, _HAS = 0x15, 0x35, 0x45
_RETURN = 0x06
"""linux/bpf_common.h: BPF_LD+W+ABS, ALU+AND+K, JMP with JEQ, JGE and JSET, RET+K."""
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _AUDIT, _ARGUMENTS = 0, 4, 16
"""Places in struct seccomp_data; an argument has 8 bytes, the low ones first on these machines."""


def refuse_unseen_connections() -> bool:
    """Refuse the ways of connecting by TCP that are no connect(2) of a TCP socket.

    Those are Multipath TCP, SMC and others that fall back to TCP, data sent with the opening of a
    connection (TCP fast open), and io_uring, whose requests no filter sees. False where that
    cannot be had: on machines of which the numbers are not known here, or without seccomp. Without
    privileges it takes `no_new_privileges` first.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    program = b"".join(struct.pack("HBBI", *one) for one in _program(machine))
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    given = Program(len(program) // 8, ctypes.cast(code, ctypes.c_void_p))
    return not _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0)


_Instruction = tuple[int, int, int, int]


def _program(machine: _Machine) -> list[_Instruction]:
    refused, unsupported = _ERRNO | errno.ENOSYS, _ERRNO | errno.EPROTONOSUPPORT
    no_fast_open = _ERRNO | errno.EOPNOTSUPP
    code: list[_Instruction] = [
        (_LOAD, 0, 0, _AUDIT),
        *_unless(_IS, machine.audit, refused),
        (_LOAD, 0, 0, _NUMBER),
        *_if(_AT_LEAST, machine.above, [(_RETURN, 0, 0, refused)]),
        *_if(_IS, _IO_URING_SETUP, [(_RETURN, 0, 0, refused)]),
    ]
    for number, flags in ((machine.sendto, 3), (machine.sendmsg, 2), (machine.sendmmsg, 3)):
        code += _if(
            _IS,
            number,
            [
                _argument(flags),
                *_if(_HAS, _MSG_FASTOPEN, [(_RETURN, 0, 0, no_fast_open)]),
                (_RETURN, 0, 0, _ALLOW),
            ],
        )
    other_stream = [
        _argument(1),
        (_AND, 0, 0, _TYPE),
        *_unless(_IS, socket.SOCK_STREAM, _ALLOW),
        _argument(2),
        *_if(_IS, 0, [(_RETURN, 0, 0, _ALLOW)]),
        *_if(_IS, socket.IPPROTO_TCP, [(_RETURN, 0, 0, _ALLOW)]),
        (_RETURN, 0, 0, unsupported),
    ]
    code += _if(
        _IS,
        machine.socket,
        [
            _argument(0),
            *_if(_IS, _AF_SMC, [(_RETURN, 0, 0, unsupported)]),
            *_if(_IS, socket.AF_INET, other_stream),
            *_if(_IS, socket.AF_INET6, other_stream),
        ],
    )
    return [*code, (_RETURN, 0, 0, _ALLOW)]


def _argument(place: int) -> _Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * place)


def _if(jump: int, value: int, then: list[_Instruction]) -> list[_Instruction]:
    return [(jump, 0, len(then), value), *then]


def _unless(jump: int, value: int, result: int) -> list[_Instruction]:
    return [(jump, 1, 0, value), (_RETURN, 0, 0, result)]


def _checked(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
