"""Takes differences away that are none: PostgreSQL's own text, read again, can be another.

`a IN ('x', 'y')` on a varchar deparses to one text, and that text, parsed again (as a dump is), to
a second one, stable from then on. So expressions that differ are fed to PostgreSQL until their text
stays the same, on both sides. Only those: equal schemas cost nothing. Nothing is evaluated: the
tables of the scratch database are empty and the work is rolled back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.equivalents import default_meaning
from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.catalog.snapshot import Column, Constraint, Index, Name, Snapshot

ROUNDS = 3
"""Two are enough for all that is known; the third shows that the text stays."""
_SETTLING = "schema_guard_settling"


def settled_differences(
    connection: Any, expected: Snapshot, actual: Snapshot
) -> tuple[Difference, ...]:
    """The differences of the two that stay when both sides' texts have settled.

    `connection` is on the scratch database that `expected` was read from. Raises psycopg2.Error
    where the connection itself fails.
    """
    found = diff(expected, actual)
    # A pair that differs in its name too is told as a missing and an extra one.
    suspects = {one.name for one in found if one.kind.endswith(("default", "check", "index"))}
    if not suspects:
        return found
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SET LOCAL search_path = pg_catalog")
        sides = [_settled(cursor, side, suspects) for side in (expected, actual)]
        cursor.execute("ROLLBACK")
    return diff(*sides)


def _settled(cursor: Any, side: Snapshot, suspects: set[Name]) -> Snapshot:
    columns, constraints, indexes = dict(side.columns), dict(side.constraints), dict(side.indexes)
    for name in suspects:
        if name in columns:
            columns[name] = _column(cursor, name, columns[name])
        if name in constraints and constraints[name].kind == "check":
            constraints[name] = _constraint(cursor, name, constraints[name])
        if name in indexes:
            indexes[name] = _index(cursor, name, indexes[name])
    return replace(side, columns=columns, constraints=constraints, indexes=indexes)


def _column(cursor: Any, name: Name, column: Column) -> Column:
    def feed(text: str) -> str | None:
        return _told(
            cursor,
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(
                sql.Identifier(*name[:2]), sql.Identifier(name[2]), sql.SQL(text)
            ),
            "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d"
            " JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
            " WHERE d.adrelid = %s::regclass AND a.attname = %s",
            (_regclass(name), name[2]),
        )

    if column.default in {None, OWN_SEQUENCE}:
        return column
    return replace(column, default=default_meaning(_stable(column.default, feed), column.type))


def _constraint(cursor: Any, name: Name, constraint: Constraint) -> Constraint:
    def feed(text: str) -> str | None:
        return _told(
            cursor,
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                sql.Identifier(*name[:2]), sql.Identifier(_SETTLING), sql.SQL(text)
            ),
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND conname = %s",
            (_regclass(name), _SETTLING),
        )

    return replace(constraint, definition=_stable(constraint.definition, feed))


def _index(cursor: Any, name: Name, index: Index) -> Index:
    def feed(text: str) -> str | None:
        head, _, tail = text.partition("ON ")
        made = _told(
            cursor,
            sql.SQL("CREATE {}INDEX {} ON {}").format(
                sql.SQL(head), sql.Identifier(_SETTLING), sql.SQL(tail)
            ),
            "SELECT pg_get_indexdef(%s::regclass)",
            (_regclass((name[0], _SETTLING)),),
        )
        return made and head + "ON " + made.partition(f" {_SETTLING} ON ")[2]

    return replace(index, definition=_stable(index.definition, feed))


def _stable(text: str, feed: Callable[[str], str | None]) -> str:
    for _ in range(ROUNDS):
        again = feed(text)
        if again is None or again == text:
            break
        text = again
    return text


def _told(
    cursor: Any, statement: sql.Composed, question: str, values: tuple[str, ...]
) -> str | None:
    """What PostgreSQL makes of it; None when it refuses the statement.

    It refuses what is about a column that this side alone has: that is a difference anyhow.
    """
    cursor.execute("SAVEPOINT settling")
    try:
        cursor.execute(statement)
        cursor.execute(question, values)
        row = cursor.fetchone()
    except psycopg2.Error as error:
        if error.pgcode is None:
            raise
        row = None
    cursor.execute("ROLLBACK TO SAVEPOINT settling")
    return str(row[0]) if row else None


def _regclass(name: Name) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name[:2])
