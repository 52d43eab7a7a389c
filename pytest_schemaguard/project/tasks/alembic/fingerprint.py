"""The catalog between two steps of a migration, read on the migration's own connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.project.answers.revisions import Difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alembic.runtime.migration import MigrationContext

    Row = tuple[int, str, str, str]
    """Number, kind, name, definition. The number is a column's own, -1 for the row that names the
    object itself, and 0 for what else belongs to it."""
    Fingerprint = dict[str, tuple[Row, ...]]
    """The rows of each object, by a key that holds its oid; `` for those without one."""

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
BEFORE = """SELECT current_setting('search_path'), EXISTS (
  SELECT FROM pg_catalog.pg_prepared_statements WHERE name = 'schema_guard_catalog'
), set_config('search_path', 'pg_catalog', false)"""
EVERYTHING = "2"
"""FrozenTransactionId: older than any other."""


class Catalog:
    """Reads what has changed since it was last read, and remembers the rest.

    A definition that names another object changes with that object's name, without a catalog row
    of its own that does. Hence everything is read again when a name has changed.
    """

    def __init__(self, context: MigrationContext) -> None:
        self._context = context
        self._known: Fingerprint = {}
        self._horizon = EVERYTHING

    def read(self) -> Fingerprint:
        """The catalog without the version table."""
        changed, live = self._changed()
        if any(_is_renamed(self._known.get(key, ()), rows) for key, rows in changed.items()):
            self._horizon = EVERYTHING
            changed, live = self._changed()
        kept = {key: rows for key, rows in self._known.items() if key in live}
        self._known = {**kept, **changed}
        return self._known

    def _changed(self) -> tuple[Fingerprint, set[str]]:
        path, is_prepared, _ = self._ask(BEFORE)[0]
        if not is_prepared:
            # Planning it takes several times as long as running it.
            self._ask(f"PREPARE schema_guard_catalog (xid) AS {SQL}")
        rows = self._ask(f"EXECUTE schema_guard_catalog ('{self._horizon}')")
        quoted = str(path).replace("'", "''")
        self._ask(f"SELECT set_config('search_path', '{quoted}', false)")
        table, schemas = self._context.version_table, {None, self._context.version_table_schema}
        grouped: dict[str, list[Row]] = {}
        live: set[str] = set()
        for key, number, kind, schema, relation, member, definition in rows:
            if key == "live":
                live = set(definition.split())
            elif key == "horizon":
                self._horizon = definition
            elif relation == table and schemas - {None} <= {schema}:
                continue
            else:
                name = ".".join(filter(None, (schema, relation, member)))
                grouped.setdefault(key, []).append((number, kind, name, definition))
        return {key: tuple(sorted(each)) for key, each in grouped.items()}, live

    def _ask(self, sql: str) -> Sequence[Any]:
        connection = self._context.connection
        assert connection is not None
        result = connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
        return result.fetchall() if result.returns_rows else ()


def differences(before: Fingerprint, after: Fingerprint) -> tuple[Difference, ...]:
    """What is not in both alike, in the order of names. Pure."""
    one, other = (
        {
            (kind, name): definition
            for key, rows in these.items()
            if rows != those.get(key)
            for _, kind, name, definition in rows
        }
        for these, those in ((before, after), (after, before))
    )
    return tuple(
        Difference(
            kind=kind, name=name, before=one.get((kind, name)), after=other.get((kind, name))
        )
        for kind, name in sorted(one.keys() | other.keys())
        if one.get((kind, name)) != other.get((kind, name))
    )


def _is_renamed(before: tuple[Row, ...], after: tuple[Row, ...]) -> bool:
    names = {number: name for number, _, name, _ in before if number}
    return any(names.get(number, name) != name for number, _, name, _ in after if number)
