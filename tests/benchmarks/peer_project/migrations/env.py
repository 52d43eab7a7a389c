"""Alembic's env.py, with the comparisons that it offers switched on."""

from __future__ import annotations

from alembic import context

from tests.app.models import Base

with context.config.attributes["connection"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
