"""A catalog read whole, as values. Identity is a name, never an oid. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Name = tuple[str, ...]
"""`("public", "user")` a relation or a type, `("public", "user", "email")` what belongs to it."""

OWN_SEQUENCE = "nextval(its own sequence)"
"""The default of a serial column, whatever its sequence is called (columns.sql writes it)."""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A table, or what is selected from like one."""

    kind: str
    """`table`, `partitioned table`, `view`, `materialized view` or `foreign table`."""
    unlogged: bool
    partitioned_by: str | None
    comment: str | None

    @property
    def is_table(self) -> bool:
        return self.kind in {"table", "partitioned table"}


@dataclass(frozen=True, kw_only=True)
class Column:
    type: str
    """As format_type spells it: `character varying(50)`, `public.status`."""
    nullable: bool
    default: str | None
    """The deparsed expression; `nextval(its own sequence)` for serial."""
    identity: str | None
    """`always` or `by default`."""
    generated: str | None
    """The deparsed expression of a generated column."""
    collation: str | None
    """Where it is not the type's own."""
    comment: str | None

    @property
    def fills_itself(self) -> bool:
        """Whether an INSERT that does not name it succeeds."""
        return self.nullable or any((self.default, self.identity, self.generated))


@dataclass(frozen=True, kw_only=True)
class Constraint:
    kind: str
    """`primary key`, `foreign key`, `unique`, `check` or `exclusion`."""
    definition: str
    """As pg_get_constraintdef spells it."""
    expression: str | None
    """A check's deparsed expression."""
    columns: tuple[str, ...]
    index: str | None
    """A unique constraint's index as Index.definition spells one."""


@dataclass(frozen=True, kw_only=True)
class Index:
    definition: str
    """As pg_get_indexdef spells it, without CREATE INDEX and the name: `UNIQUE ON public.t ...`."""
    valid: bool
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything of a database that the checks compare."""

    relations: Mapping[Name, Relation]
    columns: Mapping[Name, Column]
    constraints: Mapping[Name, Constraint]
    indexes: Mapping[Name, Index]
    enums: Mapping[Name, tuple[str, ...]]
    excluded: tuple[Name, ...] = ()
    """Relations that `exclude` left out."""

    def columns_of(self, table: Name) -> Mapping[Name, Column]:
        return self._by_table["columns"].get(table, {})

    def constraints_of(self, table: Name) -> Mapping[Name, Constraint]:
        return self._by_table["constraints"].get(table, {})

    def indexes_of(self, table: Name) -> Mapping[Name, Index]:
        return self._by_table["indexes"].get(table, {})

    @cached_property
    def _by_table(self) -> dict[str, dict[Name, dict[Name, Any]]]:
        grouped: dict[str, dict[Name, dict[Name, Any]]] = {}
        for part in ("columns", "constraints", "indexes"):
            tables = grouped.setdefault(part, {})
            for name, value in getattr(self, part).items():
                tables.setdefault(name[:2], {})[name] = value
        return grouped

    def to_json(self) -> dict[str, Any]:
        """Plain values, which `from_json` reads."""
        return {
            **{
                part: [[list(name), asdict(value)] for name, value in getattr(self, part).items()]
                for part in ("relations", "columns", "constraints", "indexes")
            },
            "enums": [[list(name), list(labels)] for name, labels in self.enums.items()],
            "excluded": [list(name) for name in self.excluded],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Snapshot:
        return cls(
            relations={tuple(name): Relation(**one) for name, one in values["relations"]},
            columns={tuple(name): Column(**one) for name, one in values["columns"]},
            constraints={
                tuple(name): Constraint(**{**one, "columns": tuple(one["columns"])})
                for name, one in values["constraints"]
            },
            indexes={
                tuple(name): Index(**{**one, "columns": tuple(one["columns"])})
                for name, one in values["indexes"]
            },
            enums={tuple(name): tuple(labels) for name, labels in values["enums"]},
            excluded=tuple(tuple(name) for name in values["excluded"]),
        )
