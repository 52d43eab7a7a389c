from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.project.tasks.models import known
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODELS = """
    import base64, datetime, enum
    import sqlalchemy as sa
    from sqlalchemy.orm import DeclarativeBase

    class Base(DeclarativeBase):
        pass

    class State(enum.Enum):
        NEW = "new"
        OLD = "it's old"

    class Secret(sa.TypeDecorator):
        impl = sa.LargeBinary
        cache_ok = True

        @property
        def python_type(self):
            return str

        def process_bind_param(self, value, dialect):
            return value and base64.b16encode(value.encode()[::-1])

        def process_result_value(self, value, dialect):
            return value and base64.b16decode(value)[::-1].decode()

    class Same(sa.TypeDecorator):
        impl = sa.String
        cache_ok = True

    class ByValue(sa.TypeDecorator):
        impl = sa.Integer
        cache_ok = True

        def __init__(self, members):
            self.members = members
            super().__init__()

        def process_bind_param(self, value, dialect):
            return len(value.value)

        def process_result_value(self, value, dialect):
            return next(one for one in self.members if len(one.value) == value)

    class YesNo(sa.TypeDecorator):
        impl = sa.CHAR(1)
        cache_ok = True

        def process_bind_param(self, value, dialect):
            return {True: "Y", False: "N"}[value]

        def process_result_value(self, value, dialect):
            return {"Y": True, "N": False}[value]

    class Wrapped(sa.TypeDecorator):
        impl = sa.JSON
        cache_ok = True

        def process_bind_param(self, value, dialect):
            return {"data": value}

        def process_result_value(self, value, dialect):
            return value["data"]

    class Stamp(sa.TypeDecorator):
        impl = sa.DateTime
        cache_ok = True

        def process_bind_param(self, value, dialect):
            if value.tzinfo is None:
                raise TypeError("a time without its zone")
            return value.replace(tzinfo=None)

        def process_result_value(self, value, dialect):
            return value.replace(tzinfo=datetime.timezone.utc)

    class Failing(sa.TypeDecorator):
        impl = sa.Text
        cache_ok = True

        def process_bind_param(self, value, dialect):
            raise SystemError("no")

    class OneWay(Failing):
        cache_ok = True

        def process_bind_param(self, value, dialect):
            return value

        def process_result_value(self, value, dialect):
            raise SystemError("no")

    class InSql(sa.TypeDecorator):
        impl = sa.LargeBinary
        cache_ok = True

        def bind_expression(self, value):
            return sa.func.pgp_sym_encrypt(value, "key")

    class Place(sa.types.UserDefinedType):
        cache_ok = True

        def get_col_spec(self, **kw):
            return "text"

        def bind_processor(self, dialect):
            return lambda value: "/".join(value)

        def result_processor(self, dialect, kind):
            return lambda value: value.split("/")

    class Thing(Base):
        __tablename__ = "thing"
        id = sa.Column(sa.Integer, primary_key=True)
        column = sa.Column({type})
"""
FIRST = {
    # By type: the first two values, and how many there are.
    "sa.Enum(State, native_enum=False)": (("NEW", "OLD"), 2),
    "sa.Enum(State, native_enum=False, values_callable=lambda all_: [x.value for x in all_])": (
        ("new", "it's old"),
        2,
    ),
    'sa.ARRAY(sa.Enum("a", \'"b"\', native_enum=False))': (('{"a"}', r'{"\"b\""}'), 2),
    "Secret": ((r"\x333132303734373836353734", r"\x333232303734373836353734"), 30),
    "ByValue(State)": (("3", "8"), 2),
    "YesNo": (("Y", "N"), 2),
    "Wrapped": (('{"data": {"n": 1}}', '{"data": {"n": 2}}'), 30),
    "Stamp": (("2020-01-02 00:00:00", "2020-01-03 00:00:00"), 30),
    "Place": (("text 1", "text 2"), 30),
    "sa.Uuid(native_uuid=False)": (("0" * 31 + "1", "0" * 31 + "2"), 30),
    "sa.Uuid(native_uuid=False, as_uuid=False)": (("0" * 31 + "1", "0" * 31 + "2"), 30),
    "sa.Interval(native=False)": (("1970-01-02 00:00:00", "1970-01-03 00:00:00"), 30),
    'sa.String().with_variant(YesNo(), "postgresql")': (("Y", "N"), 2),
}
"""What is stored otherwise."""
NONE = (
    *("sa.String(20)", "sa.Enum(State)", "sa.Uuid", "sa.JSON", "sa.Boolean", "sa.DateTime"),
    *("Same(20)", "Failing", "OneWay", "InSql", "sa.ARRAY(sa.String)", "sa.ARRAY(Same)"),
)


@pytest.fixture
def values(write: Callable[..., Path]) -> Callable[[str], tuple[str, ...] | None]:
    def of(type_: str) -> tuple[str, ...] | None:
        root = write({"models.py": MODELS.replace("{type}", type_)})
        arguments: dict[str, Any] = {"models": ["models:Base"], "root": str(root), "source": None}
        found = through_json(known.run({**arguments, "server_version": [15, 0]}))
        return found.of.get(("public", "thing", "column"))

    return of


@pytest.mark.parametrize("type_", FIRST)
def test_what_is_stored_otherwise_has_values_that_come_back(
    values: Callable[[str], tuple[str, ...] | None], type_: str
) -> None:
    first, count = FIRST[type_]
    found = values(type_)
    assert found is not None
    assert (found[:2], len(found)) == (first, count)


@pytest.mark.parametrize("type_", NONE)
def test_what_takes_any_value_or_fails_on_all_has_none(
    values: Callable[[str], tuple[str, ...] | None], type_: str
) -> None:
    assert values(type_) is None


def test_a_type_that_takes_long_is_asked_for_few(
    values: Callable[[str], tuple[str, ...] | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "TIMEOUT_S", 0.0)
    found = values("sa.Uuid(native_uuid=False)")
    assert found is not None
    assert len(found) == 1
