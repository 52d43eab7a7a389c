"""Where the models say what they say: the file and line of each table, column, constraint, index.

Read from the source's syntax tree, since SQLAlchemy's objects do not remember where they were made:
an attribute's line is that of the class, mixin or abstract base in whose body it is written.
"""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, PrimaryKeyConstraint, Sequence, Table
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.sql.elements import conv
from sqlalchemy.sql.sqltypes import Enum

from pytest_schemaguard.project.answers.models import Place
from pytest_schemaguard.project.paths import is_own, relative
from pytest_schemaguard.project.tasks.models.naming import (
    column_name,
    column_names,
    given_name,
    schema_of,
    table_name,
    tables_of,
)
from pytest_schemaguard.project.tasks.models.source import Call, Class, Source, source_of
from pytest_schemaguard.project.tasks.models.translation import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Constraint, Index, MetaData
    from sqlalchemy.dialects.postgresql.base import PGDialect
    from sqlalchemy.orm import Mapper

    from pytest_schemaguard.project.answers.models import Name
    from pytest_schemaguard.project.tasks.models.targets import Target


def places(target: Target, dialect: PGDialect, root: Path) -> dict[Name, Place]:
    """The place of everything that could be found. What a program made up has none."""
    return _Places(dialect, root).of(target)


def class_place(model: type, root: Path) -> tuple[str, int] | None:
    """The file and line of a class, where its source can be read."""
    written = _class_of(model)
    if written is None:
        return None
    source, found = written
    return relative(source.path, root) or source.path, found.line


class _Places:
    def __init__(self, dialect: PGDialect, root: Path) -> None:
        self._dialect = dialect
        self._root = root
        self._found: dict[Name, Place] = {}
        self._held: dict[str, dict[int, int]] = {}

    def of(self, target: Target) -> dict[Name, Place]:
        by_table: dict[Table, list[Mapper[Any]]] = {}
        for mapper in target.mappers:
            for table in tables_of(mapper):
                by_table.setdefault(table, []).append(mapper)
        for metadata in target.metadatas:
            for table in metadata.tables.values():
                self._of_table(table, by_table.get(table, []))
            self._of_sequences(metadata)
        return dict(sorted(self._found.items()))

    def _of_table(self, table: Table, mappers: list[Mapper[Any]]) -> None:
        owners = [mapper for mapper in mappers if mapper.local_table is table]
        owners.sort(key=lambda mapper: len(list(mapper.iterate_to_root())))
        call, source = (None, None)
        declared = [mapper for mapper in owners if _is_declared(mapper)]
        if not declared:
            source, call = self._table_call(table, [mapper.class_ for mapper in owners])
        for mapper in declared or owners:
            self._of_class(mapper, table, call)
        model = owners[0].class_.__name__ if owners else None
        if call is not None and source is not None:
            self._put(table_name(table), source, call.line, model)
            attributes = _attributes(owners, table)
            for column in table.columns:
                written = call.columns.get(str(column.name))
                if written is not None:
                    attribute = attributes.get(str(column.name))
                    self._put(column_name(column), source, written, model, attribute)
        self._of_types(table)
        self._of_constraints(table, declared, source, call)

    def _of_sequences(self, metadata: MetaData) -> None:
        """Those that no column draws from; no public name lists them."""
        for one in metadata._sequences.values():  # noqa: SLF001 - see above
            name = (schema_of(one), str(one.name))
            for module in self._own_modules if name not in self._found else ():
                source = source_of(module)
                calls = source.calls if source is not None else ()
                line = _own_call_of(calls, "Sequence", name[1])
                if source is not None and line is not None:
                    self._put(name, source, line, None)
                    break

    def _of_types(self, table: Table) -> None:
        """Enums, domains and sequences are where the first column that uses them is."""
        for column in table.columns:
            things = [one for one in parts_of(column.type) if isinstance(one, (Enum, DOMAIN))]
            for one in (*things, column.default):
                name = getattr(one, "name", None)
                place = self._found.get(column_name(column))
                if place is None or name is None or not isinstance(one, (Enum, DOMAIN, Sequence)):
                    continue
                self._found.setdefault((schema_of(one), str(name)), place)

    def _of_class(self, mapper: Mapper[Any], table: Table, call: Call | None) -> None:
        """The class's own line, and those of its attributes that are columns of this table."""
        model = mapper.class_
        written = _class_of(model)
        if written is not None and call is None:
            self._put(table_name(table), written[0], written[1].line, model.__name__)
        for key, columns in _columns_by_attribute(mapper):
            for column in columns:
                if column.table is not table or column_name(column) in self._found:
                    continue
                place = None if call is not None else _attribute(model, key)
                if place is not None:
                    source, line = place
                    self._put(column_name(column), source, line, model.__name__, key)

    def _of_constraints(
        self, table: Table, declared: list[Mapper[Any]], source: Source | None, call: Call | None
    ) -> None:
        """A named constraint or index: its own call, else its column's line, else the table's."""
        searched = [(source, call.inner)] if source is not None and call is not None else []
        searched += _searched(declared)
        things: list[Constraint | Index] = [*table.constraints, *table.indexes]
        for one in things:
            name = given_name(one, self._dialect)
            if name is None:
                continue
            place = self._found.get(table_name(table))
            columns = column_names(one)
            if len(columns) == 1 and not isinstance(one, PrimaryKeyConstraint):
                place = self._found.get((*table_name(table), columns[0]), place)
            own = _own_place(one, name, searched)
            if own is not None:
                place = self._place(*own, place.model if place is not None else None)
            if place is not None:
                self._found.setdefault((*table_name(table), name), place)

    def _table_call(
        self, table: Table, classes: Iterable[type]
    ) -> tuple[Source | None, Call | None]:
        """The `Table("name", ...)` that made it, in the modules of its classes, then all others."""
        second: tuple[Source | None, Call | None] = (None, None)
        for name in dict.fromkeys([*(one.__module__ for one in classes), *self._own_modules]):
            source = source_of(name)
            if source is None:
                continue
            line = self._variables(name, source).get(id(table))
            if second[1] is None and line is not None:
                # A name that is no constant: at least the variable that holds the table.
                second = (source, Call(kind="Table", line=line, name=None))
            for call in source.tables.get(str(table.name), ()):
                if call.schema == table.schema:
                    return source, call
                # A schema that is no constant, or that of the MetaData.
                second = (source, call)
        return second

    def _variables(self, module: str, source: Source) -> dict[int, int]:
        """The lines of the module's variables that hold a table, by the table's id."""
        if module not in self._held:
            self._held[module] = {
                id(value): source.names[variable]
                for variable, value in list(vars(sys.modules[module]).items())
                if isinstance(value, Table) and variable in source.names
            }
        return self._held[module]

    @cached_property
    def _own_modules(self) -> list[str]:
        return [
            name
            for name, module in list(sys.modules.items())
            if is_own(getattr(module, "__file__", None) or "/", self._root)
        ]

    def _put(
        self, name: Name, source: Source, line: int, model: str | None, attribute: str | None = None
    ) -> None:
        self._found.setdefault(name, self._place(source, line, model, attribute))

    def _place(
        self, source: Source, line: int, model: str | None, attribute: str | None = None
    ) -> Place:
        path = relative(source.path, self._root) or source.path
        return Place(path=path, line=line, model=model, attribute=attribute)


