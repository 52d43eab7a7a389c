"""Rows of one schema under another name: the tenants of one database, compared as one. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.snapshot import PARTS
from pytest_schemaguard.sqltext.identifiers import in_quotes, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.catalog.fetch import Row


class Renaming:
    """Schema `old` called `new`, in the rows of fetch() that are about it.

    Also in PostgreSQL's own text, where `old.` stands before a name; and in the text of a literal,
    since `nextval('tenant_1.ids')` is one.
    """

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new
        # PostgreSQL quotes it where it must be, the body of a function may quote it always.
        self._spelled = {f"{quoted(old)}.": f"{quoted(new)}."}
        self._spelled.setdefault(f"{in_quotes(old)}.", f"{in_quotes(new)}.")
        in_literal = f"{in_quotes(old)}.".replace("'", "''")
        self._spelled.setdefault(in_literal, f"{quoted(new)}.")
        # An identifier that only ends in the name is none of its mentions.
        either = "|".join(re.escape(one) for one in self._spelled)
        self._mention = re.compile(rf"(?<![\w$.\"])(?:{either})")

    def may_be_mentioned(self, written: str) -> bool:
        """Whether the old name may stand before another in a repr() of rows."""
        return self._is_mentioned(written) or quoted(self._old) == in_quotes(self._old)

    def rows(self, query: str, rows: Sequence[Row]) -> list[Row]:
        """The rows of this query, in their order."""
        names = PARTS[query].names
        first = (self._new,) if PARTS[query].width else ()
        return [
            (
                *first,
                *(
                    self._name(value) if place in names else self._text(value)
                    for place, value in enumerate(row[len(first) :], start=len(first))
                ),
            )
            for row in rows
        ]

    def _name(self, value: list[str] | None) -> list[str] | None:
        if value and value[0] == self._old:
            return [self._new, *value[1:]]
        return value

    def _text(self, value: Any) -> Any:
        if isinstance(value, str) and self._is_mentioned(value):
            return self._mention.sub(lambda found: self._spelled[found[0]], value)
        return value

    def _is_mentioned(self, text: str) -> bool:
        return any(one in text for one in self._spelled)
