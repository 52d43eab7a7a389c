"""What becomes of a model's values in a column of another type. Pure.

https://www.postgresql.org/docs/current/datatype.html
https://www.postgresql.org/docs/current/typeconv.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_INTEGERS = "smallint", "integer", "bigint"
_FLOATS = "real", "double precision"
_NUMBERS = {*_INTEGERS, *_FLOATS, "numeric"}
_VARYING = {"character varying", "text"}
_STRINGS = {*_VARYING, "character"}
_BITS = {"bit", "bit varying"}
_WITH_ZONE = {
    "timestamp without time zone": "timestamp with time zone",
    "time without time zone": "time with time zone",
}
_STAMPS = {"timestamp without time zone", "timestamp with time zone"}
_TIMES = {"time without time zone", "time with time zone"}
_DATES = {"date", *_STAMPS}
_FIELDS = ("year", "month", "day", "hour", "minute", "second")
_EXACT_DIGITS = 15
"""Decimal digits that a double precision gives back as they were."""
_FINEST = 6
"""Digits of a second that PostgreSQL keeps."""
_COMPARABLE = (
    _NUMBERS,
    _STRINGS | {"name", '"char"'},
    _BITS,
    _DATES,
    _TIMES,
    {"time without time zone", "interval"},
    {"inet", "cidr"},
    {"macaddr", "macaddr8"},
    {*_INTEGERS, "oid", "regclass", "regconfig", "regtype", "regproc", "regnamespace"},
    {"oidvector", "int2vector"},
    {"text", "name", "regclass"},
)
"""Types whose values PostgreSQL compares with one another."""
_OTHERS = {
    **{("date", stamp): "read" for stamp in _STAMPS},
    **{(stamp, "date"): "rounded" for stamp in _STAMPS},
    ("time without time zone", "interval"): "read",
    ("interval", "time without time zone"): "rounded",
    ("cidr", "inet"): "wider",
}
_TYPE = re.compile(
    r"(?P<start>[^(\[]*?)(?:\((?P<size>\d+)(?:,(?P<scale>-?\d+))?\))?(?P<rest>[^(\[]*)(?P<array>\[\])?"
)


@dataclass(frozen=True)
class _Type:
    name: str
    size: int | None
    """Its length, its digits, or its digits of a second."""
    scale: int
    finest_field: str
    """Of an interval: the last field that it keeps."""
    is_array: bool


def fit_of(expected: str, actual: str) -> str | None:
    """The two types as format_type spells them; None: more cannot be said than that they differ.

    `wider`: every value of the model fits and is read the same · `narrower`: some are refused ·
    `rounded`: some are stored cut or rounded · `read`: they are read as another type · `zone` ·
    `padded`, `unpadded` · `binary json` · `incomparable`: there is no `=` of the two.
    """
    wanted, there = _parsed(expected), _parsed(actual)
    if "." in wanted.name + there.name:  # of a schema: an enum, a domain, an extension's
        return None
    if wanted.is_array != there.is_array:
        return "incomparable"
    if wanted.name == there.name:
        return _same_name(wanted, there)
    if wanted.is_array:
        return "incomparable"
    if not any({wanted.name, there.name} <= family for family in _COMPARABLE):
        return "binary json" if (wanted.name, there.name) == ("json", "jsonb") else "incomparable"
    return _same_family(wanted, there)


def without_modifier(type_: str) -> str:
    """`character varying` of `character varying(50)`, `text[]` of `text[]`."""
    return re.sub(r"\(\d+(?:,-?\d+)?\)", "", type_)


def _same_name(wanted: _Type, there: _Type) -> str | None:
    if wanted.name == "numeric":
        return _numeric(wanted, there)
    if wanted.name == "interval":
        return "wider" if _interval_holds(wanted, there) else "rounded"
    if wanted.name == "bit":
        return "narrower"  # another length, shorter or longer, is no bit(n)
    holds = _holds(wanted.size, there.size)
    if wanted.name == "character":
        return "padded" if holds else "narrower"
    if wanted.name in _STRINGS | _BITS:
        return "wider" if holds else "narrower"
    return "wider" if holds else "rounded"  # the digits of a second


def _same_family(wanted: _Type, there: _Type) -> str | None:
    both = {wanted.name, there.name}
    if both <= _NUMBERS:
        return _number(wanted, there)
    if both <= _STRINGS:
        return _string(wanted, there)
    if both <= _BITS:
        return "wider" if wanted.name == "bit" and _holds(wanted.size, there.size) else "narrower"
    if any(both == {plain, zoned} for plain, zoned in _WITH_ZONE.items()):
        return "zone"
    return _OTHERS.get((wanted.name, there.name))


def _string(wanted: _Type, there: _Type) -> str:
    if not _holds(wanted.size, there.size):
        return "narrower"
    if wanted.name in _VARYING:
        return "wider" if there.name in _VARYING else "padded"
    return "unpadded"


def _number(wanted: _Type, there: _Type) -> str:
    names = (wanted.name, there.name)
    if {*names} <= {*_INTEGERS}:
        wider = _INTEGERS.index(there.name) > _INTEGERS.index(wanted.name)
        return "wider" if wider else "narrower"
    if names == _FLOATS:
        return "wider"
    exact = there.name == "double precision" and wanted.size and wanted.size <= _EXACT_DIGITS
    return "read" if wanted.name in _INTEGERS or exact else "rounded"


def _numeric(wanted: _Type, there: _Type) -> str:
    if there.size is None:
        return "wider"
    if wanted.size is None or there.size - there.scale < wanted.size - wanted.scale:
        return "narrower"
    return "wider" if there.scale >= wanted.scale else "rounded"


def _interval_holds(wanted: _Type, there: _Type) -> bool:
    """PostgreSQL cuts what is finer than the last field, and nothing that is coarser."""
    last, last_there = (_FIELDS.index(one.finest_field) for one in (wanted, there))
    has_seconds = wanted.finest_field == "second"
    return last_there >= last and (_holds(wanted.size, there.size) or not has_seconds)


def _holds(size: int | None, room: int | None) -> bool:
    return room is None or (size is not None and room >= size)


def _parsed(type_: str) -> _Type:
    found = _TYPE.fullmatch(type_)
    if found is None:
        return _Type(name=type_, size=None, scale=0, finest_field="second", is_array=False)
    name, fields = f"{found['start']}{found['rest']}", ""
    size = int(found["size"]) if found["size"] else None
    if name.startswith("interval"):
        name, _, fields = name.partition(" ")
    if size == _FINEST and name.startswith(("time", "interval")):
        size = None
    return _Type(
        name=name,
        size=size,
        scale=int(found["scale"] or 0),
        finest_field=fields.rpartition(" ")[2] or "second",
        is_array=bool(found["array"]),
    )
