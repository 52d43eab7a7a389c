"""Whether two catalogs are equal, without their rows: the server itself sums them up."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from pytest_schemaguard.catalog.read import query
from pytest_schemaguard.sqltext.identifiers import literal

QUERIES = (
    "relations",
    "columns",
    "constraints",
    "indexes",
    "enums",
    "domains",
    "sequences",
    "others",
)
"""All that read() asks."""


def fingerprint(cursor: Any, *, schema: str | None = None) -> str:
    """A hash of the rows that read_by() would fetch, in a transaction of read_only().

    Databases with equal ones have equal snapshots. Equal snapshots can have two: rows that nothing
    puts in order come in any. The server's work is that of a read; what is saved is the transfer of
    the rows and their way to values and a comparison. With `schema`, what is in that one alone,
    whatever it is called: two tenants' can be equal. Not md5(), which a server in FIPS mode
    refuses. Raises psycopg2.Error.
    https://www.postgresql.org/docs/current/functions-binarystring.html
    """
    row = "q::text"
    if schema is not None:
        row = f"replace(q::text, {literal(schema)}, 'schema-guard-schema')"
    sums = ", ".join(
        f"(SELECT sha256(convert_to(string_agg({row}, ','), getdatabaseencoding()))"  # noqa: S608 - constants and a literal
        f" FROM ({query(name, schema=schema)}\n) AS q)"
        for name in QUERIES
    )
    cursor.execute(f"SELECT getdatabaseencoding(), ARRAY[{sums}]::text")
    return sha256(":".join(cursor.fetchone()).encode()).hexdigest()
