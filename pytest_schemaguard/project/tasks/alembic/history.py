"""The revisions as their files say them. No database is needed.

Arguments: `source` and `root`. The answer is a History. Raises ProjectError: what
alembic.config raises, no revision, a file that fails as it is imported, two files with one
revision id, a revision that is missing, a cycle.
"""

from __future__ import annotations

import ast
import difflib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.revisions import History, Revision
from pytest_schemaguard.project.child.inside import here
from pytest_schemaguard.project.failure import failure
from pytest_schemaguard.project.paths import relative
from pytest_schemaguard.project.tasks.alembic.config import CommandError, configure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alembic.script import Script, ScriptDirectory

    from pytest_schemaguard.project.tasks.alembic.config import Prepared

SHOWN = 8


def run(arguments: dict[str, Any]) -> History:
    source = arguments["source"]
    root = Path(arguments["root"]).resolve()
    prepared = configure(source, root=root, url=here().address.url())
    script = read(prepared)
    heads = script.get_heads()
    return History(
        revisions=tuple(described(one, script) for one in _ordered("heads", prepared)),
        heads=tuple(heads),
        target=tuple(one.revision for one in _ordered(source["target"] or "heads", prepared)),
        env=str(prepared.env),
        script_location=str(prepared.location),
        folder=prepared.folder,
    )


def read(prepared: Prepared) -> ScriptDirectory:
    """The ScriptDirectory with its revisions read, and found to be a history.

    Raises ProjectError. alembic itself says neither in which file what is missing is named, nor
    stops at two files with one revision id: it takes the one that it reads last.
    """
    from alembic.script.revision import RevisionError, RevisionMap

    script = prepared.script
    found: list[Script] = []
    try:
        found.extend(script._load_revisions())  # noqa: SLF001 - what RevisionMap is given
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module can raise anything
        raise _failed(error, prepared) from None
    if not found:
        folders = script.version_locations or [str(prepared.location / "versions")]
        raise ProjectError(
            prepared.subject,
            f"no head: there is no revision in {', '.join(folders)}",
            fix="`version_locations` names the folders of revisions, if not versions/",
        )
    _check_ids(found, prepared)
    _check_references(found, prepared)
    _check_cycles(found, prepared)
    try:
        script.revision_map = RevisionMap(lambda: iter(found))
        script.get_heads()
    except RevisionError as error:
        raise ProjectError(prepared.subject, str(error), fix="mend it in that file") from None
    return script


def described(script: Script, directory: ScriptDirectory) -> Revision:
    """One revision, with what only its text says."""
    depends = _names(script.dependencies)
    try:
        body = ast.parse(Path(script.path).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        body = []  # compiled, without its source
    functions = {one.name: one for one in body if isinstance(one, ast.FunctionDef)}
    up, down = functions.get("upgrade"), functions.get("downgrade")
    if down is None:
        way_back = callable(getattr(script.module, "downgrade", None))
    else:
        way_back = not _is_empty(down) or (up is not None and _is_empty(up) and not _raises(down))
    return Revision(
        revision=script.revision,
        path=str(Path(script.path).resolve()),
        line=up.lineno if up is not None else _line(body, "revision"),
        down=_names(script.down_revision),
        depends_on=tuple(one.revision for name in depends for one in directory.get_revisions(name)),
        branch_labels=_names(getattr(script.module, "branch_labels", None)),
        message=script.doc,
        has_way_back=way_back,
    )


def _ordered(target: str, prepared: Prepared) -> list[Script]:
    """As `alembic upgrade` of an empty database runs them. Raises ProjectError."""
    script = prepared.script
    try:
        steps = script._upgrade_revs(target, ())  # type: ignore[arg-type]  # noqa: SLF001 - what command.upgrade calls
    except CommandError as error:
        names = [*script.get_heads(), *_labels(script)]
        raise ProjectError(
            f"target {target}",
            str(error),
            fix=f'target = "heads" for all; there are {", ".join(names[:SHOWN])}',
        ) from None
    return [step.revision for step in steps]


def _labels(script: ScriptDirectory) -> list[str]:
    return sorted({label for one in script.walk_revisions() for label in one.branch_labels})


def _failed(error: BaseException, prepared: Prepared) -> ProjectError:
    if isinstance(error, CommandError):
        return ProjectError(prepared.subject, str(error), fix="mend it in that file")
    wrong = failure(
        error, "a revision failed as it was imported", subject=prepared.subject, root=prepared.root
    )
    if wrong.path is None:
        # Revisions may lie outside of the configuration's folder, or belong to a library.
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if "/alembic/" not in frame.filename and "importlib" not in frame.filename
        ]
        if isinstance(error, SyntaxError):
            wrong.path, wrong.line = error.filename, error.lineno
        elif frames:
            wrong.path, wrong.line = frames[-1].filename, frames[-1].lineno
    return wrong


