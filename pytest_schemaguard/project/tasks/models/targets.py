"""What `models` names: imports it, and collects the MetaData that it stands for.

A name stands for a MetaData; for anything with a `.metadata` (a declarative base, a registry,
Flask-SQLAlchemy's `db`, SQLModel); for a list, tuple or dict of these; for a function that returns
one of them, and may push an application context first; or for a pair of one of them and a
`schema_translate_map`, `(Base, {"tenant": "tenant_1"})`: the models are then taken as if they
named the schemas to which the application translates theirs. Without `models`, the target_metadata
of Alembic's env.py, translated as its connection translates.
https://docs.sqlalchemy.org/en/20/core/connections.html#translation-of-schema-names
"""

from __future__ import annotations

import fnmatch
import inspect
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData, Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import configure_mappers, registry
from sqlalchemy.orm.mapper import _all_registries

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.failure import failure
from pytest_schemaguard.project.paths import relative
from pytest_schemaguard.project.tasks import loading
from pytest_schemaguard.project.tasks.models.naming import tables_of
from pytest_schemaguard.project.tasks.models.translation import translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.orm import Mapper

MODEL = re.compile(r"^\s*__tablename__\b|\bTable\(\s*[\"']|\btable\s*=\s*True\b", re.MULTILINE)
TABLE_NAME = re.compile(
    r"""^[ \t]*__tablename__\b[^=\n]*=\s*["']([^"'\n]+)["']|\bTable\(\s*["']([^"'\n]+)["']"""
    r"""|^[ \t]*class\s+(\w+)\([^)]*\btable\s*=\s*True\b""",
    re.MULTILINE,
)
MOST_FILES_SEARCHED = 5000


@dataclass(frozen=True, kw_only=True)
class Target:
    """Everything that `models` names, imported and configured."""

    metadatas: tuple[MetaData, ...]
    mappers: tuple[Mapper[Any], ...]
    """The mapped classes of these, in the order of their names."""


def resolve(entries: Sequence[str], root: Path, source: Mapping[str, Any] | None = None) -> Target:
    """Imports each entry; without any, runs the env.py of this Alembic `source`.

    Raises ProjectError: not found, failing, without a table.
    """
    metadatas: dict[int, MetaData] = {}
    if not entries and source is not None:
        metadatas = {id(one): one for one in _of_env(source, root)}
    modules = [entry for entry in entries if ":" not in entry]
    # The modules first: what they define joins the MetaData that the other entries name.
    for entry in modules:
        for one in _of_modules(entry, root):
            metadatas[id(one)] = one
    for entry in entries:
        if entry in modules:
            continue
        subject = f"models {entry}"
        value = loading.find(entry, subject=subject, root=root)
        found = _of_value(value, entry, root)
        if not any(one.tables for one in found):
            raise _no_tables(subject, entries, root)
        for one in found:
            metadatas[id(one)] = one
    if not any(one.tables for one in metadatas.values()):
        raise _no_tables(f"models {', '.join(entries)}", entries, root)
    chosen = _in_order([one for one in metadatas.values() if one.tables])
    return Target(metadatas=chosen, mappers=_mappers(chosen, root))


def unimported(root: Path) -> dict[str, tuple[str, ...]]:
    """The project's modules that define tables and were not imported, with the tables' names.

    Without those whose names no text tells.
    """
    return {
        module: tuple(
            table or bare or model.lower()  # SQLModel calls the table as its class
            for table, bare, model in TABLE_NAME.findall(text)
        )
        for module, text in _defining(root)
    }


def _of_env(source: Mapping[str, Any], root: Path) -> list[MetaData]:
    from pytest_schemaguard.project.tasks.alembic.facts import environment

    env = environment(source, root)
    found = env.metadatas
    if not found:
        raise ProjectError(
            "target_metadata",
            "None, and no `models` are configured",
            fix="set `models`",
            path=env.path,
            line=env.line,
        )
    if not any(one.tables for one in found):
        raise _no_tables("target_metadata", [], root, path=env.path, line=env.line)
    return found


