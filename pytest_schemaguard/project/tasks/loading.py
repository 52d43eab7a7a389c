"""Imports the project's modules and finds names in them, and says clearly what is wrong."""

from __future__ import annotations

import difflib
import importlib
import keyword
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.failure import failure
from pytest_schemaguard.project.paths import relative

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType


def load(name: str, *, subject: str, root: Path) -> ModuleType:
    """The module of this name. Raises ProjectError, with the line that failed."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module can raise anything
        if isinstance(error, ModuleNotFoundError) and _is_part(error.name, name):
            raise _not_found(name, str(error.name), subject=subject, root=root) from None
        raise failure(error, "failed as it was imported", subject=subject, root=root) from None


def find(entry: str, *, subject: str, root: Path) -> Any:
    """What `module:name` (or `module:name.attribute`) stands for. Raises ProjectError."""
    module_name, _, path = entry.partition(":")
    module = load(module_name, subject=subject, root=root)
    value: Any = module
    where = f"the module {module_name}"
    for name in path.split("."):
        try:
            # The part of a dict, `app:db.metadatas.reports`, is named like an attribute.
            value = value[name] if _holds(value, name) else getattr(value, name)
        except AttributeError:
            names = [one for one in dir(value) if not one.startswith("__")]
            raise ProjectError(
                subject,
                f"{where} has no {name!r}",
                fix=_nearest(name, names, f"{where} has"),
                path=relative(module.__file__, root),
            ) from None
        where = f"{module_name}:{name}"
    return value


def _holds(value: object, name: str) -> bool:
    return isinstance(value, Mapping) and name in value


def submodules(folders: Iterable[str], prefix: str) -> Iterator[tuple[str, Path]]:
    """The modules and packages directly in these folders, as (dotted name, file or folder).

    Folders without `__init__.py` count too, since they are packages of their own kind.
    """
    seen = set()
    for folder in folders:
        for path in sorted(Path(folder or ".").glob("*")):
            name = path.stem if path.suffix == ".py" else path.name
            if not name.isidentifier() or keyword.iskeyword(name) or name in seen:
                continue
            if path.suffix == ".py" or (path.is_dir() and _holds_python(path)):
                seen.add(name)
                if name not in {"__init__", "__main__", "__pycache__"}:
                    yield f"{prefix}{name}", path


def _holds_python(folder: Path) -> bool:
    return any(folder.glob("*.py")) or any(folder.glob("*/*.py"))


def _is_part(missing: str | None, name: str) -> bool:
    return missing is not None and (name == missing or name.startswith(f"{missing}."))


def _not_found(name: str, missing: str, *, subject: str, root: Path) -> ProjectError:
    parent, _, _ = missing.rpartition(".")
    if parent:
        package = sys.modules.get(parent)
        folders = list(getattr(package, "__path__", ()))
        if package is not None and not folders:
            return ProjectError(
                subject,
                f"no module {name!r}: {parent} is a module and no package",
                fix=f"write {parent}:{name[len(parent) + 1 :]} for a name in it",
                path=relative(package.__file__, root),
            )
        known = [one for one, _ in submodules(folders, f"{parent}.")]
        return ProjectError(
            subject, f"no module {missing!r}", fix=_nearest(missing, known, f"{parent} has")
        )
    known = [one for one, _ in submodules([str(root)], "")]
    below = [folder for folder in ("src", "lib", "backend") if (root / folder).is_dir()]
    found = [one for one in below if missing in dict(submodules([str(root / one)], ""))]
    if found:
        # Only an installed project, or PYTHONPATH, puts such a folder on sys.path.
        fix = f"it is in {found[0]}/: install the project where pytest runs (pip install -e .)"
    else:
        fix = _nearest(missing, known, f"{root} has")
    return ProjectError(subject, f"no module {missing!r}", fix=fix)


def _nearest(name: str, known: Sequence[str], holder: str) -> str:
    # Of `app.model` and `app.models` only the last parts are compared: the rest is the same.
    by_last = {one.rpartition(".")[2]: one for one in known}
    near = difflib.get_close_matches(name.rpartition(".")[2], by_last, n=3)
    if near:
        return f"did you mean {' or '.join(repr(by_last[one]) for one in near)}?"
    shown = ", ".join(sorted(known)[:12]) or "none"
    more = ", ..." if len(known) > 12 else ""  # noqa: PLR2004 - a line's worth of names
    return f"{holder} {shown}{more}"
