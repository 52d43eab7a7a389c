"""Landlock: no TCP connection but to some ports, without any privilege.

Linux 6.7 and newer (ABI 4), in containers too: https://docs.kernel.org/userspace-api/landlock.html.
It holds for whatever the process starts, in whatever language it is written.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

from pytest_schemaguard.project.fence import privileges

if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""The same numbers on all but alpha."""
_VERSION = 1
_ABI_WITH_NETWORK, _ABI_WITH_SCOPES = 4, 6
_CONNECT_TCP = 1 << 1
_RULE_NET_PORT = 2
_SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _NetPort(ctypes.Structure):
    _fields_ = (("allowed_access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def is_there() -> bool:
    """Whether this kernel restricts TCP connections."""
    return _abi() >= _ABI_WITH_NETWORK


def _abi() -> int:
    return _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)


def restrict(ports: Iterable[int]) -> None:
    """From now on this thread and all it starts connect by TCP to these ports only.

    Since Linux 6.12 abstract unix sockets of others are out of reach, too. Raises OSError.
    """
    scoped = _SCOPE_ABSTRACT_UNIX_SOCKET if _abi() >= _ABI_WITH_SCOPES else 0
    attributes = _Ruleset(0, _CONNECT_TCP, scoped)
    ruleset = _checked(
        _syscall(
            _CREATE_RULESET,
            ctypes.byref(attributes),
            ctypes.c_size_t(ctypes.sizeof(attributes)),
            0,
        )
    )
    try:
        for port in ports:
            rule = _NetPort(_CONNECT_TCP, port)
            _checked(_syscall(_ADD_RULE, ruleset, _RULE_NET_PORT, ctypes.byref(rule), 0))
        privileges.no_new_privileges()
        _checked(_syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _syscall(number: int, *arguments: object) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *arguments))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "landlock")
    return result
