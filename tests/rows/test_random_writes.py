"""Random tables: an application's writes to their rows, told as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_schemaguard.rows.application_writes import write_as_an_application
from pytest_schemaguard.rows.fill import Kind, fill
from pytest_schemaguard.servers.settings import Settings
from tests.rows.test_random_tables import BEFORE, tables

if TYPE_CHECKING:
    from pytest_schemaguard.servers.databases import Databases


@settings(max_examples=100, deadline=None, suppress_health_check=[*HealthCheck])
@given(sql=tables(), kind=st.sampled_from(Kind), rows=st.sampled_from((1, 2, 20)))
def test_what_is_told_is_what_was_written(
    databases: Databases, sql: str, kind: Kind, rows: int
) -> None:
    databases.create("random-writes")
    try:
        with (
            databases.session("random-writes", settings=Settings.STAND_IN) as owner,
            databases.looking("random-writes") as guard,
        ):
            with owner.cursor() as cursor:
                cursor.execute(BEFORE)
                for statement in sql.split(";"):
                    try:
                        cursor.execute(statement)
                    except psycopg2.Error:
                        continue
            fill(owner, rows=rows, kind=kind)
            before = _there(guard)
            written = write_as_an_application(
                owner, [("public", table) for table in before], guard=guard, kind=Kind.MILD
            )
            assert owner.info.transaction_status == 0
            _judge(before, _there(guard), written)
    finally:
        databases.drop("random-writes")


def _there(guard: Any) -> dict[str, tuple[list[str], dict[int, tuple[str, ...]]]]:
    """By table: its columns, and its rows by their `id`."""
    found = {}
    with guard.cursor() as cursor:
        cursor.execute(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname ~ '^t'"
            " AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                "SELECT attname::text FROM pg_attribute"
                f" WHERE attrelid = 'public.{table}'::regclass AND attnum > 1 ORDER BY attnum"
            )
            columns = [name for (name,) in cursor.fetchall()]
            listed = "".join(f""", ROW("{name}")::text""" for name in columns)
            cursor.execute(f"SELECT id{listed} FROM public.{table}")
            found[table] = columns, {row[0]: row[1:] for row in cursor.fetchall()}
    return found


def _judge(before: Any, after: Any, written: Any) -> None:
    columns = inserted = deleted = 0
    for table, (names, old) in before.items():
        new = after[table][1]
        inserted += len(new.keys() - old.keys())
        deleted += len(old.keys() - new.keys())
        assert len(old) <= 2 or len(old.keys() - new.keys()) <= 1
        assert new or not old
        kept = old.keys() & new.keys()
        changed = {
            name
            for place, name in enumerate(names)
            if any(old[row][place] != new[row][place] for row in kept)
        }
        columns += len(changed)
        told = {name[2] for name in written.unwritten if name[:2] == ("public", table) and name[2:]}
        assert not changed & told
        assert new.keys() - old.keys() or ("public", table) in written.unwritten
    assert (written.columns, written.inserted, written.deleted) == (columns, inserted, deleted)
