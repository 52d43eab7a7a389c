"""What lets rows go in whatever their order: foreign keys looked at last, triggers left alone.

An owner may defer a foreign key, and may not switch its triggers off, as
`pg_dump --disable-triggers` has a superuser do. What is altered is put back exactly as it was.
https://www.postgresql.org/docs/current/sql-altertable.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.sqltext.identifiers import in_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Name = tuple[str, str]
Triggers = frozenset[tuple[str, str, str, str]]
"""Schema, table, trigger, and what pg_trigger.tgenabled says of it."""


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """One that is not looked at last."""

    table: Name
    name: str
    refers_to: Name
    deferrable: bool

    def altered(self, how: str) -> str:
        return f"ALTER TABLE {in_quotes(*self.table)} ALTER CONSTRAINT {in_quotes(self.name)} {how}"

    @property
    def deferred(self) -> str:
        return self.altered("DEFERRABLE INITIALLY DEFERRED")

    @property
    def restored(self) -> str:
        return self.altered(
            "DEFERRABLE INITIALLY IMMEDIATE" if self.deferrable else "NOT DEFERRABLE"
        )


def foreign_keys(cursor: Any) -> tuple[ForeignKey, ...]:
    """Those that this role may alter and that are looked at before a transaction's end."""
    cursor.execute(_FOREIGN_KEYS)
    return tuple(
        ForeignKey(table=(schema, table), name=name, refers_to=(other, to), deferrable=deferrable)
        for schema, table, name, other, to, deferrable in cursor.fetchall()
    )


def in_circles(keys: Iterable[ForeignKey]) -> tuple[ForeignKey, ...]:
    """Those by which a row can refer back to itself. Pure."""
    keys = tuple(keys)
    below: dict[Name, set[Name]] = {}
    for one in keys:
        below.setdefault(one.table, set()).add(one.refers_to)
    return tuple(one for one in keys if one.table in _reached(one.refers_to, below))


def _reached(start: Name, below: dict[Name, set[Name]]) -> set[Name]:
    found, waiting = {start}, [start]
    while waiting:
        new = below.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def triggers(cursor: Any) -> Triggers:
    """The triggers of users on tables that this role may alter."""
    cursor.execute(_TRIGGERS)
    return frozenset(cursor.fetchall())


def put_back(before: Triggers, now: Triggers) -> Iterator[str]:
    """What switches them on and off as they were before. Pure."""
    for schema, table, trigger, enabled in sorted(before - now):
        yield f"ALTER TABLE {in_quotes(schema, table)} {_SWITCH[enabled]} {in_quotes(trigger)}"


_SWITCH = {
    "O": "ENABLE TRIGGER",
    "D": "DISABLE TRIGGER",
    "R": "ENABLE REPLICA TRIGGER",
    "A": "ENABLE ALWAYS TRIGGER",
}
"""https://www.postgresql.org/docs/current/catalog-pg-trigger.html"""
_FOREIGN_KEYS = """
    SELECT n.nspname, c.relname, k.conname, rn.nspname, r.relname, k.condeferrable
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
    JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT k.condeferred
      -- Since 18 one may not be enforced, and cannot be deferred.
      AND coalesce(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true'
      AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
    ORDER BY 1, 2, 3
"""
_TRIGGERS = """
    SELECT n.nspname, c.relname, t.tgname, t.tgenabled::pg_catalog.text
    FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
"""
