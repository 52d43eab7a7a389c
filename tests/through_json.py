"""A value as another process of the run reads it."""

from __future__ import annotations

import json
from typing import TypeVar

from pytest_schemaguard.codec import decode, dumps

T = TypeVar("T")


def through_json(value: T, shape: type[T] | None = None) -> T:
    made: T = decode(shape or type(value), json.loads(dumps(value)))
    return made
