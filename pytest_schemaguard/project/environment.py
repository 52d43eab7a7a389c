"""The variables of a project process: what leads to a database out, the guard's in. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.redaction import secrets_in
from pytest_schemaguard.secret_shapes import DATABASE_SCHEMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_schemaguard.address import Address

INSIDE = "SCHEMA_GUARD_INSIDE"
"""Set in every project process: a pytest in there must not start a guard of its own."""

PLACEHOLDERS = ("url", "host", "port", "user", "password", "database", "dir")

_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")

_DATABASE_URL = re.compile(rf"(?<!\w)(?:{DATABASE_SCHEMES})(?:\+\w+)*://", re.IGNORECASE)
_DSN = re.compile(r"\b(?:dbname|hostaddr)\s*=\s*\S")
"""libpq's other form: `host=db.example dbname=app`."""

_DATABASE_NAME = re.compile(
    r"""
    PG[A-Z]\w*                                              # libpq's, and postgres images'
    | (?:\w+_)?(?:DATABASE|DB|POSTGRES(?:QL)?|PG|RDS|SQL|MYSQL|MARIADB)_?
      (?:URL|URI|DSN|CONN(?:ECTION)?(?:_STRING|_STR)?
        |HOST(?:NAME|ADDR)?|SERVER|PORT|USER(?:NAME)?|PASS(?:WORD|WD)?(?:_FILE)?|NAME|DB|DBNAME)
    | (?:\w+_)?DATABASES?
    | (?:\w+_)?DSN
    | SQLALCHEMY_\w*(?:UR[LI]|BIND|DATABASE|CONN|DSN)\w*
    """,
    re.VERBOSE | re.IGNORECASE,
)


def leads_to_a_database(name: str, value: str) -> bool:
    """Whether a variable's name or value would tell a program of some database."""
    return bool(_DATABASE_NAME.fullmatch(name) or _DATABASE_URL.search(value) or _DSN.search(value))


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that lead to a database."""
    return {name: value for name, value in environ.items() if not leads_to_a_database(name, value)}


def nowhere(folder: str) -> dict[str, str]:
    """Variables that keep libpq and asyncpg from ~/.pgpass and the service files.

    https://www.postgresql.org/docs/current/libpq-envars.html; a file that is not there is no error.
    """
    return {
        "PGPASSFILE": f"{folder}/no-pgpass",
        "PGSERVICEFILE": f"{folder}/no-pg_service.conf",
        "PGSYSCONFDIR": f"{folder}/no-sysconfdir",
    }


def check_placeholders(env: Mapping[str, str]) -> None:
    """Raise ConfigError for the first placeholder in the values that nothing fills."""
    for name, value in env.items():
        for found in _PLACEHOLDER.finditer(value):
            if found[1] == "url" or (found[1] in PLACEHOLDERS and found[2] is None):
                continue
            near = difflib.get_close_matches(found[1], PLACEHOLDERS, n=1)
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            is_secret = not near and secrets_in({name: value})  # braces of a password
            raise ConfigError(
                f"env.{name}",
                "no placeholder " + ("like what stands in its braces" if is_secret else found[0]),
                fix=(f"did you mean {{{near[0]}}}? " if near else "")
                + f"they are {known}, and {{url:driver}}",
            )


def filled(env: Mapping[str, str], address: Address, folder: str) -> dict[str, str]:
    """The values with their placeholders filled in. Raises ConfigError for an unknown one."""
    check_placeholders(env)
    values = {
        "host": address.host,
        "port": str(address.port),
        "user": address.user,
        "password": address.password,
        "database": address.database,
        "dir": folder,
    }

    def value(found: re.Match[str]) -> str:
        return address.url(found[2]) if found[1] == "url" else values[found[1]]

    return {name: _PLACEHOLDER.sub(value, text) for name, text in env.items()}


def has_placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value) is not None
