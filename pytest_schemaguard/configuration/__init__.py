"""pyproject.toml -> Config: finds the table, reads it, and says clearly what is wrong with it."""
