"""Proves on a throwaway PostgreSQL that migrations are safe and that SQLAlchemy models fit them."""
