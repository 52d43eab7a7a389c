"""Has PostgreSQL plan what the ORM sends: PREPARE, then EXPLAIN EXECUTE. No row is read or written.

EXPLAIN starts the executor without running it, so names, types and grants are all checked.
`$1` with EXPLAIN (GENERIC_PLAN) is PostgreSQL 16 and newer; this works on all.
https://www.postgresql.org/docs/current/sql-explain.html
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import errorcodes

from pytest_schemaguard.identifiers import in_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from psycopg2.extensions import connection as Connection  # noqa: N812
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

    from pytest_schemaguard.models import OrmStatement

_UPDATABLE = {"insert": 8, "update": 4, "delete": 16}
"""Bits of pg_relation_is_updatable: 1 << CMD_UPDATE (2), CMD_INSERT (3), CMD_DELETE (4)."""

_ORDINARY = ("r", "p")
"""pg_class.relkind of tables; what is none of these may lawfully refuse to be written."""

_UPDATABLE_SQL = """
    SELECT relkind, pg_relation_is_updatable(oid, true)
    FROM pg_class WHERE oid = to_regclass(%s)
"""


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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Refusal:
        return cls(**{**values, "table": tuple(values["table"])})


def refused(connection: Connection, statements: Iterable[OrmStatement]) -> tuple[Refusal, ...]:
    """Those of the statements that PostgreSQL refuses to plan, as the connection's role.

    Leaves nothing behind: one transaction, rolled back. Raises psycopg2.Error only where the
    connection itself fails.
    """
    found = []
    rights: dict[tuple[str, ...], tuple[str, int] | None] = {}
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        for statement in statements:
            if statement.table not in rights:
                rights[statement.table] = _rights(cursor, statement.table)
            if _is_lawfully_read_only(statement.verb, rights[statement.table]):
                continue
            refusal = _plan(cursor, statement)
            if refusal is not None:
                found.append(refusal)
        cursor.execute("ROLLBACK")
    return tuple(found)


def _rights(cursor: Cursor, table: tuple[str, ...]) -> tuple[str, int] | None:
    cursor.execute(_UPDATABLE_SQL, (in_quotes(*table),))
    row: tuple[str, int] | None = cursor.fetchone()
    return row


def _is_lawfully_read_only(verb: str, rights: tuple[str, int] | None) -> bool:
    if rights is None or verb not in _UPDATABLE:
        return False
    kind, updatable = rights
    return kind not in _ORDINARY and not updatable & _UPDATABLE[verb]


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
        refusal = Refusal(
            entity=statement.entity,
            verb=statement.verb,
            table=statement.table,
            sql=statement.sql,
            sqlstate=error.pgcode,
            error=_name(error.pgcode),
            message=error.diag.message_primary or str(error),
        )
    # A PREPARE is not undone by a rollback; one that failed made nothing to deallocate.
    cursor.execute("ROLLBACK TO SAVEPOINT planning; DEALLOCATE ALL")
    return refusal


def _name(sqlstate: str) -> str:
    try:
        spelled: str = errorcodes.lookup(sqlstate)
    except KeyError:
        return sqlstate
    return "".join(word.capitalize() for word in spelled.split("_"))
