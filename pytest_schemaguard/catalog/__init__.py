"""Catalogs: read whole as values (SQL in the .sql files beside), and compared without a server."""
