"""What happens at a statement's end, before the client hears of it: by orders given beforehand.

Pure. An order is a value, so that a statement which none is about costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

GO = ()
_CHANGES_NOTHING = frozenset({"BEGIN", "START TRANSACTION", "SET", "SHOW", "SAVEPOINT", "DISCARD"})
"""Tags. SET TRANSACTION must come before every query: none may be asked in between."""


class Order(NamedTuple):
    """One thing to do; `number` counts a line's statements from 1, and None means each of them."""

    action: str
    """`look`, `hold` or `cut`."""
    when: str
    """`before` or `after` the statement."""
    number: int | None
    sql: str = ""
    """What a look asks."""
    within_s: float = 30.0
    """How long a look or a hold may last; then the session is cut."""


class Conductor:
    """Of one line."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._before = [one for one in orders if one.when == "before"]
        self._after = sorted(
            (one for one in orders if one.when == "after"),
            key=lambda one: ("look", "hold", "cut").index(one.action),
        )

    def before(self, number: int) -> Sequence[Order]:
        """What to do before the first message towards this statement passes."""
        return [one for one in self._before if one.number in {None, number}] if self._before else GO

    def after(self, statements: Sequence[dict[str, Any]], status: str) -> Sequence[Order]:
        """What to do when these have ended, which the client sent as one batch."""
        if not self._after or not statements:
            return GO
        numbers = {one["number"] for one in statements}
        looks = status != "E" and any(
            tag not in _CHANGES_NOTHING for one in statements for tag in one["tags"]
        )
        return [
            one
            for one in self._after
            if (one.number is None or one.number in numbers) and (looks or one.action != "look")
        ]
