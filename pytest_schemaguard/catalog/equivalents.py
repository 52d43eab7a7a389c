"""What the deparser writes in two ways though it means one: few, pure, each proven on a server."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, overload

from pytest_schemaguard.catalog.expressions import (
    Group,
    Known,
    enclosed,
    opened,
    parse,
    rewritten,
    split,
    text_of,
)

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.expressions import Items

EXACT = ("smallint", "integer", "bigint", "numeric")
FLOATING = ("real", "double precision")
TEXTS = ("text", "character varying")
NOTHING_KNOWN = Known()
_MODIFIER = re.compile(r"\([^()]*\)")
_CUTTING = re.compile(r"(?:character(?: varying)?|bit(?: varying)?)\(")
"""Types to whose length an explicit cast cuts, where an INSERT refuses."""
_TEXT_OF_LENGTH = re.compile(r"character(?: varying)?\((\d+)\)")
_NUMBER = re.compile(r"\(?(?:'(?P<quoted>[^']+)'|(?P<bare>-?\d[\w.+-]*))\)?(?:::(?P<cast>\w+))?")
_SPACED = {"doubleprecision": "double precision"}
_BITS = {"smallint": 15, "integer": 31, "bigint": 63}
_MOMENTS = {"CURRENT_DATE": "date", "LOCALTIMESTAMP": "timestamp without time zone"}
_SIMPLE = re.compile(r"'?([A-Za-z0-9_]+)'?")
_TRIMS = {"BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}


@overload
def expression_meaning(expression: str, known: Known = NOTHING_KNOWN) -> str: ...
@overload
def expression_meaning(expression: None, known: Known = NOTHING_KNOWN) -> None: ...
def expression_meaning(expression: str | None, known: Known = NOTHING_KNOWN) -> str | None:
    """An expression, such that two are equal that PostgreSQL's planner takes for one.

    `now()` and `CURRENT_TIMESTAMP`; `timezone('utc', x)` and `x AT TIME ZONE 'utc'`; `btrim(x)` and
    `TRIM(BOTH FROM x)`. What is returned is for comparing, not for reading.
    https://www.postgresql.org/docs/current/functions-datetime.html
    https://www.postgresql.org/docs/current/functions-string.html
    """
    if expression is None:
        return None
    return text_of(rewritten(parse(expression), lambda items: spelling(items, known)))


def default_meaning(
    expression: str | None, column_type: str, known: Known = NOTHING_KNOWN
) -> str | None:
    """A column's default, such that two are equal that give a column of this type one value.

    A literal is what the column's type makes of it: `'x'::text` and `'x'::character varying`,
    `'{}'::text[]` and `ARRAY[]::text[]`, `0` and `0.00`, `NULL` and none. A cast to the column's
    type is what an INSERT does anyhow.
    """
    if expression is None:
        return None
    items = rewritten(parse(expression), lambda part: spelling(part, known))
    match items:
        case ("NULL", str(cast)) if cast.startswith("::") and "." not in column_type:
            return None  # of a domain, NULL stands against the domain's own default
        case ("ARRAY", *_) | (_, str(_)) if column_type.endswith("[]"):
            array = array_values(items)
            if array is not None:
                return f"array {array}"
        case _:
            pass
    # What a cast to a domain or to a type of an extension does, nothing here tells.
    if "." not in column_type or column_type in known.enums:
        items = _uncast(items, column_type)
    if len(items) == 1 and _MOMENTS.get(str(items[0])) == column_type:
        return "CURRENT_TIMESTAMP"
    number = number_of(items, _MODIFIER.sub("", column_type))
    return number or _literal(items, column_type) or text_of(items)


def _uncast(items: Items, column_type: str) -> Items:
    """Without casts to the column's own type, unless they cut what an INSERT would refuse."""
    while len(items) > 1 and items[-1] == f"::{column_type}":
        if _CUTTING.match(column_type) and not _fits(items[:-1], column_type):
            break
        items = opened(items[:-1])
    return items


def _fits(items: Items, column_type: str) -> bool:
    """Whether the text is short enough for the column, so that nothing is cut off it."""
    room = _TEXT_OF_LENGTH.fullmatch(column_type)
    value = str(items[0])
    return (
        room is not None
        and len(items) == 1
        and value.startswith("'")
        and len(value[1:-1].replace("''", "'")) <= int(room[1])
    )


def _literal(items: Items, column_type: str) -> str | None:
    """A quoted value alone, or one whose type does nothing that the column's would not do."""
    base = _MODIFIER.sub("", column_type)
    own = {*TEXTS, "bpchar" if base == "character" else base}
    match items:
        case (str(value),) if value.startswith("'"):
            return value
        case (str(value), str(cast)) if value.startswith("'") and cast[2:] in own:
            return value
    return None


