"""Feeds PostgreSQL its own text of an expression, until the text stays as it is.

The text may come from another database, whose owner decides what it says. So it is fed to a session
of the owner of a scratch database, never to a superuser's, and each text as one statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from pytest_schemaguard.sqltext.lexer import is_one_statement

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
"""Two are enough for all that is known; the third shows that the text stays."""


def stable(text: str, feed: Callable[[str], str | None]) -> str:
    """The text that `feed` answers itself with; the last one where PostgreSQL refuses it."""
    for _ in range(ROUNDS):
        again = feed(text)
        if again is None or again == text:
            break
        text = again
    return text


def told_by(
    cursor: Any,
    statement: sql.Composable | str,
    question: str,
    values: tuple[str, ...] | None = None,
) -> str | None:
    """What PostgreSQL makes of it; None when it refuses the statement. Nothing of it stays.

    It refuses what is about a column that this side alone has: that is a difference anyhow. So is
    a text that ends the statement and begins another one, which is not sent.
    """
    text = statement if isinstance(statement, str) else statement.as_string(cursor)
    if not is_one_statement(text):
        return None
    cursor.execute("SAVEPOINT settling")
    try:
        cursor.execute(text)
        cursor.execute(question, values)
        row = cursor.fetchone()
    except psycopg2.Error:
        row = None  # of a connection that broke, the next line tells
    cursor.execute("ROLLBACK TO SAVEPOINT settling; RELEASE SAVEPOINT settling")
    return str(row[0]) if row else None
