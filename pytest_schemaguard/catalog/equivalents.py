"""What the deparser writes in two ways though it means one: few, pure, each proven on a server."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import overload

_QUOTED = re.compile(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")")
_TYPE = r"[\w\s.\"]+(?:\([\d,]+\)[\w\s]*)?(?:\[\])*"
_LITERAL = re.compile(rf"('(?:[^']|'')*')::({_TYPE})")
_NULL = re.compile(rf"NULL::{_TYPE}")
_TEXTS = ("text", "character varying", "bpchar", "text[]", "character varying[]")
_EMPTY_ARRAY = re.compile(rf"ARRAY\[\]::({_TYPE})")
_NOW = re.compile(r"\b(?:now|transaction_timestamp)\(\)")
_NOW_LITERAL = "('now'::text)::timestamp with time zone"
_TIMEZONE = re.compile(r"timezone\(('(?:[^']|'')*'::text), CURRENT_TIMESTAMP\)")
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


@overload
def expression_meaning(expression: str) -> str: ...
@overload
def expression_meaning(expression: str | None) -> str | None: ...
def expression_meaning(expression: str | None) -> str | None:
    """An expression's text, such that two are equal that PostgreSQL evaluates alike.

    `now()` and `CURRENT_TIMESTAMP`; `timezone('utc', now())` and `(now() AT TIME ZONE 'utc')`.
    https://www.postgresql.org/docs/current/functions-datetime.html
    """
    if expression is None:
        return None
    parts = _QUOTED.split(expression.replace(_NOW_LITERAL, "CURRENT_TIMESTAMP"))
    # Every second part is a quoted one.
    parts[::2] = [_NOW.sub("CURRENT_TIMESTAMP", part) for part in parts[::2]]
    return _TIMEZONE.sub(r"(CURRENT_TIMESTAMP AT TIME ZONE \1)", "".join(parts))


def default_meaning(expression: str | None, column_type: str) -> str | None:
    """A column default's text, such that two that mean the same on this column's type are equal.

    A literal is what the column's type makes of it: `'x'::text` and `'x'::character varying`,
    `'{}'::text[]` and `ARRAY[]::text[]`, `0` and `0.00`, `NULL` and none.
    """
    if expression is None or _NULL.fullmatch(expression):
        return None
    text = expression_meaning(expression)
    text = _EMPTY_ARRAY.sub(r"'{}'::\1", text) if _EMPTY_ARRAY.fullmatch(text) else text
    literal = _LITERAL.fullmatch(text)
    # Any other cast makes something of the literal before the column's type does.
    is_number = column_type.startswith(_NUMBERS) and not column_type.endswith("]")
    own = {column_type, re.sub(r"\([\d,]+\)", "", column_type), *_TEXTS}
    if literal and literal[2] in (_NUMBERS if is_number else own):
        text = literal[1]
    if is_number:
        return _number(text.strip("()'")) or text
    return text


def _number(text: str) -> str | None:
    """The number in its shortest spelling, every digit of it; None where it is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return str(number)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return "0"
    zeros = len(digits) - len(significant)
    return f"{'-' * sign}{significant.lstrip('0')}e{exponent + zeros}"
