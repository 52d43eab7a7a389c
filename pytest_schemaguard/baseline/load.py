"""The baseline: a dump of production's schema, loaded so that the owner role owns it, and `at`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.baseline.dump import (
    Naming,
    Route,
    creates_schema_public,
    mentions,
    owned_after,
    roles,
    route,
    rows_alone,
    without_authorization,
)
from pytest_schemaguard.errors import MigrationError, ServerError
from pytest_schemaguard.migrations.session import Session, escapes, excerpt
from pytest_schemaguard.migrations.watch import Watch
from pytest_schemaguard.sqltext.files import read, shown
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal
from pytest_schemaguard.sqltext.lexer import is_one_statement
from pytest_schemaguard.sqltext.statements import Statement, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_schemaguard.baseline.dump import Mention
    from pytest_schemaguard.config import Baseline
    from pytest_schemaguard.migrations.file_run import SqlError

__all__ = ["Loaded", "has_it_already", "load", "roles"]

ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a baseline did."""

    statements: int
    """How many ran; what pg_dump says of owners, transactions and tablespaces is left out."""
    seconds: float
    notices: tuple[str, ...]
    """What PostgreSQL said, and what was left out because this server has no such thing."""
    roles: tuple[str, ...]
    """Roles that have `role_comment`: this load made them, or another with the same comment."""


def load(
    path: Path,
    *,
    owner: Any,
    admin: Any,
    statement_timeout_s: float = 60.0,
    role_comment: str,
    root: Path | None = None,
) -> Loaded:
    """Load a plain dump into the database of both sessions; what it makes belongs to the owner.

    `owner` and `admin` are fresh autocommit connections, the second of a superuser or of a role
    with CREATEROLE. Roles that the dump needs and the server lacks are made, unable to log in and
    with `role_comment` on them. The sessions get their settings back, but are best closed.

    Raises MigrationError with the dump's line, and ServerError when the server goes away.
    """
    name = shown(path, root)
    statements = split(read(path, shown=name), path=name, escapes=escapes(owner))
    watch = Watch(statement_timeout_s=statement_timeout_s)

    def work() -> Loaded:
        loading = _Loading(
            name,
            owner=Session(owner, watch, name),
            admin=Session(admin, watch, name),
            comment=role_comment,
            owners=_owners(statements),
        )
        return loading.run(statements)

    return watch.run(work)


