"""Values of foreign keys: those of rows that are there, or that will be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.rows.choices import Choice, Way, turned
from pytest_schemaguard.rows.insert import RefusedError, words
from pytest_schemaguard.rows.order import nullable
from pytest_schemaguard.rows.tables import own_rows
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.rows.choices import Row
    from pytest_schemaguard.rows.tables import Column, Reference, Table

    Values = dict[str, str]
    """By column."""

_PARENTS = 100
"""So many of a parent's rows are referred to, or as many as rows are made."""
_JOINED = 2000


@dataclass(frozen=True, kw_only=True)
class References:
    """The values that keys may have, as far as they are known."""

    cursor: Any
    tables: Mapping[Name, Table]
    count: int
    """Of a table's rows so many are looked at."""
    anew: bool
    """Whether the tables to fill have no rows."""
    drawn: dict[Name, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """By table and column: the values of rows that are made next."""
    _there: dict[tuple[Name, tuple[str, ...]], list[tuple[str, ...]]] = field(default_factory=dict)
    """By table and columns: the values of its rows."""

    def choices(self, table: Table, *, without: Collection[str]) -> list[Choice]:
        """One for the columns of each key, or of several that share some.

        `without`: the names of keys that are NULL for now. Raises RefusedError: a key has to refer
        to a row, and there is none.
        """
        groups: list[tuple[set[str], list[Values], set[str]]] = []
        """Columns, their values together, and which of them may be NULL."""
        nulls: list[str] = []
        generated = {column.name for column in table.columns if column.generated}
        for one in table.references:
            free = {*nullable(table, one)}
            if one.parent == table.name or generated & {*one.columns}:
                continue
            values = [] if one.name in without else self._values(one)
            if not values:
                if not free:
                    raise RefusedError(_no_row(one))
                nulls += sorted(free)
                continue
            columns = {*one.columns}
            for group in [group for group in groups if group[0] & columns]:
                groups.remove(group)
                values = _joined(values, group[1], sorted(group[0] & columns))
                columns |= group[0]
                free |= group[2]
            if not values and not free:
                raise RefusedError(f"{_no_row(one)} that its other keys refer to too")
            if values:
                groups.append((columns, self._not_taken(table, columns, values), free))
            else:
                nulls += sorted(free)
        taken = {name for columns, _, _ in groups for name in columns}
        return [
            *(_choice(columns, values, free) for columns, values, free in groups),
            *(
                Choice(columns=(name,), plain=lambda _: (None,), size=None, closed=True)
                for name in dict.fromkeys(nulls)
                if name not in taken
            ),
        ]

    def _not_taken(self, table: Table, columns: set[str], values: list[Values]) -> list[Values]:
        """Without those of its rows, where no two of these may have the same."""
        if self.anew or not any(columns.issuperset(key) for key in table.keys if key):
            return values
        names = tuple(sorted(columns))
        taken = {*self.there(table.name, names)}
        free = [one for one in values if tuple(one[name] for name in names) not in taken]
        return free or values

    def _values(self, one: Reference) -> list[Values]:
        drawn = self.drawn.get(one.parent, {})
        if all(name in drawn for name in one.parent_columns):
            keys = [*zip(*(drawn[name] for name in one.parent_columns), strict=True)]
        else:
            keys = self.there(one.parent, one.parent_columns)
        return [dict(zip(one.columns, key, strict=True)) for key in keys]

    def there(self, name: Name, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Values of these columns in the table's rows, where none is NULL. Raises RefusedError."""
        if (name, columns) not in self._there:
            # format() asks the type's own output function; a cast may be a migration's.
            texts = ", ".join(f"pg_catalog.format('%s', {in_quotes(one)})" for one in columns)
            some = " AND ".join(f"{in_quotes(one)} IS NOT NULL" for one in columns)
            table = self.tables.get(name)
            rows = in_quotes(*name) if table is None else own_rows(table)
            try:
                self.cursor.execute(
                    f"SELECT {texts} FROM {rows} WHERE {some} LIMIT {self.count}"  # noqa: S608 - quoted
                )
            except psycopg2.Error as error:
                raise RefusedError(words(error)) from error
            self._there[name, columns] = self.cursor.fetchall()
        return self._there[name, columns]

    def forget(self, name: Name) -> None:
        """The table's rows are others than they were."""
        for key in [key for key in self._there if key[0] == name]:
            del self._there[key]

    def draw(self, table: Table, column: Column, rows: int) -> list[str]:
        """What its sequence, or its default, gives the next rows. Raises RefusedError."""
        expression = f"({column.default})"
        if column.identity:
            named = literal(in_quotes(*table.name)), literal(column.name)
            expression = (
                f"pg_catalog.nextval(pg_catalog.pg_get_serial_sequence({', '.join(named)}))"
            )
        each = f"pg_catalog.generate_series(1, {rows})"
        try:
            self.cursor.execute(
                f"SELECT pg_catalog.format('%s', {expression}) FROM {each}"  # noqa: S608 - as deparsed
            )
        except psycopg2.Error as error:
            raise RefusedError(words(error)) from error
        return [value for (value,) in self.cursor.fetchall()]

    def complete(self, table: Table, one: Reference) -> None:
        """Gives a key that is NULL in all rows its values, but for the first row's.

        What PostgreSQL refuses stays NULL. `ctid` is the place of a row in a table's file.
        """
        parent = self.tables[one.parent]
        columns = [
            (in_quotes(here), in_quotes(there))
            for here, there in zip(one.columns, one.parent_columns, strict=True)
        ]
        number = "pg_catalog.row_number() OVER (ORDER BY tableoid, ctid) AS number"
        given = ", ".join(f"{here} = parent.{there}" for here, there in columns)
        keys = ", ".join(there for _, there in columns)
        self.cursor.execute(
            f"UPDATE {in_quotes(*table.name)} AS child SET {given}"  # noqa: S608 - quoted
            f" FROM (SELECT tableoid AS part, ctid AS place, {number} FROM {own_rows(table)})"
            f" AS one, (SELECT {keys}, {number} FROM {own_rows(parent)}) AS parent"
            " WHERE child.tableoid OPERATOR(pg_catalog.=) one.part"
            " AND child.ctid OPERATOR(pg_catalog.=) one.place"
            " AND one.number OPERATOR(pg_catalog.=) parent.number"
            " AND one.number OPERATOR(pg_catalog.>) 1"
        )


def to_itself(table: Table, one: Reference, row: Row, before: Sequence[Row], *, way: Way) -> Row:
    """What a key to its own table has in a row: NULL, or a row before it; else the row itself.

    No row that need not is its own parent: whatever walks up such a tree would not end.
    """
    pairs = dict(zip(one.columns, one.parent_columns, strict=True))
    free = nullable(table, one)
    if not free:
        return {here: row[there] for here, there in pairs.items() if there in row}
    none: Row = dict.fromkeys(free)
    if way is Way.BARE:
        return none
    fixed = [here for here in pairs if here not in free]
    for other in reversed(before[-1:] if not fixed else before):
        alike = all(row.get(here) == other.get(pairs[here], "") for here in fixed)
        if alike and all(other.get(there) is not None for there in pairs.values()):
            return {here: other[pairs[here]] for here in free}
    return none


def _choice(columns: set[str], values: list[Values], free: set[str]) -> Choice:
    names = tuple(sorted(columns))
    keys = [tuple(one[name] for name in names) for one in values]
    return Choice(
        columns=names,
        plain=turned(keys),
        size=len(keys),
        closed=True,
        nullable=tuple(sorted(free)),
    )


def _joined(some: list[Values], others: list[Values], shared: list[str]) -> list[Values]:
    """Those that agree in the columns that they share."""
    by: dict[tuple[str, ...], list[Values]] = {}
    for one in others:
        by.setdefault(tuple(one[name] for name in shared), []).append(one)
    made: list[Values] = []
    for one in some:
        made += [one | other for other in by.get(tuple(one[name] for name in shared), ())]
        if len(made) > _JOINED:
            break
    return made


def _no_row(one: Reference) -> str:
    return f"no row of {quoted(*one.parent)} to refer to ({one.name})"
