"""Writes to rows as an application might between two runs of a migration."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2
from psycopg2 import extensions

from pytest_schemaguard.catalog.snapshot import Name  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.rows.another import Another
from pytest_schemaguard.rows.fill import fill
from pytest_schemaguard.rows.insert import words
from pytest_schemaguard.rows.moves import moves
from pytest_schemaguard.rows.new_rows import new_rows
from pytest_schemaguard.rows.order import in_order
from pytest_schemaguard.rows.possible import Possible
from pytest_schemaguard.rows.tables import own_rows, read, transaction
from pytest_schemaguard.rows.units import units
from pytest_schemaguard.rows.write_table import TableWriter
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal
from pytest_schemaguard.sqltext.spelling import SPELLED_SO

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pytest_schemaguard.rows.fill import Kind, Known
    from pytest_schemaguard.rows.tables import Reference, Shapes, Table
    from pytest_schemaguard.rows.units import Unit

MOST_ROWS = 1_000
"""Of a table's rows so many, the first ones, get other values ..."""
MOST_VALUES = 10_000
"""... and of a table with many columns as many rows as have so many values together."""
_ONLY = 2
"""A table of so many rows, or fewer, keeps all of them."""
INSERTED = 4
"""Rows that each table gets."""
START = 1_000_000
"""The number of the first row that `fill` makes: others have made rows of low numbers."""

_BYTES = "SQLASCII"
"""Texts are bytes: https://www.postgresql.org/docs/current/multibyte.html."""
_FACTS = Path(__file__).with_suffix(".sql")
_FREE_SEQUENCES = """
    SELECT n.nspname::text, c.relname::text
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND c.relpersistence <> 't'
      AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e')
      )
      AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_attrdef'::regclass
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
      )
    ORDER BY 1, 2
"""
"""Those that no column draws: https://www.postgresql.org/docs/current/catalog-pg-depend.html"""
_AS_PRINTED = extensions.new_type(
    tuple(extensions.string_types), "AS_PRINTED", lambda value, _: value
)
"""Every value is the text that PostgreSQL's output function makes."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written."""

    columns: int
    """How many columns got other values in some row that was there before."""
    inserted: int
    """Rows."""
    deleted: int
    """Rows."""
    drawn: int
    """Sequences that no column draws. (Those that one draws are drawn by the rows inserted.)"""
    unwritten: dict[Name, str]
    """Tables, and columns (schema, table, column), that could not be written: with the reason."""


def write_as_an_application(
    application: Any,
    tables: Collection[Name],
    *,
    guard: Any,
    kind: Kind,
    known: Known = MappingProxyType({}),
) -> Written:
    """Changes values of these tables, inserts and deletes rows, draws sequences.

    In each table: one row is deleted, where there are more than two and no row refers to it; the
    values of the others change places, each column's in a way of its own, and a NULL gets a value
    (`moves.py` says why); rows are inserted, which have a value in every column, those of an
    empty table by `fill` and of this kind. Values of a unique key stay where they are: the rest of
    the row is another, and new rows have new keys. What is automatic (identity, serial, generated)
    is left to PostgreSQL. Of a table with many rows, the first MOST_ROWS get other values.

    `application` is an autocommit connection of the tables' owner with the settings of the
    application's sessions; each table is written in a transaction of its own, and triggers fire.
    `guard` asks the catalog, with the guard's own settings. `known` are values that the
    application's model accepts. What PostgreSQL refuses stays as it is, and is told. Raises
    psycopg2.Error where a connection breaks.
    """
    with guard.cursor() as cursor:
        shapes = read(cursor)
        cursor.execute(_FACTS.read_text(encoding="utf-8"))
        facts: dict[Name, _Facts] = {row[:2]: _Facts(*row[2:]) for row in cursor.fetchall()}
        cursor.execute(_FREE_SEQUENCES)
        sequences = cursor.fetchall()
    if application.encoding == _BYTES:
        application.set_client_encoding("LATIN1")  # which has a letter for each byte
    with application.cursor() as cursor:
        extensions.register_type(_AS_PRINTED, cursor)
        writer = _Writer(
            application=application,
            cursor=cursor,
            shapes=shapes,
            another=Another(types=shapes.types),
            children=_children(shapes),
            facts=facts,
            kind=kind,
            known=known,
        )
        writer.write({name: one for name, one in shapes.tables.items() if name in tables})
        drawn = sum(_drawn(cursor, name) for name in sequences)
    return Written(
        columns=writer.counts["columns"],
        inserted=writer.counts["inserted"],
        deleted=writer.counts["deleted"],
        drawn=drawn,
        unwritten=writer.unwritten,
    )


class _Facts(NamedTuple):
    hidden: bool
    """Whether row-level security holds for the table's owner."""
    keys: list[list[str]]
    """The columns that each unique index uses."""


