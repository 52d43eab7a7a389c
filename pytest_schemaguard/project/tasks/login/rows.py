"""New rows for the login, made through the model: copies of an existing one, or made up."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ForeignKeyConstraint, Table, UniqueConstraint, insert, select, text
from sqlalchemy.orm import object_mapper
from sqlalchemy.orm.attributes import manager_of_class

from pytest_schemaguard.project.tasks.login.values import NoValueError, fresh, made_up
from pytest_schemaguard.project.tasks.models.naming import column_name, schema_of, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import ColumnProperty, Mapper, Session

    from pytest_schemaguard.project.answers.models import Name

UNIQUE = Path(__file__).with_name("unique.sql")
SEED = "add a row to `seed`: the new one is then made like it"


class CannotMakeError(Exception):
    """The guard knows no value for this column."""

    def __init__(self, column: Column[Any], reason: str) -> None:
        super().__init__(reason)
        self.column: Name = column_name(column)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewRow:
    """A row that is not yet in the database."""

    instance: Any
    invented: frozenset[str]
    """The columns whose values the guard made up; the others are copies or the model's defaults."""


def like(template: Any, by: str, session: Session) -> NewRow:
    """A copy of an existing row: fresh where it must be unique, the model's defaults where it has.

    Raises CannotMakeError, and whatever the project's model raises when a value is set.
    """
    mapper: Mapper[Any] = object_mapper(template)
    values = {}
    columns = {}
    for attribute, column in _settable(mapper):
        values[attribute.key] = getattr(template, attribute.key)
        columns[column] = attribute.key
    invented = {_column_of(mapper, by)}
    for group in _unique_groups(mapper, session):
        mine = [column for column in group if column in columns]
        left_to_defaults = len(mine) < len(group)
        no_value = any(values[columns[column]] is None for column in mine)
        if not left_to_defaults and not no_value and not invented & set(mine):
            invented.add(_freshest(mine))
    for column in invented:
        key = columns.get(column)
        if key is None:  # the model's default is fresh by itself
            continue
        values[key] = _another(values[key], column, session)
    return NewRow(
        instance=_instance(mapper, values),
        invented=frozenset(str(column.name) for column in invented),
    )


def from_nothing(mapper: Mapper[Any], by: str, session: Session) -> NewRow:
    """A row with values made up for what the model requires; parents are reused or made.

    Raises CannotMakeError, and whatever the project's model raises when a value is set.
    """
    wanted = _column_of(mapper, by)
    parents = _Parents(session)
    values = {}
    invented = set()
    for attribute, column in _settable(mapper):
        if column is not wanted and (column.nullable or column is mapper.version_id_col):
            continue
        invented.add(str(column.name))
        values[attribute.key] = parents.value(
            column, address=column is wanted and _is_address(by, column)
        )
    return NewRow(instance=_instance(mapper, values), invented=frozenset(invented))


def another(mapper: Mapper[Any], by: str, template: Any, session: Session) -> Any:
    """A value of `by` that no row has yet: like `template`, or made up where that is None.

    Raises CannotMakeError.
    """
    column = _column_of(mapper, by)
    if template is not None:
        return _another(template, column, session)
    return _Parents(session).value(column, address=_is_address(by, column))


def _is_address(by: str, column: Column[Any]) -> bool:
    return "mail" in f"{by}{column.name}".lower()


def _settable(mapper: Mapper[Any]) -> Iterator[tuple[ColumnProperty[Any], Column[Any]]]:
    """The attributes that a new row gets values for: all whose columns have no default."""
    dataclass_defaults = _dataclass_defaults(mapper.class_)
    for attribute in mapper.column_attrs:
        columns = [column for column in attribute.columns if isinstance(column, Column)]
        defaulted = any(_has_default(column) for column in columns)
        # By identity: == of columns makes SQL.
        discriminator = any(column is mapper.polymorphic_on for column in columns)
        versioned = mapper.version_id_generator is not False and any(
            column is mapper.version_id_col for column in columns
        )
        made = attribute.key in dataclass_defaults or discriminator or versioned
        if columns and not defaulted and not made:
            yield attribute, columns[0]


def _has_default(column: Column[Any]) -> bool:
    """Computed columns and identities count as server defaults."""
    automatic = isinstance(column.table, Table) and column is column.table.autoincrement_column
    return column.default is not None or column.server_default is not None or automatic


