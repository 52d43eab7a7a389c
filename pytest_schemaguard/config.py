"""What `[tool.schema-guard]` says, as frozen values; settings.py reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The schema that the pending migrations will meet; empty when both are None."""

    schema: Path | None = None
    """A `pg_dump --schema-only` file, absolute."""
    at: str | None = None
    """The migration (file name or revision) that the baseline already contains."""


TRANSACTIONS = ("statement", "file")
PROVIDERS = ("local", "embedded", "docker")
"""What `server = "auto"` tries, in this order. Each is a module of servers/ with its name, and a
class with its name in it."""


@dataclass(frozen=True, kw_only=True)
class SqlMigrations:
    """`migrations = "folder"`, or `{ sql = "folder", style, transaction }`."""

    folder: Path
    """Absolute."""
    style: str | None = None
    """How its files are laid out; None: the first of migrations/styles."""
    transaction: str | None = None
    """What runs in one: each `statement`, each `file`; None: what the style's own tool does."""


@dataclass(frozen=True, kw_only=True)
class AlembicMigrations:
    """`migrations = "alembic.ini"`, or `{ alembic = ..., section, target }`."""

    knows_models: ClassVar[bool] = True
    """env.py's `target_metadata` stand in for `models`."""
    ini: Path | None = None
    """The ini (or a pyproject.toml that holds [tool.alembic]), absolute."""
    function: str | None = None
    """`module:function` that returns an alembic Config."""
    section: str = "alembic"
    target: str | None = None
    """What `alembic upgrade` is given; None: `heads`, of which there should be one."""


@dataclass(frozen=True, kw_only=True)
class CommandMigrations:
    """`{ command, versions }`: a program that brings the database up to date."""

    command: tuple[str, ...]
    versions: tuple[str, ...] = ()
    """Patterns of the files that are its migrations, relative to the configuration."""


@dataclass(frozen=True, kw_only=True)
class PythonMigrations:
    """`{ python, versions }`: a function that brings the database up to date."""

    function: str
    """`module:function`."""
    versions: tuple[str, ...] = ()
    """Patterns of the files that are its migrations, relative to the configuration."""


Migrations = SqlMigrations | AlembicMigrations | CommandMigrations | PythonMigrations


@dataclass(frozen=True, kw_only=True)
class Request:
    """`[login.request]`: a real request to the application as deployed."""

    app: str | None = None
    """`module:name` of a WSGI or ASGI application, or of a factory."""
    serve: tuple[str, ...] | None = None
    """A command that serves HTTP; `{port}` in it is the port to listen on."""
    method: str = "POST"
    path: str = "/"
    json: object | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    body: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    status: tuple[int, ...] = (200,)
    lifespan: bool = True
    timeout_s: float = 30.0
    """How long each may take: the startup (an ASGI lifespan's, or until `serve`'s command listens)
    and each answer. The import of `app` has two minutes of its own (logins.START_TIMEOUT_S)."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """`[login]`: which row logs in: `model` and `by`, or `call`, or both."""

    model: str | None = None
    """`module:Class`, or the name of a mapped class."""
    by: str | None = None
    """The mapped attribute that the application looks the row up by."""
    call: str | None = None
    """`module:function` of a Session: the application's own query, with its joins. It finds
    something, or the login fails."""
    create: str | tuple[str, ...] | None = None
    """What makes the new row: `module:function` of a Session, or a command with `{value}` in it.
    None: the guard, through the model."""
    request: Request | None = None


@dataclass(frozen=True, kw_only=True)
class Ignore:
    """`[[ignore]]`: findings that fail nothing."""

    code: str
    """A shell pattern of findings' codes: `drift.extra-index`."""
    subject: str = "*"
    """A shell pattern of their subjects."""
    reason: str
    until: date | None = None
    """The last day on which it holds."""
    place: str
    """Where it stands, for people: `pyproject.toml:12`."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One `[tool.schema-guard]` table; paths are absolute, defaults filled in."""

    file: Path
    """The pyproject.toml that holds the table."""
    models: tuple[str, ...]
    """Each `module:name`, or a module (globs allowed) imported for its effect. Empty with Alembic:
    env.py's `target_metadata`."""
    migrations: Migrations | None
    """What migrates. None: the models alone are expected."""
    name: str | None = None
    """Which `[[database]]` this is, where there are several."""
    baseline: Baseline = Baseline()
    since: str | None = None
    """A git ref: migrations added or changed since are judged."""
    postgres: int | None = None
    server: str = "auto"
    """`auto`, `local`, `embedded`, `docker`, or a URL."""
    image: str | None = None
    tcp: bool = False
    prepare: tuple[str, ...] = ()
    """SQL text that the superuser runs in each throwaway database first."""
    role: str | None = None
    """Whose grants the application has in production; None: the owner of the tables."""
    search_path: str | None = None
    """What production sets for the application."""
    seed: tuple[Path, ...] = ()
    """Files of SQL rows loaded on the baseline before the migrations."""
    rows: int = 20
    """How many rows the guard makes in each table that has none; 0: none."""
    env: Mapping[str, str] = field(default_factory=lambda: {"DATABASE_URL": "{url}"}, repr=False)
    setup: str | None = None
    exclude: tuple[str, ...] = ()
    checks: tuple[str, ...] | None = None
    """The checks to run; None: all."""
    strict: bool = False
    statement_timeout_s: float = 60.0
    login: Login | None = None
    ignore: tuple[Ignore, ...] = ()

    @property
    def root(self) -> Path:
        """The configuration's folder: paths are relative to it, project code runs in it."""
        return self.file.parent

    def relative(self, path: Path) -> str:
        """The path as people read it: relative to the configuration where it is inside."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)
