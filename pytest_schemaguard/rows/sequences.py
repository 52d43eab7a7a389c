"""Where the sequences of a database stand, and how far the columns that draw from them are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg2 import sql

from pytest_schemaguard.rows.reading import each, reading, show_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_schemaguard.catalog.snapshot import Name

_SEQUENCES = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A column that refuses a value which the sequence comes to, since it has it already."""

    column: tuple[str, ...]
    """`("public", "users", "id")`, unique by itself."""
    at: int
    """The first such value."""
    furthest: int
    """What the column holds, in the sequence's direction."""


@dataclass(frozen=True, kw_only=True)
class SequenceState:
    """Where a sequence stands."""

    next: int | None
    """What nextval would return now; None: it has come to its end, and refuses."""
    ascending: bool
    owner: tuple[str, ...] | None
    """The column that owns it."""
    drawn_by: tuple[tuple[str, ...], ...]
    """The columns, `("public", "users", "id")`, whose default or identity draws from it."""
    furthest: int | None
    """What these columns hold, in its direction; None: they hold nothing."""
    refusals: tuple[Refusal, ...]
    """By column: what stops it."""


def sequences(owner: Any) -> dict[Name, SequenceState]:
    """All sequences of the database that this role can read. Raises psycopg2.Error.

    `owner` is a connection with the guard's own settings. Nothing is drawn. Temporary sequences
    are left out, and columns of tables that the role cannot read. What moves a sequence is told at
    https://www.postgresql.org/docs/current/functions-sequence.html
    """
    with reading(owner) as cursor:
        return _read(cursor)


class _Row(NamedTuple):
    """Of sequences.sql."""

    name: Name
    last: int | None
    increment: int
    lowest: int
    highest: int
    cycles: bool
    owner: Name | None
    column: Name | None
    is_unique: bool
    is_partitioned: bool
    is_hidden: bool


def _read(cursor: Any) -> dict[Name, SequenceState]:
    cursor.execute(_SEQUENCES.read_text(encoding="utf-8"))
    rows = [_row(row) for row in cursor.fetchall()]
    by_name = {name: [*found] for name, found in groupby(rows, lambda row: row.name)}
    fresh = [name for name, found in by_name.items() if found[0].last is None]
    positions = dict(zip(fresh, each(cursor, map(_position, fresh)), strict=True))
    nexts = {
        name: _next(found[0], *positions.get(name, (found[0].last, True)))
        for name, found in by_name.items()
    }
    drawing = [row for row in rows if row.column is not None]
    for table in {row.column[:2] for row in drawing if row.column and row.is_hidden}:
        show_all(cursor, table)
    ends = dict(zip(drawing, each(cursor, map(_furthest, drawing)), strict=True))
    # Mostly nothing is there to which the sequence comes.
    ahead = [row for row in drawing if _is_ahead(row, ends[row][0], nexts[row.name])]
    nearest = each(cursor, (_nearest(row, nexts[row.name]) for row in ahead))
    found_at = {row: at for row, (at,) in zip(ahead, nearest, strict=True)}
    held = {row: (ends[row][0], found_at.get(row)) for row in drawing}
    return {
        name: _state(nexts[name], {row: held[row] for row in found if row in held}, found[0])
        for name, found in by_name.items()
    }


def _row(values: Sequence[Any]) -> _Row:
    return _Row._make(tuple(one) if isinstance(one, list) else one for one in values)


def _position(name: Name) -> sql.Composable:
    return sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(*name))


def _next(row: _Row, last: int, is_called: bool) -> int | None:
    # https://www.postgresql.org/docs/current/sql-createsequence.html
    value = last + row.increment if is_called else last
    if row.lowest <= value <= row.highest:
        return value
    return (row.lowest if row.increment > 0 else row.highest) if row.cycles else None


def _furthest(row: _Row) -> sql.Composable:
    """What the column holds, in the sequence's direction."""
    assert row.column is not None
    return sql.SQL("SELECT {}({})::bigint FROM {}").format(
        sql.SQL("max" if row.increment > 0 else "min"),
        sql.Identifier(row.column[-1]),
        _table_of(row),
    )


def _is_ahead(row: _Row, furthest: int | None, following: int | None) -> bool:
    if furthest is None or following is None:
        return False
    return furthest >= following if row.increment > 0 else furthest <= following


def _nearest(row: _Row, following: int | None) -> sql.Composable:
    """The first of the column's values that the sequence comes to."""
    assert row.column is not None
    ascending = row.increment > 0
    low, high = (following, row.highest) if ascending else (row.lowest, following)
    return sql.SQL(
        """
        SELECT {nearest}({column})::bigint FROM {table}
        WHERE {column} BETWEEN {low} AND {high}
          AND ({column}::numeric - {following}) % {increment} = 0
        """
    ).format(
        nearest=sql.SQL("min" if ascending else "max"),
        column=sql.Identifier(row.column[-1]),
        table=_table_of(row),
        low=sql.Literal(low),
        high=sql.Literal(high),
        following=sql.Literal(following),
        increment=sql.Literal(row.increment),
    )


def _table_of(row: _Row) -> sql.Composable:
    assert row.column is not None
    only = sql.SQL("" if row.is_partitioned else "ONLY ")
    return sql.SQL("{}{}").format(only, sql.Identifier(*row.column[:2]))


def _state(
    following: int | None, held: Mapping[_Row, tuple[int | None, int | None]], row: _Row
) -> SequenceState:
    ascending = row.increment > 0
    values = [furthest for furthest, _ in held.values() if furthest is not None]
    return SequenceState(
        next=following,
        ascending=ascending,
        owner=row.owner,
        drawn_by=tuple(one.column for one in held if one.column),
        furthest=(max if ascending else min)(values, default=None),
        refusals=tuple(
            Refusal(column=one.column, at=at, furthest=furthest)
            for one, (furthest, at) in held.items()
            if one.column and one.is_unique and at is not None and furthest is not None
        ),
    )
