"""Makes rows of what the catalog says alone: the same catalog gets the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.rows.filling import Asked, Filler, Known
from pytest_schemaguard.rows.tables import own_rows, read
from pytest_schemaguard.rows.values import Kind

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.rows.tables import Shapes, Table

__all__ = ["Filled", "Kind", "Known", "fill"]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What was made."""

    rows: dict[Name, int]
    """How many rows, by table: those that got some."""
    refused: dict[Name, str]
    """Tables in which no row could be made, each with the reason."""


def fill(
    owner: Any,
    *,
    rows: int,
    tables: Collection[Name] | None = None,
    kind: Kind = Kind.WILD,
    known: Known = MappingProxyType({}),
    start: int = 0,
) -> Filled:
    """Makes so many rows in each table; fewer where a key has no more values.

    Raises psycopg2.Error where the connection breaks.

    `owner` is an autocommit connection of the tables' owner, with the settings that production's
    sessions have (Settings.STAND_IN). `tables` None: those that have no row. `start` is the number
    of the first row: rows of other numbers have other values, as far as their types have any.
    Tables of migration tools, of extensions and temporary ones get none; partitions get those of
    their root.
    """
    if rows <= 0:
        return Filled(rows={}, refused={})
    with owner.cursor() as cursor:
        shapes = read(cursor)
        wanted = _wanted(cursor, shapes, tables)
        filler = Filler(
            cursor=cursor,
            shapes=shapes,
            asked=Asked(rows=rows, kind=kind, known=known, start=start, anew=tables is None),
        )
        filler.fill(wanted)
    return Filled(rows=filler.made, refused=filler.refused)


def _wanted(cursor: Any, shapes: Shapes, tables: Collection[Name] | None) -> dict[Name, Table]:
    """The tables to fill, by name."""
    found = [one for one in shapes.tables.values() if not one.is_tools]
    if tables is not None:
        return {one.name: one for one in found if one.name in tables}
    asked = [one for one in found if one.kind != "f" and one.readable and not one.empty]
    full: set[Name] = set()
    if asked:
        each = (f"EXISTS (SELECT FROM {own_rows(one)})" for one in asked)
        cursor.execute(f"SELECT ARRAY[{', '.join(each)}]")
        full = {one.name for one, some in zip(asked, cursor.fetchone()[0], strict=True) if some}
    return {one.name: one for one in found if one.name not in full}
