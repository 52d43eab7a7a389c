"""What PostgreSQL keeps of a password: a SCRAM-SHA-256 verifier, from which nobody can log in.

It is computed here, so that no statement, log or folder ever has the password itself. PostgreSQL
stores a verifier that it is given as it is, whatever `password_encryption` says, and the methods
`scram-sha-256`, `md5` and `password` of pg_hba.conf all accept it
(https://www.postgresql.org/docs/current/sql-createrole.html,
https://www.postgresql.org/docs/current/auth-password.html).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

ITERATIONS = 4096
"""The fewest that RFC 5802 advises, and that some drivers accept (pg8000's scramp)."""
OWN_ITERATIONS = 1
"""For a role that the guard alone logs in as. Iterations make guesses of a weak password slow; a
random one of 128 bits cannot be guessed, and its login is as fast as one without a password."""


def verifier(password: str, *, iterations: int = ITERATIONS) -> str:
    """`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, with a new salt each time.

    `password` is ASCII without control characters, which SASLprep leaves as it is
    (https://www.rfc-editor.org/rfc/rfc5802#section-3, https://www.rfc-editor.org/rfc/rfc5803).
    """
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return _text(iterations, salt, stored, hmac.digest(salted, b"Server Key", "sha256"))


def _text(iterations: int, salt: bytes, stored: bytes, server: bytes) -> str:
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{encoded[0]}${encoded[1]}:{encoded[2]}"


NOBODY = _text(OWN_ITERATIONS, b"schema-guard: no", bytes(32), bytes(32))
"""A verifier that no known password has: nobody knows what SHA-256 turns into 32 zeros. It is as
long as every other one with OWN_ITERATIONS."""
