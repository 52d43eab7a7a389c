"""What one run of a file, or of a tool, did, and its error. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from textwrap import indent
from typing import Any, Literal

from pytest_schemaguard.migrations.deeds import Deeds
from pytest_schemaguard.redaction import passwords_in, redacted

Transaction = Literal["idle", "open", "aborted"]


@dataclass(frozen=True, kw_only=True)
class SqlError:
    """PostgreSQL's error, and where in the file it points; or what else ended a run."""

    sqlstate: str
    """Empty where it is not PostgreSQL's."""
    message: str
    detail: str | None
    hint: str | None
    statement: str
    """The statement, shortened around the error when it is long."""
    line: int | None
    """The line of the file that PostgreSQL's error position, the line of a DO block or the row of
    a COPY points at; the statement's first where it gives none. None where no line is known."""
    context: str | None
    """PostgreSQL's CONTEXT: the functions that were running, the row of a COPY."""
    fix: str | None = None
    """The next step, where the error alone tells it."""
    path: str | None = None
    """The file that `line` is of, as people read it, where it is not the migration's own."""

    @property
    def words(self) -> str:
        """The whole of it, for people: PostgreSQL's message first, the statement last."""
        parts = [f"{self.message} (SQLSTATE {self.sqlstate})" if self.sqlstate else self.message]
        parts += [f"at {self.path}:{self.line}"] if self.path else []
        parts += [f"DETAIL: {self.detail}"] if self.detail else []
        parts += [f"HINT: {self.hint}"] if self.hint else []
        parts += [f"CONTEXT: {self.context}"] if self.context else []
        parts += ["statement:", indent(self.statement, "  ")] if self.statement else []
        return "\n".join(parts)

    def without_passwords(self, sql: str) -> SqlError:
        """The same for people: a password of the whole statement is one in a message too."""
        known = passwords_in(sql)
        texts: dict[str, Any] = {
            name: redacted(text, known)
            for name in ("message", "detail", "hint", "statement", "context")
            if isinstance(text := getattr(self, name), str)
        }
        return replace(self, **texts)


@dataclass(frozen=True, kw_only=True)
class OwnEnd:
    """A file that is to run in one transaction ends that itself."""

    word: str
    """`COMMIT` or `ROLLBACK`, as PostgreSQL calls it."""
    line: int
    after: int = 0
    """How many statements ran after it, each by itself."""


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What a ROLLBACK undid, and was not done again and kept."""

    by: str
    """The statement: `ROLLBACK`, `ROLLBACK TO a`."""
    line: int
    statements: tuple[str, ...]
    """Shortened, and without passwords."""

    @property
    def words(self) -> str:
        one, *more = self.statements
        count, them = (f"{1 + len(more)} statements", "them") if more else ("1 statement", "it")
        fact = f"line {self.line} ({self.by}) undoes {count}, and the file does not do {them} again"
        return "\n".join(
            [
                fact,
                "undone:",
                indent(one, "  "),
                *([f"  and {len(more)} more"] if more else []),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class FileRun:
    """What one run of a file, or of a tool, did."""

    statements: int
    """How many ran without an error; of a tool those that wrote, and were kept."""
    seconds: float
    notices: tuple[str, ...]
    """What PostgreSQL said meanwhile: `NOTICE:  ...`, `WARNING:  ...`."""
    error: SqlError | None
    transaction: Transaction
    """The session's state at the file's end; what is not idle is lost with the session."""
    undone: Undone | None = None
    """What the file itself took back."""
    deeds: Deeds = field(default_factory=Deeds)
    one_transaction: bool = False
    """Whether all of it ran in one, up to `own_end`."""
    own_end: OwnEnd | None = None

    @property
    def applied(self) -> bool:
        """Whether all of it ran and was kept."""
        return self.error is None and self.transaction == "idle" and self.undone is None

    @property
    def words(self) -> str:
        """Why it is not applied, for people; empty when it is."""
        if self.error is not None:
            return "\n".join([self.error.words, *self._kept])
        if self.transaction == "open":
            return "the file ends with its transaction open, so nothing of it is kept"
        if self.transaction == "aborted":
            return "the file ends with its transaction aborted, so nothing of it is kept"
        return self.undone.words if self.undone else ""

    @property
    def _kept(self) -> list[str]:
        """What became of the statements before the error, where they were to be one."""
        if not self.one_transaction:
            return []
        if self.own_end is None:
            return ["the file runs in one transaction, so nothing of it is kept"]
        end, became = self.own_end, "not kept" if self.own_end.word == "ROLLBACK" else "kept"
        where = f"line {end.line} ({end.word})"
        return [f"{where} ended the file's transaction, so what stands above it is {became}"]

    def place(self, path: str) -> tuple[str, int | None]:
        """Where it went wrong: in the migration's file, `path`, or in another."""
        if self.error is None:
            return path, self.undone.line if self.undone else None
        return self.error.path or path, self.error.line

    @property
    def advice(self) -> str | None:
        """The next step, where the error alone tells it."""
        return None if self.error is None else self.error.fix
