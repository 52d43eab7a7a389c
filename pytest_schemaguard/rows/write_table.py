"""An application's writes to one table, each as far as PostgreSQL takes it."""

# ruff: noqa: S608 - every name is quoted, and every value a literal

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2

from pytest_schemaguard.rows.insert import RefusedError, inserted, words
from pytest_schemaguard.rows.tables import own_rows
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_schemaguard.rows.choices import Row as New
    from pytest_schemaguard.rows.moves import Move
    from pytest_schemaguard.rows.possible import Row
    from pytest_schemaguard.rows.tables import Column, Reference, Table, Type
    from pytest_schemaguard.rows.units import Unit

TRIES = 100
"""So often a row is inserted again that collides, each time with the sequence's next number."""
ROW_BY_ROW = 30
"""Where PostgreSQL refuses a column's new values as a whole, so many rows are tried one by one."""
_UNIQUE_VIOLATION = "23505"
_VAIN = 5
"""After so many refused rows, and none that was taken, no other is tried."""
_NO_PARENT = "the table that it refers to has no other row"
_NO_VALUE = "the guard knows no other value that its type and its checks accept"


class Place(NamedTuple):
    """Where a row is, by its system columns.

    https://www.postgresql.org/docs/current/ddl-system-columns.html
    """

    table: str
    """Its tableoid."""
    row: str
    """Its ctid."""


