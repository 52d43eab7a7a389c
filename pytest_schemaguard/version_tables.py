"""Where migration tools keep what has been applied: their tables are nobody's drift. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES = re.compile(
    r"alembic_version\w*|migrate_version|schema_migrations\w*|schema_version|django_migrations"
    r"|(?:flyway|refinery)_schema_history|goose_db_version|gorp_migrations|bun_migrations"
    r"|_?yoyo_\w+|databasechangelog\w*|pgmigrations|knex_migrations\w*|SequelizeMeta"
    r"|_sqlx_migrations|__diesel_schema_migrations|atlas_schema_revisions|_prisma_migrations"
    r"|__EFMigrationsHistory|ar_internal_metadata|schemaversions?|play_evolutions(?:_lock)?"
    r"|(?:typeorm_)?migrations(?:_lock)?|typeorm_metadata|__drizzle_migrations|mikro_orm_migrations"
    r"|doctrine_migration_versions|phinxlog|aerich|migratehistory|south_migrationhistory"
    r"|piccolo_migration|gopg_migrations|__migrations?"
)
"""Alembic, sqlalchemy-migrate, Rails, dbmate, Django, Flyway, Liquibase, TypeORM and their like."""


_ANYWHERE = re.compile(rf"\b(?:{_NAMES.pattern})\b")


def names_version_table(sql: str) -> bool:
    """Whether the statement may be about such a table."""
    return _ANYWHERE.search(sql) is not None


def is_version_table(name: str) -> bool:
    """Whether some migration tool calls a table of its own so."""
    return _NAMES.fullmatch(name) is not None


def is_of_tools(name: str, columns: Sequence[str]) -> bool:
    """Whether a tool keeps there what it has run; Alembic's table may be called anything."""
    return is_version_table(name) or [*columns] == ["version_num"]
