"""Values, as PostgreSQL stores them, that the models' own types accept and can load again.

Only of columns whose type stores something else than it is given: an Enum kept as text, a
TypeDecorator that encrypts, a UUID kept as text. What the type is given back it must understand, or
it fails as a row is loaded. A type that the guard finds no value for is left out.

Arguments: `models`, `root`, `source` and `server_version`, as of `models/read`. The answer is a
KnownValues. Raises ProjectError.
"""

from __future__ import annotations

import enum
import json
import time
import uuid
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, JSON, Enum, TypeDecorator, Uuid, bindparam
from sqlalchemy.types import UserDefinedType

from pytest_schemaguard.project.answers.models import KnownValues
from pytest_schemaguard.project.tasks.models.naming import column_name, dialect
from pytest_schemaguard.project.tasks.models.targets import resolve
from pytest_schemaguard.project.tasks.models.translation import parts_of
from pytest_schemaguard.sqltext.identifiers import element

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.dialects.postgresql.base import PGDialect
    from sqlalchemy.types import TypeEngine

    from pytest_schemaguard.project.answers.models import Name

COUNT = 30
"""So many values are asked for, of which keys need different ones."""
TIMEOUT_S = 0.2
"""So long for those of one type: some hash passwords."""


def run(arguments: dict[str, Any]) -> KnownValues:
    root = Path(arguments["root"]).resolve()
    target = resolve(arguments["models"], root, arguments["source"])
    postgresql = dialect(tuple(arguments["server_version"]))
    found: dict[Name, tuple[str, ...]] = {}
    for metadata in target.metadatas:
        for table in metadata.tables.values():
            for column in table.columns:
                with suppress(Exception):  # types of the project raise anything
                    if texts := values(column.type, postgresql):
                        found[column_name(column)] = texts
    return KnownValues(of=found)


def values(type_: TypeEngine[Any], postgresql: PGDialect) -> tuple[str, ...]:
    """As PostgreSQL would store them; none where the type needs no value of its own.

    Raises whatever the type does.
    """
    if isinstance(type_, ARRAY):
        return tuple(f"{{{element(text)}}}" for text in values(type_.item_type, postgresql))
    if isinstance(type_, Enum):
        return () if type_.native_enum else tuple(map(str, type_.enums))
    inside = type_.dialect_impl(postgresql)  # a variant's own one
    own = isinstance(inside, (TypeDecorator, UserDefinedType))
    if not own and not (isinstance(type_, Uuid) and not type_.native_uuid):
        return ()
    parameter: Any = bindparam("value")
    made = inside.bind_expression(parameter)
    store = inside.bind_processor(postgresql) or _same
    load = inside.result_processor(postgresql, None) or _same
    if (made is not None and made is not parameter) or _is_transparent(inside, store, load):
        return ()  # PostgreSQL makes of it what is stored, or nobody does
    found = (
        _stored(samples, store, load, alike=alike)
        for alike in (False, True)
        for samples in _samples(inside)
    )
    return next(filter(None, found), ())


def _same(value: Any) -> Any:
    return value


def _stored(
    samples: Iterator[Any], store: Callable[[Any], Any], load: Callable[[Any], Any], *, alike: bool
) -> tuple[str, ...]:
    """The texts of those that come back as they were, or `alike`: what is stored as they are."""
    texts: dict[str, None] = {}
    ends = time.monotonic() + TIMEOUT_S
    for sample in samples:
        try:
            kept = store(sample)
            back = load(kept)
            text = _text(kept)
            if text is not None and (back == sample or (alike and store(back) == kept)):
                texts[text] = None
        except Exception:  # noqa: BLE001 - types of the project raise anything
            break
        if len(texts) >= COUNT or time.monotonic() > ends:
            break
    return tuple(texts)


def _is_transparent(
    type_: TypeEngine[Any], store: Callable[[Any], Any], load: Callable[[Any], Any]
) -> bool:
    """Whether every value is stored and loaded as it is: then any value of the column will do."""
    try:
        return all(store(one) == one and load(one) == one for one in _PROBES[_python_type(type_)])
    except Exception:  # noqa: BLE001 - types of the project raise anything
        return False


