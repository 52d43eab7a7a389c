"""Values for new rows: others of the same shape as given ones, or made up from a column's type."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import Enum, func, select
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Column
    from sqlalchemy.orm import Session
    from sqlalchemy.types import TypeEngine

TEXT = "guard"
TOKEN_BYTES = 6

BY_NAME: dict[str, Any] = {
    "INET": "127.0.0.1",
    "CIDR": "127.0.0.0/8",
    "MACADDR": "08:00:2b:01:02:03",
    "MACADDR8": "08:00:2b:01:02:03:04:05",
    "HSTORE": {},
    "MONEY": "1",
    "OID": 1,
    "TSVECTOR": TEXT,
}
"""PostgreSQL's own types by their `__visit_name__`, which have no python_type to go by."""


class NoValueError(Exception):
    """No value of this type is known."""


def fresh(value: Any, column: Column[Any], session: Session) -> Any:
    """A value that no row has yet, of the same shape. Raises NoValueError."""
    if isinstance(column.type, Enum) or isinstance(value, bool):
        raise NoValueError
    if isinstance(value, str):
        return fresh_text(value, getattr(column.type, "length", None))
    if isinstance(value, uuid.UUID):
        return uuid.uuid4()
    if isinstance(value, bytes):
        return secrets.token_bytes(len(value) or 16)
    steps: tuple[tuple[type[Any], Any], ...] = (
        ((int, 1)),
        (Decimal, 1),
        (float, 1.0),
        (dt.date, dt.timedelta(days=1)),  # a datetime is one too
    )
    for kind, step in steps:
        if isinstance(value, kind):
            largest = session.scalar(select(func.max(column)))
            return value if largest is None else largest + step
    raise NoValueError


def fresh_text(value: str, length: int | None) -> str:
    """Another text: of an address the part before the `@` changes, a number stays a number."""
    token = secrets.token_hex(TOKEN_BYTES)
    try:
        if str(uuid.UUID(value)) == value.lower():
            return str(uuid.uuid4())
    except ValueError:
        pass
    sign = "+" if value.startswith("+") else ""
    digits = value[len(sign) :]
    if digits.isdecimal():
        return sign + "".join(secrets.choice("123456789") for _ in digits)
    local, at, domain = value.rpartition("@")
    tail = f"{at}{domain}" if local else ""
    room = len(value) + len(token) + len(TEXT) + 1 if length is None else length - len(tail)
    made = f"{TEXT}-{token}"
    # A short column keeps the token's end: the beginning is the same for every row.
    return (made if len(made) <= room else token[-max(room, 1) :]) + tail


def made_up(column: Column[Any], *, address: bool = False) -> Any:
    """A plain value of the column's type; with `address` a text is a mail address.

    Raises NoValueError.
    """
    kind = column.type
    if isinstance(kind, Enum):
        members = list(kind.enum_class) if kind.enum_class is not None else list(kind.enums)
        if not members:
            raise NoValueError
        return members[0]
    name = getattr(_plain(kind), "__visit_name__", "")
    if name in BY_NAME:
        return BY_NAME[name]
    for types, make in _MAKERS:
        if isinstance(_plain(kind), types):
            return make(_plain(kind))
    if isinstance(_plain(kind), sqltypes.String):
        like = "user@example.org" if address else TEXT
        return fresh_text(like, getattr(_plain(kind), "length", None))
    raise NoValueError


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type that a TypeDecorator stands upon: its values are the decorator's, mostly."""
    while isinstance(kind, sqltypes.TypeDecorator):
        kind = kind.impl_instance
    return kind


def _now_utc() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


def _now(kind: Any) -> dt.datetime:
    now = _now_utc()
    return now if kind.timezone else now.replace(tzinfo=None)


_MAKERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (sqltypes.Boolean, lambda _: False),
    (sqltypes.Integer, lambda _: secrets.randbelow(30_000) + 1),  # smallint holds 32,767
    (sqltypes.Float, lambda _: 1.0),
    (sqltypes.Numeric, lambda _: Decimal(0)),  # numeric(2, 2) holds no 1
    (sqltypes.DateTime, _now),
    (sqltypes.Date, lambda _: _now_utc().date()),
    (sqltypes.Time, lambda _: dt.time(12)),
    (sqltypes.Interval, lambda _: dt.timedelta(days=1)),
    (postgresql.INTERVAL, lambda _: dt.timedelta(days=1)),
    (sqltypes.Uuid, lambda kind: uuid.uuid4() if kind.as_uuid else str(uuid.uuid4())),
    (sqltypes.LargeBinary, lambda _: TEXT.encode()),
    (sqltypes.JSON, lambda _: {}),
    (sqltypes.ARRAY, lambda _: []),
    (postgresql.BIT, lambda kind: "0" * (kind.length or 1)),
)
