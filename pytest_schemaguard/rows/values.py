"""Values of PostgreSQL's types, as literals, numbered. Pure.

Whatever reads a row has to be able to load it: Python's dates end at the years 1 and 9999, and what
an application or a migration adds to one has to fit too. So there is no year BC, no infinity, no
24:00 and no NaN here. A JSON value is an object, which is what most models expect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.rows.tables import Type

    Make = Callable[[int], str]


class Kind(Enum):
    """What sort of values rows get."""

    WILD = "extreme values, NULLs where they are allowed, texts beyond ASCII"
    MILD = "no NULLs, small values, and texts that are small numbers, which most casts accept"


@dataclass(frozen=True, kw_only=True)
class Values:
    """A type's values: plain ones, distinct and without an end or in a circle, and extreme ones."""

    plain: Callable[[int], str]
    size: int | None = None
    """How many plain values are distinct; None: as many as anybody asks for."""
    extreme: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """What a column asks of its values."""

    modifier: int
    dimensions: int
    column: str
    kind: Kind
    unicode: bool
    """Whether the database can keep every text."""


_FIRST = date(2020, 1, 1)
_DAYS = 365 * 200
_SECONDS = 86_400

_TEMPLATES: dict[str, tuple[str, int | None, tuple[str, ...]]] = {
    "int2": ("{n}", 32_767, ("0", "-32768", "32767", "-1")),
    "int4": ("{n}", 2**31 - 1, ("0", "-2147483648", "2147483647", "-1")),
    "int8": ("{n}", None, ("0", "-9223372036854775808", "9223372036854775807", "-1")),
    "float4": ("{n}.5", 10_000, ("0", "-1.5", "1e+30", "1e-30")),
    "float8": ("{n}.5", None, ("0", "-1.5", "1e+300", "1e-300")),
    "money": ("{n}", None, ("0", "-1", "1000000")),
    "bool": ("{odd}", 2, ()),
    "bytea": (r"\x{n:08x}", None, ("", r"\x00ff275c", r"\x" + "00ff" * 500)),
    "date": ("{day}", _DAYS, ("0002-02-02", "9998-12-31", "2024-02-29")),
    "time": ("{clock}", _SECONDS, ("00:00:00", "23:59:59")),
    "timetz": ("{clock}+00", _SECONDS, ("00:00:00+14", "23:59:59-12")),
    "timestamp": (
        "{day} {clock}",
        _DAYS,
        ("0002-02-02 00:00:00", "9998-12-31 23:59:59", "2024-02-29 12:00:00.5"),
    ),
    "timestamptz": (
        "{day} {clock}+00",
        _DAYS,
        ("0002-02-02 00:00:00+00", "9998-12-31 23:59:59+00", "2024-02-29 12:00:00.5+05:30"),
    ),
    "interval": ("{n} days", None, ("0", "-1 days", "1 year 2 mons 3 days 04:05:06.5")),
    "uuid": (
        "00000000-0000-4000-8000-{n:012x}",
        None,
        ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ),
    "json": ('{{"n": {n}}}', None, ("{{}}", '{{"a": {{"b": [1, 2.5, "{text}", true, null]}}}}')),
    "jsonb": ('{{"n": {n}}}', None, ("{{}}", '{{"a": {{"b": [1, 2.5, "{text}", true, null]}}}}')),
    "xml": ("<a>{n}</a>", None, ("<a/>", '<a b="1">{text}&lt;</a>')),
    "jsonpath": ("$.n{n}", None, ()),
    "inet": ("10.{high}.{middle}.{low}", 2**24, ("::1", "2001:db8::1/64", "0.0.0.0/0")),
    "cidr": ("10.{high}.{middle}.{low}/32", 2**24, ("2001:db8::/64", "0.0.0.0/0")),
    "macaddr": ("08:00:2b:{high:02x}:{middle:02x}:{low:02x}", 2**24, ("ff:ff:ff:ff:ff:ff",)),
    "macaddr8": (
        "08:00:2b:01:02:{high:02x}:{middle:02x}:{low:02x}",
        2**24,
        ("ff:ff:ff:ff:ff:ff:ff:ff",),
    ),
    "point": ("({n},1)", None, ("(0,0)", "(-1.5,1e+30)")),
    "line": ("{{1,-1,{n}}}", None, ()),
    "lseg": ("[({n},0),({n},1)]", None, ("[(0,0),(0,0)]",)),
    "box": ("({n}.5,1),({n},0)", None, ("(0,0),(0,0)",)),
    "path": ("(({n},0),({n},1),({n}.5,1))", None, ("[(0,0),(1,1)]",)),
    "polygon": ("(({n},0),({n},1),({n}.5,1))", None, ("((0,0))",)),
    "circle": ("<({n},0),0.25>", None, ("<(0,0),0>",)),
    "tsvector": ("'word{n}'", None, ("", "'a':1A 'b':2,3")),
    "tsquery": ("'word{n}'", None, ("", "'a' & !'b'")),
    "oid": ("{n}", 2**31, ("0", "4294967295")),
    "xid": ("{n}", 2**31, ()),
    "xid8": ("{n}", None, ()),
    "cid": ("{n}", 2**31, ()),
    "tid": ("({n},1)", 2**31, ()),
    "pg_lsn": ("0/{n:X}", 2**31, ("0/0", "FFFFFFFF/FFFFFFFF")),
    "pg_snapshot": ("{n}:{n}:", None, ()),
    "txid_snapshot": ("{n}:{n}:", None, ()),
    "int2vector": ("1 {n}", 32_767, ("",)),
    "oidvector": ("1 {n}", 2**31, ("",)),
    "aclitem": ("pg_monitor=r/pg_monitor", 1, ()),
    "hstore": ('"n"=>"{n}"', None, ("", '"a"=>NULL, "{text}"=>"1"')),
    "ltree": ("top.n{n}", None, ("",)),
    "lquery": ("top.n{n}", None, ("*",)),
    "ltxtquery": ("n{n}", None, ()),
    "cube": ("({n},1)", None, ("(0),(1)",)),
    "seg": ("{n}", None, ()),
    "geography": ("SRID=4326;POINT({degree} 1)", 90, ()),
}
"""By the type's name: a plain value, how many there are, and extreme ones. `{n}` counts from 1."""

