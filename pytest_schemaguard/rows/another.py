"""Another value of a type, made from one that is there. Pure.

Values are the texts that PostgreSQL prints under the guard's settings (`SPELLING`). Each function
yields texts, the best first; whether a check takes one, PostgreSQL says.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_schemaguard.rows import another_text
from pytest_schemaguard.sqltext.identifiers import element

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_schemaguard.rows.tables import Type

_TEXTS = {"text": None, "varchar": None, "bpchar": None, "citext": None, "name": 63, "char": 1}
_HEADER = 4
"""What pg_attribute.atttypmod counts beside the length."""
_LARGEST = {
    "int2": Decimal(2**15 - 1),
    "int4": Decimal(2**31 - 1),
    "int8": Decimal(2**63 - 1),
    "oid": Decimal(2**32 - 1),
    "float4": Decimal("3e38"),
    "float8": Decimal("1e308"),
}
_ARRAY_PART = r'"((?:[^"\\]|\\.)*)"|([^{{}}"{0}]+)'
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FIELD = re.compile(r'"((?:[^"\\]|""|\\.)*)"|([^",()]+)', re.DOTALL)
_BOUND = re.compile(r'"((?:[^"\\]|""|\\.)*)"|([^",()\[\]]+)', re.DOTALL)
_BOUNDS = re.compile(r"""[\[(](?:"(?:[^"\\]|""|\\.)*"|[^"\[\]()])*[\])]""")


@dataclass(frozen=True, kw_only=True)
class Another:
    """Makes other values of the types of a database."""

    types: Mapping[int, Type]

    def values(
        self, oid: int, modifier: int, text: str, number: int, like: Sequence[str] = ()
    ) -> Iterator[str]:
        """Other values than `text`, numbered; texts of the kind that all of `like` are."""
        made = self._made(oid, modifier, text, number, like or (text,))
        return (one for one in made if one != text)

    def vocabularies(self) -> list[tuple[str, ...]]:
        return [one.labels for one in self.types.values() if one.labels]

    def _made(
        self, oid: int, modifier: int, text: str, number: int, like: Sequence[str]
    ) -> Iterator[str]:
        one = self.types[oid]
        if one.form == "d":
            inner = one.of_modifier if one.of_modifier >= 0 else modifier
            return self._made(one.of, inner, text, number, like)
        if one.form == "e":
            return another_text.in_a_circle(one.labels, text)
        if one.form == "a":
            return self._array(one, modifier, text, number)
        if one.form == "c":
            return self._composite(one, text, number)
        if one.form in "rm":
            return self._ranges(one.of, text, number)
        return self._base(one.name, modifier, text, number, like)

    def _base(
        self, name: str, modifier: int, text: str, number: int, like: Sequence[str]
    ) -> Iterator[str]:
        if name in _TEXTS:
            limit = modifier - _HEADER if modifier >= _HEADER else _TEXTS[name]
            return another_text.others(like, self.vocabularies(), limit)(text, number)
        if name in _LARGEST:
            precision = 6 if name == "float4" else 15
            return another_text.numbers(text, number, largest=_LARGEST[name], precision=precision)
        if name == "numeric":
            return another_text.numbers(text, number, largest=_largest(modifier))
        return _BASE.get(name, another_text.bumped)(text, number)

    def _first(self, oid: int, modifier: int, text: str, number: int) -> str:
        return next(self.values(oid, modifier, text, number), text)

    def _array(self, one: Type, modifier: int, text: str, number: int) -> Iterator[str]:
        """Every element is another one."""
        bounds, equals, elements = text.partition("=") if text.startswith("[") else ("", "", text)

        def other(found: re.Match[str]) -> str:
            if found[1] is None and found[2].upper() == "NULL":
                return found[0]
            old = found[2] if found[1] is None else _ESCAPED.sub(r"\1", found[1])
            new = self._first(one.of, modifier, old, number)
            return element(new)

        part = re.compile(_ARRAY_PART.format(one.delimiter), re.DOTALL)
        yield f"{bounds}{equals}{part.sub(other, elements)}"

    def _composite(self, one: Type, text: str, number: int) -> Iterator[str]:
        """Every field that is not NULL is another one."""
        made, place, field = "(", 1, 0
        while place < len(text):
            found = _FIELD.match(text, place)
            if found is not None:
                oid, modifier, _ = one.fields[field]
                made += element(self._first(oid, modifier, _bare(found), number))
                place = found.end()
            made += text[place]  # a comma, or the end
            place, field = place + 1, field + 1
        yield made

    def _ranges(self, bound: int, text: str, number: int) -> Iterator[str]:
        """Both bounds are moved alike, in each range of a multirange."""

        def moved(found: re.Match[str]) -> str:
            return _BOUND.sub(
                lambda one: element(self._first(bound, -1, _bare(one), number)), found[0]
            )

        if text != "empty":
            yield _BOUNDS.sub(moved, text)


def _bare(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[2]
    return re.sub(r'""|\\(.)', lambda one: one[1] or '"', found[1], flags=re.DOTALL)


def _largest(modifier: int) -> Decimal | None:
    """Of numeric(precision, scale): the scale is signed, in the lower 11 bits of the modifier."""
    if modifier < _HEADER:
        return None
    precision = (modifier - _HEADER) >> 16 & 0xFFFF
    scale = ((modifier - _HEADER & 0x7FF) ^ 1024) - 1024
    return Decimal(10**precision - 1).scaleb(-scale)


def _truth(text: str, _: int) -> Iterator[str]:
    yield "f" if text == "t" else "t"


def _bytes(text: str, number: int) -> Iterator[str]:
    if text == r"\x":
        yield rf"\x{number % 256:02x}"
    else:
        yield from (r"\x" + one for one in another_text.hexadecimal(text[2:], number))


def _bits(text: str, number: int) -> Iterator[str]:
    if not text:
        yield "1"
        return
    place = len(text) - 1 - number % len(text)
    yield f"{text[:place]}{'10'[int(text[place])]}{text[place + 1 :]}"


def _clock(text: str, number: int) -> Iterator[str]:
    """Other minutes."""
    hour, minute, rest = text[:2], text[3:5], text[5:]
    yield f"{int(hour) % 24:02}:{(int(minute) + number % 59 + 1) % 60:02}{rest}"


def _interval(text: str, number: int) -> Iterator[str]:
    found = re.match(r"(-?)(\d+)(?= )", text)
    if found is not None:  # "1 year 2 mons 3 days 04:05:06"
        yield f"{found[1]}{int(found[2]) + number}{text[found.end() :]}"
    found = re.search(r":(\d\d)", text)
    if found is not None:
        minute = (int(found[1]) + number % 59 + 1) % 60
        yield f"{text[: found.start(1)]}{minute:02}{text[found.end(1) :]}"


def _pairs(text: str, number: int) -> Iterator[str]:
    """Of hstore: every value that is not NULL is another one."""
    made = re.sub(r'=>"((?:[^"\\]|\\.)*)"', lambda found: f'=>"{_within(found[1], number)}"', text)
    yield made if made != text else f'{text}{", " if text else ""}"n{number}"=>"{number}"'


def _within(inner: str, number: int) -> str:
    return next(another_text.others([inner], (), None)(inner, number))


def _lexemes(text: str, number: int) -> Iterator[str]:
    yield f"{text} 'n{number}'".lstrip()


def _path(text: str, number: int) -> Iterator[str]:
    yield f"{text}{number}" if text else f"n{number}"


def _network(text: str, number: int) -> Iterator[str]:
    network = ipaddress.ip_interface(text).network.with_prefixlen
    return another_text.addresses(network, number, network=True)


_BASE: dict[str, Callable[[str, int], Iterator[str]]] = {
    "bool": _truth,
    "json": another_text.json_texts,
    "jsonb": another_text.json_texts,
    "uuid": another_text.hexadecimal,
    "macaddr": another_text.hexadecimal,
    "macaddr8": another_text.hexadecimal,
    "bytea": _bytes,
    "inet": another_text.addresses,
    "cidr": _network,
    "date": another_text.days,
    "timestamp": another_text.days,
    "timestamptz": another_text.days,
    "time": _clock,
    "timetz": _clock,
    "interval": _interval,
    "bit": _bits,
    "varbit": _bits,
    "xml": another_text.markup,
    "hstore": _pairs,
    "tsvector": _lexemes,
    "ltree": _path,
}
"""By the type's name; the digits of any other type's text are changed, as those of a point."""