@dataclass(frozen=True, kw_only=True)
class TableWriter:
    """Writes to a table, in the transaction that is open.

    Its methods raise psycopg2.Error where the connection breaks.
    """

    cursor: Any
    """It returns every value as PostgreSQL prints it."""
    table: Table
    types: Mapping[int, Type]
    unwritten: dict[tuple[str, ...], str] = field(default_factory=dict)

    def read(self, most: int) -> tuple[list[Place], list[Row]]:
        """The first rows, and where they are. Raises psycopg2.Error."""
        columns = "".join(f", {in_quotes(one.name)}" for one in self.table.columns)
        self.cursor.execute(
            f"SELECT tableoid, ctid{columns} FROM {own_rows(self.table)}"
            f" ORDER BY tableoid, ctid LIMIT {most}"
        )
        found = self.cursor.fetchall()
        places = [Place(*row[:2]) for row in found]
        return places, [tuple(map(self._bare, self.table.columns, row[2:])) for row in found]

    def _bare(self, column: Column, value: str | None) -> str | None:
        """Without the spaces that fill up a char(n)."""
        padded = value is not None and self.types[column.type].name == "bpchar"
        return value.rstrip(" ") if padded and value is not None else value

    def delete(self, children: Iterable[tuple[Table, Reference]]) -> Place | None:
        """Deletes the first of the rows to which no other refers; where that was."""
        free = [
            f"NOT EXISTS (SELECT FROM {in_quotes(*child.name)} AS c WHERE "
            + " AND ".join(
                f"c.{in_quotes(here)} = t.{in_quotes(there)}"
                for here, there in zip(one.columns, one.parent_columns, strict=True)
            )
            + ")"
            for child, one in children
        ]
        first = (
            f"SELECT t.tableoid, t.ctid FROM {own_rows(self.table)} AS t"
            f" WHERE {' AND '.join(free) or 'true'} ORDER BY t.tableoid, t.ctid LIMIT 1"
        )
        where = f"(t.tableoid, t.ctid) IN ({first})"
        try:
            self._execute(
                f"DELETE FROM {own_rows(self.table)} AS t WHERE {where}"
                " RETURNING t.tableoid, t.ctid"
            )
        except psycopg2.Error as error:
            self.unwritten.setdefault(self.table.name, f"no row could be deleted: {words(error)}")
            return None
        found = self.cursor.fetchone()
        return found and Place(*found)

    def update(self, places: list[Place], rows: Sequence[Row], moves: Sequence[Move]) -> int:
        """Gives the rows their other values; returns how many columns that changed.

        `places` follow the rows.
        """
        for move in moves:
            if not move.unit.stays and not any(move.values):
                self._keep(move.unit, _NO_PARENT if move.unit.references else _NO_VALUE)
        moves = [move for move in moves if any(move.values)]
        try:
            changed = self._move(places, rows, moves, range(len(rows)))
        except psycopg2.Error as error:
            words(error)
            changed = set()
            for move in moves:
                changed |= self._move_alone(places, rows, move)
        for move in moves:
            if changed.isdisjoint(move.unit.names):
                self._keep(move.unit, "a trigger or a rule of the table keeps it")
        return len(changed)

    def _keep(self, unit: Unit, reason: str) -> None:
        for name in unit.names:
            self.unwritten.setdefault((*self.table.name, name), reason)

    def _move_alone(self, places: list[Place], rows: Sequence[Row], move: Move) -> set[str]:
        """All rows at once, or one by one."""
        mine = [place for place, values in enumerate(move.values) if values is not None]
        try:
            return self._move(places, rows, [move], mine)
        except psycopg2.Error as error:
            refusal = words(error)
        changed: set[str] = set()
        vain = 0
        for place in mine[:ROW_BY_ROW]:
            try:
                changed |= self._move(places, rows, [move], [place])
            except psycopg2.Error as error:
                words(error)
                vain += 1
            if vain == _VAIN and not changed:
                break
        if not changed:
            self._keep(move.unit, refusal)
        return changed

    def _move(
        self, places: list[Place], rows: Sequence[Row], moves: Sequence[Move], some: Iterable[int]
    ) -> set[str]:
        """The columns that got another value in some row."""
        columns = [one for move in moves for one in move.unit.columns]
        seats = [one for move in moves for one in move.unit.places]
        listed: list[Row] = []
        for number in some:
            new: list[str | None] = []
            for move in moves:
                old = [rows[number][seat] for seat in move.unit.places]
                new += move.values[number] or old
            if any(value != rows[number][seat] for value, seat in zip(new, seats, strict=True)):
                listed.append((str(number), *places[number], *new))
        if not listed:
            return set()
        spelled = [self.types[one.type].spelled for one in columns]
        names = [in_quotes(one.name) for one in columns]
        made = [f"c{place}" for place in range(len(columns))]
        self._execute(
            f"UPDATE {own_rows(self.table)} AS t SET "
            + ", ".join(f"{name} = v.{one}" for name, one in zip(names, made, strict=True))
            + f" FROM ({_values(listed, ['integer', 'oid', 'tid', *spelled])})"
            + f" AS v (number, o, r, {', '.join(made)}) WHERE t.tableoid = v.o AND t.ctid = v.r"
            + " RETURNING v.number, t.tableoid, t.ctid, "
            + ", ".join(f"t.{name}" for name in names)
        )
        changed = set()
        for text, table, row, *stored in self.cursor.fetchall():
            number = int(text)
            places[number] = Place(table, row)
            for column, seat, value in zip(columns, seats, stored, strict=True):
                if self._bare(column, value) != rows[number][seat]:
                    changed.add(column.name)
        return changed

    def insert(self, new: Sequence[New]) -> tuple[int, str]:
        """Inserts these rows, or those that PostgreSQL takes; how many, and why not the others."""
        cursor = self.cursor.connection.cursor()  # one that returns numbers as numbers
        try:
            return inserted(cursor, self.table, new), ""
        except RefusedError as error:
            refusal = str(error)
        draws = any(one.is_automatic and not one.generated for one in self.table.columns)
        taken = 0
        for row in new:
            for _ in range(TRIES if draws else 1):
                try:
                    taken += inserted(cursor, self.table, [row])
                    break
                except RefusedError as error:
                    # Seeds may have written keys without their sequence.
                    if getattr(error.__cause__, "pgcode", None) != _UNIQUE_VIOLATION:
                        break
        return taken, refusal

    def _execute(self, statement: str) -> None:
        """Executes it, or leaves what was there before. Raises psycopg2.Error."""
        try:
            self.cursor.execute(f"SAVEPOINT write; {statement}")
        except psycopg2.Error as error:
            if error.pgcode is not None:
                self.cursor.execute("ROLLBACK TO SAVEPOINT write")
            raise


def _values(rows: Sequence[Row], kinds: Sequence[str]) -> str:
    """The first row says of which type each column's literals are."""
    first, *rest = rows
    typed = ", ".join(f"{_sql(one)}::{kind}" for one, kind in zip(first, kinds, strict=True))
    return ", ".join([f"VALUES ({typed})", *(f"({', '.join(map(_sql, row))})" for row in rest)])


def _sql(value: str | None) -> str:
    return "NULL" if value is None else literal(value)
