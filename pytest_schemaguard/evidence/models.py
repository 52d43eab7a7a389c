"""What the models say, as the process reports that has imported them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.evidence.filters import hidden as hidden_by
from pytest_schemaguard.evidence.filters import objects_of
from pytest_schemaguard.evidence.search_path import located
from pytest_schemaguard.project.answers.models import Models
from pytest_schemaguard.scenarios.look import FENCE, Look

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.scenarios.look import Sight

DATABASE = "project"
TIMEOUT_S = 120.0
"""How long the models may take to be imported."""


def _read(guard: Sight) -> Models:
    if guard.config.rows:
        _ = guard.known  # by a fork of this process, which has to come before its start
    guard.processes.models.start()
    migrated = guard.states.migrated()
    guard.databases.create(DATABASE, template=migrated.name)
    server = guard.databases.server
    with guard.progress.step("reading the models"):
        models: Models = _asked(
            guard, "models/read", {"server_version": [server.major, 0]}, shape=Models
        )
    fence = guard.processes.models.fence
    guard.note(FENCE, f"the project's code ran with {fence}; {server.reach}")
    path, role = guard.config.search_path, guard.config.role
    if path is None:
        return models
    assert migrated.snapshot is not None
    return located(models, migrated.snapshot, search_path=path, role=role)


MODELS = Look("models", Models, _read)
"""Raises ProjectError."""


_MODULES = Mapping[str, tuple[str, ...]]


def _unimported(guard: Sight) -> Mapping[str, tuple[str, ...]]:
    found: Mapping[str, tuple[str, ...]] = _asked(guard, "models/unimported", {}, shape=_MODULES)
    return found


UNIMPORTED = Look("unimported", _MODULES, _unimported)
"""`{"app.billing": ("invoice",)}`: modules with tables that nothing has imported."""


def models_beside(guard: Sight, differences: Iterable[Difference], *, refused: bool) -> Models:
    """The models; where a table is in none of them, with the modules that were not imported.

    `refused`: whether something of the models was. Raises ProjectError.
    """
    models = guard.look(MODELS)
    if not refused and all(one.kind != "extra-table" for one in differences):
        return models
    return replace(models, unimported=guard.look(UNIMPORTED))


def hidden(guard: Sight, differences: Iterable[Difference]) -> Mapping[Difference, str]:
    """Which of them a filter of env.py hides from Alembic, and which. Raises ProjectError."""
    differences = tuple(differences)
    objects = objects_of(differences)
    if guard.source.environment is None or not objects:
        return {}
    answer = _asked(
        guard,
        "alembic/filters",
        {"subject": "env.py's filters", "objects": objects},
        shape={"hidden": list[tuple[dict[str, str | None], str]]},
    )
    return hidden_by(differences, answer)


def _asked(guard: Sight, task: str, arguments: dict[str, Any], *, shape: Any) -> Any:
    models = guard.config.models
    return guard.processes.models.call(
        task,
        {
            "subject": f"models {', '.join(models) or 'of env.py'}",
            "models": list(models),
            "source": guard.source.environment,
            "root": str(guard.config.root),
            **arguments,
        },
        timeout_s=TIMEOUT_S,
        shape=shape,
    )
