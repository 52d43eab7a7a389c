"""Models whose schemas are placeholders, as the application uses them: by `schema_translate_map`.

The schema is written into the tables, so that DDL, statements, places and logins all see it: in
this process nobody else uses them.
https://docs.sqlalchemy.org/en/20/core/connections.html#translation-of-schema-names
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy import ARRAY, Boolean, Sequence, TypeDecorator
from sqlalchemy.sql.sqltypes import SchemaType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import MetaData, Table
    from sqlalchemy.types import TypeEngine

_translated: WeakSet[Any] = WeakSet()
"""What has its schema already: a second look must not translate what the first one wrote."""


def translate(metadata: MetaData, names: Mapping[str | None, str | None]) -> None:
    """Gives each table, sequence and named type the schema that its own one stands for."""
    for table in metadata.tables.values():
        for thing in (table, *_of_columns(table)):
            if thing not in _translated:
                _translated.add(thing)
                thing.schema = names.get(thing.schema, thing.schema)
        table.fullname = f"{table.schema}.{table.name}" if table.schema else table.name


def _of_columns(table: Table) -> Iterator[Any]:
    for column in table.columns:
        if isinstance(column.default, Sequence):
            yield column.default
        for one in parts_of(column.type):
            # Boolean is a SchemaType for its check's sake, and has no schema.
            if isinstance(one, SchemaType) and not isinstance(one, Boolean):
                yield one


def parts_of(type_: TypeEngine[Any]) -> Iterator[TypeEngine[Any]]:
    """The type, and those that it is made of."""
    yield type_
    if isinstance(type_, ARRAY):
        yield from parts_of(type_.item_type)
    if isinstance(type_, TypeDecorator):
        yield from parts_of(type_.impl_instance)