class _Loading:
    """One dump on its way in."""

    def __init__(
        self, path: str, *, owner: Session, admin: Session, comment: str, owners: frozenset[str]
    ) -> None:
        self._path = path
        self._owner = owner
        self._admin = admin
        self._comment = comment
        self._owners = owners
        """The roles that own something in production: here the owner role stands for them."""
        self._role = in_quotes(owner.connection.info.user)
        self._superuser = admin.connection.get_parameter_status("is_superuser") == "on"
        self._count = 0
        self._left_out: list[str] = []
        self._roles: set[str] = set()

    def run(self, statements: Sequence[Statement]) -> Loaded:
        began = time.perf_counter()
        for statement in statements:
            if route(statement) is Route.REFUSE:
                raise self._beyond(statement)
        if (rows := rows_alone(statements)) is not None:
            raise MigrationError(
                "baseline",
                "it holds rows and makes no table for them",
                detail=excerpt(rows.sql),
                path=self._path,
                line=rows.line,
                fix="dump the schema: pg_dump --schema-only; rows belong into `seed`",
            )
        wanted = sorted(_wanted(statements))
        self._make_roles(wanted)
        # Event triggers are enabled for others than the session's origin when nothing is to follow.
        for statement in sorted(statements, key=_is_last):
            for _ in range(ATTEMPTS):
                error = self._load(statement)
                # Another run may have dropped a role of its own that was here a moment ago.
                if error is None or error.sqlstate != "42704" or not self._make_roles(wanted):
                    break
            if error is not None and not self._may_leave_out(statement, error):
                raise self._refused(error)
        for session in (self._owner, self._admin):
            session.execute(_own("RESET ALL"))
        said = (*self._owner.notices.told, *self._admin.notices.told)
        return Loaded(
            statements=self._count,
            seconds=time.perf_counter() - began,
            notices=(*said, *self._left_out),
            roles=tuple(sorted(self._roles)),
        )

    def _load(self, statement: Statement) -> SqlError | None:
        error: SqlError | None = None
        match route(statement):
            case Route.SKIP:
                pass
            case Route.LEAVE_OUT:
                self._leave_out(statement, "it is about more than this database, or its publisher")
            case Route.ADMIN if self._superuser:
                error = self._by_admin(statement)
            case Route.GRANT:
                error = self._grant(statement)
            case Route.DEFAULTS:
                error = self._load_defaults(statement)
            case Route.OWNER_THEN_ADMIN | Route.ADMIN_AT_THE_END:
                error = self._load_as_either(statement)
            case _:
                sql = without_authorization(statement.sql)
                error = self._execute(self._owner, replace(statement, sql=sql))
        return error

    def _load_as_either(self, statement: Statement) -> SqlError | None:
        error = self._execute(self._owner, statement)
        if error is not None and error.sqlstate == _NOT_PERMITTED:
            error = self._by_admin(statement)
            given = owned_after(statement.sql, self._role)
            if error is None and given is not None:
                error = self._by_admin(replace(statement, sql=given))
        return error

    def _by_admin(self, statement: Statement) -> SqlError | None:
        """One statement, whose names mean what they mean to the owner; no other setting does."""
        if not is_one_statement(statement.sql):
            raise self._beyond(statement)
        with self._owner.connection.cursor() as cursor:
            cursor.execute("SELECT pg_catalog.current_setting('search_path')")
            path = literal(cursor.fetchone()[0])
        self._admin.execute(_own(f"SELECT pg_catalog.set_config('search_path', {path}, false)"))
        error = self._execute(self._admin, statement)
        self._admin.execute(_own("RESET search_path"))
        return error

    def _grant(self, statement: Statement) -> SqlError | None:
        """What is not the owner's, neither the owner gives away nor a superuser for the dump."""
        error = self._execute(self._owner, statement)
        if error is not None and error.sqlstate == _NOT_PERMITTED:
            self._leave_out(statement, f"the owner role may not grant it ({error.message})")
            return None
        return error

    def _load_defaults(self, statement: Statement) -> SqlError | None:
        """ALTER DEFAULT PRIVILEGES: what the dump's owners make is what the owner role makes."""
        sql = statement.sql
        makers = [one for one in mentions(sql) if one.naming is Naming.DEFAULTS]
        strangers = {one.role for one in makers} - self._owners
        if strangers and self._owners:
            names = ", ".join(sorted(strangers))
            self._leave_out(statement, f"nothing in the dump belongs to {names}")
            return None
        return self._execute(self._owner, replace(statement, sql=self._as_owner(sql, makers)))

    def _as_owner(self, sql: str, named: Sequence[Mention]) -> str:
        for one in reversed(named):
            sql = f"{sql[: one.start]}{self._role}{sql[one.end :]}"
        return sql

    def _execute(self, session: Session, statement: Statement) -> SqlError | None:
        error = session.execute(statement)
        self._count += error is None
        return error

    def _make_roles(self, wanted: Sequence[str]) -> bool:
        """Make those of the roles that the server lacks; whether there were any."""
        there = self._find_roles(wanted)
        missing = [role for role in wanted if role not in there]
        for role in missing:
            self._make_role(role)
        if missing:
            there = self._find_roles(wanted)
        self._roles |= {role for role, comment in there.items() if comment == self._comment}
        return bool(missing)

    def _find_roles(self, names: Sequence[str]) -> dict[str, str | None]:
        import psycopg2

        try:
            with self._admin.connection.cursor() as cursor:
                cursor.execute(_ROLES, (list(names),))
                return dict(cursor.fetchall())
        except psycopg2.Error as error:
            raise ServerError(
                "PostgreSQL", "did not tell which roles it has", detail=str(error)
            ) from error

    def _make_role(self, role: str) -> None:
        # One message is one transaction: nobody ever sees the role without its comment.
        comment = literal(self._comment)
        name = in_quotes(role)
        sql = f"CREATE ROLE {name} NOLOGIN; COMMENT ON ROLE {name} IS {comment}"
        error = self._admin.execute(_own(sql))
        if error is not None and error.sqlstate not in _THERE_BY_NOW:
            raise MigrationError(
                "baseline",
                f"names the role {role}, which the server lacks and did not let the guard make: "
                f"{error.message}",
                path=self._path,
                fix=f"CREATE ROLE {name} in `prepare`, or let the server's user create roles",
            )

    def _may_leave_out(self, statement: Statement, error: SqlError) -> bool:
        """Whether this server can do without: a schema it has, a setting it does not know."""
        if error.sqlstate == "42P06" and creates_schema_public(statement.sql):
            self._leave_out(statement, "the schema public is there already")
            return True
        if error.sqlstate == "42704" and route(statement) is Route.SETTING:
            self._leave_out(statement, f"PostgreSQL {self._owner.major} has no such setting")
            return True
        return False

    def _leave_out(self, statement: Statement, why: str) -> None:
        self._left_out.append(
            f"line {statement.line} left out, since {why}: {excerpt(statement.sql)}"
        )

    def _refused(self, error: SqlError) -> MigrationError:
        advice = (
            "mend the dump, or take the statement out of it and into `prepare`, which the "
            "superuser runs"
            if error.sqlstate == _NOT_PERMITTED
            else "mend the dump, or make what it needs with `prepare`, which the superuser runs"
        )
        return MigrationError(
            "baseline",
            f"PostgreSQL refused it: {error.message}",
            detail=error.words.partition("\n")[2],
            path=self._path,
            line=error.line,
            fix=error.fix if error.sqlstate != _NOT_PERMITTED and error.fix else advice,
        )

    def _beyond(self, statement: Statement) -> MigrationError:
        return MigrationError(
            "baseline",
            "this statement reaches beyond the one database, or undoes what was loaded",
            detail=excerpt(statement.sql),
            path=self._path,
            line=statement.line,
            fix="write the file with pg_dump --schema-only, without --create or --clean, not with "
            "pg_dumpall",
        )


