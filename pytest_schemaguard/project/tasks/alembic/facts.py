"""What a project's env.py tells Alembic: its metadata, its version tables, its filters.

env.py is run as Alembic's commands run it, on the guard's database, with no migration to apply;
what it gives to `context.configure()` is kept. Once in a process: what an env.py defines it may not
be able to define twice, and it keeps the first URL that it reads.
https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.environment.EnvironmentContext.configure
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.models import EnvFacts
from pytest_schemaguard.project.child.inside import here
from pytest_schemaguard.project.paths import is_own, relative
from pytest_schemaguard.project.tasks.alembic.config import configure
from pytest_schemaguard.project.tasks.models.translation import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from alembic.runtime.environment import EnvironmentContext

    from pytest_schemaguard.project.tasks.alembic.config import Prepared

FILTERS = ("include_object", "include_name")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A function that can hide something from Alembic."""

    name: str
    """`include_object` or `include_name`."""
    function: Callable[..., Any]
    place: str
    """`alembic/env.py:31`"""

    def __str__(self) -> str:
        return f"{self.name} in {self.place}"

    @staticmethod
    def of(name: str, function: Callable[..., Any] | None, root: Path, at: str) -> Filter | None:
        """None: there is no such filter. Without a place of its own it is told to be `at`."""
        if not function:
            return None
        plain: Any = function
        while isinstance(plain, partial):
            plain = plain.func
        plain = inspect.unwrap(plain)
        if not hasattr(plain, "__code__"):  # an object that can be called
            plain = type(plain).__call__
        code = getattr(plain, "__code__", None)
        if code is not None:
            at = f"{relative(code.co_filename, root)}:{code.co_firstlineno}"
        return Filter(name=name, function=function, place=at)


@dataclass(frozen=True, kw_only=True)
class Configured:
    """One call of `context.configure()`; an env.py for several databases makes more than one."""

    metadatas: tuple[MetaData, ...]
    version_table: tuple[str | None, str]
    """Its schema, None where Alembic did not tell or ask a database, and its name."""
    include_schemas: bool
    filters: tuple[Filter, ...]
    schemas: Mapping[str | None, str | None]
    """The connection's schema_translate_map."""
    path: str | None
    line: int | None

    def filter(self, name: str) -> Filter | None:
        return next((one for one in self.filters if one.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What env.py did when it ran."""

    configured: tuple[Configured, ...]
    context: EnvironmentContext
    """`alembic.context` while it is entered: a filter may ask it."""

    @property
    def path(self) -> str | None:
        return self.configured[0].path

    @property
    def line(self) -> int | None:
        return self.configured[0].line

    @property
    def metadatas(self) -> list[MetaData]:
        """Every target_metadata, with the schemas that env.py's connection gives its tables."""
        found = {}
        for one in self.configured:
            for metadata in one.metadatas:
                translate(metadata, one.schemas)
                found[id(metadata)] = metadata
        return list(found.values())

    @property
    def facts(self) -> EnvFacts:
        return EnvFacts(
            version_tables=tuple(dict.fromkeys(one.version_table for one in self.configured)),
            include_schemas=any(one.include_schemas for one in self.configured),
            filters=tuple(
                dict.fromkeys(str(each) for one in self.configured for each in one.filters)
            ),
        )


_run: dict[str, Environment] = {}


def environment(source: Mapping[str, Any], root: Path) -> Environment:
    """Runs the env.py of this source, the first time.

    Raises ProjectError: it fails, or does not configure Alembic.
    """
    key = json.dumps([dict(source), str(root)], sort_keys=True)
    if key not in _run:
        _run[key] = _environment(source, root)
    return _run[key]


def _environment(source: Mapping[str, Any], root: Path) -> Environment:
    from alembic.runtime.environment import EnvironmentContext

    folder = Path.cwd()  # an ini may need its own
    try:
        prepared = configure(source, root=root, url=here().address.url())
        # As `alembic upgrade heads`, with nothing to upgrade; not even a version table is made.
        context = EnvironmentContext(
            prepared.config,
            prepared.script,
            fn=lambda _revision, _context: [],
            destination_rev="heads",
            starting_rev=None,
            tag=None,
            dont_mutate=True,
        )
        configured = _Watch(context, prepared).configured
        _run_env(context, prepared)
    finally:
        os.chdir(folder)
    if not configured:
        raise ProjectError(
            "env.py",
            "it never called context.configure(), so nothing can be migrated",
            fix="call context.configure() and context.run_migrations() in it",
            path=relative(str(prepared.env), root),
        )
    return Environment(configured=tuple(configured), context=context)


def _run_env(context: EnvironmentContext, prepared: Prepared) -> None:
    from alembic.config import CommandLine

    from pytest_schemaguard.project.tasks.alembic.failure import env_failed

    if prepared.config.cmd_opts is None:  # some env.py files read it
        prepared.config.cmd_opts = CommandLine("alembic").parser.parse_args(["upgrade", "heads"])
    try:
        with context:
            prepared.script.run_env()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an env.py can raise anything
        raise env_failed(error, prepared) from None
    finally:
        prepared.attributes.close(commit=False)


class _Watch:
    """Remembers how an EnvironmentContext is configured.

    No subclass: `alembic.context` stands for instances of the very class alone.
    """

    def __init__(self, context: EnvironmentContext, prepared: Prepared) -> None:
        self.configured: list[Configured] = []
        self._context = context
        self._prepared = prepared
        self._configure = context.configure
        context.configure = self._watched  # type: ignore[method-assign]

    def _watched(self, *arguments: Any, **keywords: Any) -> None:
        self._configure(*arguments, **keywords)
        context = self._context.get_context()
        options = context.opts
        target = options["target_metadata"]
        many = target if isinstance(target, (list, tuple, set)) else [target]
        connection = context.connection
        executed: Mapping[str, Any] = {}
        default = None
        if connection is not None:
            default = connection.dialect.default_schema_name
            executed = connection.get_execution_options()
        path, line = self._caller()
        found = [
            Filter.of(name, options[name], self._prepared.root, f"{path}:{line}")
            for name in FILTERS
        ]
        self.configured.append(
            Configured(
                metadatas=tuple(one for one in many if isinstance(one, MetaData)),
                version_table=(context.version_table_schema or default, context.version_table),
                include_schemas=bool(options["include_schemas"]),
                filters=tuple(one for one in found if one is not None),
                schemas=executed.get("schema_translate_map") or {},
                path=path,
                line=line,
            )
        )

    def _caller(self) -> tuple[str | None, int | None]:
        """The line of the project that calls; behind it are Alembic's proxies."""
        root, env = self._prepared.root, self._prepared.env
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect.stack() reads files
        while frame is not None:
            file = frame.f_code.co_filename
            if is_own(file, root) or Path(file) == env:
                return relative(file, root), frame.f_lineno
            frame = frame.f_back
        return relative(str(env), root), None
