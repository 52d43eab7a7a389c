"""pyproject.toml -> Config: finds the table, reads it, and says clearly what is wrong with it."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard import checks, command_words
from pytest_schemaguard.config import (
    PROVIDERS,
    TRANSACTIONS,
    AlembicMigrations,
    Baseline,
    CommandMigrations,
    Config,
    PythonMigrations,
    SqlMigrations,
)
from pytest_schemaguard.configuration.ignore_table import IgnoreReader
from pytest_schemaguard.configuration.login_table import LoginReader
from pytest_schemaguard.configuration.toml_table import FUNCTION, TABLE, shown
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.migrations.styles import LATER as LATER_STYLES
from pytest_schemaguard.migrations.styles import STYLES
from pytest_schemaguard.placeholders import check_placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

    from pytest_schemaguard.config import Migrations

    Readers = Mapping[str, tuple[str, Callable[[str, Any], Any]]]

SUPPORTED_MAJORS = range(14, 19)
SERVER_KEYS = frozenset({"postgres", "server", "image", "tcp"})
EXAMPLE = """\
[tool.schema-guard]
models = "app.models:Base"
migrations = "migrations"
"""
_NAME = 'such as: name = "billing"'
LATER = {
    "statistics": "every table counts as large",
    "small-table-rows": "every table counts as large",
    "rerun": "the second run is the file's body",
    "runner": "the guard runs files of SQL itself, as psql does",
}
"""Keys of the contract that this version does not serve, and what holds instead."""
LATER_MIGRATIONS = {"variables": "write out the files as the tool does"}


def start(config: pytest.Config) -> Path:
    """The folder to look for our table from: that of `-c`'s file, or where pytest was invoked."""
    named = config.getoption("inifilename", None)
    folder = config.invocation_params.dir
    return folder if not named else (folder / named).resolve().parent


def find(folder: Path) -> Path:
    """The nearest pyproject.toml with our table, from `folder` upward to the repository's root.

    Raises ConfigError when there is none.
    """
    looked = []
    for above in (folder, *folder.parents):
        file = above / "pyproject.toml"
        if file.is_file():
            looked.append(file)
            # Most pyproject.toml files are not ours: do not parse what cannot hold the table.
            if _may_hold_it(file) and _table(file) is not None:
                return file
        if (above / ".git").exists():
            break
    seen = ", ".join(str(file) for file in looked) or f"no pyproject.toml from {folder} upward"
    raise ConfigError(
        "configuration",
        f"no [{TABLE}] table ({seen})",
        fix="add to your pyproject.toml:\n" + "".join(f"    {x}\n" for x in EXAMPLE.splitlines()),
    )


def _may_hold_it(file: Path) -> bool:
    try:
        return b"schema-guard" in file.read_bytes()
    except OSError:
        return True  # as reading it tells


def load_one(path: Path, name: str | None = None, *, models_alone: bool = False) -> Config:
    """The configuration of a pyproject.toml, or of the nearest one above a folder.

    `name` says of which `[[database]]`, where there are several. Raises ConfigError.
    """
    databases = load(path if path.is_file() else find(path), models_alone=models_alone)
    names = ", ".join(one.name for one in databases if one.name)
    if name is None:
        if len(databases) > 1:
            raise ConfigError("--database", "there are several", fix=f"name one of {names}")
        return databases[0]
    for one in databases:
        if one.name == name:
            return one
    raise ConfigError(
        "--database",
        f"no [[database]] is called {name}",
        fix=f"the names are {names or 'none'}",
    )


def load(file: Path, *, models_alone: bool = False) -> tuple[Config, ...]:
    """The Config of this file's table, one for each of its databases. Raises ConfigError.

    With `models_alone` there need be no `migrations`.
    """
    table = _table(file)
    if table is None:
        raise ConfigError("configuration", f"no [{TABLE}] table", path=file)
    return _Reader(file, models_alone=models_alone).configs(table)


def _table(file: Path) -> Mapping[str, Any] | None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "configuration",
            f"cannot be read: {error.strerror}",
            fix="check the file's rights",
            path=file,
        ) from None
    except (ValueError, RecursionError) as error:  # bytes, numbers and depths that are no TOML too
        raise ConfigError("configuration", f"not valid TOML: {error}", path=file) from None
    tool = document.get("tool")
    table = tool.get("schema-guard") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(
            f"[{TABLE}]", "it is no table", fix=f"write one header, [{TABLE}]", path=file
        )
    return table


class _Reader(IgnoreReader, LoginReader):
    """What each key of ours is."""

    def __init__(self, file: Path, *, models_alone: bool) -> None:
        super().__init__(file)
        self._needed = ("models",) if models_alone else ("models", "migrations")

    def configs(self, table: Mapping[str, Any]) -> tuple[Config, ...]:
        """One for each `[[database]]`, or the only one."""
        rest = {key: value for key, value in table.items() if key != "database"}
        if "database" not in table:
            return (self.config(rest),)
        databases = table["database"]
        if not isinstance(databases, list) or not all(isinstance(one, dict) for one in databases):
            raise self.wrong("database", "it is no list of tables", f"write [[{TABLE}.database]]")
        if not databases:
            raise self.wrong("database", "an empty list", f"add [[{TABLE}.database]], or remove it")
        section = f"{TABLE}.database"
        named: dict[str, Config] = {}
        for place, one in enumerate(databases):
            self.inner = section
            if "name" not in one:
                raise self.wrong("name", "a database without a name", _NAME, section=section)
            name = self.name("name", one["name"])
            if name in named:
                raise self.wrong(
                    "name", f"{name!r} stands twice", "give each its own", section=section
                )
            for key in SERVER_KEYS & one.keys():
                raise self.wrong(
                    key,
                    "one server serves all databases",
                    f"write it once, in [{TABLE}]",
                    section=section,
                )
            self.place = place if "ignore" in one else None
            named[name] = self.config({**rest, **one})
            self.inner = self.place = None
        return tuple(named.values())

    def config(self, table: Mapping[str, Any]) -> Config:
        readers: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
            "name": ("name", self.name),
            "models": ("models", self.names),
            "migrations": ("migrations", self.migrations),
            "baseline": ("baseline", self.baseline),
            "since": ("since", self.text),
            "postgres": ("postgres", self.major),
            "server": ("server", self.server),
            "image": ("image", self.text),
            "tcp": ("tcp", self.flag),
            "prepare": ("prepare", self.sql),
            "role": ("role", self.text),
            "search-path": ("search_path", self.text),
            "seed": ("seed", self.files),
            "rows": ("rows", self.count),
            "env": ("env", self.env),
            "setup": ("setup", self.function),
            "exclude": ("exclude", self.names),
            "checks": ("checks", self.checks),
            "strict": ("strict", self.flag),
            "statement-timeout-s": ("statement_timeout_s", self.seconds),
            "login": ("login", self.login),
            "ignore": ("ignore", self.ignores),
        }
        values = self.read(TABLE, table, readers, later=LATER)
        knows_models = getattr(values.get("migrations"), "knows_models", False)
        for key in self._needed:
            if key not in values and not (knows_models and key == "models"):
                raise ConfigError(
                    key, f"missing in [{TABLE}]", fix=f"add it:\n{EXAMPLE}", path=self.file
                )
        return Config(file=self.file, **{"models": (), "migrations": None, **values})

    # Keys

    def name(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[\w-]+", value):
            raise self.wrong(key, f"{shown(value)} is no name", _NAME)
        return value

    def migrations(self, key: str, value: Any) -> Migrations:
        if not isinstance(value, dict):
            is_ini = isinstance(value, str) and value.endswith((".ini", ".cfg", ".toml"))
            if is_ini:
                return self.alembic(key, value)
            return SqlMigrations(folder=self.folder(key, value))
        kinds: dict[str, tuple[Callable[..., Migrations], Readers]] = {
            "sql": (
                SqlMigrations,
                {
                    "sql": ("folder", self.folder),
                    "style": ("style", self.style),
                    "transaction": ("transaction", self.transaction),
                },
            ),
            "alembic": (
                lambda found, **more: replace(found, **more),  # noqa: PLW0108 - not by its name
                {
                    "alembic": ("found", self.alembic),
                    "section": ("section", self.text),
                    "target": ("target", self.text),
                },
            ),
            "command": (
                CommandMigrations,
                {"command": ("command", self.runner), "versions": ("versions", self.names)},
            ),
            "python": (
                PythonMigrations,
                {"python": ("function", self.function), "versions": ("versions", self.names)},
            ),
        }
        section = f"{TABLE}.{key}"
        named = [kind for kind in kinds if kind in value]
        if len(named) != 1:
            fact = f"both `{named[0]}` and `{named[1]}`" if named else "nothing that migrates"
            raise self.wrong(key, fact, f"name one of {', '.join(kinds)}")
        make, readers = kinds[named[0]]
        for one in value:
            theirs = [kind for kind, (_, others) in kinds.items() if one in others]
            if theirs and one not in readers:
                fact = f"it goes with `{'` and `'.join(theirs)}`, not with `{named[0]}`"
                raise self.wrong(one, fact, f"the keys are {', '.join(readers)}", section=section)
        return make(**self.read(section, value, readers, later=LATER_MIGRATIONS))

    def alembic(self, key: str, value: Any) -> AlembicMigrations:
        name = self.text(key, value)
        if FUNCTION.fullmatch(name) and not (self.root / name).exists():
            return AlembicMigrations(function=name)
        return AlembicMigrations(ini=self.file_of(key, value, what="an alembic.ini"))

    def style(self, key: str, value: Any) -> str:
        if value in tuple(LATER_STYLES):
            fact = f"{value}: not yet served by this version of pytest-schemaguard"
            raise self.wrong(key, fact, f"for now {LATER_STYLES[value]}")
        return self.choice(key, value, tuple(STYLES))

    def transaction(self, key: str, value: Any) -> str:
        return self.choice(key, value, TRANSACTIONS)

    def runner(self, key: str, value: Any) -> tuple[str, ...]:
        words = self.command(key, value)
        try:
            command_words.check(words)
        except ConfigError as error:
            raise self.wrong(key, error.fact, error.fix or "") from None
        return words

    def folder(self, key: str, value: Any) -> Path:
        path = self.existing(key, value)
        if not path.is_dir():
            raise self.wrong(
                key,
                f"{value} is no folder",
                "name a folder of .sql files, an alembic.ini, or a table such as "
                '{ command = "python manage.py migrate" }',
            )
        return path

    def baseline(self, key: str, value: Any) -> Baseline:
        if isinstance(value, dict):
            readers: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
                "schema": ("schema", self.file_of),
                "at": ("at", self.text),
            }
            return Baseline(**self.read(f"{TABLE}.{key}", value, readers))
        return Baseline(schema=self.file_of(key, value))

    def major(self, key: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value not in SUPPORTED_MAJORS:
            known = f"{SUPPORTED_MAJORS[0]} to {SUPPORTED_MAJORS[-1]}"
            raise self.wrong(
                key,
                f"{shown(value)} is no major version of PostgreSQL served here",
                f"one of {known}",
            )
        return value

    def server(self, key: str, value: Any) -> str:
        name = self.text(key, value)
        if re.match(r"postgres(ql)?(\+\w+)?://", name):
            return name
        if "://" in name:  # may hold a password: not to be repeated
            raise self.wrong(key, "a URL that is not postgresql://", "name a PostgreSQL server")
        if not name.isalpha():  # so may this
            fix = "write postgresql://user:password@host:5432/database"
            raise self.wrong(key, "it is no provider and no PostgreSQL URL", fix)
        return self.choice(key, value, ("auto", *PROVIDERS))

    def checks(self, key: str, value: Any) -> tuple[str, ...]:
        names = self.names(key, value)
        for name in names:
            if name in checks.LATER:
                fact = f"{name}: not yet served by this version of pytest-schemaguard"
                raise self.wrong(key, fact, f"the checks are {', '.join(checks.NAMES)}")
            self.choice(key, name, checks.NAMES)
        return names

    def env(self, key: str, value: Any) -> dict[str, str]:
        values = {}
        for name, one in self.table(key, value).items():
            if not name or "=" in name or "\0" in name:
                fix = "a name is not empty, and has no `=` and no NUL in it"
                raise self.wrong(key, f"{shown(name)} cannot be the name of a variable", fix)
            if not isinstance(one, str):  # which may be a password
                raise self.wrong(f"{key}.{name}", "it is no text", 'write it in quotes: "..."')
            values[name] = self.any_text(f"{key}.{name}", one)
        try:
            check_placeholders(values)
        except ConfigError as error:
            raise self.wrong(error.subject, error.fact, error.fix or "") from None
        return values