def _dataclass_defaults(model: type) -> dict[str, Any]:
    """What a dataclass's constructor would set, which SQLAlchemy 2.0 tells the columns nothing of.

    2.1 tells them, and leaves a mark of its own as the field's default.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(model) if dataclasses.is_dataclass(model) else ():
        if field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
        elif field.default is not dataclasses.MISSING and not _is_mark(field.default):
            found[field.name] = field.default
    return found


def _is_mark(value: Any) -> bool:
    return type(value).__module__.startswith("sqlalchemy.")


def _instance(mapper: Mapper[Any], values: dict[str, Any]) -> Any:
    """An object without its constructor, whose arguments nobody but the application knows."""
    manager = manager_of_class(mapper.class_)
    assert manager is not None
    instance = manager.new_instance()
    mapped = {attribute.key for attribute in mapper.column_attrs}
    defaults = _dataclass_defaults(mapper.class_)
    for key, value in {**defaults, **values}.items():
        if key in mapped:
            setattr(instance, key, value)
    if mapper.polymorphic_on is not None and mapper.polymorphic_identity is not None:
        discriminator = mapper.get_property_by_column(mapper.polymorphic_on)
        setattr(instance, discriminator.key, mapper.polymorphic_identity)
    return instance


def _column_of(mapper: Mapper[Any], by: str) -> Column[Any]:
    column = mapper.column_attrs[by].columns[0]
    assert isinstance(column, Column)
    return column


def _unique_groups(mapper: Mapper[Any], session: Session) -> Iterator[list[Column[Any]]]:
    """The columns that must be unique together: as the model says, and as the database does."""
    for table in tables_of(mapper):
        yield list(table.primary_key.columns)
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint):
                yield list(constraint.columns)
        for index in table.indexes:
            # An expression given as text names no column; the database's index does.
            if index.unique and (known := list(index.columns)):
                yield known
        preparer = session.get_bind().dialect.identifier_preparer
        relation = f"{preparer.quote(schema_of(table))}.{preparer.quote(table.name)}"
        found: dict[int, list[Column[Any]]] = {}
        statement = text(UNIQUE.read_text(encoding="utf-8"))
        for index_id, name in session.execute(statement, {"relation": relation}):
            known = [column for column in table.columns if column.name == name]
            found.setdefault(index_id, []).extend(known)
        yield from found.values()


def _freshest(columns: list[Column[Any]]) -> Column[Any]:
    """Which of these to change: a text that refers to nothing is the easiest."""
    return min(
        columns,
        key=lambda column: (bool(column.foreign_keys), getattr(column.type, "length", 0) is None),
    )


def _another(value: Any, column: Column[Any], session: Session) -> Any:
    if column.foreign_keys:
        if column.nullable:
            return None
        return _Parents(session, reuse=False).value(column)
    try:
        return fresh(value, column, session)
    except NoValueError:
        raise CannotMakeError(
            column, f"it is unique, and no other value of {column.type!r} is known"
        ) from None


class _Parents:
    """Values for required columns; the rows that they refer to are reused, or made."""

    def __init__(self, session: Session, *, reuse: bool = True) -> None:
        self._session = session
        self._reuse = reuse
        self._making: list[Table] = []
        self._known: dict[Column[Any], Any] = {}

    def value(self, column: Column[Any], *, address: bool = False) -> Any:
        constraint = next(
            (
                one
                for one in column.table.constraints
                if isinstance(one, ForeignKeyConstraint) and column in set(one.columns)
            ),
            None,
        )
        if constraint is not None:
            if column not in self._known:
                self._refer(constraint, column)
            return self._known.pop(column)
        try:
            return made_up(column, address=address)
        except NoValueError:
            raise CannotMakeError(column, f"no value of {column.type!r} is known") from None

    def _refer(self, constraint: ForeignKeyConstraint, column: Column[Any]) -> None:
        """Values for all columns of this foreign key, from one row."""
        there = [element.column for element in constraint.elements]
        parent = there[0].table
        found = self._session.execute(select(*there).limit(1)).first() if self._reuse else None
        if found is None:
            if parent in self._making or parent is column.table:
                raise CannotMakeError(column, f"it refers to {parent.name}, which refers back")
            self._making.append(parent)
            values = {
                one: self.value(one)
                for one in parent.columns
                if not one.nullable and not _has_default(one)
            }
            self._making.pop()
            found = self._session.execute(insert(parent).values(values).returning(*there)).one()
        self._known.update(zip(constraint.columns, found, strict=True))
