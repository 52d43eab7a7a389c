"""Up, down and up again, over the pending revisions, in one process and one run of env.py.

Arguments: `source`, `root` and `revisions`: those to look at, in the order in which they are
applied; the database stands just before the first. The answer is a Stairway. Raises
ProjectError as alembic.run does.

Between the steps the catalog is read on the migration's own connection. Each step is a
transaction of its own, as if each were a command: in one transaction for all of them PostgreSQL
refuses what it would not refuse in deployment.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.revisions import Stair, Stairway
from pytest_schemaguard.project.child.inside import here
from pytest_schemaguard.project.tasks.alembic.config import configure
from pytest_schemaguard.project.tasks.alembic.env import Watch
from pytest_schemaguard.project.tasks.alembic.fingerprint import Catalog, differences
from pytest_schemaguard.project.tasks.alembic.history import described, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import ScriptDirectory

    from pytest_schemaguard.project.answers.revisions import Difference, Failure

MOST_DIFFERENCES = 20


def run(arguments: dict[str, Any]) -> Stairway:
    root = Path(arguments["root"]).resolve()
    prepared = configure(arguments["source"], root=root, url=here().address.url())
    script = read(prepared)
    watch = Watch(prepared, script)
    climb = Climb(script, arguments["revisions"])
    watch.run(climb.steps, action="upgrade", target="heads", apart=True)
    return Stairway(
        steps=climb.stairs(watch.error),
        error=watch.error if climb.at == "up" else None,
        contexts=tuple(watch.contexts),
    )


class Climb:
    """Chooses one step after the other, by what the last one left."""

    def __init__(self, script: ScriptDirectory, revisions: Sequence[str]) -> None:
        self._script = script
        self._revisions = revisions
        self._stairs: dict[str, Stair] = {}
        self._down = ""
        self._differences: tuple[Difference, ...] = ()
        self.at = ""
        """What is being run: `up`, `down` or `again`."""

    def steps(self, heads: tuple[str, ...], context: MigrationContext) -> Iterator[MigrationStep]:
        """Raises ProjectError where the database does not stand just before the first revision."""
        from alembic.runtime.migration import MigrationStep

        self._check_start(heads, context)
        catalog = Catalog(context)
        under = catalog.read()
        for name in self._revisions:
            revision = self._script.get_revision(name)
            up, down = MigrationStep.upgrade_from_script, MigrationStep.downgrade_from_script
            self.at, self._down, self._differences = "up", "", ()
            yield up(self._script.revision_map, revision)
            upper = catalog.read()
            if not described(revision, self._script).has_way_back:
                self._note(Stair(revision=name, down="no-way-back", again="not-looked-at"))
                under = upper
                continue
            self.at = "down"
            yield down(self._script.revision_map, revision)
            self._differences = differences(under, catalog.read())
            self._down = "differs" if self._differences else "ok"
            self.at = "again"
            yield up(self._script.revision_map, revision)
            under = catalog.read()
            between = differences(upper, under)
            self._differences = (self._differences + between)[:MOST_DIFFERENCES]
            self._note(
                Stair(
                    revision=name,
                    down=self._down,
                    again="differs" if between else "ok",
                    differences=self._differences,
                )
            )
            if between:
                break  # what follows would be judged on a state that no deployment has
        self.at = ""

    def stairs(self, error: Failure | None) -> tuple[Stair, ...]:
        """One for each revision; `error` is what the step that was being run raised."""
        if error is not None and self.at in {"down", "again"}:
            self._stairs[error.revision] = Stair(
                revision=error.revision,
                down="error" if self.at == "down" else self._down,
                again="error" if self.at == "again" else "not-looked-at",
                differences=self._differences[:MOST_DIFFERENCES],
                error=error,
            )
        return tuple(
            self._stairs.get(name)
            or Stair(revision=name, down="not-looked-at", again="not-looked-at")
            for name in self._revisions
        )

    def _note(self, stair: Stair) -> None:
        """Where env.py runs the revisions more than once (in several schemas), the worst counts."""
        before = self._stairs.get(stair.revision)
        if before is None or {before.down, before.again} <= {"ok"}:
            self._stairs[stair.revision] = stair

    def _check_start(self, heads: tuple[str, ...], context: MigrationContext) -> None:
        applied = {
            one.revision
            for one in self._script.revision_map._get_ancestor_nodes(  # noqa: SLF001 - with dependencies
                self._script.get_revisions(heads), check=False
            )
        }
        fact = None
        for name in self._revisions:
            needed = self._script.get_revision(name)._normalized_down_revisions  # noqa: SLF001 - likewise
            if name in applied:
                fact = f"{name} is applied already"
            elif not applied.issuperset(needed):
                fact = f"{name} needs {', '.join(needed)}"
            if fact is not None:
                raise ProjectError(
                    "stairway",
                    f"{context.version_table} holds {', '.join(heads) or 'nothing'}: {fact}",
                    fix="start from a database that stands just before the revisions",
                )
            applied.add(name)
