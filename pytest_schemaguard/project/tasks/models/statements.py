"""What the ORM would send for each mapped class, as text with `$1` placeholders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Computed,
    Identity,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import aliased, undefer
from sqlalchemy.schema import FetchedValue

from pytest_schemaguard.project.answers.models import OrmStatement
from pytest_schemaguard.project.tasks.models.ddl import words
from pytest_schemaguard.project.tasks.models.naming import table_name, tables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.dialects.postgresql.base import PGDialect
    from sqlalchemy.orm import Mapper, RelationshipProperty
    from sqlalchemy.sql.elements import ClauseElement

    from pytest_schemaguard.project.answers.models import Name

    Made = tuple[str, str, Name, Callable[[], ClauseElement]]
    """Verb, entity, table, and how to make the statement."""


def statements(
    mappers: Sequence[Mapper[Any]], dialect: PGDialect
) -> tuple[tuple[OrmStatement, ...], dict[Name, str]]:
    """The statements, and by table what SQLAlchemy refuses to render, with its message."""
    told: list[OrmStatement] = []
    refused: dict[Name, str] = {}
    for mapper in mappers:
        for verb, entity, table, make in _made(mapper):
            try:
                compiled = make().compile(
                    dialect=dialect, compile_kwargs={"render_postcompile": True}
                )
            except Exception as error:  # noqa: BLE001 - types of the project raise anything; it is told
                refused.setdefault(table, f"{verb} of {entity}: {words(error)}")
            else:
                told.append(OrmStatement(verb=verb, entity=entity, table=table, sql=str(compiled)))
    return tuple(told), refused


def _made(mapper: Mapper[Any]) -> Iterator[Made]:
    entity = mapper.class_.__name__
    local = mapper.local_table
    own = local if isinstance(local, Table) else next(iter(tables_of(mapper)), None)
    if own is None:  # mapped to a query without any table: there is nothing to check
        return
    if not mapper.concrete or isinstance(local, Table):
        # Deferred columns are loaded sooner or later: they must be there too.
        yield (
            "select",
            entity,
            table_name(own),
            lambda: select(mapper.class_).options(undefer("*")),
        )
    if isinstance(mapper.persist_selectable, Table) or mapper.inherits is not None:
        for table in tables_of(mapper):
            yield from _writes(mapper, entity, table)
    for relationship in mapper.relationships:
        if relationship.parent is mapper:
            yield from _of_relationship(relationship, entity, own)


def _writes(mapper: Mapper[Any], entity: str, table: Table) -> Iterator[Made]:
    columns = _mapped(mapper, table)
    keys = [column for column in columns if column in table.primary_key.columns.values()]
    keys = keys or [column for column in columns if column in mapper.primary_key]
    name = table_name(table)
    if not columns:
        return
    yield "insert", entity, name, lambda: _insert(mapper, table, columns)
    if not keys:
        return
    others = [column for column in columns if column not in keys and _may_update(column)]
    if others:
        yield "update", entity, name, lambda: _update(mapper, table, keys, others)
    yield "delete", entity, name, lambda: delete(table).where(_same_row(mapper, table, keys))


def _mapped(mapper: Mapper[Any], table: Table) -> list[Column[Any]]:
    mapped = {
        column
        for attribute in mapper.column_attrs
        for column in attribute.columns
        if isinstance(column, Column) and column.table is table
    }
    return [column for column in table.columns if column in mapped]


def _insert(mapper: Mapper[Any], table: Table, columns: Sequence[Column[Any]]) -> ClauseElement:
    """Every column that it may send: not those that PostgreSQL alone may fill.

    A default in SQL, or a sequence, is left to SQLAlchemy, which writes it into the statement.
    """
    sent = [column for column in columns if _may_insert(column)]
    values = {
        column: bindparam(None, type_=column.type) for column in sent if not _default_in_sql(column)
    }
    statement = insert(table).values(values)
    returned = _returned(mapper, table, columns)
    return statement.returning(*returned) if returned else statement


def _update(
    mapper: Mapper[Any], table: Table, keys: Sequence[Column[Any]], others: Sequence[Column[Any]]
) -> ClauseElement:
    values = {
        column: bindparam(None, type_=column.type)
        for column in others
        if column.onupdate is None or not column.onupdate.is_clause_element
    }
    if not values and mapper.version_id_col is None:
        values = {column: bindparam(None, type_=column.type) for column in others}
    return update(table).where(_same_row(mapper, table, keys)).values(values)


def _same_row(
    mapper: Mapper[Any], table: Table, keys: Sequence[Column[Any]]
) -> ColumnElement[bool]:
    version = mapper.version_id_col
    checked = [*keys]
    if version is not None and getattr(version, "table", None) is table:
        checked.append(version)  # type: ignore[arg-type]
    return and_(*(column == bindparam(None, type_=column.type) for column in checked))


def _may_insert(column: Column[Any]) -> bool:
    identity = column.identity
    if identity is not None and identity.always:
        return False
    if isinstance(column.server_default, (Computed, Identity)):
        return isinstance(column.server_default, Identity)
    # A bare FetchedValue: the database fills it, and the model does not say how.
    return type(column.server_default) is not FetchedValue


def _may_update(column: Column[Any]) -> bool:
    identity = column.identity
    generated = isinstance(column.server_default, Computed)
    return not generated and not (identity is not None and identity.always)


def _default_in_sql(column: Column[Any]) -> bool:
    default = column.default
    return default is not None and (default.is_clause_element or default.is_sequence)


def _returned(
    mapper: Mapper[Any], table: Table, columns: Sequence[Column[Any]]
) -> list[Column[Any]]:
    """What the ORM fetches: a key that PostgreSQL makes, and defaults unless told otherwise."""
    if not table.implicit_returning:
        return []
    eager = mapper.eager_defaults is not False
    keys = set(table.primary_key.columns)
    made = [
        column
        for column in columns
        if column.server_default is not None
        or _default_in_sql(column)
        or column is table.autoincrement_column
    ]
    return [column for column in made if eager or column in keys]


def _of_relationship(
    relationship: RelationshipProperty[Any], entity: str, own: Table
) -> Iterator[Made]:
    """What loading it sends when it is asked for, and the rows of its association table."""
    name = f"{entity}.{relationship.key}"
    target = relationship.mapper.class_
    # An alias: subqueries of the target would otherwise correlate with this one, which is not how
    # the ORM loads.
    parent = aliased(relationship.parent.class_)
    yield (
        "select",
        name,
        table_name(own),
        lambda: select(target).select_from(parent).join(getattr(parent, relationship.key)),
    )
    secondary = relationship.secondary
    if not isinstance(secondary, Table) or relationship.viewonly:
        return
    pairs = [*relationship.synchronize_pairs, *(relationship.secondary_synchronize_pairs or ())]
    linked = [right for _, right in pairs if isinstance(right, Column)]
    where = table_name(secondary)
    yield (
        "insert",
        name,
        where,
        lambda: insert(secondary).values(
            {column: bindparam(None, type_=column.type) for column in linked}
        ),
    )
    yield (
        "delete",
        name,
        where,
        lambda: delete(secondary).where(
            and_(*(column == bindparam(None, type_=column.type) for column in linked))
        ),
    )
