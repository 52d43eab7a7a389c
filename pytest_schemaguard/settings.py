"""pyproject.toml -> Config: finds the table, reads it, and says clearly what is wrong with it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.config import Baseline, Config, Login, Request
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.project.environment import check_placeholders
from pytest_schemaguard.toml_table import TABLE, TableReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

SUPPORTED_MAJORS = range(14, 19)
CHECKS = ("applies", "idempotent", "drift", "queries", "login")
SERVERS = ("auto", "local", "embedded", "docker")
EXAMPLE = """\
[tool.schema-guard]
models = "app.models:Base"
migrations = "migrations"
"""
LATER = {
    "since": "migrations are judged that come after `baseline`, or the newest",
    "search-path": "the server's default search_path applies",
    "role": "queries and login run as the owner of the tables",
    "rows": "use `seed` for rows",
    "statistics": "every table counts as large",
    "small-table-rows": "every table counts as large",
    "rerun": "the second run is the file's body",
    "runner": "SQL files are run statement by statement, as psql does",
    "ignore": "every finding counts; `exclude` leaves whole tables out",
    "database": "one database a configuration",
}
"""Keys of the contract that this version does not serve, and what holds instead."""
LATER_CHECKS = (
    "single-head",
    "deploy-order",
    "survives-crash",
    "from-any-state",
    "two-deployers",
    "reversible",
    "keeps-rows",
    "locks",
)


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


def load(file: Path) -> Config:
    """The Config of this file's table. Raises ConfigError."""
    table = _table(file)
    if table is None:
        raise ConfigError("configuration", f"no [{TABLE}] table", path=file)
    return _Reader(file).config(table)


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


class _Reader(TableReader):
    """What each key of ours is."""

    def config(self, table: Mapping[str, Any]) -> Config:
        readers: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
            "models": ("models", self.names),
            "migrations": ("migrations", self.migrations),
            "baseline": ("baseline", self.baseline),
            "postgres": ("postgres", self.major),
            "server": ("server", self.server),
            "image": ("image", self.text),
            "tcp": ("tcp", self.flag),
            "prepare": ("prepare", self.sql),
            "seed": ("seed", self.files),
            "env": ("env", self.env),
            "setup": ("setup", self.function),
            "exclude": ("exclude", self.names),
            "checks": ("checks", self.checks),
            "strict": ("strict", self.flag),
            "statement-timeout-s": ("statement_timeout_s", self.seconds),
            "login": ("login", self.login),
        }
        values = self.read(TABLE, table, readers, later=LATER)
        for key in ("models", "migrations"):
            if key not in values:
                raise ConfigError(
                    key, f"missing in [{TABLE}]", fix=f"add it:\n{EXAMPLE}", path=self.file
                )
        return Config(file=self.file, **values)

    # Keys

    def migrations(self, key: str, value: Any) -> Path:
        later = "use a folder of plain .sql files; Alembic, commands and functions come later"
        if isinstance(value, dict):
            kinds = ("sql", "style", "variables", "alembic", "section", "target", "command")
            for name in value:
                if name not in (*kinds, "versions", "python"):
                    raise self.unknown(name, dict.fromkeys(kinds), f"{TABLE}.{key}")
                if name != "sql":
                    fact = f"{name}: not yet served by this version of pytest-schemaguard"
                    raise self.wrong(key, fact, later)
            value = value.get("sql")
        if isinstance(value, str) and value.endswith((".ini", ".cfg", ".toml")):
            fact = "Alembic is not yet served by this version of pytest-schemaguard"
            raise self.wrong(key, fact, later)
        path = self.existing(key, value)
        if not path.is_dir():
            raise self.wrong(key, f"{value} is no folder", later)
        return path

    def baseline(self, key: str, value: Any) -> Baseline:
        if isinstance(value, dict):
            readers = {"schema": ("schema", self.file_of), "at": ("at", self.text)}
            return Baseline(**self.read(f"{TABLE}.{key}", value, readers))
        return Baseline(schema=self.file_of(key, value))

    def major(self, key: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value not in SUPPORTED_MAJORS:
            known = f"{SUPPORTED_MAJORS[0]} to {SUPPORTED_MAJORS[-1]}"
            raise self.wrong(
                key, f"{value!r} is no major version of PostgreSQL served here", f"one of {known}"
            )
        return value

    def server(self, key: str, value: Any) -> str:
        if isinstance(value, str) and re.match(r"postgres(ql)?(\+\w+)?://", value):
            return value
        if isinstance(value, str) and "://" in value:  # may hold a password: not to be repeated
            raise self.wrong(key, "a URL that is not postgresql://", "name a PostgreSQL server")
        return self.choice(key, value, SERVERS)

    def checks(self, key: str, value: Any) -> tuple[str, ...]:
        names = self.names(key, value)
        for name in names:
            if name in LATER_CHECKS:
                fact = f"{name}: not yet served by this version of pytest-schemaguard"
                raise self.wrong(key, fact, f"the checks are {', '.join(CHECKS)}")
            self.choice(key, name, CHECKS)
        return names

    def env(self, key: str, value: Any) -> dict[str, str]:
        table = self.table(key, value)
        values = {}
        for name, one in table.items():
            if not isinstance(one, str):
                raise self.wrong(key, f"{name} = {one!r} is no text", 'write it in quotes: "..."')
            values[name] = one
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
                "request": ("request", self.request),
            },
            later={
                "call": "name `model` and `by`",
                "create": "the guard makes the new row through the model itself",
            },
        )
        if "model" not in values or "by" not in values:
            missing = "model" if "model" not in values else "by"
            raise self.wrong(
                key, f"`{missing}` is missing", 'such as: model = "User", by = "email"'
            )
        return Login(**values)

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
                raise self.wrong(key, f"{one!r} is no HTTP status", "write 200, or [200, 302]")
        return tuple(values)
