"""Asks an ASGI application in this process: ASGI 3 with lifespan, as a server calls it.

https://asgi.readthedocs.io/en/latest/specs/www.html and .../lifespan.html
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pytest_schemaguard.project.tasks.request.message import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Self

    from pytest_schemaguard.project.tasks.request.message import Message

SHUTDOWN_S = 5.0
NO_ANSWER = 500
"""What a server answers when an application raises before it has answered."""
VERSIONS = {"version": "3.0", "spec_version": "2.3"}


class StartError(Exception):
    """The application said that its startup failed, or did not end it in time."""


class Asgi:
    """An ASGI application, started and stopped by its lifespan unless told otherwise."""

    def __init__(
        self, application: Callable[..., Awaitable[None]], *, lifespan: bool, timeout_s: float
    ) -> None:
        self._application = application
        self._wanted = lifespan
        self._timeout_s = timeout_s
        self._loop = asyncio.new_event_loop()
        self._lifespan: _Lifespan | None = None

    def __enter__(self) -> Self:
        asyncio.set_event_loop(self._loop)
        try:
            if self._wanted:
                self._lifespan = _Lifespan(self._application)
                self._loop.run_until_complete(self._lifespan.start(self._timeout_s))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._lifespan is not None:
                self._loop.run_until_complete(self._lifespan.stop())
        finally:
            self._end()

    @property
    def unsupported(self) -> BaseException | None:
        """What it raised at the lifespan scope: most often that it has none."""
        return self._lifespan.raised if self._lifespan is not None else None

    def ask(self, message: Message, *, timeout_s: float) -> Response:
        """The answer. Raises TimeoutError."""
        state = dict(self._lifespan.state) if self._lifespan is not None else {}
        exchange = _Exchange(message, state)
        return self._loop.run_until_complete(exchange.run(self._application, timeout_s))

    def _end(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=SHUTDOWN_S))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        self._loop.close()


class _Lifespan:
    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Future[None] | None = None
        self._started = asyncio.Event()
        self._stopped = asyncio.Event()
        self._failure: str | None = None
        self.state: dict[str, Any] = {}
        self.raised: BaseException | None = None

    async def start(self, timeout_s: float) -> None:
        await self._incoming.put({"type": "lifespan.startup"})
        self._task = asyncio.ensure_future(self._run())
        try:
            await asyncio.wait_for(self._started.wait(), timeout_s)
        except asyncio.TimeoutError:
            raise StartError(f"its startup did not end within {timeout_s:g} s") from None
        if self._failure is not None:
            raise StartError(self._failure)

    async def stop(self) -> None:
        if self._task is None or self._task.done():
            return
        await self._incoming.put({"type": "lifespan.shutdown"})
        with suppress(asyncio.TimeoutError):  # it has answered; how it ends is not the question
            await asyncio.wait_for(self._stopped.wait(), SHUTDOWN_S)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": VERSIONS, "state": self.state}
        try:
            await self._application(scope, self._incoming.get, self._send)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - allowed: it has no lifespan then
            self.raised = error
        finally:
            self._started.set()
            self._stopped.set()

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.failed":
            self._failure = str(message.get("message") or "without a word")
        if kind in {"lifespan.startup.complete", "lifespan.startup.failed"}:
            self._started.set()
        else:
            self._stopped.set()


class _Exchange:
    """One request and its answer."""

    def __init__(self, message: Message, state: dict[str, Any]) -> None:
        self._message = message
        self._state = state
        self._asked = False
        self._complete = asyncio.Event()
        self._status: int | None = None
        self._headers: tuple[tuple[str, str], ...] = ()
        self._parts: list[bytes] = []

    async def run(self, application: Callable[..., Awaitable[None]], timeout_s: float) -> Response:
        raised: BaseException | None = None
        try:
            await asyncio.wait_for(application(self._scope(), self._receive, self._send), timeout_s)
        except asyncio.TimeoutError:
            if not self._complete.is_set():  # otherwise only its background tasks are slow
                raise TimeoutError from None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the answer
            raised = error
        if self._status is None and raised is None:
            raised = RuntimeError("the application never sent http.response.start")
        return Response(
            status=NO_ANSWER if self._status is None else self._status,
            headers=self._headers,
            body=b"".join(self._parts),
            raised=raised,
        )

    def _scope(self) -> dict[str, Any]:
        headers = [("host", "localhost"), ("content-length", str(len(self._message.body)))]
        return {
            "type": "http",
            "asgi": VERSIONS,
            "http_version": "1.1",
            "method": self._message.method,
            "scheme": "http",
            "path": unquote(self._message.path),
            "raw_path": self._message.path.encode("ascii"),
            "query_string": self._message.query.encode("ascii"),
            "root_path": "",
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in (*headers, *self._message.headers)
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("localhost", 80),
            "state": self._state,
        }

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._message.body, "more_body": False}
        await self._complete.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = int(message["status"])
            self._headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            )
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._complete.set()
