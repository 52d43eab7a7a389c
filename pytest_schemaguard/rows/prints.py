"""What the rows of a database are, as sums that no order changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg2 import sql

from pytest_schemaguard.rows.reading import each, reading, show_all

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Name, Relation, Snapshot

MOST_BYTES = 1 << 20
"""Of a table whose rows are told apart."""
TABLES = """
    SELECT n.nspname::text, c.relname::text,
      c.relkind = 'r' AND a.amname = 'heap' AND pg_relation_size(c.oid) = 0,
      CASE c.relkind WHEN 'r' THEN pg_relation_size(c.oid)
        ELSE (SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(c.oid))::bigint END,
      has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
        AND (NOT row_security_active(c.oid) OR pg_has_role(c.relowner, 'USAGE')),
      row_security_active(c.oid)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_am a ON a.oid = c.relam
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'pg_catalog'
"""
"""Each with whether it has no row (its file no page), its size in bytes, whether this role can read
all of it, and whether policies hide rows from it, as those of FORCE ROW LEVEL SECURITY do from the
owner."""


@dataclass(frozen=True, kw_only=True)
class RowPrint:
    """A table's rows. Two prints that are equal stand for the same rows, in any order."""

    count: int
    columns: tuple[tuple[str, str], ...]
    """Each column, in the order of their names, with the sum of its values' hashes."""
    rows: str
    """The sum of whole rows' hashes: values that change places between rows change it."""
    hashes: tuple[int, ...] | None = field(compare=False)
    """Those of the single rows, sorted; None where they take more than MOST_BYTES."""


@dataclass(frozen=True, kw_only=True)
class Prints:
    """The rows of a database's tables, as its owner may read them."""

    of: dict[Name, RowPrint]
    unread: tuple[Name, ...]
    """Tables that the owner may not read."""


def fingerprints(owner: Any, snapshot: Snapshot) -> Prints:
    """The prints of all ordinary tables of the snapshot that are there. Raises psycopg2.Error.

    `owner` is a connection with the guard's own settings, which decide how a value is spelled. An
    unordered dump's hash would change with an UPDATE that changes nothing; sums do not. A hash of
    the text serves types that have no hash of their own (json, xml). A partition's rows are its
    parent's; those of a table that inherits are its own.
    https://www.postgresql.org/docs/current/functions-info.html
    """
    prints: dict[Name, RowPrint] = {}
    unread: list[Name] = []
    asked: dict[Name, list[str]] = {}
    queries: list[sql.Composable] = []
    with reading(owner) as cursor:
        known = _tables(cursor)
        for name, relation in snapshot.relations.items():
            if not relation.is_table:
                continue
            table = known[name]
            columns = sorted(column[2] for column in snapshot.columns_of(name))
            if table.empty:  # it need not be asked
                none = tuple((column, "0") for column in columns)
                prints[name] = RowPrint(count=0, columns=none, rows="0", hashes=())
            elif not table.readable:
                unread.append(name)
            else:
                if table.hidden:
                    show_all(cursor, name)
                asked[name] = columns
                queries.append(_query(name, relation, columns, is_small=table.size <= MOST_BYTES))
        for (name, columns), found in zip(asked.items(), each(cursor, queries), strict=True):
            count, rows, sums, hashes = found
            prints[name] = RowPrint(
                count=count,
                columns=tuple(zip(columns, sums, strict=True)),
                rows=rows,
                hashes=() if not count else None if hashes is None else tuple(hashes),
            )
    return Prints(of=prints, unread=tuple(unread))


def texts(owner: Any, name: Name) -> list[str]:
    """The rows of one table, in an order of their own. Raises psycopg2.Error."""
    with reading(owner) as cursor:
        if _tables(cursor)[name].hidden:
            show_all(cursor, name)
        cursor.execute(
            sql.SQL("SELECT ROW(t.*)::text FROM {} AS t ORDER BY 1").format(sql.Identifier(*name))
        )
        return [row for (row,) in cursor.fetchall()]


def any_row(owner: Any, name: Name) -> bool:
    """Whether the table has a row, whomever its policies show it to. Raises psycopg2.Error."""
    with reading(owner) as cursor:
        if _tables(cursor)[name].hidden:
            show_all(cursor, name)
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(*name)))
        return bool(cursor.fetchone()[0])


class _Table(NamedTuple):
    empty: bool
    size: int
    readable: bool
    hidden: bool


def _tables(cursor: Any) -> dict[Name, _Table]:
    cursor.execute(TABLES)
    return {(schema, name): _Table(*facts) for schema, name, *facts in cursor.fetchall()}


def _query(name: Name, relation: Relation, columns: list[str], *, is_small: bool) -> sql.Composable:
    # A row's text is made by the types' own output functions. `column::text` would be a cast, which
    # a migration may have made itself; and `t::text` the column, of a table with a column t.
    values = [sql.SQL("t.{}").format(sql.Identifier(one)) for one in columns]
    sums = [_SUM.format(sql.SQL("ROW({})::text").format(one)) for one in values]
    return _QUERY.format(
        sums=sql.SQL(", ").join(sums),
        values=sql.SQL(", ").join(values),
        only=sql.SQL("" if relation.kind == "partitioned table" else "ONLY "),
        table=sql.Identifier(*name),
        hashes=sql.SQL("array_agg(h.whole ORDER BY h.whole)" if is_small else "NULL::bigint[]"),
    )


_SUM = sql.SQL("coalesce(sum(hashtextextended({}, 0)::numeric), 0)::text")
_QUERY = sql.SQL("""
    SELECT count(*), coalesce(sum(h.whole::numeric), 0)::text, ARRAY[{sums}]::text[], {hashes}
    FROM {only}{table} AS t
    CROSS JOIN LATERAL (SELECT hashtextextended(ROW({values})::text, 0) AS whole) AS h
""")
