"""What an answer of the project's process must be: the project's code can write into its channel.

A shape is `Any`, a type, a union, `list[...]`, `dict[...]`, `tuple[...]`, `Mapping[...]`, a dict of
the keys that must be there and their shapes, a tuple of several shapes, or a dataclass: its fields,
and from JSON its `from_json`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

FAILURES = (TypeError, KeyError, ValueError, AttributeError, IndexError)
"""What reading a value of another shape raises."""
ERROR = {
    "subject": str,
    "fact": str,
    "fix": str | None,
    "detail": str | None,
    "path": str | None,
    "line": int | None,
}
"""A GuardError as JSON has it."""
MESSAGES: Mapping[str, Any] = {
    "progress": str,
    "fence": str,
    "result": Any,
    "error": ERROR,
    "ended": int,
}
"""What the process says, by the key that tells them apart."""


def misfit(shape: Any, answer: Any) -> str | None:
    """Where JSON's values are of another shape: `.revisions[0].line: no int`; None: they fit.

    Floats take whole numbers too; True and False are no numbers.
    """
    if hasattr(shape, "from_json"):
        try:
            answer = shape.from_json(answer)
        except FAILURES as error:
            return f"no {shape.__name__} ({type(error).__name__}: {str(error)[:80]})"
    return _misfit(shape, answer, "")


def wrong_message(message: Any) -> bool:
    """Whether it is none of MESSAGES."""
    if not isinstance(message, dict):
        return True
    kinds = [kind for kind in MESSAGES if kind in message]
    return not kinds or any(misfit(MESSAGES[kind], message[kind]) for kind in kinds)


def _misfit(shape: Any, value: Any, at: str) -> str | None:  # noqa: C901 - a kind of shape a branch
    origin, inner = get_origin(shape), get_args(shape)
    name = at or "it"
    wrong: str | None = f"{name}: no {getattr(origin or shape, '__name__', shape)}"
    if isinstance(shape, dict):
        if isinstance(value, dict) and shape.keys() <= value.keys():
            wrong = _first((shape[key], value[key], f"{at}.{key}") for key in shape)
        else:
            wrong = f"{name}: lacks {', '.join(shape)}"
    elif isinstance(shape, tuple) or origin in {Union, types.UnionType}:
        found = [_misfit(one, value, at) for one in inner or shape]
        wrong = None if None in found else found[0]
    elif isinstance(shape, type) and dataclasses.is_dataclass(shape):
        if isinstance(value, shape):
            hints = _hints(shape).items()
            wrong = _first((hint, getattr(value, field), f"{at}.{field}") for field, hint in hints)
    elif origin in {list, tuple}:
        if isinstance(value, (list, tuple)):
            wrong = _items(origin, inner, value, at)
    elif origin in {dict, Mapping}:
        if isinstance(value, dict):
            wrong = _first((inner[0], one, f"{at} {one!r:.40}") for one in value)
            wrong = wrong or _first((inner[1], value[one], f"{at}[{one!r:.40}]") for one in value)
    elif _is(shape, value):
        wrong = None
    return wrong


def _is(shape: Any, value: Any) -> bool:
    if shape is Any or shape is None or shape is type(None):
        return shape is Any or value is None
    if shape in {int, float} and isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(shape, type) and isinstance(value, shape)


def _items(origin: Any, inner: tuple[Any, ...], values: Any, at: str) -> str | None:
    if origin is list or inner[-1] is Ellipsis:
        return _first((inner[0], one, f"{at}[{place}]") for place, one in enumerate(values))
    if len(values) != len(inner):
        return f"{at or 'it'}: not {len(inner)} values"
    pairs = zip(inner, values, strict=True)
    return _first((shape, one, f"{at}[{place}]") for place, (shape, one) in enumerate(pairs))


def _first(cases: Any) -> str | None:
    return next((wrong for case in cases if (wrong := _misfit(*case)) is not None), None)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    # Mapping is imported for types alone where the dataclasses are.
    return get_type_hints(kind, localns={"Mapping": Mapping})
