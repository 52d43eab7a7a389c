"""What PostgreSQL will call the models' objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import SQLAlchemyError

from pytest_schemaguard.sqltext.identifiers import made_up_name

if TYPE_CHECKING:
    from sqlalchemy import Column, Constraint
    from sqlalchemy.orm import Mapper

    from pytest_schemaguard.project.answers.models import Name


def dialect(version: tuple[int, int]) -> PGDialect:
    """PostgreSQL of this version as SQLAlchemy sees it, without a driver, with `$1` placeholders.

    What SQLAlchemy would set after it had asked a server is set here.
    """
    one: PGDialect = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    one.server_version_info = version
    one.default_schema_name = "public"
    # SQLAlchemy 2.1; absent in 2.0, where setting it does nothing.
    one.supports_virtual_generated_columns = version >= (18,)
    return one


def schema_of(thing: object) -> str:
    """The schema of a table, sequence or type; `public` where the model names none."""
    return str(getattr(thing, "schema", None) or "public")


def tables_of(mapper: Mapper[Any]) -> list[Table]:
    """The tables that a class is mapped to, those of its bases included."""
    return [table for table in mapper.tables if isinstance(table, Table)]


def table_name(table: Table) -> Name:
    return (schema_of(table), str(table.name))


def column_name(column: Column[Any]) -> Name:
    return (*table_name(column.table), str(column.name))


def constraint_name(constraint: Constraint | Index, dialect: PGDialect) -> str | None:
    """The name that the model or its naming convention gives, else the one PostgreSQL makes up.

    None for a check without a name. Raises SQLAlchemy's IdentifierError for a name too long.
    """
    named = constraint.name is not None
    formatted = dialect.identifier_preparer.format_constraint(constraint) if named else None
    if formatted is not None:
        quoted = formatted.startswith('"')
        return formatted[1:-1].replace('""', '"') if quoted else formatted
    table = str(constraint.table.name) if constraint.table is not None else ""
    columns = column_names(constraint)
    if isinstance(constraint, PrimaryKeyConstraint):
        return made_up_name(table, "", "pkey")
    if isinstance(constraint, UniqueConstraint):
        return made_up_name(table, "_".join(columns), "key")
    if isinstance(constraint, ForeignKeyConstraint):
        return made_up_name(table, "_".join(columns), "fkey")
    return None


def given_name(constraint: Constraint | Index, dialect: PGDialect) -> str | None:
    """The same; a name too long, which is refused, is its name all the same."""
    try:
        return constraint_name(constraint, dialect)
    except SQLAlchemyError:
        return str(constraint.name)


def column_names(constraint: Constraint | Index) -> list[str]:
    """Its columns' names; none for one that is made of expressions."""
    return [str(column.name) for column in getattr(constraint, "columns", ())]
