"""The statements that `create_all` would send to PostgreSQL, told instead of sent."""

from __future__ import annotations

import re
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql.named_types import CreateDomainType, CreateEnumType
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import (
    AddConstraint,
    CreateIndex,
    CreateSchema,
    CreateSequence,
    CreateTable,
    ExecutableDDLElement,
    SetColumnComment,
    SetConstraintComment,
    SetTableComment,
)

from pytest_schemaguard.project.answers.models import Ddl
from pytest_schemaguard.project.tasks.models.naming import (
    column_name,
    given_name,
    schema_of,
    table_name,
)
from pytest_schemaguard.project.tasks.models.parts import Parts, doubled_enums

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import MetaData, Table
    from sqlalchemy.dialects.postgresql.base import PGDialect

    from pytest_schemaguard.project.answers.models import Name

SCHEMA = re.compile(
    r"""\s*CREATE\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?("(?:[^"]|"")+"|\w+)\s*;?\s*""",
    re.IGNORECASE,
)

BACKGROUND = re.compile(r"\s*\(Background on this error.*", re.DOTALL)
COMPILER = re.compile(r"Compiler <\S+ object at 0x[0-9a-f]+>")


def create_all(
    metadatas: Sequence[MetaData], dialect: PGDialect
) -> tuple[tuple[Ddl, ...], dict[Name, str]]:
    """The statements in their order, and what SQLAlchemy refuses to render, with its message.

    Schemas come first, as `CREATE SCHEMA IF NOT EXISTS`: create_all itself makes none.
    """
    told = _Told(dialect)
    for name, error in doubled_enums(metadatas):
        told.refuse(name, error)
    for metadata in metadatas:
        told.begin_metadata()
        metadata.create_all(told, tables=told.creatable(metadata))
        told.end_metadata(metadata)
    return told.result(metadatas)


