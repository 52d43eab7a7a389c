"""The role that the application logs in as: production's, with its grants and its search_path."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.errors import ConfigError, ServerError
from pytest_schemaguard.servers import sessions
from pytest_schemaguard.servers.owner import primary
from pytest_schemaguard.servers.scram import verifier
from pytest_schemaguard.servers.sessions import run_comment
from pytest_schemaguard.servers.settings import Settings
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.servers.databases import Databases

LISTS = frozenset(
    {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}
)
"""Settings whose values are lists of names, already quoted (GUC_LIST_QUOTE): ALTER ROLE would take
one such string for one name."""

ROLES = r"""
SELECT rolname, rolsuper FROM pg_catalog.pg_roles
 WHERE rolname !~ '^pg_' AND rolname NOT LIKE 'schema\_guard\_%%' OR rolname = %s
"""
# What a mere user may not set changes nothing that the application's statements mean.
SETTINGS = """
SELECT pg_catalog.split_part(one, '=', 1),
       pg_catalog.substr(one, pg_catalog.strpos(one, '=') + 1)
  FROM pg_catalog.pg_db_role_setting s
  JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase,
       pg_catalog.unnest(s.setconfig) one
  LEFT JOIN pg_catalog.pg_settings known ON known.name = pg_catalog.split_part(one, '=', 1)
 WHERE r.rolname = %s AND (s.setdatabase = 0 OR d.datname = pg_catalog.current_database())
   AND (%s OR known.context = 'user')
 ORDER BY s.setdatabase
"""


def application_address(
    databases: Databases, name: str, *, role: str | None, search_path: str | None
) -> Address:
    """The run's database `name`, which is there already, as production's application sees it.

    The role itself is left as it is, since on a server that others use it may be a real one, and
    nobody switches to it by SET ROLE, which a RESET ROLE would undo. A role of this run for this
    database logs in with Run.password; it is a member of `role`, whose settings it has, so that its
    sessions begin, and after RESET ROLE go on, as `role`
    (https://www.postgresql.org/docs/current/sql-alterrole.html). Without `role` the owner's name
    stands there. Made once in a run, by the first process that asks.

    Raises ConfigError (no such role, a superuser, no list of schemas), and ServerError.
    """
    if role is None and search_path is None:
        return databases.address(name)
    login = databases.full_name(f"{name}-app")
    made = databases.run.folder / f"{login}.made"
    with databases.run.lock(login):
        if not made.exists():
            try:
                _make(databases, name, login, role=role, search_path=search_path)
            except psycopg2.Error as error:
                raise ServerError(
                    databases.server.origin,
                    f"it does not let the guard log in as the role {role or 'that owns the tables'}"
                    f": {primary(error)}",
                    fix=f"name a superuser in the URL, or let {databases.server.admin.user} grant "
                    "the role to others (CREATEROLE, and since 16 ADMIN OPTION on it)",
                ) from None  # its statement has the verifier
            made.touch(mode=0o600)
    return databases.address(name).logged_in_as(login, databases.run.password(login))


@contextmanager
def application_session(
    databases: Databases, name: str, *, role: str | None, search_path: str | None
) -> Iterator[Any]:
    """A connection (autocommit) of the guard's own to `application_address`, closed at the end."""
    server = databases.server
    address = application_address(databases, name, role=role, search_path=search_path)
    connection = sessions.connect(
        address,
        token=server.token,
        owner=server.owner.user,
        settings=Settings.STAND_IN,
        major=server.major,
    )
    try:
        yield connection
    finally:
        connection.close()


def _make(
    databases: Databases,
    name: str,
    login: str,
    *,
    role: str | None,
    search_path: str | None,
) -> None:
    server = databases.server
    group = server.owner.user if role is None else role
    comment = literal(run_comment(run=databases.run.id))
    password = databases.run.password(login)
    with databases.session(name, as_admin=True) as admin, admin.cursor() as cursor:
        _check(cursor, group)
        cursor.execute(SETTINGS, (group, server.is_superuser))
        settings = {"role": group, **dict(cursor.fetchall())}
        # What a process that was killed here left may be half made.
        cursor.execute(
            f"BEGIN; DROP ROLE IF EXISTS {in_quotes(login)};"
            f" CREATE ROLE {in_quotes(login)} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE"
            f" PASSWORD {literal(verifier(password))} IN ROLE {in_quotes(group)};"
            f" COMMENT ON ROLE {in_quotes(login)} IS {comment}; COMMIT"
        )
        if server.is_superuser:
            _set(cursor, login, settings, search_path)
    if not server.is_superuser:
        # Who is no member of the role may not say that sessions begin as it; the login may.
        address = databases.address(name).logged_in_as(login, password)
        own = sessions.connect(address, token=server.token, owner=server.owner.user)
        try:
            _set(own.cursor(), login, settings, search_path)
        finally:
            own.close()


def _check(cursor: Any, role: str) -> None:
    cursor.execute(ROLES, (role,))
    there: dict[str, bool] = dict(cursor.fetchall())
    if role not in there:
        near = difflib.get_close_matches(role, there, n=3, cutoff=0.4)
        raise ConfigError(
            "role",
            f"the server has no role {role} after the migrations"
            + (f"; it has {', '.join(near)}" if near else ""),
            fix=f"create it in `prepare` (CREATE ROLE {quoted(role)};), and grant it what "
            "production grants; if it owns the tables there, leave `role` out: the owner stands "
            "for it",
        )
    if there[role]:
        raise ConfigError(
            "role",
            f"{role} is a superuser, whom no missing grant stops: it would prove nothing",
            fix="make it without SUPERUSER, or leave `role` out: the tables' owner stands for it",
        )


def _set(cursor: Any, login: str, settings: dict[str, str], search_path: str | None) -> None:
    """Has the login's sessions begin with these settings."""
    altered = f"ALTER ROLE {in_quotes(login)} SET"
    if search_path is not None:
        settings = {**settings, "search_path": search_path}
    for setting, value in settings.items():
        if setting not in LISTS:
            cursor.execute(f"{altered} {in_quotes(*setting.split('.'))} = {literal(value)}")
            continue
        try:
            cursor.execute("SELECT pg_catalog.set_config(%s, %s, false)", (setting, value))
        except psycopg2.errors.InvalidParameterValue as error:
            raise ConfigError(  # production's own settings were looked at when they were made
                "search-path",
                f"{value!r} is no list of schemas: {error.diag.message_detail}",
                fix="write it as after SET search_path TO, such as: search-path = 'app, public'",
            ) from None
        # What set_config takes for a list, FROM CURRENT keeps as one.
        cursor.execute(f"{altered} {in_quotes(setting)} FROM CURRENT")
        cursor.execute(f"RESET {in_quotes(setting)}")
