"""The models' snapshot: made beside the migrated state, or taken from the cache."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.config import Config
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.expected import expectation
from pytest_schemaguard.expected.expectation import DATABASE, Expectation
from pytest_schemaguard.expected.settle import settled_differences
from pytest_schemaguard.project.answers.models import Ddl, Models
from tests.guarded import run_databases, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_schemaguard.scenarios.states import State
    from pytest_schemaguard.servers.databases import Databases

    Expect = Callable[..., AbstractContextManager[Expectation]]


def ddl(kind: str, name: str, sql: str) -> Ddl:
    return Ddl(sql=sql, kind=kind, subject=name, name=tuple(name.split(".")))


MOOD = ddl("type", "public.mood", "CREATE TYPE mood AS ENUM ('good', 'bad')")
ITEM = ddl(
    "table",
    "public.item",
    "CREATE TABLE item (id serial PRIMARY KEY, m mood, p positive, name varchar(20) DEFAULT f(),"
    " CHECK (name IN ('a', 'b')))",
)
OTHER = ddl("table", "public.other", "CREATE TABLE other (id integer REFERENCES item (id))")
LOG = ddl("table", "log.line", "CREATE TABLE log.line (id integer, e citext)")
INDEX = ddl("index", "public.item.by_name", "CREATE INDEX by_name ON item (name)")
MODELS = Models(tables=(), ddl=(MOOD, ITEM, OTHER, LOG, INDEX))
PREPARE = "CREATE EXTENSION citext; CREATE SCHEMA log;"
MIGRATION = """
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''a''';
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('good');
CREATE TYPE apart AS ENUM ('x', 'y');
CREATE SEQUENCE numbers START 5;
CREATE TABLE item (id serial PRIMARY KEY, m mood, p positive, name varchar(20) DEFAULT f(),
  CHECK (name IN ('a', 'b')));
CREATE INDEX by_name ON item (name);
CREATE TABLE other (id bigint, extra text);
CREATE VIEW seen AS SELECT id FROM item;
"""


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    major = os.environ.get("SCHEMA_GUARD_TEST_MAJOR")
    with run_databases(int(major) if major else None) as found:
        yield found


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(file=tmp_path / "pyproject.toml", models=(), migrations=None)


@pytest.fixture
def migrated(databases: Databases, config: Config, tmp_path: Path) -> Callable[..., State]:
    def make(name: str = "migrated", migration: str = MIGRATION, prepare: str = PREPARE) -> State:
        databases.drop(name)
        path = tmp_path / f"{name}.sql"
        path.write_text(migration, encoding="utf-8")
        prepare += f"ALTER SCHEMA log OWNER TO {databases.server.owner.user};"
        return state_of(config, databases, name, "", path, prepare=prepare)

    return make


@pytest.fixture
def expect(databases: Databases, config: Config, tmp_path: Path) -> Expect:
    @contextmanager
    def expected(state: State, models: Models = MODELS) -> Iterator[Expectation]:
        databases.drop(DATABASE)
        kept = tmp_path / "kept"
        with closing(Expectation(config, databases, state, models, folder=kept)) as one:
            yield one

    return expected


def test_a_snapshot_that_is_kept_is_believed_and_nothing_is_made(
    databases: Databases, migrated: Callable[..., State], expect: Expect
) -> None:
    state = migrated()
    with expect(state) as first:
        made = first.snapshot
    assert made.columns["log", "line", "e"].type == "public.citext"
    assert made.enums["public", "mood"] == ("good", "bad")
    assert made.others == {}
    with expect(state) as second:
        assert second.snapshot == made
        assert second.refused == {}
        assert not databases.exists(DATABASE)


def test_what_is_around_the_tables_makes_another_snapshot(
    migrated: Callable[..., State], expect: Expect
) -> None:
    with expect(migrated()) as before:
        assert before.snapshot.domains["public", "positive"].endswith("CHECK ((VALUE > 0))")
    changed = migrated("changed", MIGRATION.replace("VALUE > 0", "VALUE > 1"))
    with expect(changed) as after:
        assert after.snapshot.domains["public", "positive"].endswith("CHECK ((VALUE > 1))")


def test_a_kept_snapshot_that_was_tampered_with_is_made_anew(
    migrated: Callable[..., State], expect: Expect, tmp_path: Path
) -> None:
    state = migrated()
    with expect(state) as first:
        made = first.snapshot
    (entry,) = (tmp_path / "kept").iterdir()
    good = entry.read_bytes()
    entry.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with expect(state) as second:
        assert second.snapshot == made
    assert entry.read_bytes() == good


def test_what_is_refused_is_tried_again_in_the_next_run(
    databases: Databases, migrated: Callable[..., State], expect: Expect, tmp_path: Path
) -> None:
    models = replace(MODELS, unrendered={("public", "odd"): "no such type"})
    state = migrated()
    with expect(state, models) as one:
        assert one.refused == {("public", "odd"): "no such type"}
    refused = replace(
        models, ddl=(*MODELS.ddl, ddl("table", "public.z", "CREATE TABLE z (id nowhere)"))
    )
    for _ in range(2):
        with expect(state, refused) as one:
            assert one.refused == {
                ("public", "odd"): "no such type",
                ("public", "z"): 'type "nowhere" does not exist',
            }
            assert databases.exists(DATABASE)
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_the_differences_are_those_of_the_whole_snapshots(
    databases: Databases, migrated: Callable[..., State], expect: Expect
) -> None:
    state = migrated()
    assert state.snapshot is not None
    with expect(state) as one:
        found = one.differences(state.snapshot)
        with one.cursor():
            pass  # the scratch database is made now
        with databases.looking(DATABASE) as guard:
            assert found == settled_differences(guard, one.snapshot, state.snapshot)
    assert {difference.kind for difference in found} >= {
        "enum-labels",
        "extra-column",
        "extra-table",
        "missing-foreign-key",
        "missing-table",
        "type",
    }


def test_equal_schemas_have_no_difference(migrated: Callable[..., State], expect: Expect) -> None:
    both = f"{MIGRATION} DROP VIEW seen; DROP TABLE other, item; DROP TYPE mood;"
    state = migrated("equal", both + "".join(f"{one.sql};" for one in MODELS.ddl))
    assert state.snapshot is not None
    with expect(state) as one:
        assert one.differences(state.snapshot) == ()


@pytest.mark.parametrize("part", ["columns", "constraints", "indexes"])
def test_what_one_side_alone_has_is_told_though_nothing_else_differs(
    migrated: Callable[..., State], expect: Expect, part: str
) -> None:
    with expect(migrated()) as one:
        values = dict(getattr(one.snapshot, part))
        name = ("public", "other", "twin")
        first = next(iter(values))
        less: dict[str, Any] = {part: {key: values[key] for key in values if key != first}}
        more: dict[str, Any] = {part: {**values, name: values[first]}}
        assert [each.name for each in one.differences(replace(one.snapshot, **less))] == [first]
        assert [each.name for each in one.differences(replace(one.snapshot, **more))] == [name]


def test_a_class_mapped_to_a_partition_of_an_equal_table_is_no_drift(
    migrated: Callable[..., State], expect: Expect
) -> None:
    parent = "CREATE TABLE whole (id integer) PARTITION BY RANGE (id)"
    state = migrated(
        "parted", f"{parent}; CREATE TABLE part PARTITION OF whole FOR VALUES FROM (1) TO (2);"
    )
    actual = state.snapshot
    assert actual is not None
    models = Models(
        tables=(),
        ddl=(
            ddl("table", "public.whole", parent),
            ddl("table", "public.part", "CREATE TABLE part (id integer)"),
        ),
    )
    with expect(state, models) as one, one.cursor() as cursor:
        found = one.differences(actual)
        assert found == settled_differences(cursor.connection, one.snapshot, actual)
    assert found == ()


RESTORED = MIGRATION.replace(
    "CHECK (name IN ('a', 'b'))",
    "CHECK (((name)::text = ANY (ARRAY[('a'::varchar)::text, ('b'::varchar)::text])))",
)


def test_many_threads_hold_databases_against_one_expectation(
    migrated: Callable[..., State], expect: Expect
) -> None:
    """Where spellings have to be settled in the scratch database, which is made once."""
    state = migrated("restored", RESTORED)
    actual = state.snapshot
    assert actual is not None
    with expect(state) as one:
        _ = one.snapshot
    with expect(state) as one:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(one.differences, [actual] * 8))
        session = session_of(one)
        assert one.differences(actual) == found[0]
        assert session_of(one) == session
    assert set(found) == {found[0]}
    assert "check" not in {difference.kind.rpartition("-")[2] for difference in found[0]}


def session_of(one: Expectation) -> int:
    """The connection to the scratch database: another one would mean that this was made again."""
    with one.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
        return int(pid)


def test_the_scratch_database_serves_on_after_an_error(
    migrated: Callable[..., State], expect: Expect
) -> None:
    with expect(migrated()) as one:
        with pytest.raises(psycopg2.Error), one.cursor() as cursor:
            cursor.execute("BEGIN; SELECT 1 / 0")
        with one.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM public.item")
            assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("more", "is_blank"),
    [
        ("", True),
        ("CREATE TYPE pair AS (a integer, b text);", False),
        ("CREATE AGGREGATE total (integer) (sfunc = int4pl, stype = integer);", False),
        ("CREATE FUNCTION of_rows(item) RETURNS integer LANGUAGE sql AS 'SELECT 1';", False),
        ("GRANT USAGE ON SCHEMA log TO public;", False),
        ("COMMENT ON TABLE item IS 'of no interest';", True),
    ],
)
def test_a_database_made_anew_gives_the_snapshot_that_a_cleared_clone_gives(  # noqa: PLR0917 - fixtures
    databases: Databases,
    migrated: Callable[..., State],
    expect: Expect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: str,
    *,
    is_blank: bool,
) -> None:
    marked = migrated(migration=f"{MIGRATION} {more} CREATE PUBLICATION of_the_clone;")
    with expect(marked) as one:
        cleared = one.snapshot
        assert is_a_clone(databases)
    shutil.rmtree(tmp_path / "kept")
    monkeypatch.setattr(expectation, "MANY_TABLES", 1)
    with expect(marked) as one:
        assert one.snapshot == cleared
        assert one.refused == {}
        assert is_a_clone(databases) is not is_blank


def is_a_clone(databases: Databases) -> bool:
    """Of the migrated database: a publication of no table is none of what surrounds tables."""
    with databases.session(DATABASE, as_admin=True) as admin, admin.cursor() as cursor:
        cursor.execute("SELECT pubname FROM pg_publication")
        return bool(cursor.fetchall())


def test_nobody_connects_to_the_migrated_state_afterwards(
    databases: Databases, migrated: Callable[..., State], expect: Expect
) -> None:
    state = migrated()
    with expect(state) as one:
        _ = one.snapshot
    with pytest.raises(ServerError, match="is not currently accepting connections"):
        databases.connect(state.name, as_admin=True)
