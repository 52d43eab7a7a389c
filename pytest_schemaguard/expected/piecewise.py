"""A table that PostgreSQL refuses, made of the parts that it takes: one bad part hides no other.

The statement is SQLAlchemy's own: each column and each constraint on a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.sqltext.identifiers import LONGEST_NAME, made_up_name, unquoted

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.project.answers.models import Ddl

_STAND_IN = "text"
"""The type of a column whose own is refused: what stands on the column can still be made."""
_IDENTIFIER = r'(?:"(?:[^"]|"")+"|\w+)'
_NAME = re.compile(_IDENTIFIER)
_NAMED = re.compile(rf"CONSTRAINT ({_IDENTIFIER}) ")
_CONSTRAINT = re.compile(r"(?:CONSTRAINT |PRIMARY KEY|UNIQUE|FOREIGN KEY|CHECK|EXCLUDE)")
_UNNAMED = re.compile(r"(PRIMARY KEY|UNIQUE|FOREIGN KEY)[^(]*\(([^()]*)\)")
_LABELS = {"PRIMARY KEY": "pkey", "UNIQUE": "key", "FOREIGN KEY": "fkey"}


@dataclass(frozen=True, kw_only=True)
class _Statement:
    head: str
    columns: tuple[str, ...]
    constraints: tuple[str, ...]
    tail: str


def make_in_parts(cursor: Any, table: Ddl) -> dict[Name, str] | None:
    """Makes what can be made; returns what cannot, with PostgreSQL's message.

    None: the table cannot be made even so, or the statement is not of SQLAlchemy's form. Raises
    psycopg2.Error where the connection itself fails.
    """
    statement = _parsed(table.sql)
    if statement is None or refusal(cursor, f"{statement.head} ()") is not None:
        return None
    altered = f"ALTER TABLE {statement.head.partition('TABLE ')[2]} ADD "
    refused: dict[Name, str] = {}
    made = []
    for line in statement.columns:
        error = refusal(cursor, f"{altered}COLUMN {line}")
        made.append(line)
        if error is not None:
            name = _first_name(line)
            subject: Name = (*table.name, unquoted(name))
            refused[subject] = words(error)
            made[-1] = f"{name} {_STAND_IN}"
            if refusal(cursor, f"{altered}COLUMN {made[-1]}") is not None:
                made.pop()
    if statement.tail.strip():  # a partitioned table is one from its beginning
        cursor.execute(f"DROP TABLE {statement.head.partition('TABLE ')[2]}")
        whole = ", ".join(made)
        if refusal(cursor, f"{statement.head} ({whole}) {statement.tail}") is not None:
            return None
    for line in statement.constraints:
        error = refusal(cursor, f"{altered}{line}")
        if error is not None:
            subject = (*table.name, _constraint_name(table.name[1], line))
            refused[subject] = words(error)
    return refused


def refusal(cursor: Any, statement: str) -> psycopg2.Error | None:
    """Why PostgreSQL does not execute it. Raises psycopg2.Error where the connection fails."""
    try:
        cursor.execute(statement)
    except psycopg2.Error as error:
        if error.pgcode is None:  # the connection broke: no word on the statement
            raise
        return error
    return None


def words(error: psycopg2.Error) -> str:
    """What PostgreSQL says, in its own words."""
    return error.diag.message_primary or str(error)


def _parsed(sql: str) -> _Statement | None:
    head, opened, rest = sql.strip().partition(" (\n\t")
    body, closed, tail = rest.rpartition("\n)")
    if not opened or not closed or not head.startswith("CREATE "):
        return None
    lines = body.split(", \n\t")
    constraints = tuple(line for line in lines if _CONSTRAINT.match(line))
    columns = tuple(line for line in lines if not _CONSTRAINT.match(line))
    return _Statement(head=head, columns=columns, constraints=constraints, tail=tail)


def _first_name(line: str) -> str:
    found = _NAME.match(line)
    return found[0] if found else line


def _constraint_name(table: str, line: str) -> str:
    named, unnamed = _NAMED.match(line), _UNNAMED.match(line)
    if named is not None:
        return unquoted(named[1])
    if unnamed is None:
        return " ".join(line.split())[:LONGEST_NAME]
    columns = "_".join(unquoted(one) for one in _NAME.findall(unnamed[2]))
    kind = unnamed[1]
    return made_up_name(table, "" if kind == "PRIMARY KEY" else columns, _LABELS[kind])