def _is_declared(mapper: Mapper[Any]) -> bool:
    """Whether the class's own body makes the table: no Table(...) of its own, nor imperative."""
    while mapper.single and mapper.inherits is not None:
        mapper = mapper.inherits
    model = mapper.class_
    if not hasattr(model, "__tablename__"):  # imperative, which may leave a __table__ as well
        return False
    written = _class_of(model)
    return written is None or "__table__" not in written[1].attributes


def _columns_by_attribute(mapper: Mapper[Any]) -> Iterator[tuple[str, list[Column[Any]]]]:
    # A composite's columns are written where the composite is.
    composed = {
        prop.key: composite.key for composite in mapper.composites for prop in composite.props
    }
    for attribute in mapper.column_attrs:
        columns = [one for one in attribute.columns if isinstance(one, Column)]
        own = _attribute(mapper.class_, attribute.key) is not None
        yield (attribute.key if own else composed.get(attribute.key, attribute.key)), columns


def _attributes(mappers: Iterable[Mapper[Any]], table: Table) -> Mapping[str, str]:
    return {
        str(column.name): key
        for mapper in mappers
        for key, columns in _columns_by_attribute(mapper)
        for column in columns
        if column.table is table
    }


def _attribute(model: type, key: str) -> tuple[Source, int] | None:
    """The line on which the class, or the first of its bases that does, writes this attribute."""
    for base in model.__mro__:
        written = _class_of(base)
        if written is not None and key in written[1].attributes:
            return written[0], written[1].attributes[key]
    return None


def _class_of(model: type) -> tuple[Source, Class] | None:
    source = source_of(model.__module__)
    if source is None:
        return None
    found = source.find_class(model.__qualname__, vars(model).get("__firstlineno__"))
    return None if found is None else (source, found)


def _searched(mappers: Iterable[Mapper[Any]]) -> list[tuple[Source, tuple[Call, ...]]]:
    """The calls in a class, then in its bases, then anywhere in its module."""
    found = []
    for mapper in mappers:
        for base in mapper.class_.__mro__:
            written = _class_of(base)
            if written is not None:
                found.append((written[0], written[1].calls))
    for module in {mapper.class_.__module__: None for mapper in mappers}:
        source = source_of(module)
        if source is not None:
            found.append((source, source.calls))
    return found


def _own_call_of(calls: Iterable[Call], kind: str, name: str) -> int | None:
    return next((one.line for one in calls if (one.kind, one.name) == (kind, name)), None)


def _own_place(
    one: Constraint | Index, name: str, searched: Iterable[tuple[Source, tuple[Call, ...]]]
) -> tuple[Source, int] | None:
    for source, written in searched:
        whole = written is source.calls  # of a long module not all need to be looked at
        calls = source.calls_for(type(one).__name__) if whole else written
        line = _own_call(one, name, column_names(one), calls)
        if line is not None:
            return source, line
    return None


def _own_call(
    one: Constraint | Index, name: str, columns: list[str], calls: Iterable[Call]
) -> int | None:
    """The line of the call that made it: by its name, else by its class and columns."""
    kind = type(one).__name__
    named = [call for call in calls if call.name is not None and call.kind in {kind, "ForeignKey"}]
    for call in named:
        if call.name == name:
            return call.line
    if isinstance(one.name, conv):
        # A naming convention has put the given name, if any, at the end of its own.
        for call in named:
            if name.endswith(f"_{call.name}"):
                return call.line
    keys = (columns, [str(column.key) for column in getattr(one, "columns", ())])
    for call in calls:
        if call.kind == kind and call.name is None and columns:
            texts = list(call.texts)
            if kind == "ForeignKeyConstraint":  # what it refers to follows
                texts = texts[: len(columns)]
            if texts in keys:
                return call.line
    return None
