"""The second run on a real server, and the words of idempotent for what it did."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.checks.idempotent import AGAIN, findings, second_run
from pytest_schemaguard.checks.on_rows import unread_rows
from pytest_schemaguard.config import Config, SqlMigrations
from tests.guarded import Guarded, run_databases, source, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.scenarios.engine import Ending
    from pytest_schemaguard.servers.databases import Databases

USERS = """
CREATE TABLE users (id integer PRIMARY KEY, name text, reports integer, seen timestamptz);
INSERT INTO users VALUES (1, 'ada', 3, '2020-01-01'), (2, 'grace', 4, '2020-01-02');
"""

NAMES = frozenset({"users"})
"""What the migrations name."""


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    major = os.environ.get("SCHEMA_GUARD_TEST_MAJOR")
    with run_databases(int(major) if major else None) as found:
        yield found


@pytest.fixture
def again(databases: Databases, tmp_path: Path) -> Callable[..., Ending]:
    """Runs a migration twice, on a database made by `before`."""
    numbers = itertools.count()

    def twice(
        migration: str, before: str = USERS, exclude: tuple[str, ...] = (), prepare: str = ""
    ) -> Ending:
        config = Config(
            file=tmp_path / "pyproject.toml",
            models=(),
            migrations=SqlMigrations(folder=tmp_path),
            exclude=exclude,
        )
        path = tmp_path / "m.sql"
        path.write_text(migration, encoding="utf-8")
        name = f"{tmp_path.name}-{next(numbers)}"
        state = state_of(config, databases, name, before, path, prepare=prepare)
        guarded = Guarded(config=config, databases=databases, source=source(config, databases))
        (one,) = guarded.source.migrations()
        return guarded.ending(second_run(state, one, config))

    return twice


def ran(second: Ending) -> FileRun:
    run = second.taken[1].run
    assert run is not None
    return run


def told(second: Ending) -> list[tuple[str, str, str]]:
    return [(one.code, one.severity.value, one.subject) for one in findings(second, "m.sql", NAMES)]


def test_a_migration_that_looks_first_leaves_everything_as_it_is(
    again: Callable[..., Ending],
) -> None:
    second = again(
        """
        BEGIN;
        ALTER TABLE users ADD COLUMN IF NOT EXISTS limits integer NOT NULL DEFAULT 5;
        UPDATE users SET reports = 0 WHERE reports IS NULL;
        CREATE INDEX IF NOT EXISTS ix ON users (name);
        COMMIT;
        """
    )
    assert ran(second).applied
    written = second.taken[0].written
    assert written is not None
    assert (written.columns, written.inserted) == (4, 4)
    assert told(second) == []


def test_a_second_run_that_fails_is_told_with_postgresql_s_words(
    again: Callable[..., Ending],
) -> None:
    second = again("ALTER TABLE users ADD COLUMN limits integer;")
    (one,) = findings(second, "m.sql", NAMES)
    assert (one.code, one.actual, one.line) == ("idempotent.second-run-fails", "42701", 1)
    assert one.message.startswith(
        'the second run fails: column "limits" of relation "users" already exists (SQLSTATE 42701)'
    )


def test_a_second_run_that_drops_the_primary_key_fails(again: Callable[..., Ending]) -> None:
    second = again(
        """
        DO $$BEGIN
          IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'pk') THEN
            ALTER TABLE users DROP CONSTRAINT pk;
          ELSE
            ALTER TABLE users ADD CONSTRAINT pk PRIMARY KEY (id);
          END IF;
        END$$;
        """,
        USERS.replace(" PRIMARY KEY", " NOT NULL"),
    )
    assert ran(second).applied
    (one,) = findings(second, "m.sql", NAMES)
    assert (one.code, one.severity.value, one.subject) == (
        "idempotent.catalog",
        "error",
        "public.users.pk",
    )
    assert one.expected == "PRIMARY KEY (id)"
    assert one.actual is None


def test_a_second_run_that_makes_a_constraint_once_more_fails(
    again: Callable[..., Ending],
) -> None:
    assert told(again("ALTER TABLE users ADD CHECK (reports > 0);")) == [
        ("idempotent.catalog", "error", "public.users.users_reports_check1")
    ]


def test_a_second_run_that_doubles_rows_fails(again: Callable[..., Ending]) -> None:
    second = again("INSERT INTO users (id, name) SELECT max(id) + 1, 'new' FROM users;")
    (one,) = findings(second, "m.sql", NAMES)
    assert (one.code, one.severity.value, one.subject) == (
        "idempotent.rows",
        "error",
        "public.users",
    )
    assert one.message.startswith("the second run of m.sql changes rows: 6 rows before, 7 after")


def test_a_second_run_that_overwrites_what_an_application_wrote_fails(
    again: Callable[..., Ending],
) -> None:
    second = again("UPDATE users SET reports = 5;")
    (change,) = second.changes[AGAIN].rows
    assert (change.before, change.after, change.columns) == (6, 6, ("reports",))
    assert told(second) == [("idempotent.rows", "error", "public.users")]


def test_a_second_run_that_deletes_and_inserts_the_same_rows_is_seen_by_their_values(
    again: Callable[..., Ending],
) -> None:
    second = again(
        "DELETE FROM users WHERE id = 1; INSERT INTO users (id, name) VALUES (1, 'ada');"
    )
    (change,) = second.changes[AGAIN].rows
    assert change.columns == ("name", "reports", "seen")


def test_timestamps_alone_are_a_warning(again: Callable[..., Ending]) -> None:
    second = again("UPDATE users SET seen = clock_timestamp();")
    assert told(second) == [("idempotent.timestamps", "warning", "public.users")]


def test_a_second_run_that_drops_a_column_and_adds_it_again_loses_its_values(
    again: Callable[..., Ending],
) -> None:
    second = again(
        "ALTER TABLE users DROP COLUMN IF EXISTS note; ALTER TABLE users ADD COLUMN note text;"
        "UPDATE users SET note = 'x';"
    )
    (change,) = second.changes[AGAIN].rows
    assert change.columns == ("note",)


def test_what_is_excluded_may_change(again: Callable[..., Ending]) -> None:
    second = again(
        "INSERT INTO log VALUES ('ran'); ALTER TABLE log ADD CHECK (line <> '');",
        "CREATE TABLE log (line text);",
        exclude=("public.log",),
    )
    assert told(second) == []


def test_a_database_without_rows_has_nothing_to_write(again: Callable[..., Ending]) -> None:
    second = again("CREATE TABLE IF NOT EXISTS t (id integer);", "")
    written = second.taken[0].written
    assert written is not None
    assert (written.columns, written.inserted) == (0, 4)  # into the table that the migration makes
    assert told(second) == []


FORCED = """
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody ON users USING (id < 0 OR current_setting('row_security') = 'x');
"""


def test_rows_that_policies_hide_from_their_owner_are_compared(
    again: Callable[..., Ending],
) -> None:
    second = again(
        "ALTER TABLE users NO FORCE ROW LEVEL SECURITY; DELETE FROM users WHERE id = 1;"
        "INSERT INTO users (id, name) VALUES ((random() * 1e9)::integer + 10, 'new');"
        "ALTER TABLE users FORCE ROW LEVEL SECURITY;",
        USERS + FORCED,
    )
    assert ran(second).applied, ran(second).words
    (change,) = second.changes[AGAIN].rows
    assert (change.before, change.after) == (2, 3)
    assert second.changes[AGAIN].catalog == ()


def test_rows_that_the_owner_may_not_read_are_told_and_the_check_is_unproven(
    again: Callable[..., Ending],
) -> None:
    second = again(
        "CREATE TABLE IF NOT EXISTS t (id integer);",
        prepare="CREATE TABLE closed (id integer); INSERT INTO closed VALUES (1);"
        "CREATE TABLE empty (id integer);"
        "CREATE TABLE open (id integer); INSERT INTO open VALUES (1);"
        "GRANT SELECT ON open TO PUBLIC;",
    )
    assert second.unread == ("public.closed",)
    assert told(second) == []
    assert unread_rows(second.unread) == (
        "the rows of public.closed were not compared: the role that runs the migrations may not "
        "read them\n  next: GRANT SELECT ON TABLE public.closed TO PUBLIC in `prepare`, or name "
        "the table in `exclude`"
    )
    assert unread_rows(()) is None
