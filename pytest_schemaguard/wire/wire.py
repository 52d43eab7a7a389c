"""The guard's handle of the relay's process: started, told where to listen, asked what it has seen.

It speaks with the relay by two pipes and no socket, so that nothing which patches those in pytest's
process reaches it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.variables import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.wire.conductor import Order

ANSWER_S = 30.0
"""How long the relay may take to answer."""
QUIET_S = 10.0
"""How long the server may take to end the sessions of clients that have gone."""
EXIT_S = 5.0
_CHUNK = 1 << 20
_BOOT = (
    "import sys\n"
    "sys.path.insert(0, sys.argv[1])\n"
    "import pytest_schemaguard\n"
    "del sys.path[0]\n"
    "from pytest_schemaguard.wire.relay import main\n"
    "main()\n"
)
_PACKAGES = str(Path(__file__).parents[2])
_ENDS_HERE = ("ssl", "gss", "krb")
_LEADING = {"hostaddr", "channel_binding", "requirepeer", "passfile", "service"}
"""libpq's parameters that are about the way to the server, which the relay goes.
https://www.postgresql.org/docs/current/libpq-connect.html"""
_SUBJECT = "the wire"


@dataclass(frozen=True, kw_only=True)
class StatementError:
    """What PostgreSQL answered in place of a result; it may hold passwords."""

    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    position: int | None = None
    """The character of the statement that it points at, counted from 1."""
    is_fatal: bool = False
    """Whether it ended the session."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found between two statements."""

    rows: tuple[tuple[str | None, ...], ...]
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What one message to the server ran: a statement, or several in one text.

    One that has neither tags nor an error was not run: an error before it in its batch, or the
    session's end.
    """

    number: int
    """Its place among all that were sent, from 1."""
    batch: int
    """The number of the first of those that its session sent with it, as in a pipeline."""
    session: int
    """The server's process that it was sent to."""
    sql: str
    """As it was sent: it may hold passwords, which whoever shows it cuts out."""
    is_cut: bool = False
    """Whether it was too long to be kept, and this is its beginning."""
    tags: tuple[str, ...] = ()
    """What the server answered for each statement of it that ran: `CREATE TABLE`, `INSERT 0 1`."""
    error: StatementError | None = None
    before: str = "I"
    """The transaction's status before its batch: `I` none, `T` open, `E` aborted."""
    after: str | None = None
    """And behind it; None where the session ended first."""
    notices: int = 0
    """How many of them, and of warnings, came while it ran; no LOG, DEBUG or INFO."""
    looks: tuple[Look, ...] = ()
    """What was asked behind its batch, if it was the last of it."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that a line has seen."""

    statements: tuple[Statement, ...]
    """In the order in which they were sent."""
    notices: tuple[str, ...]
    """What PostgreSQL said beside its results, the first and the last: `NOTICE:  ...`. They may
    hold passwords."""
    begun: int
    """How many sessions clients have begun."""
    refused: tuple[str, ...]
    """What clients tried and may not: `tried to connect to the database "x"`."""
    late: tuple[str, ...]
    """What took longer than it may: orders, and sessions that went on without their client."""
    lost: tuple[int, ...]
    """The sessions that the server ended without a word."""
    cut: tuple[int, ...]
    """The sessions that were cut, as ordered or because of a deadline."""
    open: tuple[int, ...]
    """The sessions that clients have not ended."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A session that an order has stopped."""

    hold: int
    session: int
    number: int
    """The statement before or after which it is held."""
    is_after: bool


class Line:
    """One address at which a run's clients are taken; a context manager that closes it."""

    def __init__(self, wire: Wire, number: int, address: Address) -> None:
        self.address = address
        """The database as it is reached over the wire."""
        self._wire = wire
        self._number = number
        self._is_closed = False

    def __enter__(self) -> Line:  # noqa: PYI034 - Self is 3.11, and nobody inherits from this
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, timeout_s: float) -> Held | None:
        """The first session that an order holds; None where none is within this time."""
        deadline = time.monotonic() + timeout_s
        while True:
            held = self._wire.ask("wait", line=self._number)["held"]
            if held:
                hold, told = held[0]
                return Held(hold=hold, **told)
            if time.monotonic() >= deadline:
                return None

    def release(self, held: Held) -> None:
        """Let it go on."""
        self._wire.ask("release", line=self._number, hold=held.hold, cut=False)

    def cut(self, held: Held) -> None:
        """End its session, as if the client had been killed."""
        self._wire.ask("release", line=self._number, hold=held.hold, cut=True)

    def seen(self) -> Seen:
        """Everything so far, once the server has ended the sessions of clients that have gone.

        Those that it does not end are cut. Raises ServerError for more text than is kept.
        """
        deadline = time.monotonic() + QUIET_S
        told: dict[str, Any] = {}
        while not told:
            is_late = time.monotonic() > deadline
            told = self._wire.ask("finish", line=self._number, hurry=is_late)
        if told["is_too_much"]:
            raise ServerError(
                "PostgreSQL",
                f"what was sent to it takes {told['bytes'] >> 20} MB, which is more than is kept",
                fix="let it send less at once: COPY is one statement, however many rows it has",
            )
        return Seen(
            statements=tuple(map(_statement, told["statements"])),
            begun=told["begun"],
            **{
                name: tuple(told[name])
                for name in ("notices", "refused", "late", "lost", "cut", "open")
            },
        )

    def close(self) -> None:
        """Cut what is still connected, and listen no more."""
        if not self._is_closed:
            self._is_closed = True
            with contextlib.suppress(ServerError):  # with the relay all its lines have ended
                self._wire.ask("close", line=self._number)


