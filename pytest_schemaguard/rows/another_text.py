"""Another text of the kind that a column's texts are. Pure.

A text is often something else: a number, JSON, a day. What casts a column's texts accepts the new
one as it accepted those that are there.
"""

from __future__ import annotations

import ipaddress
import json
import re
from contextlib import suppress
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Others = Callable[[str, int], Iterator[str]]

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?=$|[ T])")
_JSON_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false)\b', re.DOTALL)
_HEXADECIMAL = {*"0123456789abcdefABCDEF"}
_WORDS = (("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off"), ("1", "0"))
_OPPOSITE = {one: other for pair in _WORDS for one, other in (pair, pair[::-1])}


def others(
    like: Sequence[str], vocabularies: Sequence[tuple[str, ...]], limit: int | None
) -> Others:
    """What makes other texts of one that stands among `like`, numbered, none longer than `limit`.

    `vocabularies` are the labels of the database's enums: texts that are all labels stay labels.
    """
    make = _others_of(like, vocabularies)

    def fitting(text: str, number: int) -> Iterator[str]:
        found = (one for one in make(text, number) if limit is None or len(one) <= limit)
        return (one for one in found if one != text)

    return fitting


def _others_of(like: Sequence[str], vocabularies: Sequence[tuple[str, ...]]) -> Others:
    if like:
        for labels in vocabularies:
            if all(one in labels for one in like):
                return lambda text, _: in_a_circle(labels, text)
        for is_one, make in _KINDS:
            if all(map(is_one, like)):
                return make
    return _plain


def in_a_circle(labels: Sequence[str], text: str) -> Iterator[str]:
    """The other labels, from the next one on: what a migration renames is mostly an earlier one."""
    place = labels.index(text) if text in labels else -1
    yield from labels[place + 1 :]
    yield from labels[: max(place, 0)]


def numbers(
    text: str,
    number: int,
    *,
    largest: Decimal | None = None,
    whole: bool = False,
    precision: int = 15,
) -> Iterator[str]:
    """Other numbers of the same sign, size and scale, which differ in the digits that a float has.

    https://www.postgresql.org/docs/current/datatype-numeric.html#DATATYPE-FLOAT
    """
    context = Context(prec=len(text) + 400)
    value = Decimal(text)
    if not value.is_finite() or not value:
        value = Decimal(0)
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    exponent += max(len(digits) - precision, 0)
    large = "e" in text.lower() or len(digits) > precision
    unit = Decimal(1).scaleb(exponent if exponent < 0 or large else 0)
    sign = -1 if value < 0 else 1
    for step in (number, number % 9 + 1, *range(1, 10)):
        for way in (sign, -sign):
            made = context.add(value, way * step * unit)
            if not made or (made < 0) != (value < 0) or 0 < abs(value) < 1 <= abs(made):
                continue  # a share stays one
            if largest is not None and abs(made) > largest:
                continue
            spelled = str(made) if "e" in text.lower() else f"{made:f}"
            yield spelled.zfill(len(text)) if whole and text.startswith("0") else spelled


def days(text: str, number: int) -> Iterator[str]:
    """Another day with the same time. What Python has no date for becomes one that it has."""
    found = None if text.endswith("BC") else _DAY.match(text)
    day, rest = ("2001-01-01", "") if found is None else (found[1], text[found.end() :])
    for step in (number, -number):
        with suppress(ValueError, OverflowError):
            yield (date.fromisoformat(day) + timedelta(days=step)).isoformat() + rest


def hexadecimal(text: str, number: int) -> Iterator[str]:
    """Another one with the same number of digits, from the last digits on."""
    digits = [one for one in text if one in _HEXADECIMAL]
    room = 16 ** min(len(digits), 12)
    for step in range(number, number + 3):
        value = (int("".join(digits[-12:]), 16) + step) % room
        new = list(f"{value:0{min(len(digits), 12)}x}")
        kept = len(digits) - len(new)
        made = iter(digits[:kept] + new)
        yield "".join(next(made) if one in _HEXADECIMAL else one for one in text)


