"""What the project's side reports of the login: pure values that cross the process boundary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


SERVER_ERROR = 500
ANSWERED = "PostgreSQL answered it:"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One row that was looked up as the application does it."""

    kind: str
    """`existing` (it was there before) or `new`."""
    outcome: str
    """`ok`, `error` (from PostgreSQL, from the model, from a function), or `unproven`."""
    step: str
    """What was being done: `choose a row`, `make a row`, `create`, `insert`, `look up`, `read` or
    `call`."""
    value: str | None = None
    """What the row is looked up by; None where nothing names it."""
    substitute: Mapping[str, str] | None = field(default=None, repr=False)
    """For a new row: the texts of the existing one's request, and what stands there in its own."""
    passwords: bool = False
    """Whether `substitute` names passwords and the like too."""
    error: str | None = None
    """The error's class, `UndefinedColumn`."""
    sqlstate: str | None = None
    message: str | None = None
    """The fact: PostgreSQL's primary message, or why it is unproven."""
    detail: str | None = None
    """The project's own frames, or what a command printed; secrets cut out."""
    statement: str | None = None
    """The statement that failed, shortened."""
    column: tuple[str, ...] | None = None
    """The column that stood in the way, `("public", "user", "team_id")`."""
    fix: str | None = None
    path: str | None = None
    """Where in the project's code it happened, where it did so there."""
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class LoginReport:
    """What became of each row that logged in by the ORM."""

    entity: str
    """The mapped class's name; without a model, the function's."""
    by: str | None
    """The attribute that rows are looked up by; None without a model."""
    table: tuple[str, ...] = ()
    """The model's."""
    attempts: tuple[Attempt, ...]
    path: str | None = None
    """Where the model is written."""
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the application answered to one request."""

    kind: str
    """`existing` or `new`: whose login it was."""
    status: int | None = None
    """None where there was no answer; `problem` says why."""
    excerpt: str = ""
    """The beginning of the body, its secrets cut out."""
    seconds: float = 0.0
    problem: str | None = None
    """`no-answer` (within the timeout), `raised` (the application let an exception through) or
    `no-substitution` (the request names no value of the existing row: nothing to put the new one
    in place of). None where it answered."""
    error: str | None = None
    """What lies behind it: the exception that the application logged or raised, or the tail of its
    output; secrets cut out."""

    @property
    def is_broken(self) -> bool:
        """Whether a server's log may say why: no answer, or one of 500 and above."""
        if self.status is None:
            return self.problem != "no-substitution"
        return self.status >= SERVER_ERROR


@dataclass(frozen=True, kw_only=True)
class RequestReport:
    """The answers of one application, started once."""

    application: str
    """`app.main:app`, or the command."""
    protocol: str
    """`wsgi`, `asgi` or `http`."""
    answers: tuple[Answer, ...]