_EXISTING = {
    "regclass": ("pg_class", "pg_type", "pg_proc"),
    "regtype": ("integer", "text", "boolean"),
    "regproc": ("pg_catalog.now", "pg_catalog.version"),
    "regprocedure": ("pg_catalog.now()", "pg_catalog.version()"),
    "regoper": ("pg_catalog.||/", "pg_catalog.|/"),
    "regoperator": ("pg_catalog.+(integer,integer)", "pg_catalog.-(integer,integer)"),
    "regrole": ("pg_monitor", "pg_signal_backend"),
    "regnamespace": ("pg_catalog", "information_schema"),
    "regconfig": ("pg_catalog.simple", "pg_catalog.english"),
    "regdictionary": ("pg_catalog.simple", "pg_catalog.english_stem"),
    "regcollation": ('pg_catalog."C"', 'pg_catalog."POSIX"'),
}
"""What every database has that a value of these types names."""

_TEXTS = {"text", "varchar", "bpchar", "name", "citext", "char", "refcursor"}
_BITS = {"int2": 15, "int4": 31, "int8": 63}
_MOST_OF_A_NAME = 63
_LONG = 1000


def base_values(one: Type, wanted: Wanted) -> Values | None:
    """Of a base type; None: the guard knows no literal of it."""
    values = _base_values(one.name, wanted)
    if values is None or wanted.kind is Kind.WILD:
        return values
    return replace(values, extreme=())


def _base_values(name: str, wanted: Wanted) -> Values | None:  # noqa: PLR0911 - one a kind
    if name in _TEXTS:
        return _texts(name, wanted)
    if name == "numeric":
        return _numbers(wanted)
    if name in {"bit", "varbit"}:
        return _bits(name, wanted.modifier)
    if name in {"vector", "halfvec", "sparsevec"}:
        return _vectors(name, max(wanted.modifier, 2))
    if name in _EXISTING:
        found = _EXISTING[name]
        return Values(plain=lambda place: found[place % len(found)], size=len(found))
    if name not in _TEMPLATES:
        return None
    template, size, extreme = _TEMPLATES[name]
    if wanted.kind is Kind.MILD and name in {"float4", "float8"}:
        template = "{n}"
    text = "Zoë 😀" if wanted.unicode else "Zoe"
    return Values(
        plain=lambda place: _filled(template, place if size is None else place % size),
        size=size,
        extreme=tuple(one.format(text=text) for one in extreme),
    )


def _filled(template: str, place: int) -> str:
    n = place + 1
    seconds = (n * 61) % _SECONDS  # 61 and 86,400 have no common factor: each second comes once
    return template.format(
        n=n,
        odd="true" if n % 2 else "false",
        day=_FIRST + timedelta(days=place),
        clock=f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        high=n >> 16 & 255,
        middle=n >> 8 & 255,
        low=n & 255,
        degree=place - 45,
    )


