"""The checks, in the order in which they run. A new one is a file here and a line in CHECKS.

Each module has a docstring that explains the check to users and one function,
`judge(guard, migration) -> Verdict`, which reads evidence and never opens a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_schemaguard.findings import Verdict
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration


class Scope(Enum):
    MIGRATION = "migration"
    """Once for each judged migration: `pyproject.toml::migrations/x.sql::applies`."""
    SCHEMA = "schema"
    """Once, of the schema that all migrations make: `pyproject.toml::drift`."""


@dataclass(frozen=True)
class Check:
    name: str
    scope: Scope
    needs_models: bool = False
    """Whether it imports the project's models, which takes long and can begin early."""
    of_revisions: bool = False
    """Whether it is about revisions that name what they follow, as Alembic's do."""

    def judge(self, guard: Guard, migration: Migration | None) -> Verdict:
        """The verdict on the guard's evidence. Raises GuardError where it could not look."""
        module = import_module(f"{__name__}.{self.name.replace('-', '_')}")
        verdict: Verdict = module.judge(guard, migration)
        return verdict


CHECKS = (
    Check("single-head", Scope.SCHEMA, of_revisions=True),
    Check("applies", Scope.MIGRATION),
    Check("idempotent", Scope.MIGRATION),
    Check("reversible", Scope.MIGRATION),
    Check("drift", Scope.SCHEMA, needs_models=True),
    Check("queries", Scope.SCHEMA, needs_models=True),
    Check("login", Scope.SCHEMA, needs_models=True),
)
