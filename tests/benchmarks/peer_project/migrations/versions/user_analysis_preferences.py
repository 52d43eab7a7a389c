"""The four columns: what migrations/add_user_analysis_preferences.sql does, in Alembic's words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "preferences"
down_revision = "production"

COLUMNS = {
    "clear_previous_anomalies": (sa.Boolean, "true"),
    "show_clear_warning": (sa.Boolean, "true"),
    "max_reports": (sa.Integer, "5"),
    "max_templates": (sa.Integer, "5"),
}


def upgrade() -> None:
    for name, (type_, value) in COLUMNS.items():
        op.add_column("user", sa.Column(name, type_, server_default=value, nullable=False))
