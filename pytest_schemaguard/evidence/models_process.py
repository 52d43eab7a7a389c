"""What is asked of the process that has imported the project's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.project import Project
    from pytest_schemaguard.project.answers.models import Models

TIMEOUT_S = 120.0
"""How long the models may take to be imported."""


class ModelsProcess:
    """One configuration's models, and Alembic's env.py. Its methods raise ProjectError."""

    def __init__(
        self, config: Config, project: Project, *, environment: dict[str, Any] | None
    ) -> None:
        self._config = config
        self._project = project
        self._environment = environment
        """Where Alembic's env.py is; None where there is none."""

    def read(self, *, major: int) -> Models:
        """What the models say, for a server of this major version."""
        from pytest_schemaguard.project.answers.models import Models

        found: Models = self._asked("models/read", {"server_version": [major, 0]}, shape=Models)
        return found

    def unimported(self) -> dict[str, tuple[str, ...]]:
        """`{"app.billing": ("invoice",)}`: modules with tables that nothing has imported."""
        found: dict[str, tuple[str, ...]] = self._asked(
            "models/unimported", {}, shape=dict[str, tuple[str, ...]]
        )
        return found

    def hidden(self, differences: Sequence[Difference]) -> Mapping[Difference, str]:
        """Which of them a filter of env.py hides from Alembic, and which."""
        from pytest_schemaguard.evidence.filters import hidden, objects_of

        objects = objects_of(differences)
        if self._environment is None or not objects:
            return {}
        answer = self._asked(
            "alembic/filters",
            {"subject": "env.py's filters", "objects": objects},
            shape={"hidden": list[tuple[dict[str, str | None], str]]},
        )
        return hidden(differences, answer)

    def _asked(self, task: str, arguments: dict[str, Any], *, shape: Any) -> Any:
        models = self._config.models
        return self._project.call(
            task,
            {
                "subject": f"models {', '.join(models) or 'of env.py'}",
                "models": list(models),
                "source": self._environment,
                "root": str(self._config.root),
                **arguments,
            },
            timeout_s=TIMEOUT_S,
            shape=shape,
        )
