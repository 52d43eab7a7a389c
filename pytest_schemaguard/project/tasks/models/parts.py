"""What of a table cannot be rendered, set aside while the rest of it is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Enum, ForeignKeyConstraint, PrimaryKeyConstraint, Text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import NullType

from pytest_schemaguard.project.tasks.models.naming import (
    column_name,
    given_name,
    schema_of,
    table_name,
)
from pytest_schemaguard.project.tasks.models.translation import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Column, Constraint, MetaData, Table
    from sqlalchemy.dialects.postgresql.base import PGDialect

    from pytest_schemaguard.project.answers.models import Name


def doubled_enums(metadatas: Iterable[MetaData]) -> Iterator[tuple[Name, Exception]]:
    """Types of one name and other labels: create_all makes the first, and is silent of the next."""
    known: dict[Name, list[str]] = {}
    for metadata in metadatas:
        for table in metadata.tables.values():
            for column in table.columns:
                for one in parts_of(column.type):
                    if not isinstance(one, Enum) or not one.native_enum or one.name is None:
                        continue
                    name = (schema_of(one), str(one.name))
                    first = known.setdefault(name, one.enums)
                    if first != one.enums:
                        sides = " | ".join(
                            ", ".join(map(repr, side)) for side in (first, one.enums)
                        )
                        yield (
                            name,
                            ArgumentError(f"the models define two of this name: {sides}"),
                        )


class Parts:
    """Takes parts of tables away, tells why, and puts them back."""

    def __init__(self, dialect: PGDialect, refuse: Callable[[Name, Exception], None]) -> None:
        self._dialect = dialect
        self._refuse = refuse
        self._back: list[Callable[[], None]] = []

    def restore(self) -> None:
        """Makes the tables what they were."""
        while self._back:
            self._back.pop()()

    def without_dead_ends(self, table: Table) -> None:
        """Takes away foreign keys to tables and columns that are in no model.

        A column that would have had its type from there gets a stand-in.
        """
        for constraint in list(table.foreign_key_constraints):
            try:
                for element in constraint.elements:
                    _ = element.column
            except SQLAlchemyError as error:
                self._take(table, constraint, error)
                for column in constraint.columns:
                    if isinstance(column.type, NullType):
                        self._stand_in(column, error)

    def without(self, table: Table) -> bool:
        """Takes away what keeps the table from being rendered; whether there was such a part."""
        before = len(self._back)
        for column in table.columns:
            try:
                CreateColumn(column).compile(dialect=self._dialect)
            except SQLAlchemyError as error:
                self._stand_in(column, error)
        compiler: Any = self._dialect.ddl_compiler(self._dialect, None)  # type: ignore[arg-type]
        for constraint in list(table.constraints):
            if isinstance(constraint, PrimaryKeyConstraint):
                continue  # no table is rendered without its own
            try:
                compiler.process(constraint)
            except SQLAlchemyError as error:
                self._take(table, constraint, error)
        return len(self._back) > before

    def _take(self, table: Table, constraint: Constraint, error: Exception) -> None:
        name = given_name(constraint, self._dialect)
        self._refuse((*table_name(table), name or f"({constraint.__visit_name__})"), error)
        table.constraints.discard(constraint)
        self._back.append(partial(table.constraints.add, constraint))
        if isinstance(constraint, ForeignKeyConstraint):
            for element in constraint.elements:
                for keys in (table.foreign_keys, element.parent.foreign_keys):
                    keys.discard(element)
                    self._back.append(partial(keys.add, element))

    def _stand_in(self, column: Column[Any], error: Exception) -> None:
        """What stands on the column can be made of a text as well."""
        self._refuse(column_name(column), error)
        for attribute, value in (("type", Text()), ("server_default", None), ("computed", None)):
            self._back.append(partial(setattr, column, attribute, getattr(column, attribute)))
            setattr(column, attribute, value)