class _Told(MockConnection):
    """A connection that writes down what it is asked to execute."""

    def __init__(self, dialect: PGDialect) -> None:
        super().__init__(dialect, self._tell)
        self._pg = dialect
        self._ddl: list[Ddl] = []
        self._known: dict[tuple[str, Name], str] = {}
        self._unrendered: dict[Name, str] = {}
        self._refused: set[Name] = set()
        """Tables that are not made: what hangs on them is not told either."""
        self._schemas: list[str] = []
        self._parts = Parts(dialect, self.refuse)

    def begin_metadata(self) -> None:
        self._refused = set()

    def creatable(self, metadata: MetaData) -> list[Table]:
        """The tables that create_all can put in an order: one that it cannot loses all others.

        Without the foreign keys that lead nowhere.
        """
        tables = []
        for table in metadata.tables.values():
            try:
                self._pg.validate_identifier(table.name)
                self._pg.validate_identifier(schema_of(table))
            except SQLAlchemyError as error:
                self.refuse(table_name(table), error)
                self._refused.add(table_name(table))
            else:
                tables.append(table)
        for table in tables:
            self._parts.without_dead_ends(table)
        return tables

    def end_metadata(self, metadata: MetaData) -> None:
        """A table that was neither told nor refused fell with its MetaData."""
        self._parts.restore()
        told = {one.name for one in self._ddl if one.kind == "table"} | self._unrendered.keys()
        fallen = self._unrendered.get(_name(metadata, self._pg))
        for table in metadata.tables.values():
            if fallen is not None and table_name(table) not in told:
                self._unrendered[table_name(table)] = fallen

    def refuse(self, name: Name, error: Exception) -> None:
        self._unrendered.setdefault(name, words(error))

    def result(self, metadatas: Iterable[MetaData]) -> tuple[tuple[Ddl, ...], dict[Name, str]]:
        named = [schema_of(table) for one in metadatas for table in one.tables.values()]
        named += [one.name[0] for one in self._ddl if one.kind in {"type", "sequence"}]
        schemas = sorted({*named, *self._schemas} - {"public"})
        made = [
            Ddl(
                sql=f"CREATE SCHEMA IF NOT EXISTS {self._pg.identifier_preparer.quote(schema)}",
                kind="schema",
                subject=schema,
                name=(schema,),
            )
            for schema in schemas
        ]
        return (*made, *_ordered(self._ddl)), self._unrendered

    @contextmanager
    def telling(self, thing: object, *part: str) -> Iterator[None]:
        """Whatever goes wrong with this object is told, and the next one is looked at."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - types and listeners of the project raise anything
            self.refuse((*_name(thing, self._pg), *part), error)

    # What create_all and listeners of the project call

    def _run_ddl_visitor(self, visitorcallable: Any, element: Any, **kwargs: Any) -> None:
        """A visitor of SQLAlchemy's, made to go on where it would stop.

        It is what `create_all` calls on any connection; overridden because one object that cannot
        be made would otherwise hide all others.
        """
        told = self

        class Forgiving(visitorcallable):  # type: ignore[misc]
            @contextmanager
            def with_ddl_events(self, target: Any, **kw: Any) -> Iterator[None]:
                """A listener that fails takes nothing else with it."""
                events = super().with_ddl_events(target, **kw)
                entered = False
                with told.telling(target, "(listener)"):
                    events.__enter__()
                    entered = True
                yield
                if entered:
                    with told.telling(target, "(listener)"):
                        events.__exit__(None, None, None)

            def traverse_single(self, obj: Any, **kw: Any) -> Any:
                with told.telling(obj):
                    return super().traverse_single(obj, **kw)

        super()._run_ddl_visitor(Forgiving, element, **kwargs)

    def exec_driver_sql(self, statement: str, *_: Any, **__: Any) -> None:
        self._add(statement, "other", ("public", _start(statement)))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"a listener of the models asks the database (Connection.{name}), which is not there"
        )

    def _tell(self, element: Any, *_: Any, **__: Any) -> None:
        if not isinstance(element, ExecutableDDLElement):
            compiled = element.compile(dialect=self._pg, compile_kwargs={"literal_binds": True})
            self._add(str(compiled), "other", ("public", _start(str(compiled))))
            return
        kind, name = _kind(element), _name(element, self._pg)
        table = _table(element)
        if table in self._refused and kind != "table":
            return
        sql = None
        with self.telling(element):
            try:
                sql = str(element.compile(dialect=self._pg)).strip()
            except SQLAlchemyError:
                if not (isinstance(element, CreateTable) and self._parts.without(element.element)):
                    raise
                sql = str(CreateTable(element.element).compile(dialect=self._pg)).strip()
        if sql is not None:
            self._add(sql, kind, name if kind != "other" else ("public", _start(sql)))
        elif table is not None and kind == "table":
            self._refused.add(table)

    def _add(self, sql: str, kind: str, name: Name) -> None:
        schema = SCHEMA.fullmatch(sql)
        if schema:
            quoted = schema[1].startswith('"')
            self._schemas.append(
                schema[1][1:-1].replace('""', '"') if quoted else schema[1].lower()
            )
            return
        if kind in {"type", "sequence", "table"}:
            # create_all looks whether it is there already; two MetaData may name the same thing.
            known = self._known.setdefault((kind, name), sql)
            if known is not sql:
                if known != sql:
                    self._unrendered[name] = f"the models define two of this name: {known} | {sql}"
                if kind == "table":
                    self._refused.add(name)
                return
        self._ddl.append(Ddl(sql=sql, kind=kind, subject=".".join(name), name=name))


def words(error: Exception) -> str:
    """What it says, without what SQLAlchemy adds for its own developers."""
    said = BACKGROUND.sub("", COMPILER.sub("PostgreSQL", str(error))).strip()
    return said if isinstance(error, SQLAlchemyError) else f"{type(error).__name__}: {said}"


def _ordered(statements: Iterable[Ddl]) -> list[Ddl]:
    """SQLAlchemy keeps indexes and constraints in sets: by name, so that two runs tell the same."""
    ordered: list[Ddl] = []
    for kind, group in groupby(statements, key=lambda one: one.kind):
        together = list(group)
        if kind in {"index", "constraint"}:
            together.sort(key=lambda one: one.name)
        ordered += together
    return ordered


def _kind(element: ExecutableDDLElement) -> str:
    kinds: tuple[tuple[type[Any] | tuple[type[Any], ...], str], ...] = (
        (CreateTable, "table"),
        (CreateIndex, "index"),
        ((CreateEnumType, CreateDomainType), "type"),
        (CreateSequence, "sequence"),
        (AddConstraint, "constraint"),
        (CreateSchema, "schema"),
        ((SetTableComment, SetColumnComment, SetConstraintComment), "comment"),
    )
    return next((kind for types, kind in kinds if isinstance(element, types)), "other")


def _table(element: ExecutableDDLElement) -> Name | None:
    target = getattr(element, "element", None)
    if isinstance(element, (CreateTable, SetTableComment)):
        return table_name(element.element)
    table = getattr(target, "table", None)
    return None if table is None else table_name(table)


def _name(thing: Any, dialect: Any) -> Name:
    """The identity of an object, or of what a statement makes."""
    thing = getattr(thing, "element", thing)
    kind = getattr(thing, "__visit_name__", "")
    if isinstance(thing, str):
        return (thing,)
    if kind == "column":
        return column_name(thing)
    table = getattr(thing, "table", None)
    if table is not None:
        return (*table_name(table), given_name(thing, dialect) or f"({kind})")
    name = getattr(thing, "name", None)
    return (schema_of(thing), str(name) if name is not None else f"({kind or 'listener'})")


def _start(sql: str) -> str:
    """For people: the first words of a statement without an identity of its own."""
    return " ".join(sql.split())[:60]
