"""Asks a WSGI application in this process: PEP 3333, as a server calls it."""

from __future__ import annotations

import io
import sys
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from pytest_schemaguard.project.tasks.request.message import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from pytest_schemaguard.project.tasks.request.message import Message

NO_ANSWER = 500
"""What a server answers when an application raises, or never calls start_response."""


class Wsgi:
    """A WSGI application; it has no start and no end of its own."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, message: Message, *, timeout_s: float) -> Response:
        """The answer, from a thread, as most servers do. Raises TimeoutError: where it is."""
        answers: list[Response] = []
        thread = threading.Thread(
            target=lambda: answers.append(self._call(message)), daemon=True, name="application"
        )
        thread.start()
        thread.join(timeout_s)
        if not answers:
            frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the documented name
            stack = traceback.format_stack(frame, limit=8) if frame is not None else []
            raise TimeoutError("it is here:\n" + "".join(stack))
        return answers[0]

    def _call(self, message: Message) -> Response:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        parts: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], None]:
            if started and exc_info is None:
                raise AssertionError("start_response was called twice without exc_info")
            started[:] = [(status, headers)]
            return parts.append

        result: Any = None
        try:
            result = self._application(_environ(message), start_response)
            parts.extend(result)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the answer
            return Response(status=NO_ANSWER, headers=(), body=b"", raised=error)
        finally:
            with suppress(Exception):  # the answer is complete
                getattr(result, "close", lambda: None)()
        if not started:
            wrong = RuntimeError("the application never called start_response")
            return Response(status=NO_ANSWER, headers=(), body=b"", raised=wrong)
        status, headers = started[0]
        return Response(
            status=int(status.split(" ", 1)[0]), headers=tuple(headers), body=b"".join(parts)
        )


def _environ(message: Message) -> dict[str, Any]:
    """https://peps.python.org/pep-3333/#environ-variables."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": message.method,
        "SCRIPT_NAME": "",
        # "bytes-as-unicode": each character stands for one byte.
        "PATH_INFO": unquote_to_bytes(message.path).decode("latin-1"),
        "QUERY_STRING": message.query,
        "CONTENT_LENGTH": str(len(message.body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(message.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in message.headers:
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ
