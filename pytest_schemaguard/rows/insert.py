"""Has PostgreSQL insert rows: all at once, and where it refuses one, each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.rows.choices import Way
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_schemaguard.rows.choices import Row
    from pytest_schemaguard.rows.tables import Table

    Make = Callable[[int, Way, Sequence[Row]], Row]
    """Of a number, how far to go, and the rows before it."""

_VAIN, _RAISED = 20, 2
"""After so many refused numbers in a row no other is tried: of values that PostgreSQL refuses, and
of errors that a trigger raises."""
_OF_VALUES = ("22", "23")
"""Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html."""


class RefusedError(Exception):
    """PostgreSQL took no row of a table: why, in its words."""

    def __init__(self, reason: str, sqlstate: str = "") -> None:
        super().__init__(reason)
        self.of_values = sqlstate[:2] in _OF_VALUES


def insert(
    cursor: Any, table: Table, make: Make, *, rows: int, start: int, ways: Sequence[Way]
) -> int:
    """How many rows it took, in the transaction that is open. Raises RefusedError."""
    made: list[Row] = []
    for place in range(start, start + rows):
        made.append(make(place, ways[0], made))
    try:
        return inserted(cursor, table, made)
    except RefusedError as error:
        reason = error
    made = []
    vain = count = 0
    in_vain: list[Row] = []
    place = start
    while count < rows and vain < (_VAIN if reason.of_values else _RAISED):
        vain += 1
        for way in ways:
            row = make(place, way, made)
            if row in in_vain:
                continue
            try:
                count += inserted(cursor, table, [row])
            except RefusedError as error:
                in_vain.append(row)
                if place == start and way is not Way.BARE:
                    reason = error
                continue
            made.append(row)
            vain = 0
            break
        # The values of a key of several columns repeat themselves, shifted, after many rows.
        place += 1 if vain <= _VAIN // 2 else vain * vain
    if not count:
        raise reason
    return count


def inserted(cursor: Any, table: Table, rows: Sequence[Row]) -> int:
    """How many. Raises RefusedError, and then none of them is there."""
    statement = _statement(table, rows)
    try:
        cursor.execute(f"SAVEPOINT rows; {statement}")
        count = int(cursor.rowcount)
        if count == 0:
            # A trigger or a rule may have put them into a table that inherits this one.
            counting = f"SELECT pg_catalog.count(*) FROM {in_quotes(*table.name)}"  # noqa: S608 - quoted
            cursor.execute(counting)
            (after,) = cursor.fetchone()
            cursor.execute(f"ROLLBACK TO SAVEPOINT rows; {counting}")
            count = after - cursor.fetchone()[0]
            if count <= 0:
                raise RefusedError("a trigger or a rule of the table takes each new row away")
            cursor.execute(statement)
    except psycopg2.Error as error:
        reason = words(error)
        cursor.execute("ROLLBACK TO SAVEPOINT rows")
        raise RefusedError(reason, error.pgcode) from error
    cursor.execute("RELEASE SAVEPOINT rows")
    return count


def words(error: psycopg2.Error) -> str:
    """PostgreSQL's words, with the function that raised the error. Raises it if nobody answered."""
    if error.pgcode is None:
        raise error
    message = error.diag.message_primary or ""
    where = (error.diag.context or "").splitlines()[:1]
    return message + "".join(f" ({one})" for one in where)


def _statement(table: Table, rows: Sequence[Row]) -> str:
    into = f"INSERT INTO {in_quotes(*table.name)}"
    columns = [one for one in table.columns if any(one.name in row for row in rows)]
    if not columns:
        return f"{into} SELECT FROM pg_catalog.generate_series(1, {len(rows)})"
    listed = ", ".join(
        "(" + ", ".join(_value(row, one.name) for one in columns) + ")" for row in rows
    )
    names = ", ".join(in_quotes(one.name) for one in columns)
    system = " OVERRIDING SYSTEM VALUE" if any(one.identity for one in columns) else ""
    return f"{into} ({names}){system} VALUES {listed}"


def _value(row: Row, column: str) -> str:
    if column not in row:
        return "DEFAULT"
    value = row[column]
    return "NULL" if value is None else literal(value)
