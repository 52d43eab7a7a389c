"""`alembic upgrade`, `downgrade` or `stamp`, once in a fresh process.

Arguments: `source`, `root`, `action` and `targets` (each run by itself, one after the other). The
action `revert` takes back the revisions that are its targets and no others: `alembic downgrade x-1`
takes all branches to their base where x is a base, and is ambiguous where x is a merge.

The answer is a RunReport: an error inside a revision is told there, and ends it. Raises
ProjectError: what alembic.history raises, an env.py that fails, a target or a version table that
does not fit the files.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.revisions import RunReport
from pytest_schemaguard.project.child.inside import here
from pytest_schemaguard.project.tasks.alembic.config import CommandError, configure
from pytest_schemaguard.project.tasks.alembic.env import Watch
from pytest_schemaguard.project.tasks.alembic.history import read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import ScriptDirectory


def run(arguments: dict[str, Any]) -> RunReport:
    root = Path(arguments["root"]).resolve()
    prepared = configure(arguments["source"], root=root, url=here().address.url())
    script = read(prepared)
    watch = Watch(prepared, script)
    action = arguments["action"]
    for target in arguments["targets"]:
        choose = partial(_steps, script, action, target)
        watch.run(choose, action=action, target=target)
        if watch.error is not None:
            break
    return RunReport(
        applied=tuple(watch.applied), error=watch.error, contexts=tuple(watch.contexts)
    )


def _steps(
    script: ScriptDirectory,
    action: str,
    target: str,
    heads: tuple[str, ...],
    context: MigrationContext,
) -> Iterable[MigrationStep]:
    """What command.upgrade, downgrade and stamp give to env.py."""
    steps: Any = {
        "upgrade": script._upgrade_revs,  # noqa: SLF001 - they have no public name
        "downgrade": script._downgrade_revs,  # noqa: SLF001
        "stamp": script._stamp_revs,  # noqa: SLF001
        "revert": partial(_one_back, script),
    }
    known = {one.revision for one in script.walk_revisions()}
    strange = sorted(set(heads) - known)
    if strange:
        raise ProjectError(
            f"version table {context.version_table}",
            f"it holds {', '.join(strange)}, which no file has",
            fix="restore the revision's file, or take a baseline that these files made",
        )
    try:
        return steps[action](target, heads)  # type: ignore[no-any-return]
    except CommandError as error:
        raise ProjectError(
            f"alembic {action} {target}",
            str(error),
            fix=f"the version table holds {', '.join(heads) or 'nothing'}; the files' heads are "
            + ", ".join(script.get_heads()),
        ) from None


def _one_back(script: ScriptDirectory, target: str, heads: tuple[str, ...]) -> list[MigrationStep]:
    from alembic.runtime.migration import MigrationStep

    if target not in heads:
        raise CommandError(f"{target} is not the last revision that was applied")
    revision = script.get_revision(target)
    return [MigrationStep.downgrade_from_script(script.revision_map, revision)]
