"""`config.attributes` for an env.py that wants a Connection or an Engine put there.

https://alembic.sqlalchemy.org/en/latest/cookbook.html#connection-sharing
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, pool

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTIONS = frozenset({"connection"})
ENGINES = frozenset({"engine", "connectable"})


class Attributes(dict[Any, Any]):
    """Makes what an env.py cannot do without, and nothing for one that asks first.

    `attributes["connection"]` would fail in such an env.py, so it gets one. `.get("connection")`
    stays None: an env.py that asks has a way of its own, which is how it is deployed.
    """

    def __init__(self, given: Mapping[Any, Any], url: str) -> None:
        super().__init__(given)
        self._url = url
        self._made: dict[Any, Engine | Connection] = {}
        self.asked: list[str] = []
        """The names that were asked for and are not there."""

    def __missing__(self, name: Any) -> Engine | Connection:
        if name not in CONNECTIONS | ENGINES:
            self.asked.append(name)
            raise KeyError(name)
        engine = create_engine(self._url, poolclass=pool.NullPool)
        one = engine.connect() if name in CONNECTIONS else engine
        self._made[name] = self[name] = one
        return one

    def get(self, name: Any, default: Any = None) -> Any:
        if name not in self:
            self.asked.append(name)
        return super().get(name, default)

    def close(self, *, commit: bool) -> None:
        """End what was made. Who shares a connection commits it, as the cookbook's callers do."""
        for name, one in self._made.items():
            self.pop(name, None)
            if isinstance(one, Connection):
                if commit and one.in_transaction():
                    one.commit()
                one.close()
        self._made.clear()