def _texts(name: str, wanted: Wanted) -> Values:
    limit = {"char": 1, "name": _MOST_OF_A_NAME}.get(name)
    if name in {"varchar", "bpchar"} and wanted.modifier > 0:
        limit = wanted.modifier - 4  # the header's length counts: pg_attribute.atttypmod
    if wanted.kind is Kind.MILD:
        size = None if limit is None or limit >= 9 else 10**limit - 1  # noqa: PLR2004 - enough
        return Values(
            plain=lambda place: str((place if size is None else place % size) + 1), size=size
        )
    plain, size = _words(wanted.column, limit)
    texts = ["", 'it\'s a "quoted" \\ text: 100 % {0} $1;--', " spaces ", "x" * _LONG]
    if wanted.unicode:
        texts += ["Zoë Ångström, 漢字 😀", "e\u0301"]
    cut = dict.fromkeys(
        one.encode()[:_MOST_OF_A_NAME].decode(errors="ignore") if name == "name" else one[:limit]
        for one in texts
    )
    return Values(plain=plain, size=size, extreme=() if name == "char" else tuple(cut))


def _words(column: str, limit: int | None) -> tuple[Make, int | None]:
    """Texts that name their column and end in the row's number, as far as the limit lets them."""
    short = column if column.isascii() else "text"
    lower = short.lower()
    template = "{column} {n}"
    if "mail" in lower:
        template = "{column}{n}@example.com"
    elif any(word in lower for word in ("url", "uri", "link", "href", "website")):
        template = "https://example.com/{column}/{n}"
    short = "".join(one for one in short if one.isalnum() or one in "_-") or "text"
    room = limit is None or len(template.format(column=short, n=999_999)) <= limit
    if room:
        return lambda place: template.format(column=short, n=place + 1), None
    assert limit is not None
    width = min(limit, 4)
    size = len(_DIGITS) ** width
    start = short[: limit - width]
    return lambda place: start + _in_digits((place + 1) % size, width), size


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _in_digits(number: int, width: int) -> str:
    made = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        made = _DIGITS[digit] + made
    return made


def fits(text: str, name: str, modifier: int) -> bool:
    """Whether a text, or a number, is short enough for a type; a cast would cut some of them."""
    if name in {"varchar", "bpchar"}:
        return modifier < 0 or len(text) <= modifier - 4
    if name in _BITS:
        return bool(abs(Decimal(text)) < 2 ** _BITS[name])
    if name == "numeric" and modifier >= 0:
        precision, scale = _precision(modifier)
        return abs(Decimal(text)) < Decimal(10) ** (precision - scale)
    return True


def _precision(modifier: int) -> tuple[int, int]:
    """As numeric.c packs them: the precision above; below, in 11 bits, the scale, signed since 15.

    https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/utils/adt/numeric.c
    """
    return modifier - 4 >> 16 & 0xFFFF, (modifier - 4 & 0x7FF ^ 1024) - 1024


def _numbers(wanted: Wanted) -> Values:
    mild = wanted.kind is Kind.MILD
    if wanted.modifier < 0:
        extreme = ("0", "-1", "-0.000000000000000001", "12345678901234567890.123456789")
        return Values(
            plain=lambda place: f"{place + 1}" if mild else f"{place + 1}.5", extreme=extreme
        )
    precision, scale = _precision(wanted.modifier)
    largest = 10**precision - 1
    unit = 10**scale if 0 < scale < precision else 1
    fraction = unit // 2 if not mild and largest >= 10 * unit - 1 else 0
    size = max(largest // unit - 1, 1)

    def number(units: int) -> str:
        return f"{units}e{-scale}"

    return Values(
        plain=lambda place: number((place % size + 1) * unit + fraction),
        size=size,
        extreme=("0", number(-largest), number(largest)),
    )


def _bits(name: str, modifier: int) -> Values:
    width = modifier if modifier > 0 else 1 if name == "bit" else 32
    size = 2 ** min(width, 31)
    made = Values(plain=lambda place: f"{(place + 1) % size:0{width}b}", size=size)
    return replace(made, extreme=("1" * width,) if name == "bit" else ("", "1" * width))


def _vectors(name: str, width: int) -> Values:
    rest = ",1" * (width - 1)
    if name == "sparsevec":
        return Values(plain=lambda place: f"{{1:{place + 1}}}/{width}", extreme=(f"{{}}/{width}",))
    return Values(plain=lambda place: f"[{place + 1}{rest}]", size=10_000)
