"""Where only Python can refuse: psycopg2's and psycopg's `connect`, which libpq makes in C."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.project.watch import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from pytest_schemaguard.address import Address


@dataclass(frozen=True, kw_only=True)
class Driver:
    module: str
    """The module whose function makes every connection of the driver's documented ways."""
    function: str
    error: str
    """`module:name` of what it raises when a connection fails."""
    parser: str
    """`module:name` of what reads a conninfo, URL or DSN, into libpq's parameters."""


DRIVERS = (
    Driver(
        module="psycopg2",
        function="_connect",
        error="psycopg2:OperationalError",
        parser="psycopg2.extensions:parse_dsn",
    ),
    Driver(
        module="psycopg.generators",
        function="connect",
        error="psycopg:OperationalError",
        parser="psycopg.conninfo:conninfo_to_dict",
    ),
)


def watch(address: Address, note: Callable[[str], None]) -> None:
    """Let the drivers, once they are imported, connect to this database only.

    `note` is told where else they try.
    """
    sys.meta_path.insert(0, _Finder(address, note))


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
    if parameters.get("service"):
        return f"the service {parameters['service']}"
    host = parameters.get("hostaddr") or parameters.get("host")
    return f"{host}:{parameters.get('port') or 5432}" if host else "libpq's default server"


class _Finder:
    """Changes a driver's module as soon as it has been imported, and imports none by itself."""

    def __init__(self, address: Address, note: Callable[[str], None]) -> None:
        self._address = address
        self._note = note
        self._awaited = {driver.module: driver for driver in DRIVERS}

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        driver = self._awaited.pop(name, None)
        spec = importlib.util.find_spec(name) if driver else None
        if driver is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_change(module: ModuleType) -> None:
            execute(module)
            connect = getattr(module, driver.function)
            setattr(module, driver.function, self._checked(connect, driver))

        spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec

    def _checked(self, connect: Callable[..., Any], driver: Driver) -> Callable[..., Any]:
        def checked(conninfo: str, *arguments: Any, **keywords: Any) -> Any:
            parameters = _named(driver.parser)(conninfo)
            if not is_own(parameters, self._address):
                where = place(parameters)
                self._note(where)
                raise _named(driver.error)(refusal(where))
            return connect(conninfo, *arguments, **keywords)

        return checked


def _named(entry: str) -> Any:
    module, _, name = entry.partition(":")
    return getattr(importlib.import_module(module), name)
