"""The checks, in the order in which they run. A new one is a file here and an entry in CHECKS.

Each module has a docstring that explains the check to users and `judge(guard, migration) ->
Verdict`, which reads evidence and never opens a connection. `looked_at(guard, migration)`, where a
module has it, names the databases that the check looked at, for `--schema-guard-keep`.

This file is the list, which the configuration, the ignore rules and the reports read: it imports
nothing of the guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from pytest_schemaguard.findings import Verdict


class Scope(Enum):
    MIGRATION = "migration"
    """Once for each judged migration: `pyproject.toml::migrations/x.sql::applies`."""
    SCHEMA = "schema"
    """Once, of the schema that all migrations make: `pyproject.toml::drift`."""


@dataclass(frozen=True)
class Check:
    name: str
    scope: Scope
    fails_when: str
    """For people, as README's table has it."""
    needs_models: bool = False
    """Whether it imports the project's models, which takes long and can begin early."""
    of_revisions: bool = False
    """Whether it is about revisions that name what they follow, as Alembic's do."""
    of_branch: bool = False
    """Whether it is about what a branch changes: there is none without `since`."""

    def judge(self, guard: Any, migration: Any) -> Verdict:
        """The verdict on a Guard's evidence. Raises GuardError where it could not look.

        `migration` is a Migration, or None: the check is of the schema.
        """
        verdict: Verdict = self._module.judge(guard, migration)
        return verdict

    def looked_at(self, guard: Any, migration: Any) -> Sequence[str]:
        """The databases that it has looked at, by their names in Databases. Raises GuardError."""
        found: Sequence[str] = getattr(self._module, "looked_at", _nothing)(guard, migration)
        return found

    @property
    def _module(self) -> ModuleType:
        return import_module(f"{__name__}.{self.name.replace('-', '_')}")


def _nothing(_guard: Any, _migration: Any) -> Sequence[str]:
    return ()


CHECKS = (
    Check("single-head", Scope.SCHEMA, "Alembic's history has several heads", of_revisions=True),
    Check(
        "history",
        Scope.SCHEMA,
        "a branch deletes a migration that the merge base of `since` has (one that it edits fails "
        "`applies`)",
        of_branch=True,
    ),
    Check(
        "applies",
        Scope.MIGRATION,
        "a migration does not run, as the tables' owner and no superuser, or something that it did "
        "is rolled back and not done again; ids are written without their sequence, so that the "
        "next INSERT fails; or all pending revisions in one `alembic upgrade` end otherwise than "
        "each by itself",
    ),
    Check(
        "idempotent",
        Scope.MIGRATION,
        "a second run fails, or changes the catalog, the rows, or what the application wrote in "
        "between",
    ),
    Check(
        "reversible",
        Scope.MIGRATION,
        "a migration has a downgrade, and up, down and up again leave a trace, lose rows, or fail",
    ),
    Check(
        "drift",
        Scope.SCHEMA,
        "the SQLAlchemy models and the migrated database differ",
        needs_models=True,
    ),
    Check(
        "queries",
        Scope.SCHEMA,
        "PostgreSQL refuses to plan what the ORM sends for a mapped class",
        needs_models=True,
    ),
    Check(
        "login",
        Scope.SCHEMA,
        "a user who was there before the migration, or a new one, cannot log in",
        needs_models=True,
    ),
)
NAMES = tuple(one.name for one in CHECKS)
LATER = (
    "deploy-order",
    "survives-crash",
    "from-any-state",
    "two-deployers",
    "keeps-rows",
    "locks",
)
"""Of the contract, and not served by this version."""
