"""A state as it is seen by the guard: its catalog and its sequences."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.rows.sequences import sequences
from pytest_schemaguard.scenarios.look import Look
from pytest_schemaguard.scenarios.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.scenarios.look import Sight


def seen(guard: Sight, state: State) -> State:
    """The state with both: a baseline is not looked at before. Raises GuardError."""
    if state.snapshot is not None:
        return state
    name = f"seen-{state.name}"
    return guard.look(Look(name, State, lambda sight: _look(sight, state, name=name)))


def _look(guard: Sight, state: State, *, name: str) -> State:
    with clone(guard, state, name=name) as owner:
        snapshot = read(owner, exclude=guard.config.exclude)
        return replace(state, snapshot=snapshot, sequences=sequences(owner))


@contextmanager
def clone(guard: Sight, state: State, *, name: str) -> Iterator[Any]:
    """A session of the guard's own in a database that is like the state's, until the block ends."""
    guard.databases.create(name, template=state.name)
    try:
        with guard.databases.looking(name) as owner:
            yield owner
    finally:
        guard.databases.drop(name)
