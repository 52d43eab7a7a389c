"""What tells, inside a file, that a tool reads it before PostgreSQL does. Pure.

Marks stand in comments, placeholders in the SQL itself: text in quotes and dollar-quoted bodies is
looked at for neither.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.styles import APART
from pytest_schemaguard.sqltext.statements import StringSettings, scan

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_schemaguard.sqltext.lexer import Token
    from pytest_schemaguard.sqltext.statements import Escapes


class _Mark(NamedTuple):
    tool: str
    pattern: re.Pattern[str]
    fact: str


_BOTH_WAYS = "holds both ways in one file, and run whole it would undo itself"
_MARKS = (
    _Mark("goose", re.compile(r"--\s*\+goose\b", re.IGNORECASE), _BOTH_WAYS),
    _Mark("dbmate", re.compile(r"--\s*migrate:(?:up|down)\b", re.IGNORECASE), _BOTH_WAYS),
    _Mark("sql-migrate", re.compile(r"--\s*\+migrate\b", re.IGNORECASE), _BOTH_WAYS),
    _Mark("micrate", re.compile(r"--\s*\+micrate\b", re.IGNORECASE), _BOTH_WAYS),
    _Mark("rambler", re.compile(r"--\s*rambler (?:up|down)\b", re.IGNORECASE), _BOTH_WAYS),
    _Mark("tern", re.compile(r"---- create above / drop below ----"), _BOTH_WAYS),
    _Mark("Play", re.compile(r"--- !(?:Ups|Downs)\b"), _BOTH_WAYS),
    _Mark("MyBatis", re.compile(r"--\s*(?://)?\s*@UNDO\b"), _BOTH_WAYS),
    _Mark(
        "Liquibase",
        re.compile(r"--\s*liquibase formatted sql\b", re.IGNORECASE),
        "holds change sets, which Liquibase runs one by one and remembers",
    ),
)
_TITLE = re.compile(r"--[\s-]*(up|down) migration\s*", re.IGNORECASE)
"""node-pg-migrate's marks, which are plain titles unless a file has both."""

_FILLED_IN = "is filled in by a tool before PostgreSQL sees the file"
_LINE = re.compile(r"[^\n\r]*")
_BRACES = re.compile(r"\$?\{[^\n}]*\}{0,2}")
_PERCENT = re.compile(r"<%[=-].*|<%\s*\w+\s*%>")
_PERCENT_FIRST = re.compile(r"<%.*")


def refuse_marks(text: str, *, path: str | Path) -> None:
    """Raises MigrationError for a file that is not what PostgreSQL gets.

    And for what `split` refuses, unless `standard_conforming_strings` explains it, which a database
    can have switched off.
    """
    try:
        _refuse(text, path, StringSettings())
    except MigrationError:
        if "\\" not in text:
            raise
        with contextlib.suppress(MigrationError):
            _refuse(text, path, StringSettings(escapes=True))
            return
        raise


def _refuse(text: str, path: str | Path, escapes: Escapes) -> None:
    titles: set[str] = set()
    starts = True
    for token in scan(text, path=path, escapes=escapes):
        if token.kind == "comment":
            _refuse_mark(text, token, titles, path)
            continue
        placeholder = _placeholder(text, token, starts=starts)
        if placeholder is not None:
            fix = "write out the file as the tool does, and point `migrations` at the result"
            raise _error(placeholder, _FILLED_IN, text, token, path=path, fix=fix)
        starts = token.kind in {"end", "data", "meta"}


def _refuse_mark(text: str, token: Token, titles: set[str], path: str | Path) -> None:
    comment = text[token.start : token.end]
    for mark in _MARKS:
        if mark.pattern.match(comment):
            fact = f"is a mark of {mark.tool}: the file {mark.fact}"
            raise _error(comment.strip(), fact, text, token, path=path)
    title = _TITLE.fullmatch(comment)
    if title:
        titles.add(title[1].lower())
        if len(titles) > 1:
            fact = f"is a mark of node-pg-migrate: the file {_BOTH_WAYS}"
            raise _error(comment.strip(), fact, text, token, path=path)


def _placeholder(text: str, token: Token, *, starts: bool) -> str | None:
    """The placeholder that begins here; None for plain SQL."""
    first = text[token.start : token.start + 1]  # nothing at the end of a file
    if token.kind == "symbol" and first in {"{", "$"}:  # no brace is SQL, and a lone $ neither
        found = _BRACES.match(text, token.start)
        return found[0] if found else None
    if token.kind == "operator" and first == "<":
        # <% and %> are operators of pg_trgm too.
        pattern = _PERCENT_FIRST if starts else _PERCENT
        found = pattern.match(text, token.start)
        return found[0] if found else None
    return None


def _error(
    subject: str,
    fact: str,
    text: str,
    token: Token,
    *,
    path: str | Path,
    fix: str = APART,
) -> MigrationError:
    line = _LINE.match(text, text.rfind("\n", 0, token.start) + 1)
    return MigrationError(
        subject,
        fact,
        detail=line[0].strip() if line else None,
        path=path,
        line=text.count("\n", 0, token.start) + 1,
        fix=fix,
    )
