"""Statements that make sense in a transaction alone. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_schemaguard.sqltext.statements import Statement

_HINT = re.compile(r"\b(?:on\s+commit|lock|savepoint|declare)\b", re.IGNORECASE)
_SPACE = r"(?:\s|--[^\n]*\n|/\*.*?\*/)+"
_BEGINS = re.compile(r"(?:begin|start)\b", re.IGNORECASE)
_NEEDS = {
    name: re.compile(pattern.replace(" ", _SPACE), re.IGNORECASE | re.DOTALL)
    for name, pattern in {
        "LOCK": r"lock\b",
        "SAVEPOINT": r"savepoint\b",
        "DECLARE": r"declare\b(?!.*?\bwith hold\b)",
        "ON COMMIT": r"create (?:(?:global|local) )?temp(?:orary)? table\b.*?\bon commit"
        r" (?:drop|delete rows)\b",
    }.items()
}
"""Outside of a transaction PostgreSQL refuses the first three, and the temporary table, or its
rows, go with the statement that made it.
https://www.postgresql.org/docs/current/sql-createtable.html"""


def may_need_one(text: str) -> bool:
    """Whether it is worth a look."""
    return _HINT.search(text) is not None


def needs_one(statements: Iterable[Statement]) -> tuple[str, int] | None:
    """The first such statement of a file that begins no transaction itself, and its line."""
    found = None
    for one in statements:
        if _BEGINS.match(one.sql):
            return None
        for name, pattern in _NEEDS.items():
            if found is None and pattern.match(one.sql):
                found = name, one.line
    return found