@dataclass(frozen=True, kw_only=True)
class _Writer:
    """Writes to tables, those to which others refer first."""

    application: Any
    cursor: Any
    shapes: Shapes
    another: Another
    children: Mapping[Name, Sequence[tuple[Table, Reference]]]
    facts: dict[Name, _Facts]
    kind: Kind
    known: Known
    counts: Counter[str] = field(default_factory=Counter)
    unwritten: dict[Name, str] = field(default_factory=dict)

    def write(self, tables: Mapping[Name, Table]) -> None:
        """Raises psycopg2.Error where a connection breaks."""
        full = {table.name: table for table in self._with_rows(tables.values())}
        empty = [name for name in tables if name not in full and name not in self.unwritten]
        for name, reason in self._filled(empty).items():
            hides = "row-level security hides its rows: " if self.facts[name].hidden else ""
            self.unwritten[name] = f"{hides}{reason}"
        refused = {}
        for group in in_order(full).groups:
            for name in group:
                refused[name] = self._write(full[name])
        vain = {name: reason for name, reason in refused.items() if reason is not None}
        for name in self._filled([*vain]):
            self.unwritten[name] = f"no row could be inserted: {vain[name]}"
            for unit in self._units(full[name]):
                if unit.stays:
                    why = "it is part of a key, which only a new row may have another value of"
                    self.unwritten.update(dict.fromkeys(((*name, one) for one in unit.names), why))

    def _with_rows(self, tables: Iterable[Table]) -> Iterator[Table]:
        asked = []
        for table in tables:
            if table.kind == "f":
                self.unwritten[table.name] = "it is a foreign table"
            elif not table.readable:
                self.unwritten[table.name] = "the role that runs the migrations may not read it"
            elif not table.empty:
                asked.append(table)
        if asked:
            each = (f"EXISTS (SELECT FROM {own_rows(one)})" for one in asked)
            self.cursor.execute(f"SELECT ARRAY[{', '.join(each)}]::text[]")
            found = self.cursor.fetchone()[0].strip("{}").split(",")
            yield from (table for table, some in zip(asked, found, strict=True) if some == "true")

    def _filled(self, tables: Sequence[Name]) -> dict[Name, str]:
        """Fills these tables; returns those that got no row, each with the reason."""
        if not tables:
            return {}
        made = fill(
            self.application,
            rows=INSERTED,
            tables=tables,
            kind=self.kind,
            known=self.known,
            start=START,
        )
        self.counts["inserted"] += sum(made.rows.values())
        return made.refused

    def _units(self, table: Table) -> tuple[Unit, ...]:
        children = self.children.get(table.name, ())
        referred = {column for _, one in children for column in one.parent_columns}
        return units(table, keys=self.facts[table.name].keys, referred=referred)

    def _write(self, table: Table) -> str | None:
        """Writes to the table; returns why no row could be inserted."""
        counts: Counter[str] = Counter()
        writer = TableWriter(
            cursor=self.cursor,
            table=table,
            types=self.shapes.types,
            unwritten=self.unwritten,
        )
        try:
            with transaction(self.cursor):
                self.cursor.execute("; ".join(SPELLED_SO))
                refusal = self._write_rows(writer, counts)
        except psycopg2.Error as error:
            self.unwritten[table.name] = words(error)
            return None
        self.counts.update(counts)
        return refusal

    def _write_rows(self, writer: TableWriter, counts: Counter[str]) -> str | None:
        table = writer.table
        places, rows = writer.read(min(MOST_ROWS, MOST_VALUES // max(1, len(table.columns))))
        children = self.children.get(table.name, ())
        deleted = writer.delete(children) if len(rows) > _ONLY else None
        counts["deleted"] += deleted is not None
        left = [place for place, where in enumerate(places) if where != deleted]
        kept = [rows[place] for place in left]
        possible = Possible(cursor=self.cursor, table=table, another=self.another, known=self.known)
        found = moves(self._units(table), kept, possible)
        counts["columns"] += writer.update([places[place] for place in left], kept, found)
        inserted, refusal = writer.insert(new_rows(found, rows, INSERTED, possible))
        counts["inserted"] += inserted
        return None if inserted else refusal


def _children(shapes: Shapes) -> dict[Name, list[tuple[Table, Reference]]]:
    """By table: the foreign keys that lead to it, and whose they are."""
    found: dict[Name, list[tuple[Table, Reference]]] = {}
    for table in shapes.tables.values():
        for one in table.references:
            found.setdefault(one.parent, []).append((table, one))
    return found


def _drawn(cursor: Any, name: Name) -> bool:
    """Draws the sequence two times, so that one which is set back differs."""
    try:
        for _ in range(2):
            cursor.execute(f"SELECT pg_catalog.nextval({literal(in_quotes(*name))})")
    except psycopg2.Error as error:
        words(error)  # it is at its end, or another role's
        return False
    return True
