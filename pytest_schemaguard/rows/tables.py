"""What a new row of each table has to satisfy, as the catalog says it."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.sqltext.identifiers import in_quotes
from pytest_schemaguard.sqltext.spelling import SEARCH_PATH
from pytest_schemaguard.version_tables import is_of_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_schemaguard.catalog.snapshot import Name

_TABLES = Path(__file__).with_name("tables.sql")
_TYPES = Path(__file__).with_name("types.sql")


@dataclass(frozen=True, kw_only=True)
class Type:
    """A row of pg_type (https://www.postgresql.org/docs/current/catalog-pg-type.html)."""

    oid: int
    name: str
    """Without its schema."""
    spelled: str
    """For SQL, without a modifier."""
    form: str
    """`a` an array, `b` another base type, `c` a composite one, `d` a domain, `e` an enum, `r` a
    range, `m` a multirange, `p` a pseudo-type."""
    of: int
    """The oid of an array's element, a range's bound, a domain's own type; else 0."""
    of_modifier: int
    of_spelled: str | None
    """A domain's own type, with its modifier."""
    dimensions: int
    not_null: bool
    delimiter: str
    """Between the elements of an array."""
    labels: tuple[str, ...]
    fields: tuple[tuple[int, int, str], ...]
    """A composite type's: oid, modifier, name."""
    checks: tuple[str, ...]
    """A domain's own: `(VALUE > 0)`."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A row of pg_attribute."""

    name: str
    type: int
    spelled: str
    """The type, with its modifier."""
    modifier: int
    dimensions: int
    not_null: bool
    identity: bool
    generated: bool
    default: str | None
    calls: bool
    """Whether the default calls a function that is not PostgreSQL's own."""

    @property
    def is_automatic(self) -> bool:
        """Whether PostgreSQL gives it a value that no application chooses."""
        return self.identity or self.generated or "nextval(" in (self.default or "")

    @property
    def draws(self) -> bool:
        """Whether PostgreSQL alone fills it, or a function of the database's own does."""
        return self.is_automatic or self.calls


@dataclass(frozen=True, kw_only=True)
class Check:
    """What the values of some columns satisfy together: a check, or some partition's bounds."""

    expression: str
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A foreign key."""

    name: str
    parent: Name
    columns: tuple[str, ...]
    parent_columns: tuple[str, ...]
    full: bool
    """MATCH FULL: all of its columns are NULL, or none is."""
    deferrable: bool


@dataclass(frozen=True, kw_only=True)
class Table:
    """An ordinary, a partitioned or a foreign table."""

    name: Name
    kind: str
    """pg_class.relkind."""
    empty: bool
    """Its file has no page. (Without that it may have no row either.)"""
    readable: bool
    columns: tuple[Column, ...]
    checks: tuple[Check, ...]
    keys: tuple[tuple[str, ...], ...]
    """The columns of each unique index and exclusion constraint; the primary key's come first."""
    references: tuple[Reference, ...]

    @property
    def is_tools(self) -> bool:
        return is_of_tools(self.name[1], [column.name for column in self.columns])


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """A database's tables, and the types of their columns by oid."""

    tables: Mapping[Name, Table]
    types: Mapping[int, Type]


@contextmanager
def transaction(cursor: Any, *, pinned: bool = False) -> Iterator[None]:
    """What PostgreSQL defers is not: each statement says what it violates. Raises psycopg2.Error.

    `pinned`: names are PostgreSQL's own, and nothing stays.
    """
    path = f"SET LOCAL search_path = {SEARCH_PATH}" if pinned else "SET CONSTRAINTS ALL IMMEDIATE"
    cursor.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE; {path}")
    try:
        yield
        cursor.execute("ROLLBACK" if pinned else "COMMIT")
    except BaseException:
        with suppress(psycopg2.Error):  # of a connection that broke, the first error tells
            cursor.execute("ROLLBACK")
        raise


def read(cursor: Any) -> Shapes:
    """The tables that rows can be made for. Raises psycopg2.Error."""
    with transaction(cursor, pinned=True):
        cursor.execute(_TABLES.read_text(encoding="utf-8"))
        tables = [_table(row) for row in cursor.fetchall()]
        cursor.execute(_TYPES.read_text(encoding="utf-8"))
        types = [_type(*row) for row in cursor.fetchall()]
    return Shapes(
        tables={table.name: table for table in tables}, types={one.oid: one for one in types}
    )


def _type(*row: Any) -> Type:
    *facts, labels, fields, checks = row
    names = ("oid", "name", "spelled", "form", "of", "of_modifier", "of_spelled", "dimensions")
    return Type(
        **dict(zip((*names, "not_null", "delimiter"), facts, strict=True)),
        labels=tuple(labels),
        fields=tuple((oid, modifier, name) for oid, modifier, name in fields),
        checks=tuple(checks),
    )


def _table(row: Sequence[Any]) -> Table:
    schema, name, kind, empty, readable, columns, checks, keys, references, bounds = row
    names = (
        "name",
        "type",
        "spelled",
        "modifier",
        "dimensions",
        "not_null",
        "identity",
        "generated",
    )
    found = [
        Check(expression=expression, columns=tuple(columns)) for _, expression, columns in checks
    ]
    if bounds and all(bounds):  # of a default partition without others there are none
        either = " OR ".join(f"({one})" for one in bounds)
        named = (
            one[0] for one in columns if re.search(rf"(?<!\w){re.escape(one[0])}(?!\w)", either)
        )
        found.append(Check(expression=either, columns=tuple(named)))
    return Table(
        name=(schema, name),
        kind=kind,
        empty=empty,
        readable=readable,
        columns=tuple(
            Column(**dict(zip((*names, "default", "calls"), one, strict=True))) for one in columns
        ),
        checks=tuple(found),
        keys=tuple(tuple(one) for one in keys),
        references=tuple(
            Reference(
                name=name,
                parent=(schema, table),
                columns=tuple(here for here, _ in pairs),
                parent_columns=tuple(there for _, there in pairs),
                full=full,
                deferrable=deferrable,
            )
            for name, schema, table, pairs, full, deferrable in references
        ),
    )


def own_rows(table: Table) -> str:
    """For a query's FROM: its rows, without those of tables that inherit it."""
    return ("" if table.kind == "p" else "ONLY ") + in_quotes(*table.name)
