"""Upgrades and downgrades of single revisions, one after the other in one run of env.py.

Arguments: `source`, `root` and `steps`: pairs of `up` or `down` and a revision. Before the first,
and after each, the guard is asked whether to go on (`begin`, `up x`, `down x`), and looks at the
database before it answers. The answer is a RunReport. Raises ProjectError as alembic.run does.

Each step is a transaction of its own, as if each were a command: in one transaction for all of them
PostgreSQL refuses what it would not refuse in deployment.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.project.answers.revisions import RunReport
from pytest_schemaguard.project.child.inside import here
from pytest_schemaguard.project.tasks.alembic.config import configure
from pytest_schemaguard.project.tasks.alembic.env import Watch
from pytest_schemaguard.project.tasks.alembic.history import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import ScriptDirectory


def run(arguments: dict[str, Any]) -> RunReport:
    root = Path(arguments["root"]).resolve()
    prepared = configure(arguments["source"], root=root, url=here().address.url())
    script = read(prepared)
    watch = Watch(prepared, script)
    choose = partial(_steps, script, arguments["steps"])
    watch.run(choose, action="upgrade", target="heads", apart=True)
    return RunReport(
        applied=tuple(watch.applied), error=watch.error, contexts=tuple(watch.contexts)
    )


def _steps(
    script: ScriptDirectory,
    steps: Sequence[tuple[str, str]],
    _heads: tuple[str, ...],
    _context: MigrationContext,
) -> Iterator[MigrationStep]:
    from alembic.runtime.migration import MigrationStep

    ways = {"up": MigrationStep.upgrade_from_script, "down": MigrationStep.downgrade_from_script}
    if not here().ask("begin"):
        return
    for way, name in steps:
        yield ways[way](script.revision_map, script.get_revision(name))
        if not here().ask(f"{way} {name}"):
            return
