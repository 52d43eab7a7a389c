"""Values of evidence and of answers survive JSON, and nothing else is taken for one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_schemaguard.catalog.snapshot import Name, Snapshot
from pytest_schemaguard.codec import MisfitError, _hints, decode, dumps
from pytest_schemaguard.evidence.comparison import Comparison
from pytest_schemaguard.evidence.logins import LoginEvidence
from pytest_schemaguard.evidence.planning import Refusal
from pytest_schemaguard.migrations.migration import Migration
from pytest_schemaguard.project.answers.login import LoginReport, RequestReport
from pytest_schemaguard.project.answers.models import Models
from pytest_schemaguard.project.answers.revisions import History, RunReport
from pytest_schemaguard.scenarios.engine import Ending
from pytest_schemaguard.scenarios.states import State
from tests.through_json import through_json


@dataclass(frozen=True, kw_only=True)
class Leaf:
    path: Path
    state: Literal["idle", "open"]
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Every:
    """Each kind of shape."""

    text: str
    seconds: float
    sure: bool
    anything: Any
    leaf: Leaf | None
    leaves: tuple[Leaf, ...]
    pair: tuple[str | None, int]
    names: frozenset[str]
    lines: list[list[int]]
    words: Mapping[str, str]
    by_name: Mapping[Name, Leaf]
    by_leaf: dict[Leaf, bool]
    either: Leaf | tuple[str, ...] = ()
    none: None = None
    made: str = field(default="", repr=False)

    @cached_property
    def size(self) -> int:
        return len(self.text)


CODED = (
    *(Every, Models, History, RunReport, LoginReport, RequestReport, State, Snapshot),
    *(Comparison, Refusal, Ending, LoginEvidence, Migration),
)
"""What is evidence, or what a task of the project's side answers."""
TEXT = st.text(max_size=3)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    Any: JSON_VALUES,
    str: TEXT,
    Path: TEXT.map(Path),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    type(None): st.none(),
}


def values(shape: Any) -> st.SearchStrategy[Any]:
    """Any value of a shape, of few parts."""
    origin, inner = get_origin(shape), get_args(shape)
    if origin in {Union, UnionType, Literal}:
        return st.one_of(*map(values, inner)) if origin is not Literal else st.sampled_from(inner)
    if origin in {dict, Mapping}:
        return st.dictionaries(*map(values, inner), max_size=2)
    if origin is tuple and inner[-1] is not Ellipsis:
        return st.tuples(*map(values, inner))
    if origin is not None:
        return st.lists(values(inner[0]), max_size=2).map(origin)
    if shape in LEAVES:
        return LEAVES[shape]
    return st.builds(shape, **{name: values(hint) for name, hint in _hints(shape).items()})


@pytest.mark.parametrize("shape", CODED, ids=lambda shape: shape.__name__)
def test_any_value_survives_json(shape: type) -> None:
    @settings(max_examples=30, derandomize=True, database=None, deadline=None)
    @given(value=values(shape))
    def survives(value: Any) -> None:
        assert through_json(value) == value

    survives()


def test_what_a_cached_property_made_stays_behind() -> None:
    leaf = Leaf(path=Path("/a"), state="idle")
    every = Every(
        text="abc",
        seconds=1,
        sure=True,
        anything=None,
        leaf=leaf,
        leaves=(),
        pair=(None, 1),
        names=frozenset("ba"),
        lines=[[1], []],
        words={"a": "b"},
        by_name={("a", "b"): leaf},
        by_leaf={leaf: False},
    )
    assert every.size == 3
    written = json.loads(dumps(every))
    assert "size" not in written
    assert written["names"] == ["a", "b"]
    assert written["words"] == {"a": "b"}
    assert written["by_name"] == [[["a", "b"], {"path": "/a", "state": "idle", "line": None}]]
    assert through_json(every) == every


LEAF = {"path": "/a", "state": "idle", "line": 1}


@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [
        (str, 1, "it: no str"),
        (int, True, "it: no int"),
        (int, 1.5, "it: no int"),
        (bool, 1, "it: no bool"),
        (float, True, "it: no float"),
        (float, "1", "it: no float"),
        (None, 0, "it: no None"),
        (str | None, 1, "it: no str"),
        (Path, 1, "it: no Path"),
        (Leaf, [], "it: no Leaf"),
        (Leaf, {}, "it: lacks path, state, line"),
        (Leaf, {**LEAF, "more": 1}, "it: has more"),
        (Leaf, {**LEAF, "line": "1"}, ".line: no int"),
        (Leaf, {**LEAF, "state": "shut"}, ".state: none of 'idle', 'open'"),
        (Leaf, {**LEAF, "state": []}, ".state: none of 'idle', 'open'"),
        (Leaf | None, {**LEAF, "path": None}, ".path: no Path"),
        (Leaf | tuple[str, ...], [1], "it: no Leaf"),
        (list[str], "ab", "it: no list"),
        (list[str], {"a": 1}, "it: no list"),
        (list[str], ["a", None], "[1]: no str"),
        (tuple[Leaf, ...], [LEAF, {**LEAF, "line": []}], "[1].line: no int"),
        (tuple[str, int], ["a"], "it: not 2 values"),
        (tuple[str, int], ["a", "b"], "[1]: no int"),
        (frozenset[str], [1], "[0]: no str"),
        (dict[str, int], [], "it: no dict"),
        (dict[str, int], {"a": 1, "b": ""}, ".b: no int"),
        (dict[tuple[str, ...], int], {"a": 1}, "it: no list"),
        (dict[tuple[str, ...], int], [[["a"], 1], [["b", 2], 1]], "[1][0][1]: no str"),
        (dict[tuple[str, ...], int], [[["a"], 1, 2]], "[0]: not 2 values"),
        ({"a": int}, {"b": 1}, "it: lacks a"),
        ({"a": {"b": list[int]}}, {"a": {"b": [""]}}, ".a.b[0]: no int"),
        ((None, {"a": int}), {"a": ""}, ".a: no int"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(shape: Any, value: Any, words: str) -> None:
    with pytest.raises(MisfitError) as caught:
        decode(shape, value)
    assert str(caught.value) == words


def test_what_is_of_several_shapes_is_the_one_that_fits() -> None:
    assert decode((None, {"a": int}), None) is None
    assert decode((None, {"a": int}), {"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert decode(Leaf | tuple[str, ...], ["a"]) == ("a",)
    assert decode(float, 1) == 1


def test_what_is_no_value_is_not_written() -> None:
    with pytest.raises(TypeError, match=r"^Object of type set is not JSON serializable$"):
        dumps({"a": {1, 2}})