def _check_ids(found: Sequence[Script], prepared: Prepared) -> None:
    seen: dict[str, Script] = {}
    for one in found:
        other = seen.setdefault(one.revision, one)
        if other is not one:
            raise ProjectError(
                prepared.subject,
                f"two files have the revision {one.revision}: "
                f"{_relative(other, prepared)} and {_relative(one, prepared)}",
                fix="give one of them an id of its own: alembic takes the one that it reads last",
                **_place(one, "revision", prepared),
            )


def _check_references(found: Sequence[Script], prepared: Prepared) -> None:
    names = {one.revision for one in found}
    names.update(
        label for one in found for label in _names(one.module.__dict__.get("branch_labels"))
    )
    for one in found:
        for attribute in ("down_revision", "depends_on"):
            for name in _names(getattr(one.module, attribute, None)):
                if name in names:
                    continue
                near = difflib.get_close_matches(name, names - {one.revision}, n=1)
                raise ProjectError(
                    prepared.subject,
                    f"{attribute} {name!r} of {one.revision} is missing: no file has that revision",
                    fix=f"did you mean {near[0]!r}?"
                    if near
                    else "restore its file, or mend the name",
                    **_place(one, attribute, prepared),
                )


def _check_cycles(found: Sequence[Script], prepared: Prepared) -> None:
    labelled = {
        label: one.revision
        for one in found
        for label in _names(getattr(one.module, "branch_labels", None))
    }
    below = {
        one.revision: {
            labelled.get(name, name)
            for name in (*_names(one.down_revision), *_names(one.dependencies))
        }
        for one in found
    }
    left = dict(below)
    while True:
        free = [name for name, others in left.items() if not others & left.keys()]
        if not free:
            break
        for name in free:
            del left[name]
    if not left:
        return
    # Every revision that is left has another below it: going down from any must come back.
    way: list[str] = [min(left)]
    while way[-1] not in way[:-1]:
        way.append(min(below[way[-1]] & left.keys()))
    circle = way[way.index(way[-1]) :]
    first = next(one for one in found if one.revision == circle[0])
    raise ProjectError(
        prepared.subject,
        f"a cycle: {' -> '.join(circle)}, each after the next",
        fix="mend the down_revision or depends_on of one of them",
        **_place(first, "down_revision", prepared),
    )


def _names(value: Any) -> tuple[str, ...]:
    """What down_revision, depends_on and branch_labels hold: None, a name, or several."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _place(script: Script, name: str, prepared: Prepared) -> dict[str, Any]:
    try:
        body = ast.parse(Path(script.path).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        body = []
    return {"path": _relative(script, prepared), "line": _line(body, name)}


def _relative(script: Script, prepared: Prepared) -> str:
    return str(relative(script.path, prepared.root))


def _line(body: Sequence[ast.stmt], name: str) -> int:
    for one in body:
        targets: list[ast.expr] = []
        if isinstance(one, ast.Assign):
            targets = one.targets
        elif isinstance(one, ast.AnnAssign):
            targets = [one.target]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return one.lineno
    return 1


def _is_empty(function: ast.FunctionDef) -> bool:
    """Whether it does nothing but pass or raise."""
    return all(
        isinstance(one, (ast.Pass, ast.Raise))
        or (isinstance(one, ast.Return) and one.value is None)
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in function.body
    )


def _raises(function: ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Raise) for one in function.body)