class Wire:
    """The relay's process. It ends with this one, whatever ends it."""

    def __init__(self, folder: Path) -> None:
        """Start it, and return at once. Its lines listen in `folder`. Raises ServerError."""
        self._folder = folder
        self._lock = threading.Lock()
        self._received = b""
        self._ports = 0
        flags = ["-I", "-S", "-X", "utf8"]
        try:
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", _BOOT, _PACKAGES],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=needed(os.environ) | _authorities(),
                start_new_session=True,
            )
        except OSError as error:
            raise ServerError(_SUBJECT, f"its process cannot be started: {error}") from error

    def listen(
        self,
        address: Address,
        *,
        is_read: bool = True,
        orders: Sequence[Order] = (),
        log: Path | None = None,
    ) -> Line:
        """Lead clients to this database's server, from a socket.

        With `is_read` the statements are told. What is refused is noted in `log`, a line each.
        Raises ServerError.
        """
        self._ports += 1
        path = self._folder / f".s.PGSQL.{self._ports}"
        options = dict(address.options)
        told = self.ask(
            "listen",
            path=str(path),
            server={
                "host": options.get("hostaddr") or address.host,
                "name": address.host,
                "port": address.port,
                "options": options,
            },
            confined_to=address.confined_to,
            is_read=is_read,
            log=None if log is None else str(log),
            orders=[list(one) for one in orders],
        )
        if "error" in told:
            raise ServerError(
                _SUBJECT,
                f"it cannot listen on {path}: {told['error']}",
                fix="set TMPDIR to a short path of a folder that can be written",
            )
        left = tuple((name, value) for name, value in address.options if not _is_of_the_way(name))
        here = replace(
            address,
            host=str(self._folder),
            port=self._ports,
            options=left,
            confined_to="",
            loopback=None if address.is_socket and not address.confined_to else address.port,
        )
        return Line(self, told["line"], here)

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """One request, one answer. Raises ServerError when the relay is gone."""
        with self._lock:
            try:
                os.write(self._stdin, json.dumps({"do": do, **values}).encode() + b"\n")
                answer: dict[str, Any] = json.loads(self._line())
            except OSError as error:
                raise self._gone(str(error)) from error
        if "crash" in answer:
            raise self._gone(answer["crash"])
        return answer

    def close(self) -> None:
        """End the process, and all connections over it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def _stdin(self) -> int:
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        number = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(number, select.POLLIN)
        deadline = time.monotonic() + ANSWER_S
        parts = [self._received]
        while b"\n" not in parts[-1]:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError(f"it has not answered within {ANSWER_S:g} s")
            if not (data := os.read(number, _CHUNK)):
                raise ConnectionResetError("its process has ended")
            parts.append(data)
        line, _, self._received = b"".join(parts).partition(b"\n")
        return line

    def _gone(self, said: str) -> ServerError:
        return ServerError(
            _SUBJECT,
            "the relay between the project and the server is gone",
            detail=said,
            fix="run again; if it happens again, report it with this",
        )


def _authorities() -> dict[str, str]:
    """Which `sslrootcert=system` names: SSL_CTX_set_default_verify_paths(3)."""
    names = {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys()
    return {name: os.environ[name] for name in names}


def _is_of_the_way(name: str) -> bool:
    return name.startswith(_ENDS_HERE) or name in _LEADING


def _statement(told: dict[str, Any]) -> Statement:
    error = told["error"]
    return Statement(
        **{
            **told,
            "tags": tuple(told["tags"]),
            "error": None if error is None else StatementError(**error),
            "looks": tuple(
                Look(rows=tuple(map(tuple, one["rows"])), error=one["error"])
                for one in told["looks"]
            ),
        }
    )
