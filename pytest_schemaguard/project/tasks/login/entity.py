"""The mapped class that logs in: found by its name, its rows chosen, looked up and read."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, String, cast, inspect, select
from sqlalchemy.orm import Mapper, object_mapper

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.tasks import loading
from pytest_schemaguard.project.tasks.models.naming import table_name, tables_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from sqlalchemy.orm import Session


class NobodyError(LookupError):
    """The login's query found no row."""


class Entity:
    """A mapped class, and the attribute that the application looks its rows up by.

    Raises ProjectError: the models have no such class, or the class no such attribute.
    """

    def __init__(self, model: str, by: str, mappers: Sequence[Mapper[Any]], root: Path) -> None:
        self.mapper = _mapper(model, mappers, root)
        self.by = _attribute(self.mapper, by)
        self._attribute = getattr(self.mapper.class_, self.by)

    @property
    def name(self) -> str:
        return str(self.mapper.class_.__name__)

    @property
    def column(self) -> Column[Any]:
        """The column of `by`."""
        column = self.mapper.column_attrs[self.by].columns[0]
        assert isinstance(column, Column)
        return column

    def values(self, session: Session, named: Collection[str]) -> list[Any]:
        """Of `by`: of a row whose value is among `named`, of the first row, and of the last."""
        some = select(self._attribute).where(self._attribute.is_not(None)).limit(1)
        keys = self.mapper.primary_key
        found: list[Any] = []
        if named:
            chosen = some.where(cast(self._attribute, String).in_(sorted(named)))
            found += session.scalars(chosen).all()
        found += session.scalars(some.order_by(*keys)).all()
        found += session.scalars(some.order_by(*(key.desc() for key in keys))).all()
        return [value for number, value in enumerate(found) if value not in found[:number]]

    def look_up(self, session: Session, value: Any) -> Any:
        """The row, as the application asks for it. Raises NobodyError."""
        statement = select(self.mapper.class_).where(self._attribute == value)
        found = session.scalars(statement).unique().first()
        if found is None:
            raise NobodyError(f"no row has {self.by} = {str(value)!r}")
        return found

    def column_named(self, name: str | None) -> tuple[str, ...] | None:
        """The model's column of this name, `("public", "user", "email")`."""
        for table in tables_of(self.mapper):
            for column in table.columns:
                if column.name == name:
                    return (*table_name(table), str(column.name))
        return None


def read(instance: Any) -> None:
    """Every column's attribute of a mapped object, deferred ones too."""
    for attribute in object_mapper(instance).column_attrs:
        if not getattr(attribute, "raiseload", False):  # the model forbids to load it later
            getattr(instance, attribute.key)


def _mapper(name: str, mappers: Sequence[Mapper[Any]], root: Path) -> Mapper[Any]:
    subject = f"login.model {name}"
    if ":" in name:
        value = loading.find(name, subject=subject, root=root)
        mapper = inspect(value, raiseerr=False)
        if isinstance(mapper, Mapper) and tables_of(mapper):
            return mapper
        raise ProjectError(subject, "it is no mapped class", fix="name a class with a table")
    known = [mapper for mapper in mappers if tables_of(mapper)]
    found = [mapper for mapper in known if mapper.class_.__name__ == name]
    if len(found) == 1:
        return found[0]
    names = [f"{one.class_.__module__}:{one.class_.__qualname__}" for one in found]
    if found:
        raise ProjectError(
            subject, f"{len(found)} mapped classes of this name", fix=f"write {' or '.join(names)}"
        )
    classes = sorted({mapper.class_.__name__ for mapper in known})
    raise ProjectError(
        subject, "no mapped class of this name", fix=_nearest(name, classes, "the models have")
    )


def _attribute(mapper: Mapper[Any], by: str) -> str:
    """The name of the column's attribute, also by a synonym of it."""
    synonym = mapper.synonyms.get(by)
    name = synonym.name if synonym is not None else by
    if name in mapper.column_attrs:
        return name
    entity = mapper.class_.__name__
    names = [one.key for one in mapper.column_attrs]
    raise ProjectError(
        f"login.by {by}",
        f"{entity} has no column attribute of this name",
        fix=_nearest(by, names, f"{entity} has"),
    )


def _nearest(name: str, names: Sequence[str], holder: str) -> str:
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"{holder} {', '.join(names) or 'none'}"
