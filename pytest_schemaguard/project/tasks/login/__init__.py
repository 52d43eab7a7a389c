"""Logging in by the ORM, and by functions of the project."""
