"""A copy of production: its roles, its schema before the migration, some of its rows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address

HERE = Path(__file__).parent
MIGRATIONS = HERE.parent.parent / "migrations"
UP = (MIGRATIONS / "add_user_analysis_preferences.sql").read_text(encoding="utf-8")
DOWN = (MIGRATIONS / "add_user_analysis_preferences.down.sql").read_text(encoding="utf-8")

OWNER, READER = "app_owner", "app_reader"
OWNER_PASSWORD = "owner-of-a-throwaway-database"

MAKE_ROLE = """
DO $$ BEGIN
    CREATE ROLE {role} LOGIN PASSWORD '{password}';
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- roles belong to the whole server
END $$
"""


def owned(superuser: Address) -> Address:
    """The empty database of `superuser`, given to `app_owner`: where it logs in."""
    with closing(psycopg2.connect(superuser.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for role in (OWNER, READER):
                cursor.execute(MAKE_ROLE.format(role=role, password=OWNER_PASSWORD))
            cursor.execute(f'ALTER DATABASE "{superuser.database}" OWNER TO {OWNER}')
            cursor.execute(f"ALTER SCHEMA public OWNER TO {OWNER}")
    return superuser.logged_in_as(OWNER, OWNER_PASSWORD)


def load(superuser: Address) -> Address:
    """Production's schema and rows, in the empty database of `superuser`: where its owner logs in.

    Raises psycopg2.Error.
    """
    owner = owned(superuser)
    with closing(psycopg2.connect(owner.url())) as connection, connection.cursor() as cursor:
        # Lines with a backslash are pg_dump's words to psql.
        lines = (HERE / "production.sql").read_text(encoding="utf-8").splitlines(keepends=True)
        cursor.execute("".join(line for line in lines if not line.startswith("\\")))
        cursor.execute((HERE / "rows.sql").read_text(encoding="utf-8"))
        connection.commit()
    return owner