def spelling(items: Items, known: Known) -> Items:
    """One way to write what PostgreSQL parses to the same function calls and constants."""
    found: list[object] = []
    for item in items:
        found.append(item)
        found[-2:] = _one_spelling(tuple(found[-2:]), known)
    match split(tuple(found), "AT"):
        case [moment, ("TIME", "ZONE", *zone)] if moment:
            return "timezone", Group("(", (*zone, ",", *moment))
    return tuple(found)


def _one_spelling(pair: Items, known: Known) -> Items:
    match pair:
        case ("now" | "transaction_timestamp", Group("(", ())):
            return ("CURRENT_TIMESTAMP",)
        case (Group("(", ("'now'", "::text")), "::timestamp with time zone"):
            return ("CURRENT_TIMESTAMP",)
        case ("TRIM", Group("(", ("BOTH" | "LEADING" | "TRAILING" as side, *rest))):
            characters, text = split(tuple(rest), "FROM")
            arguments = (*text, ",", *characters) if characters else text
            return _TRIMS[side], Group("(", arguments)
        case ("SUBSTRING", Group("(", arguments)) if "FROM" in arguments:
            commas = {"FROM": ",", "FOR": ","}
            plain = tuple(commas.get(str(one), one) for one in arguments)
            return '"substring"', Group("(", plain)
        case (Group("(", (str(value), "::text")), str(cast)) if cast[2:] in known.enums:
            return value, cast
    return pair


def array_values(items: Items) -> list[str] | None:
    """The elements of an array of literals; None for any other array."""
    match items:
        case ("ARRAY", Group("[", elements)):
            return _elements(elements, None)
        case ("ARRAY", Group("[", elements), str(cast)) | (
            Group("(", ("ARRAY", Group("[", elements))),
            str(cast),
        ) if cast.endswith("[]"):
            return _elements(elements, cast.removesuffix("[]"))
        case (Group("(", inner), str(cast)) if cast.endswith("[]") and array_values(inner) == []:
            return []
        case (str(text), str(cast)) if text.startswith("'{") and cast.endswith("[]"):
            plain = [_SIMPLE.fullmatch(one) for one in text[2:-2].split(",")]
            if text == "'{}'":
                return []
            if all(plain) and "NULL" not in text.upper():
                cast = cast.removesuffix("[]")
                values = [literal_of((f"'{one and one[1]}'", cast)) for one in plain]
                return None if None in values else [str(one) for one in values]
    return None


def _elements(elements: Items, cast: str | None) -> list[str] | None:
    if not elements:
        return []
    parts = split(elements, ",")
    if cast is not None:
        parts = [(enclosed(one), cast) for one in parts]
    values = [literal_of(one) for one in parts]
    return None if None in values else [str(one) for one in values]


def literal_of(items: Items) -> str | None:
    """A literal among others of its type; None for anything that is no plain literal.

    Text and varchar are one: no function of either is called. Numbers go by their value.
    """
    match items:
        case (Group("(", (str(value), str(inner))), str(cast)) if value.startswith("'") and {
            inner[2:],
            cast[2:],
        } <= {*TEXTS}:
            return value
        case (str(value),) if value.startswith("'"):
            return value
        case (*_, str(cast)) if cast[2:] in FLOATING:
            number = number_of(items, cast[2:])
            return number and f"{number}{cast}"
        case (str(value), str(cast)) if value.startswith("'"):
            number = number_of(items, "numeric")
            return value if cast[2:] in TEXTS else number or f"{value}{cast}"
    return number_of(items, "numeric")


def number_of(items: Items, column_type: str) -> str | None:
    """The number that a column of this type holds, in its shortest spelling; None: it is none.

    A cast to another type than the column's must not round it first.
    """
    found = _NUMBER.fullmatch(text_of(items).replace(" ", ""))
    if not found or column_type not in (*EXACT, *FLOATING):
        return None
    cast = _SPACED.get(found["cast"], found["cast"])
    if cast is not None and cast not in (*EXACT, column_type):
        return None
    try:
        number = Decimal(found["quoted"] or found["bare"])
    except InvalidOperation:
        return None
    if cast in _BITS and cast != column_type and (number % 1 or abs(number) >= 2 ** _BITS[cast]):
        return None
    if number.is_zero() and number.is_signed() and column_type in FLOATING:
        return "-0"
    return _shortest(number)


def _shortest(number: Decimal) -> str:
    """Every digit that counts, so that two spellings of one number are equal."""
    if not number.is_finite():
        return str(number)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return "0"
    zeros = len(digits) - len(significant)
    return f"{'-' * sign}{significant.lstrip('0')}e{exponent + zeros}"
