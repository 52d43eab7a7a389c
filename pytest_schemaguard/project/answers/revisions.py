"""What the project's side reports of Alembic: pure values that cross the process boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One revision file."""

    revision: str
    path: str
    """Absolute."""
    line: int
    """Of `def upgrade`, or else of `revision = `."""
    down: tuple[str, ...]
    """The revisions that it follows; none for a base, several for a merge."""
    depends_on: tuple[str, ...]
    branch_labels: tuple[str, ...]
    """Those that this file itself declares."""
    message: str
    has_way_back: bool
    """Whether its downgrade() does something other than to pass or raise (a revision that does
    nothing in upgrade() needs to do nothing in it)."""


@dataclass(frozen=True, kw_only=True)
class History:
    """All revisions of a script location."""

    revisions: tuple[Revision, ...]
    """In the order in which `alembic upgrade heads` runs them on an empty database."""
    heads: tuple[str, ...]
    target: tuple[str, ...]
    """Those that `alembic upgrade` to the configured target runs, in their order."""
    env: str
    """The path of env.py, absolute."""
    script_location: str
    """Its folder, absolute."""
    folder: str
    """From where relative paths were read: `root`, `ini` or `function`."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error inside a revision."""

    revision: str
    path: str
    """The revision's file, absolute."""
    line: int
    """The innermost line of that file on the way to the error."""
    kind: str
    """`database` for an error of PostgreSQL, `python` for any other."""
    message: str
    """PostgreSQL's primary message, or the exception's last line."""
    sqlstate: str = ""
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    statement: str | None = None


@dataclass(frozen=True, kw_only=True)
class Applied:
    """One upgrade() or downgrade() that was run to its end."""

    revision: str
    direction: str
    """`upgrade` or `downgrade`."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Context:
    """One time that env.py ran migrations: where."""

    dialect: str
    driver: str
    database: str | None
    """As asked there for PostgreSQL, otherwise as the URL says."""
    host: str | None
    version_table: str
    version_table_schema: str | None
    transactional_ddl: bool
    transaction_per_migration: bool
    heads: tuple[str, ...] | None
    """What the version table held when env.py's run came to its end; None if it did not."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What `alembic upgrade`, `downgrade` or `stamp` did."""

    applied: tuple[Applied, ...]
    error: Failure | None
    contexts: tuple[Context, ...]

    @property
    def heads(self) -> tuple[str, ...] | None:
        """What the version tables held in the end, as the last run on each saw it."""
        last = {
            (one.database, one.version_table_schema, one.version_table): one.heads
            for one in self.contexts
        }
        if not last or any(heads is None for heads in last.values()):
            return None
        return tuple(sorted({head for heads in last.values() for head in heads or ()}))


def trouble(
    report: RunReport,
    *,
    database: str,
    env_path: str,
    pending: Sequence[str] = (),
    stored: Sequence[str] | None = None,
) -> ProjectError | None:
    """Why what env.py did says nothing of the guard's database; None where it does.

    `pending` are revisions that the run should have applied. `stored` is what the guard itself
    reads from the version table after env.py has ended; None where it did not look.
    """
    if report.error is not None:
        return None
    here = [
        one for one in report.contexts if one.dialect == "postgresql" and one.database == database
    ]
    if not report.contexts:
        return _wrong(
            env_path,
            "it ran no migrations",
            "it must call context.run_migrations() when context.is_offline_mode() is false",
        )
    if not here:
        one = report.contexts[0]
        at = f" at {one.host}" if one.host else ""
        return _wrong(
            env_path,
            f"it connected to the {one.dialect} database {one.database}{at}, "
            f"not to the guard's, {database}",
            "name the variable that it reads in `env`, such as"
            ' env = { DATABASE_URL = "{url}" }, or take sqlalchemy.url from its config',
        )
    applied = {one.revision for one in report.applied}
    missing = [one for one in pending if one not in applied]
    if missing:
        return _wrong(
            env_path,
            f"the run ended without an error and left out {', '.join(missing)}",
            "it must let the exceptions of a migration out, and run all of them",
        )
    heads = here[-1].heads
    if stored is not None and heads is not None and set(stored) != set(heads):
        held = ", ".join(sorted(stored)) or "nothing"
        return _wrong(
            env_path,
            f"what it ran was not committed: {here[-1].version_table} holds {held}, "
            f"not {', '.join(heads) or 'nothing'}",
            "call context.run_migrations() within `with context.begin_transaction():`",
        )
    return None


def _wrong(env_path: str, fact: str, fix: str) -> ProjectError:
    return ProjectError("env.py", fact, fix=fix, path=env_path)