def has_it_already(baseline: Baseline, error: SqlError | None) -> str | None:
    """The next step, where a migration makes what the baseline's schema has; None elsewhere."""
    if error is None or error.sqlstate not in _THERE_ALREADY:
        return None
    if baseline.schema is None or baseline.at is not None:
        return None
    return (
        "the baseline's schema has it already: name the last migration that it contains, "
        f'baseline = {{ schema = "{baseline.schema.name}", at = "..." }}'
    )


_THERE_ALREADY = {"42P07", "42701", "42710", "42723", "42P06"}
"""duplicate_table, _column, _object, _function, _schema.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_ROLES = """
    SELECT rolname::text, pg_catalog.shobj_description(oid, 'pg_authid')
    FROM pg_catalog.pg_roles WHERE rolname = ANY (%s)
"""
_THERE_BY_NOW = {"42710", "23505"}
"""duplicate_object, or the same found a moment later by the unique index: another run was first."""
_NOT_PERMITTED = "42501"


def _own(sql: str) -> Statement:
    """A statement of the guard's own."""
    return Statement(sql=sql, line=1, kind="sql")


def _is_last(statement: Statement) -> bool:
    return route(statement) is Route.ADMIN_AT_THE_END


def _owners(statements: Iterable[Statement]) -> frozenset[str]:
    return _named(statements, Naming.OWNER)


def _wanted(statements: Iterable[Statement]) -> frozenset[str]:
    return _named(statements, Naming.OTHER)


def _named(statements: Iterable[Statement], naming: Naming) -> frozenset[str]:
    return frozenset(
        mention.role
        for statement in statements
        if statement.kind == "sql"
        for mention in mentions(statement.sql)
        if mention.naming is naming
    )
