"""New rows like those that a table has."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.rows.choices import Row as New
    from pytest_schemaguard.rows.moves import Move
    from pytest_schemaguard.rows.possible import Possible, Row
    from pytest_schemaguard.rows.units import Unit

_COMBINATIONS = 1_000
"""So many combinations of foreign keys are tried for one that is new."""


def new_rows(
    moves: Sequence[Move], rows: Sequence[Row], count: int, possible: Possible
) -> list[New]:
    """So many rows, without NULLs; what is not in one is left to its default.

    They have the values of the rows that are there, in other combinations, and new ones where a key
    asks for them. Raises psycopg2.Error where the connection breaks.
    """
    made: list[New] = []
    for number in range(count):
        row: New = {}
        seats: Counter[int] = Counter()
        for move in moves:
            size = len(move.pool)
            if move.unit.keys:
                row |= _of_a_key(move.unit, rows, made, number, possible)
            elif size:
                place = _turn(seats[size], number, size)
                row |= zip(move.unit.names, move.pool[place], strict=True)
                seats[size] += 1
        made.append({name: value for name, value in row.items() if value is not None})
    return made


def _turn(seat: int, number: int, size: int) -> int:
    """Which of so many values: the first in the first row, in others as the seat's digits say.

    So no two columns have the same in all rows, nor the opposite.
    """
    if number == 0:
        return 0
    digit: int = seat // size ** (number - 1)
    return (digit + number) % size


def _of_a_key(
    unit: Unit, rows: Sequence[Row], made: Sequence[New], number: int, possible: Possible
) -> New:
    """What no row has in any of the unit's keys; nothing where a default sees to that."""
    if any(column.calls for column in unit.columns):
        return {}
    keyed = {name for one in unit.references for name in one.columns}
    row: New = {}
    for column, place in zip(unit.columns, unit.places, strict=True):
        there = [value for one in rows if (value := one[place]) is not None]
        if column.name in keyed:
            row[column.name] = rows[number % len(rows)][place]
        else:
            new = [one[column.name] for one in made if column.name in one]
            row[column.name] = possible.unused(unit, column, there, new)
    if keyed:
        _lead_elsewhere(unit, row, rows, made, possible)
    return row


def _lead_elsewhere(
    unit: Unit, row: New, rows: Sequence[Row], made: Sequence[New], possible: Possible
) -> None:
    """Has the foreign keys in it lead to what no other row of the same key leads to."""
    places = dict(zip(unit.names, unit.places, strict=True))
    taken = {
        key: {tuple(old[places[name]] for name in key) for old in rows}
        | {tuple(new.get(name) for name in key) for new in made}
        for key in unit.keys
    }
    found = [possible.parents(one) for one in unit.references]
    # Each new row begins with others of them.
    ways = [one[len(made) :] + one[: len(made)] for one in found]
    for chosen in itertools.islice(itertools.product(*ways), _COMBINATIONS):
        for reference, values in zip(unit.references, chosen, strict=True):
            row.update(zip(reference.columns, values, strict=True))
        if all(tuple(row[name] for name in key) not in old for key, old in taken.items()):
            return
