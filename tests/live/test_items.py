"""The grants of a checked database are text from outside: reading them takes linear time."""

from __future__ import annotations

import time

import pytest

from pytest_schemaguard.live.comparable import _ITEM


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        ("app=arw/owner", ("app", "arw", "owner")),
        ("=r/owner", ("", "r", "owner")),
        ('"a ""b"" =c"=r/"the owner"', ('"a ""b"" =c"', "r", '"the owner"')),
    ],
)
def test_an_item_is_read(item: str, parts: tuple[str, ...]) -> None:
    found = _ITEM.search(item)
    assert found is not None
    assert found.groups() == parts


def test_a_hostile_name_takes_no_time() -> None:
    began = time.thread_time()
    _ITEM.search('"' * 401 + "\0")
    assert time.thread_time() - began < 1
