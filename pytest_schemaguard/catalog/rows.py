"""What the rows of a database are, as sums that no order changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Name, Relation, Snapshot

SETTINGS = (
    "SET LOCAL search_path = pg_catalog",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL row_security = off",
)
"""What decides how a value is spelled: a migration may change the database's own settings."""


EMPTY = """
    SELECT n.nspname::text, c.relname::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a ON a.oid = c.relam
    WHERE c.relkind = 'r' AND a.amname = 'heap' AND pg_relation_size(c.oid) = 0
"""
"""Tables whose file has no page have no row, and need not be asked one by one."""


@dataclass(frozen=True, kw_only=True)
class RowPrint:
    """A table's rows. Two prints that are equal stand for the same rows, in any order."""

    count: int
    columns: tuple[tuple[str, str], ...]
    """Each column with the sum of its values' hashes."""
    rows: str
    """The sum of whole rows' hashes: values that change places between rows change it."""


def fingerprints(connection: Any, snapshot: Snapshot) -> dict[Name, RowPrint]:
    """The prints of all ordinary tables of the snapshot that are there. Raises psycopg2.Error.

    An unordered dump's hash would change with an UPDATE that changes nothing; sums do not. A hash
    of the text serves types that have no hash of their own (json, xml). A partition's rows are its
    parent's; those of a table that inherits are its own.
    https://www.postgresql.org/docs/current/functions-info.html
    """
    prints = {}
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("; ".join(SETTINGS))
        cursor.execute(EMPTY)
        empty = set(cursor.fetchall())
        for name, relation in snapshot.relations.items():
            if not relation.is_table:
                continue
            columns = [column[2] for column in snapshot.columns_of(name)]
            if name in empty:
                none = tuple((column, "0") for column in columns)
                prints[name] = RowPrint(count=0, columns=none, rows="0")
                continue
            cursor.execute(_query(name, relation, columns))
            count, rows, *sums = cursor.fetchone()
            prints[name] = RowPrint(
                count=count,
                columns=tuple(zip(columns, map(str, sums), strict=True)),
                rows=str(rows),
            )
        cursor.execute("COMMIT")
    return prints


def _query(name: Name, relation: Relation, columns: list[str]) -> sql.Composable:
    hashed = sql.SQL("coalesce(sum(hashtextextended({}, 0)::numeric), 0)")
    sums = [hashed.format(sql.SQL("t.{}::text").format(sql.Identifier(one))) for one in columns]
    # Not `t::text`: of a table with a column t, that would be the column.
    whole = hashed.format(sql.SQL("ROW(t.*)::text"))
    only = sql.SQL("" if relation.kind == "partitioned table" else "ONLY ")
    return sql.SQL("SELECT count(*), {} FROM {}{} AS t").format(
        sql.SQL(", ").join([whole, *sums]), only, sql.Identifier(*name)
    )
