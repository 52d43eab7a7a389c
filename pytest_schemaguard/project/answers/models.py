"""What the project's side reports of its models: pure values that cross the process boundary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Name = tuple[str, ...]
"""An object's identity: `("public", "user")` a table, `("public", "user", "email")` its column,
constraint or index. A model without a schema is in `public`."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the model says something."""

    path: str
    """Relative to the configuration's folder when inside it, otherwise absolute."""
    line: int
    model: str | None = None
    """The mapped class, `User`; None for a bare Table."""
    attribute: str | None = None
    """The attribute of a column."""


@dataclass(frozen=True, kw_only=True)
class Ddl:
    """One statement that `create_all` would execute."""

    sql: str
    kind: str
    """`schema`, `type`, `table`, `constraint`, `index`, `sequence`, `comment` or `other`."""
    subject: str
    """What it makes, for people: `public.user`, `public.user.ix_user_email`."""
    name: Name


@dataclass(frozen=True, kw_only=True)
class OrmStatement:
    """One statement as the ORM would send it, with `$1` placeholders."""

    verb: str
    """`select`, `insert`, `update` or `delete`."""
    entity: str
    """The mapped class's name."""
    table: Name
    """The table it reads or writes (for a select: the entity's own)."""
    sql: str


@dataclass(frozen=True, kw_only=True)
class EnvFacts:
    """What Alembic's env.py says of the database."""

    version_tables: tuple[tuple[str | None, str], ...] = ()
    """Schema and name; None is any schema."""
    include_schemas: bool = False
    filters: tuple[str, ...] = ()
    """What hides something from Alembic, with its place: `include_object in alembic/env.py:31`."""


@dataclass(frozen=True, kw_only=True)
class KnownValues:
    """Values that the models' types accept, as PostgreSQL stores them."""

    of: Mapping[Name, tuple[str, ...]] = field(default_factory=dict)
    """`{("public", "user", "state"): ("NEW", "OLD")}`; without columns whose type takes any."""


@dataclass(frozen=True, kw_only=True)
class Models:
    """Everything that the models say."""

    tables: tuple[Name, ...]
    ddl: tuple[Ddl, ...]
    places: Mapping[Name, Place] = field(default_factory=dict)
    statements: tuple[OrmStatement, ...] = ()
    unrendered: Mapping[Name, str] = field(default_factory=dict)
    """Objects whose DDL SQLAlchemy itself refuses to render, with its message."""
    unstated: Mapping[Name, str] = field(default_factory=dict)
    """Tables with a statement of the ORM that SQLAlchemy refuses to render, with its message."""
    facts: EnvFacts = EnvFacts()
    """Of Alembic's env.py, where there is one."""
    unimported: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Modules of the project that define tables and were not imported, with what they call them;
    looked for where something is in no model (Guard.models_beside)."""
