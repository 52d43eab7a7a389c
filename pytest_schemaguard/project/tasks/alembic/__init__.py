"""Alembic as the project has it: its Config, its env.py, its revisions, its runs."""
