"""Passwords as they are stored: `scrypt$n$r$p$salt$key`, salt and key in base64."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

COST_N, BLOCK_R, PARALLEL_P = 2**14, 8, 1


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    key = hashlib.scrypt(password.encode(), salt=salt, n=COST_N, r=BLOCK_R, p=PARALLEL_P)
    return f"scrypt${COST_N}${BLOCK_R}${PARALLEL_P}${_encode(salt)}${_encode(key)}"


def verify_password(password: str, stored: str) -> bool:
    scheme, n, r, p, salt, key = stored.split("$")
    if scheme != "scrypt":
        return False
    expected = base64.b64decode(key)
    actual = hashlib.scrypt(
        password.encode(),
        salt=base64.b64decode(salt),
        n=int(n),
        r=int(r),
        p=int(p),
        dklen=len(expected),
    )
    return hmac.compare_digest(actual, expected)


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
