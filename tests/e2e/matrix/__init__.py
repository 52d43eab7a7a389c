"""Small migrations of which it is known, and shown by psql, whether they do harm."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = """
CREATE TABLE t (
  id serial PRIMARY KEY, name text NOT NULL, v text, n integer NOT NULL DEFAULT 0
);
"""
SEED = """
INSERT INTO t (name, v, n)
VALUES ('ada', 'x', 1), ('bob', NULL, 2), ('cleo', 'y', 3), ('dan', 'z', 4), ('eve', NULL, 5);
"""
WRITES = """
UPDATE t SET name = 'name ' || id, v = 'written ' || id, n = 100 + id;
DELETE FROM t WHERE id = 2;
INSERT INTO t (name, v, n) VALUES ('new', 'first', 201), ('newer', 'second', 202);
"""
NEXT = "INSERT INTO t (name) VALUES ('next')"
HARMFUL, HARMLESS = True, False


@dataclass(frozen=True)
class Case:
    """One migration, on a database of its own."""

    harmful: bool
    name: str
    up: str
    down: str | None = None
    schema: str = SCHEMA
    """The baseline's."""
    seed: str = SEED
    writes: str = WRITES
    """What an application writes between two runs."""
    next: str = NEXT
    """The INSERT that must succeed afterwards."""
    told: frozenset[str] = frozenset()
    """Of these tables and columns a change is a warning: rows of a trigger's, times of a run."""
    seeded: bool = True
    """Whether the guard is given the rows of `seed`; otherwise it makes rows of its own."""
    revision: bool = True
    """Whether Alembic can execute it: in a transaction, and not without a statement."""
    columns: tuple[str, ...] = ()
    """Whose values are lost, where each must be named."""
    extension: str | None = None
    """What the server must have."""
