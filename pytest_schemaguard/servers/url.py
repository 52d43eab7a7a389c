"""A user's URL -> Address, as libpq reads it."""

from __future__ import annotations

import re

from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import ServerError

DEFAULT_PORT = 5432
LAST_PORT = 65535
DEFAULT_DATABASE = "postgres"


def parse_url(url: str) -> Address:
    """Raises ServerError, which never repeats the URL: a password may be anywhere in it."""
    import psycopg2.extensions

    example = "write postgresql://user:password@host:5432/database"
    if not re.match(r"postgres(ql)?(\+\w+)?://", url):
        shown = repr(url) if re.fullmatch(r"[\w-]*", url) else "the value"
        raise ServerError("server", f"{shown} is no provider and no PostgreSQL URL", fix=example)
    if not url.isprintable():
        raise ServerError(
            "server",
            "the URL has a character that no URL can have: a line's end, another control character,"
            " or a byte that is not UTF-8",
            fix=f"{example}, special characters percent-encoded",
        )
    try:
        parts = psycopg2.extensions.parse_dsn(re.sub(r"^\w+(\+\w+)?:", "postgresql:", url))
    except psycopg2.ProgrammingError as error:
        # libpq quotes the part it could not read; only a parameter's name is safe to repeat.
        parameter = re.search(r'invalid URI query parameter: "[\w-]*"', str(error))
        why = f": {parameter.group()}" if parameter else ""
        raise ServerError(
            "server",
            f"the URL cannot be read{why}",
            fix=f"{example}, special characters percent-encoded",
        ) from None
    for needed in ("host", "user"):
        if not parts.get(needed):
            raise ServerError("server", f"the URL names no {needed}", fix=example)
    host, port = parts.pop("host"), parts.pop("port", str(DEFAULT_PORT))
    if "," in host or not port.isdigit() or not 0 < int(port[:6]) <= LAST_PORT:
        raise ServerError("server", "the URL names several hosts or no usable port", fix=example)
    return Address(
        host=host,
        port=int(port),
        user=parts.pop("user"),
        password=parts.pop("password", ""),
        database=parts.pop("dbname", DEFAULT_DATABASE),
        options=tuple(sorted(parts.items())),
    )
