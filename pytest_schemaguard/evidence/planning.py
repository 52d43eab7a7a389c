"""Has PostgreSQL plan what the ORM sends: PREPARE, then EXPLAIN EXECUTE. No row is read or written.

EXPLAIN starts the executor without running it, so names, types and grants are all checked; but not
whether a default may draw from its sequence, which is asked of the catalog.
`$1` with EXPLAIN (GENERIC_PLAN) is PostgreSQL 16 and newer; this works on all.
https://www.postgresql.org/docs/current/sql-explain.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import errorcodes

from pytest_schemaguard.evidence.models import MODELS
from pytest_schemaguard.evidence.privileges import Lack, Privileges
from pytest_schemaguard.project.answers.models import Name  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.scenarios.look import Look
from pytest_schemaguard.servers.application_role import application_session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import connection as Connection  # noqa: N812
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

    from pytest_schemaguard.evidence.privileges import Relation
    from pytest_schemaguard.project.answers.models import OrmStatement
    from pytest_schemaguard.scenarios.look import Sight

DATABASE = "queries"
_UPDATABLE = {"insert": 8, "update": 4, "delete": 16}
"""Bits of pg_relation_is_updatable: 1 << CMD_UPDATE (2), CMD_INSERT (3), CMD_DELETE (4)."""

_ORDINARY = ("r", "p")
"""pg_class.relkind of tables; what is none of these may lawfully refuse to be written."""

_OF_GRANTS = (errorcodes.INSUFFICIENT_PRIVILEGE, errorcodes.UNDEFINED_TABLE)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A statement of the ORM that PostgreSQL would not plan."""

    entity: str
    verb: str
    table: tuple[str, ...]
    sql: str
    sqlstate: str
    error: str
    """The name of the SQLSTATE as psycopg2 spells it: `UndefinedColumn`."""
    message: str
    lacks: tuple[Lack, ...] = ()
    """The privileges that the role would need, where the catalog tells."""
    search_path: str | None = None
    """Where a table was looked for that is in `elsewhere`."""
    elsewhere: tuple[Name, ...] = ()
    """Tables of the name that was not found, in schemas out of the search_path."""


def refused(connection: Connection, statements: Iterable[OrmStatement]) -> tuple[Refusal, ...]:
    """Those of the statements that PostgreSQL refuses to plan, as the connection's role.

    Leaves nothing behind: one transaction, rolled back. Raises psycopg2.Error only where the
    connection itself fails.
    """
    statements = tuple(statements)
    found = []
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        privileges = Privileges(cursor, (one.table for one in statements))
        for statement in statements:
            if _is_lawfully_read_only(statement.verb, privileges.target(statement)):
                continue
            refusal = _plan(cursor, statement) or _barred(privileges, statement)
            if refusal is not None:
                found.append(_explained(refusal, privileges, statement))
        cursor.execute("ROLLBACK")
    return tuple(found)


def _planned(guard: Sight) -> tuple[Refusal, ...]:
    models = guard.look(MODELS)
    with guard.progress.step("planning the ORM's statements"):
        guard.databases.create(DATABASE, template=guard.states.migrated().name)
        with application_session(
            guard.databases,
            DATABASE,
            role=guard.config.role,
            search_path=guard.config.search_path,
        ) as application:
            return refused(application, models.statements)


REFUSALS = Look("queries", tuple[Refusal, ...], _planned)
"""What PostgreSQL refuses to plan of what the ORM sends."""


def _is_lawfully_read_only(verb: str, relation: Relation | None) -> bool:
    if relation is None or verb not in _UPDATABLE:
        return False
    return relation.kind not in _ORDINARY and not relation.updatable & _UPDATABLE[verb]


def _barred(privileges: Privileges, statement: OrmStatement) -> Refusal | None:
    """What running the INSERT would say, once it is planned."""
    lacks = privileges.barred_sequences(statement)
    if not lacks:
        return None
    message = f"permission denied for sequence {lacks[0].name[-1]}"
    return replace(_refusal(statement, errorcodes.INSUFFICIENT_PRIVILEGE, message), lacks=lacks)


def _explained(refusal: Refusal, privileges: Privileges, statement: OrmStatement) -> Refusal:
    """A table in a schema that may not be used is, unless it is named, no table to PostgreSQL."""
    if refusal.lacks or refusal.sqlstate not in _OF_GRANTS:
        return refusal
    lacks = privileges.lacking(statement) + privileges.barred_sequences(statement)
    if refusal.sqlstate == errorcodes.INSUFFICIENT_PRIVILEGE or _is_barred(lacks):
        return replace(refusal, lacks=lacks)
    there = privileges.elsewhere(statement)
    return replace(refusal, search_path=privileges.search_path, elsewhere=there)


def _is_barred(lacks: tuple[Lack, ...]) -> bool:
    return any(one.kind == "schema" for one in lacks)


def _plan(cursor: Cursor, statement: OrmStatement) -> Refusal | None:
    refusal = None
    try:
        cursor.execute(f"SAVEPOINT planning; PREPARE orm AS {statement.sql}")
        cursor.execute(
            "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'orm'"
        )
        (parameters,) = cursor.fetchone() or (0,)
        values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
        cursor.execute(f"EXPLAIN EXECUTE orm{values}")
    except psycopg2.Error as error:
        if error.pgcode is None:  # the connection broke: that says nothing of the statement
            raise
        refusal = _refusal(statement, error.pgcode, error.diag.message_primary or str(error))
    # A PREPARE is not undone by a rollback; one that failed made nothing to deallocate.
    cursor.execute("ROLLBACK TO SAVEPOINT planning; DEALLOCATE ALL")
    return refusal


def _refusal(statement: OrmStatement, sqlstate: str, message: str) -> Refusal:
    return Refusal(
        entity=statement.entity,
        verb=statement.verb,
        table=statement.table,
        sql=statement.sql,
        sqlstate=sqlstate,
        error=_name(sqlstate),
        message=message,
    )


def _name(sqlstate: str) -> str:
    try:
        spelled: str = errorcodes.lookup(sqlstate)
    except KeyError:
        return sqlstate
    return "".join(word.capitalize() for word in spelled.split("_"))
