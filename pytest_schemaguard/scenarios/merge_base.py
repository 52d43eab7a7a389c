"""What differs in the catalog where the merge base's version of a migration has run.

Both histories run up to the migration: the branch's by its states, the merge base's by the states
of a configuration of its own, on what git checks out of that commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from shutil import rmtree
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.difference import Difference  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.migrations.merge_base import export, folders_of, there
from pytest_schemaguard.migrations.released import How
from pytest_schemaguard.scenarios.look import Look
from pytest_schemaguard.scenarios.seen import seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.migrations.released import Touched
    from pytest_schemaguard.scenarios.look import Sight
    from pytest_schemaguard.scenarios.states import State

NAME = "merge-base"
MOST = 8
"""Of how many migrations the catalogs are compared."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What is other in databases that have run the merge base's version."""

    differences: tuple[Difference, ...] = ()
    """`expected` is what the branch makes, `actual` what the merge base's version left."""
    unknown: str | None = None
    """Why nobody knows; None: it was looked at."""


def _see(guard: Sight) -> dict[str, Effect]:
    """By the path where the merge base has the migration."""
    order = {one: place for place, one in enumerate(guard.judging.migrations)}
    some = sorted(
        (one for one in guard.judging.touched if one.how in {How.EDITED, How.DELETED}),
        key=lambda one: len(order) if one.migration is None else order[one.migration],
    )
    found = {
        str(one.was.path): Effect(unknown=f"only those of {MOST} migrations are compared")
        for one in some[MOST:]
    }
    with guard.progress.step(f"looking at the migrations of {guard.judging.since}"):
        found |= _effects(guard, some[:MOST])
    return found


EFFECTS = Look("merge-base", dict[str, Effect], _see)
"""For each migration of the merge base that the branch edits or deletes."""


def _effects(guard: Sight, some: Sequence[Touched]) -> dict[str, Effect]:
    config, changes = guard.config, guard.judging.changes
    name = f"{config.name}-{NAME}" if config.name else NAME
    into = guard.databases.run.folder / name

    def moved(path: Path) -> Path:
        real, top = path.resolve(), changes.git.folder
        return into / real.relative_to(top) if real.is_relative_to(top) else path

    def each(then: Sight) -> Iterator[tuple[str, Effect]]:
        told: set[Difference] = set()  # of one that ran before it, where it was edited too
        for one in some:
            try:
                differences = _differences(guard, then, one, moved)
            except GuardError as error:
                effect = Effect(unknown=str(error))
            else:
                effect = Effect(differences=tuple(it for it in differences if it not in told))
                told.update(differences)
            yield str(one.was.path), effect

    try:
        export(changes, folders_of(config), into)
        moved(config.root).mkdir(parents=True, exist_ok=True)
        with guard.beside(there(config, moved, name=name), moved) as then:
            return dict(each(then))
    except GuardError as error:
        return {str(one.was.path): Effect(unknown=str(error)) for one in some}
    finally:
        rmtree(into, ignore_errors=True)


def _differences(
    guard: Sight, then: Sight, one: Touched, moved: Callable[[Path], Path]
) -> tuple[Difference, ...]:
    """Raises GuardError: it could not be looked at."""
    path, now = moved(one.was.path), one.migration
    before = next((each for each in then.judging.migrations if path in each.files), None)
    if before is None:
        raise GuardError(path.name, "it is no migration of the merge base's configuration")
    in_one_run = before.others or (now and now.others)
    if in_one_run and (now is None or before.path != moved(now.path)):
        raise GuardError(path.name, "one run applies all migrations, and none up to this one")
    if before not in then.judging.pending:
        raise GuardError(path.name, "the baseline contains it")
    left = _left(then, then.states.after(before))
    if now is not None:
        if now not in guard.judging.pending:
            raise GuardError(path.name, "the baseline contains the branch's version")
        return diff(_left(guard, guard.states.after(now)), left)
    # Of a deleted one what it made, and nothing of the branch makes.
    made = {each.name for each in diff(_left(then, then.states.before(before)), left)}
    migrated = _left(guard, guard.states.migrated())
    return tuple(each for each in diff(migrated, left) if each.name in made)


def _left(guard: Sight, state: State) -> Snapshot:
    """The catalog of a state. Raises GuardError: its migration failed."""
    if state.run is not None and not state.run.applied:
        raise GuardError("it", f"does not apply: {state.run.words}")
    snapshot = seen(guard, state).snapshot
    assert snapshot is not None
    return snapshot
