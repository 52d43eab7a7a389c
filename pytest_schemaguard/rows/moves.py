"""Other values for the rows of a table, as an application might write them.

Values that are there change places: what a migration left of a column stays the set of what its
rows have, so that nothing it takes for granted of them breaks: a label that it renamed does not
come back, and where it inserts what is not there yet, it still is. No two columns change places
alike, so that a copy of another column is one no longer. Only where a column has one value for all
rows, or a value has parts (JSON), it gets new ones of the same kind.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.rows.possible import MOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_schemaguard.rows.possible import Possible, Row
    from pytest_schemaguard.rows.units import Unit

_SOME = 8
"""Of so many rows in turn."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """The new values of a unit."""

    unit: Unit
    values: tuple[Row | None, ...]
    """By row; None: it stays."""
    pool: tuple[Row, ...]
    """What a new row may have."""


def moves(units: Iterable[Unit], rows: Sequence[Row], possible: Possible) -> list[Move]:
    """One for each unit. Raises psycopg2.Error where the connection breaks."""
    ranks: Counter[object] = Counter()
    return [_move(unit, rows, possible, ranks) for unit in units]


def _move(unit: Unit, rows: Sequence[Row], possible: Possible, ranks: Counter[object]) -> Move:
    old = [tuple(row[place] for place in unit.places) for row in rows]
    index: dict[Row, int] = {}
    for value in old:
        if any(one is not None for one in value):
            index.setdefault(value, len(index))
    pool = [*index]
    if unit.stays:
        return Move(unit=unit, values=(None,) * len(rows), pool=tuple(pool))
    grouped = tuple(index.get(value, -1) for value in old)
    few = possible.has_few(unit, pool)
    # Two columns that group the rows alike need two ways to change places.
    rank = ranks[grouped, few]
    ranks[grouped, few] += 1
    alone = len(pool) == 1
    wanted = rank + 2
    if len(pool) <= 1:
        wanted = 2 if few else min(max(len(rows), rank) + 2, MOST)
    if len(pool) <= 1 or not few:
        pool += itertools.islice(possible.more(unit, tuple(pool)), max(wanted - len(pool), 0))
    values = [
        _moved(pool, index.get(value), row, rank, alone=alone, rows=len(rows))
        for row, value in enumerate(old)
    ]
    if not alone and possible.has_parts(unit, pool):
        values = _changed(unit, values, possible)
    return Move(unit=unit, values=tuple(values), pool=tuple(pool))


def _changed(unit: Unit, values: Sequence[Row | None], possible: Possible) -> list[Row | None]:
    """Each part of a value is another one: a migration may have written one part of all of them."""
    made = [
        value if value is None else possible.changed(unit, value, number)
        for number, value in enumerate(values, unit.places[0] + 1)
    ]
    accepted = {*possible.accepted(unit, [one for one in made if one is not None])}
    return [new if new in accepted else old for old, new in zip(values, made, strict=True)]


def _moved(
    pool: Sequence[Row], place: int | None, row: int, rank: int, *, alone: bool, rows: int
) -> Row | None:
    """What a row gets that has the value of this place in the pool; None: it stays."""
    size = len(pool)
    if place is None:
        return pool[(row + rank) % size] if pool else None
    if size == 1:
        return None
    if alone and size > 2:  # noqa: PLR2004 - the one that is there, and one more
        return pool[1 + (row + rank) % (size - 1)]
    # Where all ways to change places are taken, some rows do not: others of each further column.
    turn, step = divmod(rank, size - 1)
    some = min(rows, _SOME)
    every = 2**some - 1
    moves = (every - turn % every) >> row % some & 1
    return pool[(place + 1 + step) % size] if moves else None
