"""Values to JSON and back, by the annotations of their dataclasses. Pure.

A shape is `Any`, a type, a union, `Literal[...]`, `list`, `tuple`, `frozenset`, `dict` or `Mapping`
of shapes, a dataclass, a dict of the keys that must be there and their shapes, or a tuple of
several shapes, one of which it must be; or a class with a `from_json` of its own. What is read may
come from a process that wrote anything: one walk says what does not fit, and makes the value of
what does.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Read = Callable[[Any], Any]
"""Makes the value of what JSON has. Raises MisfitError."""
Reader = tuple[frozenset[type], Read]
"""The types whose values are taken as JSON has them, and what makes the value of all others.

Most values are of these, and a call for each would take twice as long as everything else.
"""


class MisfitError(ValueError):
    """A value is of another shape: `.revisions[0].line: no int`."""

    def __init__(self, fact: str, at: str = "") -> None:
        super().__init__(f"{at or 'it'}: {fact}")
        self.fact = fact
        self.at = at

    def within(self, at: str) -> MisfitError:
        return MisfitError(self.fact, at + self.at)


def dumps(value: Any) -> str:
    """The JSON of which `decode` makes an equal value."""
    # No value holds itself, and to look for that takes as long as all the rest.
    return json.dumps(value, default=_plain, check_circular=False)


def decode(shape: Any, value: Any) -> Any:
    """The value of this shape, of what json.loads has made. Raises MisfitError.

    Floats take whole numbers too; True and False are no numbers.
    """
    kinds, read = _reader(shape)
    return value if type(value) in kinds else read(value)


def _plain(value: Any) -> Any:
    """What json.dumps does not know, a step nearer to what it does."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value)
    kind: Any = type(value)
    names, pairs = _fields(kind)
    found = vars(value)
    if pairs or len(found) != len(names):  # what a cached property has made is in there too
        found = {name: found[name] for name in names}
        found |= {name: list(found[name].items()) for name in pairs}
    return found


@functools.cache
def _fields(kind: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of a dataclass, and those of them that are mappings which no JSON object can be."""
    hints = _hints(kind)
    return tuple(hints), tuple(name for name, one in hints.items() if _is_of_pairs(one))


def _hints(kind: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"Object of type {kind.__name__} is not JSON serializable")
    # Mapping is imported for types alone where the dataclasses are.
    hints = get_type_hints(kind, localns={"Mapping": Mapping})
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}


def _is_of_pairs(shape: Any) -> bool:
    """Whether it is a mapping that is no JSON object: of keys that are no texts."""
    return get_origin(shape) in {dict, Mapping} and get_args(shape)[0] is not str


def _reader(shape: Any) -> Reader:
    origin, inner = get_origin(shape), get_args(shape)
    read: Read
    if isinstance(shape, tuple) or origin in {Union, types.UnionType}:
        return _either([_reader(one) for one in inner or shape])
    if isinstance(shape, dict):
        read = _keys({name: _reader(one) for name, one in shape.items()})
    elif origin is Literal:
        read = functools.partial(_one_of, inner)
    elif origin in {dict, Mapping}:
        readers = [_reader(one) for one in inner]
        of_pairs = _is_of_pairs(shape)
        read = _list(dict, (frozenset(), _row(readers))) if of_pairs else _object(readers[1])
    elif origin is tuple and inner[-1] is not Ellipsis:
        read = _row([_reader(one) for one in inner])
    elif origin in {list, tuple, frozenset}:
        read = _list(origin, _reader(inner[0]))
    elif hasattr(shape, "from_json"):
        read = shape.from_json
    elif isinstance(shape, type) and dataclasses.is_dataclass(shape):
        read = _dataclass(shape)
    elif shape in _LEAVES:
        read = _LEAVES[shape]
    else:
        kinds = {type(None) if shape is None else shape, *([int] if shape is float else [])}
        return frozenset(kinds), functools.partial(_refuse, shape)
    return frozenset(), read


def _refuse(shape: Any, _: Any) -> Any:
    raise MisfitError(f"no {getattr(shape, '__name__', shape)}")


def _path(value: Any) -> Path:
    return Path(value) if isinstance(value, str) else _refuse(Path, value)


_LEAVES: dict[Any, Read] = {Any: lambda value: value, Path: _path}


def _one_of(known: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, str) or value not in known:
        raise MisfitError(f"none of {', '.join(map(repr, known))}")
    return value


def _either(readers: list[Reader]) -> Reader:
    kinds = frozenset[type]().union(*(some for some, _ in readers))
    reads = [read for some, read in readers if not some] or [readers[0][1]]

    def read(value: Any) -> Any:
        wrong = []
        for one in reads:
            try:
                return one(value)
            except MisfitError as error:
                wrong.append(error)
        raise wrong[0]

    return kinds, read if reads[1:] else reads[0]


def _list(make: Callable[[Any], Any], reader: Reader) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise MisfitError("no list")
        if not reader[0].issuperset(map(type, value)):
            value = _each(repeat(reader), value)
        return make(value)

    return read


def _row(readers: list[Reader]) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise MisfitError("no list")
        if len(value) != len(readers):
            raise MisfitError(f"not {len(readers)} values")
        return tuple(_each(readers, value))

    return read


def _each(readers: Iterable[Reader], values: list[Any]) -> list[Any]:
    made: list[Any] = []
    try:
        for (kinds, read), value in zip(readers, values, strict=False):
            made.append(value if type(value) in kinds else read(value))
    except MisfitError as wrong:
        raise wrong.within(f"[{len(made)}]") from None
    return made


def _object(reader: Reader) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise MisfitError("no dict")
        return _keys(dict.fromkeys(value, reader))(value)

    return read


def _keys(readers: dict[str, Reader]) -> Read:
    fields = [(name, *reader) for name, reader in readers.items()]

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or not readers.keys() <= value.keys():
            there = value if isinstance(value, dict) else ()
            raise MisfitError(f"lacks {', '.join(one for one in readers if one not in there)}")
        made, name = value.copy(), ""
        try:
            for name, kinds, read_one in fields:
                if type(one := value[name]) not in kinds:
                    made[name] = read_one(one)
        except MisfitError as wrong:
            raise wrong.within(f".{name:.40}") from None
        return made

    return read


@functools.cache
def _dataclass(kind: Any) -> Read:
    names, _ = _fields(kind)
    fields = _keys({name: _reader(hint) for name, hint in _hints(kind).items()})

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise MisfitError(f"no {kind.__name__}")
        made = fields(value)
        if len(made) != len(names):
            raise MisfitError(f"has {', '.join(value.keys() - {*names}):.80}")
        return kind(**made)

    return read
