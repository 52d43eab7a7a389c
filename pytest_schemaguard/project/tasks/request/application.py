"""The application of `module:name`: WSGI or ASGI, itself or from a factory."""

from __future__ import annotations

import inspect
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.failure import failure
from pytest_schemaguard.project.tasks import loading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WSGI_ARGUMENTS = 2
ASGI_ARGUMENTS = 3


def load(entry: str, *, subject: str, root: Path) -> tuple[Callable[..., Any], str]:
    """The application and its protocol, `wsgi` or `asgi`. Raises ProjectError."""
    value = loading.find(entry, subject=subject, root=root)
    protocol = protocol_of(value)
    if protocol == "factory":
        try:
            value = value()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it can raise anything
            raise failure(error, "the factory failed", subject=subject, root=root) from None
        protocol = protocol_of(value)
        entry = f"{entry}()"
    if protocol in {"wsgi", "asgi"}:
        return value, protocol
    raise ProjectError(
        subject,
        f"{entry} is neither a WSGI nor an ASGI application: {value!r:.80}",
        fix="name the application itself, or a function without arguments that makes it",
    )


def protocol_of(value: Any) -> str | None:
    """`wsgi`, `asgi`, `factory`, or None: told by what it takes when it is called."""
    if not callable(value):
        return None
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):  # written in C
        return None
    places = [
        one for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}
    ]
    required = [one for one in places if one.default is one.empty]
    any_number = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    if _is_async(value) or len(required) == ASGI_ARGUMENTS:
        return "asgi"
    if len(required) == WSGI_ARGUMENTS or (any_number and not required):
        return "wsgi"
    return None if required else "factory"


def _is_async(value: Any) -> bool:
    call = getattr(type(value), "__call__", None)  # noqa: B004 - it is callable; is it a coroutine?
    return inspect.iscoroutinefunction(value) or (
        not isinstance(value, type) and inspect.iscoroutinefunction(call)
    )


class Overheard(logging.Handler):
    """The last error that the application logged: frameworks answer 500 and tell only their log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.error: BaseException | None = None
        self.text: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.error = record.exc_info[1]
        self.text = record.getMessage()


@contextmanager
def overheard() -> Iterator[Overheard]:
    """Listens to all loggers, also those that do not pass on what they log."""
    ear = Overheard()
    loggers = [logging.getLogger()]
    loggers += [
        one
        for one in logging.Logger.manager.loggerDict.values()
        if isinstance(one, logging.Logger) and not one.propagate
    ]
    for one in loggers:
        one.addHandler(ear)
    try:
        yield ear
    finally:
        for one in loggers:
            one.removeHandler(ear)
