"""Which values a table's row of a number gets. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Row = dict[str, str | None]
    """By column: a literal, or NULL. What is not in it is left to its default."""


class Way(Enum):
    """How far a row goes."""

    WILD = "with NULLs, defaults and extreme values among the plain ones"
    PLAIN = "plain values alone"
    BARE = "NULLs and defaults wherever they are allowed"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The values of a column, or of some that go together, by number."""

    columns: tuple[str, ...]
    plain: Callable[[int], tuple[str | None, ...]]
    size: int | None
    """How many plain ones are distinct; None: as many as anybody asks for."""
    extreme: tuple[tuple[str | None, ...], ...] = ()
    nullable: tuple[str, ...] = ()
    """The columns that may become NULL, all of them together."""
    key: bool = False
    """Whether some key has one of them: then it has plain values alone."""
    closed: bool = False
    """Whether no other value will do: those of a foreign key, of a model."""
    default: bool = False
    """Whether a default that is a constant may take its place."""


_TURNS = 4
_NULL, _DEFAULT, _EXTREME = 1, 2, 3


def row_maker(
    choices: Sequence[Choice], keys: Sequence[Sequence[str]], *, rows: int
) -> Callable[[int, Way], Row]:
    """Makes the row of a number: distinct in each of the keys, as far as there are values.

    Keys of columns with few values get all pairs: each turn of one shifts the next by one.
    """
    turns = _turns(choices, keys, rows)

    def make(place: int, way: Way) -> Row:
        row: Row = {}
        for seat, choice in enumerate(choices):
            turn = (place + seat) % _TURNS if way is Way.WILD and place else 0
            if choice.default and (turn == _DEFAULT or way is Way.BARE):
                continue
            values = choice.plain(turns(choice, place))
            if turn == _EXTREME and place // _TURNS < len(choice.extreme):
                values = choice.extreme[place // _TURNS]
            row |= zip(choice.columns, values, strict=True)
            if turn == _NULL or way is Way.BARE:
                row |= dict.fromkeys(choice.nullable)
        return row

    return make


def _turns(
    choices: Sequence[Choice], keys: Sequence[Sequence[str]], rows: int
) -> Callable[[Choice, int], int]:
    """Which of its values a choice has in the row of a number."""
    ahead: dict[int, list[int]] = {}
    """By choice: the sizes of the choices that turn faster in a key that they share."""
    for key in keys:
        mine = [one for one in choices if set(key) & {*one.columns}]
        if all(one.size is not None and one.size < rows for one in mine):
            for place, one in enumerate(mine):
                ahead.setdefault(id(one), [other.size or 1 for other in mine[:place]])

    def turn(choice: Choice, place: int) -> int:
        if choice.size is None or not ahead.get(id(choice)):
            return place
        slower = place
        for size in ahead[id(choice)]:
            slower //= size
        return place % ahead[id(choice)][0] + slower

    return turn


def turned(
    values: Sequence[tuple[str | None, ...]], first: int = 0
) -> Callable[[int], tuple[str | None, ...]]:
    """These values in a circle; the first of them for this number."""
    return lambda place: values[(place - first) % len(values)]
