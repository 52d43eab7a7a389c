"""Whether a migration changes anything: one database, before it runs there and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from pytest_schemaguard.rows.reading import each
from pytest_schemaguard.scenarios.changes import catalog_changes, tables_of_tools
from pytest_schemaguard.scenarios.engine import Looking
from pytest_schemaguard.scenarios.look import Look
from pytest_schemaguard.scenarios.seen import clone

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.scenarios.engine import Moment
    from pytest_schemaguard.scenarios.look import Sight
    from pytest_schemaguard.scenarios.states import State


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Of one migration; what migration tools keep of their own runs is none."""

    changed: bool
    """Whether the catalog, a row or a sequence is other than before, or that cannot be told."""
    any_row: bool
    """Whether a table had a row before."""


def effect_of(guard: Sight, migration: Migration) -> Effect:
    """Of a judged migration that applied. Raises GuardError."""
    before, after = guard.states.before(migration), guard.states.after(migration)
    name = f"effect-{after.name}"
    return guard.look(
        Look(name, Effect, lambda sight: _look(sight, migration, before, after, name=name))
    )


def _look(guard: Sight, migration: Migration, before: State, after: State, *, name: str) -> Effect:
    # A template's settings are not its clone's, so between two states they differ anyhow.
    known = before.snapshot and after.snapshot and (before.snapshot, after.snapshot)
    if known and any(catalog_changes(*known, tools=False, settings=False)):
        return Effect(changed=True, any_row=True)
    doing = f"looking what {guard.config.relative(migration.path)} does"
    with guard.progress.step(doing), clone(guard, before, name=name) as owner:
        looking = Looking(owner, exclude=())
        first, catalogs = looking.moment(rows=True), _catalogs(owner)
        if not guard.source.up(name, (migration,)).run.applied:  # it depends on the rows
            return Effect(changed=True, any_row=True)
        then = looking.moment(rows=True)
        tools = tables_of_tools(first.snapshot, then.snapshot)
        # What a tool makes for itself is in the catalogs too.
        made = tables_of_tools(then.snapshot) - tables_of_tools(first.snapshot)
        assert first.prints is not None
        return Effect(
            changed=any(catalog_changes(first.snapshot, then.snapshot, tools=False))
            or (not made and catalogs != _catalogs(owner))
            or _rows(first, tools) != _rows(then, tools)
            or bool(first.prints.unread),
            any_row=any(one.count for table, one in first.prints.of.items() if table not in tools),
        )


def _rows(moment: Moment, tools: set[Name]) -> tuple[Any, ...]:
    """The rows that are no tool's, and where the sequences stand."""
    assert moment.prints is not None
    rows = {table: one for table, one in moment.prints.of.items() if table not in tools}
    at = {
        name: one.next
        for name, one in moment.sequences.items()
        if one.owner is None or one.owner[:2] not in tools
    }
    return rows, at


_CATALOGS = """
    SELECT relname::text FROM pg_class
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared
      AND has_table_privilege(oid, 'SELECT')
"""
_STATISTICS = [
    *("relpages", "reltuples", "relallvisible", "relallfrozen"),
    *("relfrozenxid", "relminmxid"),
]
"""What vacuum and analyze keep in pg_class."""


def _catalogs(owner: Any) -> dict[str, tuple[Any, ...]]:
    """What the rows of each system catalog say, as one sum: all that is made is there.

    What is of the server is left out. https://www.postgresql.org/docs/current/catalogs.html
    """
    with owner.cursor() as cursor:
        cursor.execute(_CATALOGS)
        names = [name for (name,) in cursor.fetchall()]
        return dict(zip(names, each(cursor, map(_sum_of, names)), strict=True))


def _sum_of(name: str) -> sql.Composable:
    rows = sql.SQL("ROW(t.*)")
    if name == "pg_class":
        rows = sql.SQL("(to_jsonb(t) - {}::text[])").format(sql.Literal(_STATISTICS))
    return sql.SQL("SELECT sum(hashtextextended({}::text, 0)::numeric) FROM {} AS t").format(
        rows, sql.Identifier("pg_catalog", name)
    )