def _python_type(type_: TypeEngine[Any]) -> type:
    """What the type says of itself, or of what it stands upon."""
    if isinstance(type_, JSON):
        return dict
    with suppress(NotImplementedError):
        if type_.python_type is not object:  # SQLAlchemy 2.1 has that of a TypeDecorator
            return type_.python_type
    return _python_type(type_.impl_instance) if isinstance(type_, TypeDecorator) else object


_PROBES: dict[type, Sequence[Any]] = {
    str: ("", "a", "1", "Zoë 😀", 'it\'s \\ % "quoted"', "x" * 1000),
    int: (0, 1, -1, 32767, -32768),
    float: (0.0, -1.5, 1e300),
    Decimal: (Decimal(0), Decimal("-1.5"), Decimal(99)),
    bool: (True, False),
    bytes: (b"", b"\x00\xff'"),
    date: (date(2, 2, 2), date(9998, 12, 31)),
    datetime: (datetime(2, 2, 2), datetime(9998, 12, 31, tzinfo=timezone.utc)),  # noqa: DTZ001
    dict: ({}, {"a": [1, "Zoë 😀", None]}),
    list: ([], ["a", "b"]),
}


def _samples(type_: TypeEngine[Any]) -> Iterator[Iterator[Any]]:
    """Python's values of one sort after another: first the likeliest for the type."""
    choices = _choices(type_)
    if choices:
        yield iter(choices)
    numbers = range(1, 2 * COUNT + 1)
    sorts: dict[type, list[Callable[[int], Any]]] = {
        str: [
            lambda n: f"text {n}",
            lambda n: f"user{n}@example.com",
            lambda n: str(uuid.UUID(int=n)),
            lambda n: f"+4930123456{n:02}",
            lambda n: f"https://example.com/{n}",
            lambda n: f"10.0.0.{n}",
            lambda n: f"top.n{n}",
            lambda n: f"#0000{n:02x}",
            *(lambda _, text=text: text for text in ("DE", "EUR", "en", "UTC", "red")),
        ],
        uuid.UUID: [lambda n: uuid.UUID(int=n)],
        bool: [lambda n: n % 2 == 1],
        int: [lambda n: n],
        Decimal: [Decimal],
        float: [float],
        dict: [lambda n: {"n": n}],
        list: [lambda n: [f"text {n}"], lambda n: [n]],
        datetime: [
            lambda n: datetime(2020, 1, 1, tzinfo=timezone.utc) + timedelta(days=n),
            lambda n: datetime(2020, 1, 1) + timedelta(days=n),  # noqa: DTZ001 - as some want it
        ],
        date: [lambda n: date(2020, 1, 1) + timedelta(days=n)],
        clock: [lambda n: clock(12, 0, n % 60)],
        timedelta: [lambda n: timedelta(days=n)],
        bytes: [lambda n: f"bytes {n}".encode()],
        tuple: [lambda n: (n, n)],
    }
    first = _python_type(type_)
    for kind in sorted(sorts, key=lambda kind: kind is not first):
        for make in sorts[kind]:
            yield map(make, numbers)


def _choices(type_: TypeEngine[Any]) -> list[Any]:
    """What the type itself names: an Enum's members, and the `choices` of sqlalchemy_utils."""
    for part in parts_of(type_):
        if isinstance(part, Enum):
            return [*(part.enum_class or part.enums)]
        for value in {**vars(type(part)), **vars(part)}.values():
            if isinstance(value, type) and issubclass(value, enum.Enum):
                return [*value]
        choices = getattr(part, "choices", None)
        if isinstance(choices, (list, tuple)):
            return [one[0] if isinstance(one, tuple) else one for one in choices]
    return []


def _text(value: Any) -> str | None:
    """A literal of what is bound; None: only a driver could tell."""
    if isinstance(value, enum.Enum) or value is None:
        return None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return rf"\x{bytes(value).hex()}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float, Decimal, uuid.UUID, date, clock)):
        return str(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    return json.dumps(value) if isinstance(value, dict) else None