def _in_order(metadatas: Sequence[MetaData]) -> tuple[MetaData, ...]:
    """Those first that others refer to: a foreign key may lead to a table of another MetaData."""
    numbers = {id(one): number for number, one in enumerate(metadatas)}
    needed: dict[int, set[int]] = {number: set() for number in numbers.values()}
    for number, one in enumerate(metadatas):
        for table in one.tables.values():
            for foreign_key in table.foreign_keys:
                with suppress(SQLAlchemyError):  # it leads nowhere: ddl.py tells
                    other = numbers.get(id(foreign_key.column.table.metadata), number)
                    needed[number] |= {other} - {number}
    try:
        ordered = list(TopologicalSorter(needed).static_order())
    except CycleError:  # PostgreSQL will tell which table was not there
        return tuple(metadatas)
    return tuple(metadatas[number] for number in ordered)


def _of_modules(entry: str, root: Path) -> list[MetaData]:
    subject = f"models {entry}"
    found: dict[int, MetaData] = {}
    for name in _matching(entry, subject, root):
        loading.load(name, subject=subject, root=root)
        for loaded, module in list(sys.modules.items()):
            if loaded == name or loaded.startswith(f"{name}."):
                for value in list(vars(module).values()):
                    one = _metadata_of(value)
                    if one is not None:
                        found[id(one)] = one
    return list(found.values())


def _metadata_of(value: object) -> MetaData | None:
    if isinstance(value, MetaData):
        return value
    if isinstance(value, (type, Table, registry)):
        one = getattr(value, "metadata", None)
        return one if isinstance(one, MetaData) else None
    return None


def _of_value(value: Any, entry: str, root: Path) -> list[MetaData]:
    subject = f"models {entry}"
    if isinstance(value, MetaData):
        return [value]
    if isinstance(value, (list, tuple)):
        names = _translation(value)
        parts = value if names is None else value[:1]
        found = [one for part in parts for one in _of_value(part, entry, root)]
        for one in found:
            translate(one, names or {})
        return found
    if isinstance(value, Mapping):
        return [one for part in value.values() for one in _of_value(part, entry, root)]
    try:
        metadata = getattr(value, "metadata", None)
    except Exception as error:  # noqa: BLE001 - a proxy or a property can raise anything
        raise failure(error, "it has no .metadata yet", subject=subject, root=root) from None
    if isinstance(metadata, MetaData):
        return [metadata]
    if callable(value) and not isinstance(value, type):
        return _of_value(_called(value, subject, root), entry, root)
    raise ProjectError(
        subject,
        f"{type(value).__name__} {value!r:.60} is no MetaData and has no .metadata",
        fix="name a MetaData, a declarative base, a registry, or a function that returns one",
    )


def _translation(value: Sequence[Any]) -> Mapping[str | None, str | None] | None:
    """The schema_translate_map of a pair; None: the value is no such pair."""
    names = value[1] if len(value) == 2 else None  # noqa: PLR2004 - a pair
    if isinstance(names, Mapping) and all(
        isinstance(one, (str, type(None))) for one in names.values()
    ):
        return names
    return None


def _called(function: Any, subject: str, root: Path) -> Any:
    code = inspect.unwrap(function)
    path = relative(inspect.getsourcefile(code), root) if hasattr(code, "__code__") else None
    line = code.__code__.co_firstlineno if hasattr(code, "__code__") else None
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError) as error:
        raise ProjectError(
            subject,
            f"the function cannot be called without arguments: {error}",
            fix="name a function without required arguments",
            path=path,
            line=line,
        ) from None
    try:
        return function()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a function can raise anything
        raise failure(error, "failed as it was called", subject=subject, root=root) from None


def _matching(entry: str, subject: str, root: Path) -> Iterator[str]:
    """The modules that a name with globs stands for; `**` stands for any depth, none included."""
    parts = entry.split(".")
    plain = next((n for n, part in enumerate(parts) if "*" in part or "?" in part), len(parts))
    if plain == len(parts):
        yield entry
        return
    prefix = ".".join(parts[:plain])
    folders = [str(root)]
    if prefix:
        package = loading.load(prefix, subject=subject, root=root)
        folders = list(getattr(package, "__path__", ()))
    names = list(dict.fromkeys(_walk(folders, prefix, parts[plain:])))
    if not names:
        known = ", ".join(one for one, _ in loading.submodules(folders, prefix and f"{prefix}."))
        raise ProjectError(
            subject, "no module matches", fix=f"{prefix or root} has {known or 'no modules'}"
        )
    yield from names


