"""Values that a condition may ask for: the literals in its text, and what is near them. Pure.

They are proposals: PostgreSQL says which of them it takes.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

from pytest_schemaguard.rows.patterns import like, matching
from pytest_schemaguard.sqltext.identifiers import element

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LITERAL = re.compile(r"(E?)'((?:[^']|'')*)'|(?<![\w.\"])(\d+(?:\.\d+)?)(?![\w\"])")
_HASHED = re.compile(r"satisfies_hash_partition\([^()]*\)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(.*)", re.DOTALL)
_YEAR = re.compile(r"[12]\d{3}")
_NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8", "money", "oid"}
_TEXTS = {"text", "varchar", "bpchar", "citext", "name"}
_TIMES = {"date", "timestamp", "timestamptz"}
_LONGEST = 2000


def literals(conditions: Sequence[str]) -> list[str]:
    """The texts and numbers that stand in conditions as PostgreSQL deparses them."""
    found: dict[str, None] = {}
    for condition in conditions:
        # What stands in it is the oid of a table, which is another one each time.
        condition = _HASHED.sub("", condition)  # noqa: PLW2901
        for escaped, text, number in _LITERAL.findall(condition):
            plain = text.replace("''", "'")
            found[number or (plain.replace("\\\\", "\\") if escaped else plain)] = None
    return [*found]


def proposals(
    conditions: Sequence[str], type_name: str, *, array: bool, numbers: Sequence[int]
) -> list[str]:
    """Literals for a column of this type. `numbers` of the rows: so many texts of each pattern."""
    found = literals(conditions)
    makers = (
        (_arrays, array),
        (_numbers, type_name in _NUMBERS),
        (_times, type_name in _TIMES),
        (_texts, type_name in _TEXTS),
        (_objects, type_name in {"json", "jsonb"}),
    )
    make = next((make for make, fits in makers if fits), None)
    made = list(found) if make is None else [*make(found, conditions, numbers)]
    return list(dict.fromkeys(made))


def _numbers(found: Sequence[str], _: Sequence[str], numbers: Sequence[int]) -> Iterator[str]:
    given = [Decimal(text) for text in found if _NUMBER.fullmatch(text)]
    steps = [Decimal(step) for step in ("0", "1", "-1", "0.5")]
    for step in [*steps, *(Decimal(number + 2) for number in numbers)]:
        yield from (f"{number + step}" for number in given)
    yield from (f"{number - step - 1}" for number in given for step in numbers)


def _times(found: Sequence[str], _: Sequence[str], numbers: Sequence[int]) -> Iterator[str]:
    years = [f"{text}-06-15" for text in found if _YEAR.fullmatch(text)]
    given = [parts for text in [*found, *years] if (parts := _DATE.fullmatch(text))]
    for days in (0, 1, -1, *(number + 2 for number in numbers)):
        for parts in given:
            with suppress(ValueError, OverflowError):  # it is no date, or there is none after it
                yield f"{date.fromisoformat(parts[1]) + timedelta(days=days)}{parts[2]}"


def _texts(
    found: Sequence[str], conditions: Sequence[str], numbers: Sequence[int]
) -> Iterator[str]:
    yield from (text for text in found if "%" not in text)
    expressions = any("~" in one.replace("~~", "") or "regexp" in one for one in conditions)
    for text in found:
        made = matching(text) if expressions else None
        if made is not None:
            yield from (made(number) for number in numbers)
        if "%" in text or "_" in text:
            yield from (like(text, number + 1) for number in numbers)
        if text.isdecimal() and int(text) <= _LONGEST:
            for length in (int(text), int(text) + 1, int(text) - 1):
                yield from (f"{number + 1:0{length}}"[-length:] for number in numbers if length > 0)
    for letters in (ascii_lowercase, ascii_uppercase):
        yield from (_in_letters(number, letters) for number in numbers)
        yield from (f"{letters[0]}{number + 1}" for number in numbers)


def _in_letters(number: int, letters: str) -> str:
    high, low = divmod(number, len(letters))
    return (_in_letters(high - 1, letters) if high else "") + letters[low]


def _objects(found: Sequence[str], *_: object) -> Iterator[str]:
    yield from (text for text in found if text[:1] in {"{", "["})
    values: tuple[object, ...] = (1, "x", True, {}, [])
    for value in values:
        yield from (json.dumps({text: value}) for text in found)
        yield json.dumps(dict.fromkeys(found, value))
    yield from ("[]", '["x"]', "{}", '"x"', "1", "true")


def _arrays(found: Sequence[str], *_: object) -> Iterator[str]:
    for text in found:
        if text.isdecimal() and int(text) <= _LONGEST:
            yield from ("{" + ",".join(["1"] * count) + "}" for count in (int(text), int(text) + 1))
        yield f"{{{element(text)}}}"
        if text.startswith("{"):
            yield text
