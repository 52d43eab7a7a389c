"""The variables of a project process: what leads to a database out, the guard's in. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_schemaguard.secret_shapes import DATABASE_SCHEMES

if TYPE_CHECKING:
    from collections.abc import Mapping

INSIDE = "SCHEMA_GUARD_INSIDE"
"""Set in every project process: a pytest in there must not start a guard of its own."""

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
