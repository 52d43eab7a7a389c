"""The drivers that connect in C, where no socket of Python's is heard: each asks the watcher first.

They are changed as they are imported, so that this must come before any of them. What is told
apart is where libpq's parameters lead; the watcher decides as for any other connection.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_schemaguard.project.fence.watch import SOCKET_NAME, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from pytest_schemaguard.project.fence.watch import Watcher

DEFAULT_PORT = "5432"
_watchers: list[Watcher] = []
"""None before the fence stands: no code of the project runs so early."""


def change() -> None:
    """Have each driver that is imported from now on ask the watcher, once there is one."""
    sys.meta_path.insert(0, _Finder())


def watch(watcher: Watcher) -> None:
    """Whom the drivers ask from now on."""
    _watchers[:] = [watcher]


def places(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The hosts and ports that libpq tries with these parameters.

    What is not named is the environment's
    (https://www.postgresql.org/docs/current/libpq-envars.html); `hostaddr` wins over `host`.
    """
    hosts, addresses, ports = (
        str(_value(parameters, name) or "").split(",") for name in ("host", "hostaddr", "port")
    )
    for place in range(max(len(hosts), len(addresses))):
        port = ports[place] if place < len(ports) else ports[-1]
        address = addresses[place] if place < len(addresses) else ""
        host = hosts[place] if place < len(hosts) else ""
        yield address or host, port or DEFAULT_PORT


def _value(parameters: Mapping[str, Any], name: str) -> Any:
    value = parameters.get(name)
    return os.environ.get(f"PG{name.upper()}") if value is None else value


def foreign(parameters: Mapping[str, Any], watcher: Watcher) -> str | None:
    """Where libpq's parameters lead that is not the guard's database, for people."""
    service = _value(parameters, "service")
    if service:
        return f"the service {service}"  # it can say anything
    for host, port in places(parameters):
        if not host:
            return "libpq's default server"
        if host.startswith(("/", "@")):
            path = f"{host}/{SOCKET_NAME}{port}"
            own = watcher.is_own_socket(path.replace("@", "\0", 1) if host[0] == "@" else path)
        else:
            own = port.isdigit() and watcher.is_own_port(host, int(port))
        if not own:
            return f"{host}:{port}"
    return None


def _check(parameters: Callable[[], Mapping[str, Any]], error: Callable[[], type]) -> None:
    for watcher in _watchers:
        where = foreign(parameters(), watcher)
        if where is not None:
            watcher.note(where)
            _refuse(error(), where)


def _refuse(error: type, where: str) -> NoReturn:
    raise error(refusal(where))


# Each driver: which module, and what is changed in it


def _psycopg2(module: ModuleType) -> None:
    """`psycopg2._psycopg`: the class, and the function that makes one of it by default."""
    original, connect = module.connection, module._connect  # noqa: SLF001 - all others call it

    def check(dsn: str) -> None:
        _check(lambda: module.parse_dsn(dsn), lambda: module.OperationalError)

    class connection(original):  # type: ignore[misc,valid-type] # noqa: N801 - psycopg2's name
        __doc__ = original.__doc__

        def __init__(self, dsn: str, *arguments: Any, **keywords: Any) -> None:
            check(dsn)
            super().__init__(dsn, *arguments, **keywords)

    def checked(dsn: str, connection_factory: Any = None, *rest: Any, **keywords: Any) -> Any:
        check(dsn)
        return connect(dsn, connection_factory or connection, *rest, **keywords)

    connection.__module__, connection.__qualname__ = original.__module__, original.__qualname__
    module.connection, module._connect = connection, checked  # type: ignore[attr-defined] # noqa: SLF001


def _psycopg(module: ModuleType) -> None:
    """`psycopg.generators`, by which connections and pools connect."""
    connect = module.connect

    def checked(conninfo: str, *arguments: Any, **keywords: Any) -> Any:
        _check_conninfo(conninfo)
        return connect(conninfo, *arguments, **keywords)

    module.connect = checked  # type: ignore[attr-defined]


def _psycopg_pq(module: ModuleType) -> None:
    """`psycopg.pq`: libpq itself. Others make instances of the original class."""
    original = module.PGconn

    class Kind(type(original)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, original)

    class PGconn(original, metaclass=Kind):  # type: ignore[misc,valid-type]
        __doc__ = original.__doc__

        @classmethod
        def connect(cls, conninfo: bytes) -> Any:
            _check_conninfo(bytes(conninfo).decode())
            return original.connect(conninfo)

        @classmethod
        def connect_start(cls, conninfo: bytes) -> Any:
            _check_conninfo(bytes(conninfo).decode())
            return original.connect_start(conninfo)

    module.PGconn = PGconn  # type: ignore[attr-defined]


def _check_conninfo(conninfo: str) -> None:
    from psycopg import OperationalError
    from psycopg.conninfo import conninfo_to_dict

    _check(lambda: conninfo_to_dict(conninfo), lambda: OperationalError)


def _asyncpg(module: ModuleType) -> None:
    """`asyncpg.connect_utils`: an event loop in C (uvloop) connects without Python's sockets."""
    connect = module._connect_addr  # noqa: SLF001 - connections and pools call it

    async def checked(*, addr: Any, **keywords: Any) -> Any:
        if isinstance(addr, str):
            folder, _, port = addr.rpartition(f"/{SOCKET_NAME}")
            host = folder
        else:
            host, port = str(addr[0]), str(addr[1])
        _check(
            lambda: {"host": host, "hostaddr": "", "port": port, "service": ""},
            lambda: ConnectionRefusedError,
        )
        return await connect(addr=addr, **keywords)

    module._connect_addr = checked  # type: ignore[attr-defined] # noqa: SLF001


DRIVERS: dict[str, Callable[[ModuleType], None]] = {
    "psycopg2._psycopg": _psycopg2,
    "psycopg.generators": _psycopg,
    "psycopg.pq": _psycopg_pq,
    "asyncpg.connect_utils": _asyncpg,
}


class _Finder:
    """Changes a driver's module as soon as it has been imported, and imports none by itself."""

    def __init__(self) -> None:
        self._awaited = dict(DRIVERS)

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        change = self._awaited.pop(name, None)
        spec = importlib.util.find_spec(name) if change else None
        if change is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_change(module: ModuleType) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec
