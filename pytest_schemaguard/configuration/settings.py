"""pyproject.toml -> Config: finds the table, reads it, and says clearly what is wrong with it."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.config import (
    CHECKS,
    LATER_CHECKS,
    AlembicMigrations,
    Baseline,
    CommandMigrations,
    Config,
    Login,
    PythonMigrations,
    Request,
)
from pytest_schemaguard.configuration.ignore_table import IgnoreReader
from pytest_schemaguard.configuration.toml_table import TABLE, told
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.project.environment import check_placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

SUPPORTED_MAJORS = range(14, 19)
SERVER_KEYS = frozenset({"postgres", "server", "image", "tcp"})
SERVERS = ("auto", "local", "embedded", "docker")
EXAMPLE = """\
[tool.schema-guard]
models = "app.models:Base"
migrations = "migrations"
"""
LATER = {
    "rows": "use `seed` for rows",
    "statistics": "every table counts as large",
    "small-table-rows": "every table counts as large",
    "rerun": "the second run is the file's body",
    "runner": "SQL files are run statement by statement, as psql does",
}
"""Keys of the contract that this version does not serve, and what holds instead."""
LATER_MIGRATIONS = {
    "style": "write each way into a file of its own: x.up.sql and x.down.sql",
    "variables": "write out the files as the tool does",
}


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
            if b"schema-guard" in file.read_bytes() and _table(file) is not None:
                return file
        if (above / ".git").exists():
            break
    seen = ", ".join(str(file) for file in looked) or f"no pyproject.toml from {folder} upward"
    raise ConfigError(
        "configuration",
        f"no [{TABLE}] table ({seen})",
        fix="add to your pyproject.toml:\n" + "".join(f"    {x}\n" for x in EXAMPLE.splitlines()),
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("configuration", f"not valid TOML: {error}", path=file) from None
    table = document.get("tool", {}).get("schema-guard")
    return table if isinstance(table, dict) else None


class _Reader(IgnoreReader):
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
        section = f"{TABLE}.database"
        named: dict[str, Config] = {}
        for place, one in enumerate(databases):
            name = one.get("name")
            if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name):
                fact = f"{told(name)} is no name" if "name" in one else "a database without a name"
                raise self.wrong("name", fact, 'such as: name = "billing"', section=section)
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
            self.inner, self.place = section, place if "ignore" in one else None
            named[name] = self.config({**rest, **one})
            self.inner = self.place = None
        return tuple(named.values())

    def config(self, table: Mapping[str, Any]) -> Config:
        readers: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
            "name": ("name", self.text),
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
        alembic = isinstance(values.get("migrations"), AlembicMigrations)
        for key in self._needed:
            if key not in values and not (alembic and key == "models"):
                raise ConfigError(
                    key, f"missing in [{TABLE}]", fix=f"add it:\n{EXAMPLE}", path=self.file
                )
        return Config(file=self.file, **{"models": (), "migrations": None, **values})

    # Keys

    def migrations(
        self, key: str, value: Any
    ) -> Path | AlembicMigrations | CommandMigrations | PythonMigrations:
        if not isinstance(value, dict):
            is_ini = isinstance(value, str) and value.endswith((".ini", ".cfg", ".toml"))
            return self.alembic(key, value) if is_ini else self.folder(key, value)
        kinds: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
            "sql": ("sql", self.folder),
            "alembic": ("alembic", self.alembic),
            "command": ("command", self.command),
            "python": ("function", self.function),
        }
        of_kind: dict[str, dict[str, tuple[str, Callable[[str, Any], Any]]]] = {
            "sql": {},
            "alembic": {"section": ("section", self.text), "target": ("target", self.text)},
            "command": {"versions": ("versions", self.names)},
            "python": {"versions": ("versions", self.names)},
        }
        section = f"{TABLE}.{key}"
        named = [kind for kind in kinds if kind in value]
        if len(named) != 1:
            fact = f"both `{named[0]}` and `{named[1]}`" if named else "nothing that migrates"
            raise self.wrong(key, fact, f"name one of {', '.join(kinds)}")
        kind = named[0]
        readers = {kind: kinds[kind], **of_kind[kind]}
        values = self.read(section, value, readers, later=LATER_MIGRATIONS)
        if kind == "alembic":
            found = values.pop("alembic")
            return replace(found, **values) if isinstance(found, AlembicMigrations) else found
        if kind == "command":
            return CommandMigrations(**values)
        if kind == "python":
            return PythonMigrations(**values)
        folder: Path = values["sql"]
        return folder

    def alembic(self, key: str, value: Any) -> AlembicMigrations:
        name = self.text(key, value)
        if re.fullmatch(r"[\w.]+:[\w.]+", name) and not (self.root / name).exists():
            return AlembicMigrations(function=name)
        return AlembicMigrations(ini=self.file_of(key, value, what="an alembic.ini"))

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
                f"{told(value)} is no major version of PostgreSQL served here",
                f"one of {known}",
            )
        return value

    def server(self, key: str, value: Any) -> str:
        if isinstance(value, str) and re.match(r"postgres(ql)?(\+\w+)?://", value):
            return value
        if isinstance(value, str) and "://" in value:  # may hold a password: not to be repeated
            raise self.wrong(key, "a URL that is not postgresql://", "name a PostgreSQL server")
        if value in SERVERS or (isinstance(value, str) and value.isalpha()):
            return self.choice(key, value, SERVERS)
        # Nor what may be a URL without its beginning.
        raise self.wrong(
            key,
            "the value is no provider and no postgresql:// URL",
            f"the values are {', '.join(SERVERS)}, and URLs",
        )

    def checks(self, key: str, value: Any) -> tuple[str, ...]:
        names = self.names(key, value)
        for name in names:
            if name in LATER_CHECKS:
                fact = f"{name}: not yet served by this version of pytest-schemaguard"
                raise self.wrong(key, fact, f"the checks are {', '.join(CHECKS)}")
            self.choice(key, name, CHECKS)
        return names

    def env(self, key: str, value: Any) -> dict[str, str]:
        values = self.texts(key, value)
        try:
            check_placeholders(values)
        except ConfigError as error:
            raise self.wrong(error.subject, error.fact, error.fix or "") from None
        return values

    def login(self, key: str, value: Any) -> Login:
        section = f"{TABLE}.{key}"
        values = self.read(
            section,
            self.table(key, value),
            {
                "model": ("model", self.text),
                "by": ("by", self.text),
                "call": ("call", self.function),
                "create": ("create", self.create),
                "request": ("request", self.request),
            },
        )
        named = [name for name in ("model", "by") if name in values]
        if len(named) == 1 or (not named and "call" not in values):
            missing = "by" if named == ["model"] else "model"
            fix = 'such as: model = "User", by = "email"; or call = "module:function" of a Session'
            raise self.wrong(key, f"`{missing}` is missing", fix)
        if not named and isinstance(values.get("create"), tuple):
            fact = "nothing says what {value} is like"
            raise self.wrong(f"{key}.create", fact, "add `model` and `by`, whose value it is")
        return Login(**values)

    def create(self, key: str, value: Any) -> str | tuple[str, ...]:
        if isinstance(value, str) and re.fullmatch(r"[\w.]+:[\w.]+", value):
            return value
        command = self.command(key, value)
        if not any("{value}" in part for part in command):
            raise self.wrong(
                key,
                f"{told(value)} is no module:function, and no command with {{value}}",
                'put {value} where the command takes the new row\'s `by`: "flask add-user {value}"',
            )
        return command

    def request(self, key: str, value: Any) -> Request:
        section = f"{TABLE}.{key}"
        values = self.read(
            section,
            self.table(key, value),
            {
                "app": ("app", self.function),
                "serve": ("serve", self.command),
                "method": ("method", self.text),
                "path": ("path", self.text),
                "json": ("json", lambda _, value: value),
                "form": ("form", self.texts),
                "basic": ("basic", self.basic),
                "body": ("body", self.text),
                "headers": ("headers", self.texts),
                "status": ("status", self.status),
                "lifespan": ("lifespan", self.flag),
                "timeout-s": ("timeout_s", self.seconds),
            },
        )
        if ("app" in values) == ("serve" in values):
            fact = "both `app` and `serve`" if "app" in values else "neither `app` nor `serve`"
            raise self.wrong(key, fact, 'name one: app = "app.main:app"')
        bodies = [name for name in ("json", "form", "body") if name in values]
        if len(bodies) > 1:
            raise self.wrong(key, f"several bodies: {', '.join(bodies)}", "keep one of them")
        return Request(**values)

    def basic(self, key: str, value: Any) -> tuple[str, str]:
        if (
            not isinstance(value, list)
            or [type(one) for one in value] != [str, str]  # exactly user and password
        ):
            raise self.wrong(key, "not a user and a password", 'write basic = ["user", "password"]')
        return (value[0], value[1])

    def status(self, key: str, value: Any) -> tuple[int, ...]:
        values = value if isinstance(value, list) else [value]
        first, last = 100, 599
        for one in values:
            if isinstance(one, bool) or not isinstance(one, int) or not first <= one <= last:
                raise self.wrong(key, f"{told(one)} is no HTTP status", "write 200, or [200, 302]")
        return tuple(values)
