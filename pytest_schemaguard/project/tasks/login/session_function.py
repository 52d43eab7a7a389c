"""The project's own functions of a session: its login query, and what makes a new row."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
from collections.abc import Iterable, Sized
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import NullPool
from sqlalchemy.orm import Session

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.tasks import loading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

T = TypeVar("T")

ASYNC_DRIVERS = ("psycopg", "asyncpg")
"""https://docs.sqlalchemy.org/en/20/dialects/postgresql.html; libpq's first: it knows sockets."""


class Function:
    """`module:function` of a Session, or an `async def` of an AsyncSession.

    Raises ProjectError: not found, failing as it is imported, no function of a session.
    """

    def __init__(self, entry: str, *, key: str, root: Path) -> None:
        self.entry = entry
        self._subject = f"{key} {entry}"
        self._function = loading.find(entry, subject=self._subject, root=root)
        required, most = _arguments(self._function)
        if required > 2 or most < 1:  # noqa: PLR2004 - a session and a value
            raise ProjectError(
                self._subject,
                f"it is no function of a session: {self._function!r:.80}",
                fix="write `def function(session)`, or `def function(session, value)`",
            )
        self.takes_value = most > 1
        """Whether it can be told which row is meant."""
        self.needs_value = required > 1

    def call(self, engine: Engine, arguments: tuple[Any, ...], then: Callable[[Any], T]) -> T:
        """What `then` makes of what it returns, both in one session, which is committed.

        Raises whatever the function raises; ProjectError where an AsyncSession cannot be had.
        """
        if inspect.iscoroutinefunction(self._function):
            return asyncio.run(self._call_async(engine, arguments, then))
        with Session(engine) as session:
            found = self._function(session, *arguments)
            if inspect.isawaitable(found):
                getattr(found, "close", lambda: None)()
                raise TypeError("it returned something to be awaited: write it as `async def`")
            result = then(found)
            session.commit()
            return result

    async def _call_async(
        self, engine: Engine, arguments: tuple[Any, ...], then: Callable[[Any], T]
    ) -> T:
        driver = next((one for one in ASYNC_DRIVERS if importlib.util.find_spec(one)), None)
        if driver is None or importlib.util.find_spec("greenlet") is None:
            raise ProjectError(
                self._subject,
                "an AsyncSession needs greenlet, and psycopg or asyncpg",
                fix="install them where pytest runs, or write a function of a Session",
            )
        from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

        url = engine.url.set(drivername=f"postgresql+{driver}")
        waking = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
        try:
            async with AsyncSession(waking) as session:
                found = await self._function(session, *arguments)
                result = await session.run_sync(lambda _: then(found))
                await session.commit()
                return result
        finally:
            await waking.dispose()


def is_nothing(found: Any) -> bool:
    """Whether a login query has found nobody: None, False, or nothing in it."""
    if found is None or found is False:
        return True
    if isinstance(found, Sized):
        return len(found) == 0
    # A result that was not read to its end, a query, a generator.
    return isinstance(found, Iterable) and next(iter(found), None) is None


def _arguments(function: Any) -> tuple[int, int]:
    """How many places it has to be filled, and how many can be."""
    if not callable(function):
        return 0, 0
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return 1, 1
    places = [
        one for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}
    ]
    required = sum(one.default is one.empty for one in places)
    any_number = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    return required, max(len(places), 2 if any_number else 0)
