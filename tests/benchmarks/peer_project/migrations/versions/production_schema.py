"""Production's schema, as pg_dump wrote it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from tests import app

revision = "production"
down_revision = None

ROLE = """
DO $$ BEGIN
    CREATE ROLE {role};
EXCEPTION WHEN duplicate_object THEN NULL;  -- roles belong to the whole server
END $$
"""


def upgrade() -> None:
    dump = (Path(next(iter(app.__path__))) / "production.sql").read_text(encoding="utf-8")
    # Lines with a backslash are pg_dump's words to psql.
    lines = (line for line in dump.splitlines() if not line.startswith("\\"))
    statements = [ROLE.format(role=role) for role in ("app_owner", "app_reader")]
    # The dump leaves an empty search_path, and Alembic's own table is written without its schema.
    statements += ["\n".join(lines), "RESET search_path"]
    for statement in statements:
        op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})