def addresses(text: str, number: int, *, network: bool = False) -> Iterator[str]:
    """Another internet address of the same network, or another network of the same size."""
    there = ipaddress.ip_interface(text)
    size = there.network.num_addresses if network else 1
    for step in (number, -number, 1, -1):
        try:
            moved = there.ip + step * size
        except ValueError:  # there is none beyond the last
            continue
        yield f"{moved}{text[text.index('/') :] if '/' in text else ''}"
    if network:
        yield f"10.{number % 256}.0.0/16"


def json_texts(text: str, number: int) -> Iterator[str]:
    """JSON with every value in it changed within its kind, or with one more where it has none."""
    changed = 0

    def value(found: re.Match[str]) -> str:
        nonlocal changed
        inner, key, digits, truth = found.groups()
        if key:
            return found[0]
        changed += 1
        if truth:
            return _OPPOSITE[truth]
        if digits:
            return next(numbers(digits, number))
        if "\\" in inner:
            return f'"{inner}{number}"'
        made = next(others([inner], (), None)(inner, number), inner)
        return json.dumps(made, ensure_ascii=False)

    made = _JSON_TOKEN.sub(value, text)
    if changed:
        yield made
        return
    found = re.search(r"[}\]]\s*$", text)
    if found is None:  # null
        yield "{}"
        return
    more = f"{number}" if found[0][0] == "]" else f'"n{number}": {number}'
    start = text[: found.start()].rstrip()
    yield f"{start}{'' if start.strip() in '{[' else ', '}{more}{found[0]}"


def markup(text: str, number: int) -> Iterator[str]:
    """XML with a comment at its end, which content and documents may have."""
    yield f"{text}<!--{number}-->"


def bumped(text: str, number: int) -> Iterator[str]:
    """The last digit is another one: the length and all else stay."""
    found = re.search(r"\d(?=\D*$)", text)
    if found is not None:
        for step in (number % 9 + 1, number % 3 + 1):
            digit = (int(found[0]) + step) % 10
            yield f"{text[: found.start()]}{digit}{text[found.end() :]}"


def _plain(text: str, number: int) -> Iterator[str]:
    found = re.match(r"(\d+)(?=\D)", text)
    if found is not None and text[found.end()] in " .%":  # "3 days", "12.5 kg", "1 Main Street"
        yield f"{int(found[1]) + number}{text[found.end() :]}"
    elif "@" in text[1:]:
        place = text.index("@", 1)
        yield f"{text[:place]}{number}{text[place:]}"
    elif not re.search(r"[^\W\d]", text):  # digits and what stands between them
        yield from bumped(text, number)
    yield f"{text}{number}"
    yield _same_shape(text, number)


def _same_shape(text: str, number: int) -> str:
    """Other letters for letters and other digits for digits, from the end: as many as before."""
    made = list(text)
    for place in range(len(made) - 1, -1, -1):
        start = next((one for one in "aA0" if one <= made[place] <= _LAST[one]), None)
        if start is not None:
            size = ord(_LAST[start]) - ord(start) + 1
            number, step = divmod(number, size)
            made[place] = chr(ord(start) + (ord(made[place]) - ord(start) + step) % size)
        if not number:
            break
    return "".join(made)


_LAST = {"a": "z", "A": "Z", "0": "9"}


def _opposites(text: str, _: int) -> Iterator[str]:
    made = _OPPOSITE[text.lower()]
    yield made.upper() if text.isupper() else made.title() if text.istitle() else made


def _is_day(text: str) -> bool:
    found = _DAY.match(text)
    try:
        return found is not None and bool(date.fromisoformat(found[1]))
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_interface(text))
    except ValueError:
        return False


def is_json(text: str) -> bool:
    try:
        return text.lstrip()[:1] in {"{", "[", '"'} and json.loads(text) is not ...
    except (ValueError, RecursionError):
        return False


def _is_markup(text: str) -> bool:
    return text.strip()[:1] == "<" and text.strip()[-1:] == ">"


_KINDS: tuple[tuple[Callable[[str], object], Others], ...] = (
    (lambda text: text.lower() in _OPPOSITE, _opposites),
    (lambda text: re.fullmatch(r"[+-]?\d+", text), lambda text, n: numbers(text, n, whole=True)),
    (_NUMBER.fullmatch, numbers),
    (_is_day, days),
    (UUID.fullmatch, hexadecimal),
    (_is_address, addresses),
    (is_json, json_texts),
    (_is_markup, markup),
)
