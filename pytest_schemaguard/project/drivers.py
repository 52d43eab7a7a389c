"""Where only Python can refuse: psycopg2's and psycopg's `connect`, which libpq makes in C."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.project.watch import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_schemaguard.address import Address


_DRIVERS = (
    ("psycopg2", "psycopg2", "_connect", "psycopg2.extensions.parse_dsn"),
    ("psycopg", "psycopg.generators", "connect", "psycopg.conninfo.conninfo_to_dict"),
)
"""Each driver, the module and the function that it connects by, and what parses a conninfo."""


def watch(address: Address, note: Callable[[str], None]) -> None:
    """Let the installed drivers connect to this database only.

    `note` is told where else they try.
    """
    for name, owner, function, parser in _DRIVERS:
        try:
            driver, module = importlib.import_module(name), importlib.import_module(owner)
            parser_module, _, parser_name = parser.rpartition(".")
            parse = getattr(importlib.import_module(parser_module), parser_name)
        except ImportError:
            continue  # not installed: nobody connects with it

        def refuse(
            conninfo: str,
            parse: Callable[[str], Mapping[str, Any]] = parse,
            error: type[Exception] = driver.OperationalError,
        ) -> None:
            parameters = parse(conninfo)
            if not is_own(parameters, address):
                where = place(parameters)
                note(where)
                raise error(refusal(where))

        setattr(module, function, _checked(getattr(module, function), refuse))


def is_own(parameters: Mapping[str, Any], address: Address) -> bool:
    """Whether libpq's parameters lead to this database's server and nowhere else.

    https://www.postgresql.org/docs/current/libpq-connect.html: `hostaddr` wins over `host`, and a
    service can say anything.
    """
    if parameters.get("service"):
        return False
    hosts = str(parameters.get("hostaddr") or parameters.get("host") or "").split(",")
    ports = str(parameters.get("port") or "5432").split(",")
    return set(hosts) == {address.host} and set(ports) == {str(address.port)}


def place(parameters: Mapping[str, Any]) -> str:
    """Where libpq's parameters lead, for people."""
    host = parameters.get("hostaddr") or parameters.get("host")
    if parameters.get("service"):
        return f"the service {parameters['service']}"
    return f"{host}:{parameters.get('port') or 5432}" if host else "libpq's default server"


def _checked(connect: Callable[..., Any], check: Callable[[str], None]) -> Callable[..., Any]:
    def checked(conninfo: str, *arguments: Any, **keywords: Any) -> Any:
        check(conninfo)
        return connect(conninfo, *arguments, **keywords)

    return checked
