"""What the deparser writes in two ways though it means one: few, pure, each proven on a server."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_LITERAL = re.compile(r"'((?:[^']|'')*)'::[\w\s.\"]+(?:\([\d,]+\))?(?:\[\])*")
_EMPTY_ARRAY = re.compile(r"ARRAY\[\]::[\w\s.\"]+(?:\([\d,]+\))?\[\]")
_NOW = {
    "now()": "CURRENT_TIMESTAMP",
    "transaction_timestamp()": "CURRENT_TIMESTAMP",
    "('now'::text)::timestamp with time zone": "CURRENT_TIMESTAMP",
}
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


def default_meaning(expression: str | None, column_type: str) -> str | None:
    """A column default's text, such that two that mean the same on this column's type are equal.

    A literal is what the column's type makes of it, whatever cast stands behind it: `'x'::text` and
    `'x'::character varying`, `'{}'::text[]` and `ARRAY[]::text[]`, `0` and `0.00`.
    """
    if expression is None:
        return None
    text = _NOW.get(expression, expression)
    if _EMPTY_ARRAY.fullmatch(text):
        text = "'{}'::text[]"
    literal = _LITERAL.fullmatch(text)
    if literal:
        text = literal[1].replace("''", "'")
    if column_type.startswith(_NUMBERS) and not column_type.endswith("[]"):
        try:
            return str(Decimal(text.strip("()")).normalize())
        except InvalidOperation:
            return text
    return f"'{text}'" if literal else text