def _walk(folders: Sequence[str], prefix: str, parts: Sequence[str]) -> Iterator[str]:
    below = list(loading.submodules(folders, prefix and f"{prefix}."))
    if not parts:
        if prefix:
            yield prefix
        return
    first, rest = parts[0], parts[1:]
    if first == "**":
        yield from _walk(folders, prefix, rest)
    for name, path in below:
        inside = [str(path)] if path.is_dir() else []
        if first == "**":
            # A module has nothing inside, but may itself be what the rest stands for.
            yield from _walk(inside, name, parts if inside else rest)
        elif fnmatch.fnmatchcase(name.rpartition(".")[2], first):
            yield from _walk(inside, name, rest)


def _mappers(metadatas: Sequence[MetaData], root: Path) -> tuple[Mapper[Any], ...]:
    """Every mapped class whose tables belong to one of these.

    Raises ProjectError when SQLAlchemy cannot configure them: then no query of the application
    works either.
    """
    try:
        configure_mappers()
    except Exception as error:  # noqa: BLE001 - listeners of the project may raise anything
        wrong = failure(
            error, "SQLAlchemy cannot configure the mapped classes", subject="models", root=root
        )
        wrong.detail = str(error)
        wrong.fix = (
            "mend the relationship, or list the module of the class that it names in `models`"
        )
        raise wrong from None
    mine = {id(one) for one in metadatas}
    # No public name lists the registries: a MetaData does not know who maps its tables.
    chosen = {mapper for one in _all_registries() for mapper in one.mappers if _is_of(mapper, mine)}
    return tuple(
        sorted(chosen, key=lambda mapper: (mapper.class_.__module__, mapper.class_.__qualname__))
    )


def _is_of(mapper: Mapper[Any], metadatas: set[int]) -> bool:
    """Whether its tables are theirs: one registry may serve several databases, a MetaData each."""
    tables = tables_of(mapper)
    if not tables:
        return id(mapper.registry.metadata) in metadatas
    return any(id(table.metadata) in metadatas for table in tables)


def _no_tables(
    subject: str,
    entries: Sequence[str],
    root: Path,
    *,
    path: str | None = None,
    line: int | None = None,
) -> ProjectError:
    """Most often nothing has imported the modules that define them: this names those."""
    names = sorted(module for module, _ in _defining(root))
    packages = {name.rpartition(".")[0] for name in names}
    if not names:
        fix = "name a MetaData with tables, and list the modules that define them"
    else:
        package = packages.pop() if len(packages) == 1 and len(names) > 1 else ""
        listed = [f"{package}.*"] if package else names[:8]
        kept = [entry for entry in entries if entry not in listed]
        value = ", ".join(f'"{one}"' for one in (*kept, *listed))
        fix = f"nothing has imported the modules that define them: models = [{value}]"
    return ProjectError(subject, "no tables", fix=fix, path=path, line=line)


def _defining(root: Path) -> Iterator[tuple[str, str]]:
    """Modules of the project that were not imported and whose text, told too, defines tables."""
    places = sorted(
        {Path(one).resolve() for one in sys.path if one and Path(one).is_dir()},
        key=lambda path: len(path.parts),
        reverse=True,
    )
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for count, path in enumerate(_python_files(root)):
        if count >= MOST_FILES_SEARCHED:
            return
        if str(path) in loaded:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if MODEL.search(text):
            above = next((place for place in places if path.is_relative_to(place)), root)
            parts = path.relative_to(above).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if all(part.isidentifier() for part in parts) and name not in sys.modules:
                yield name, text


def _python_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            other = path.name.startswith((".", "__", "test")) or path.is_symlink()
            if (path / "pyvenv.cfg").exists() or other:
                continue
            if path.name not in {"node_modules", "site-packages", "versions"}:
                yield from _python_files(path)
        elif path.suffix == ".py" and not path.name.startswith(("test_", "conftest")):
            yield path
