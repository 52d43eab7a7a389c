"""What a statement is, by its words: a write, a question, or a step of a transaction. Pure."""

from __future__ import annotations

import re

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.sqltext.lexer import tokens
from pytest_schemaguard.sqltext.statements import split

BEGIN = frozenset({"begin", "start"})
COMMIT = frozenset({"commit", "end", "prepare transaction"})
END = COMMIT | {"rollback", "abort"}
CONTROL = BEGIN | END | {"savepoint", "release"}
_READS = frozenset(
    """select show set reset values table fetch move close declare lock listen unlisten discard
    deallocate checkpoint load prepare""".split()  # noqa: SIM905 - a table of words reads better so
)
"""`SELECT f()` may write; it is told as a write only where it stands in a migration's file."""
_WRITES_WITHIN = re.compile(r"\b(insert|update|delete|merge)\b", re.IGNORECASE)
_SPACE = " \t\n\r\f\v"
"""What PostgreSQL's scanner skips; str.strip() knows more."""
_MORE = re.compile(r";|--|/\*|\\")
_VERB = re.compile(r"[\s(]*(prepare\s+transaction|[a-z]*)", re.IGNORECASE)


def statements(sql: str) -> list[str]:
    """The statements of one message; the whole of it where that cannot be told."""
    if not _MORE.search(sql):  # most are one, and a long history has thousands
        one = sql.strip(_SPACE)
        return [one] if one else []
    try:
        return [one.sql for one in split(sql, path="") if one.kind != "meta"]
    except MigrationError:
        return [sql]


def verb(sql: str) -> str:
    """Its first word, in lower case."""
    found = _VERB.match(sql)
    return " ".join(found[1].lower().split()) if found else ""


def is_write(sql: str) -> bool:
    """Whether it does more than ask, or than say how the session or its transaction goes on."""
    word = verb(sql)
    if word in {"with", "explain"}:
        return bool(_WRITES_WITHIN.search(sql))
    return word not in _READS and word not in CONTROL


def words(sql: str) -> str:
    """What it says, however it is laid out: two that are equal do the same."""
    found = [(one.kind, sql[one.start : one.end]) for one in tokens(sql)]
    return " ".join(text.lower() if kind == "word" else text for kind, text in found)
