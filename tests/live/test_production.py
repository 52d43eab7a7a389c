"""What a look costs those who use the database meanwhile, and what the database may do to it."""

from __future__ import annotations

import re
import threading
import time
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.catalog import fetch
from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.transaction import LET_GO, Limits, read_only
from pytest_schemaguard.live.deadlines import Deadlines
from pytest_schemaguard.live.look import CannotLookError, catalogs_at
from pytest_schemaguard.live.targets import Target
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot

LIMITS = Limits()
MANY = 130
"""More than two parts."""
WHOLE_QUERIES = f"""
DO $$ BEGIN FOR n IN 1..{MANY} LOOP
  EXECUTE format('CREATE TABLE t%s (id integer PRIMARY KEY, n integer CHECK (n > 0))', n);
  EXECUTE format('CREATE INDEX ON t%s ((n + 1)) WHERE n > 2', n);
  EXECUTE format('CREATE VIEW v%s AS SELECT * FROM t%s', n, n);
  EXECUTE format('CREATE MATERIALIZED VIEW m%s AS SELECT * FROM t%s', n, n);
  EXECUTE format('CREATE RULE r AS ON DELETE TO t%s DO ALSO UPDATE t1 SET n = 1', n);
  EXECUTE format('CREATE POLICY p ON t%s USING (EXISTS (SELECT FROM t1))', n);
  EXECUTE format('CREATE FUNCTION f%s() RETURNS bigint '
    'BEGIN ATOMIC SELECT count(*) FROM t%s; END', n, n);
END LOOP; END $$
"""
LOCKS = """
SELECT count(*) FROM pg_locks
WHERE pid = %s AND locktype = 'relation' AND relation >= 16384
"""
"""On tables of the database's own."""


def look_at(address: Address, *, limits: Limits = LIMITS) -> Snapshot:
    found, said = catalogs_at(
        Target(address=address),
        schemas=None,
        called=None,
        exclude=(),
        limits=limits,
        deadlines=Deadlines(),
        turn=nullcontext,
    )
    assert said is None
    (catalog,) = found.values()
    return catalog.snapshot()


def test_few_locks_are_held_and_never_for_longer_than_a_part(
    run: Callable[[str], None], database: Address, connection: Any
) -> None:
    """Each object of a part locks its own relations; without parts they would all be locked."""
    run(WHOLE_QUERIES)
    counts = []
    with (
        closing(connected(database)) as looking,
        connection.cursor() as asking,
        read_only(looking, limits=LIMITS) as cursor,
    ):

        def count() -> int:
            asking.execute(LOCKS, (looking.info.backend_pid,))
            return int(asking.fetchone()[0])

        execute_ = fetch._part

        def counted(*values: Any) -> Any:
            rows = execute_(*values)
            counts.append(count())
            return rows

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fetch, "_part", counted)
            for name, rows in fetch.fetch(cursor, limits=LIMITS):
                number = len(list(rows))
                assert number or name in {"enums", "domains", "sequences", "partitions"}
                assert name in {"relations", "others"} or count() == 0, name
        assert count() == 0
    assert len(counts) >= 5 * MANY / fetch.PART
    assert max(counts) <= 150
    assert min(counts) > 0


def test_every_object_is_deparsed_once_whatever_its_part(
    run: Callable[[str], None], connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(WHOLE_QUERIES)
    in_parts = read(connection)
    monkeypatch.setattr(fetch, "PART", 10_000)
    assert read(connection) == in_parts
    definition = in_parts.relations["public", "v7"].definition
    assert definition == " SELECT t7.id,\n    t7.n\n   FROM public.t7;"
    assert in_parts.others["policy", "public", "t7", "p"].startswith("PERMISSIVE FOR * TO ")
    assert " FROM public.t7" in in_parts.others["function", "public", "f7()"]
    assert in_parts.others["rule", "public", "t7", "r"].endswith(" (O)")


def test_ddl_and_writes_go_on_while_it_looks(run: Callable[[str], None], database: Address) -> None:
    run(WHOLE_QUERIES)
    stop = threading.Event()
    waited: dict[str, list[float]] = {
        "ALTER TABLE t7 ADD IF NOT EXISTS x integer": [],
        "INSERT INTO t7 SELECT coalesce(max(id), 0) + 1 FROM t7": [],
    }

    def repeat(statement: str) -> None:
        with closing(connected(database)) as own:
            while not stop.is_set():
                began = time.monotonic()
                execute(own, statement)
                waited[statement].append(time.monotonic() - began)

    threads = [threading.Thread(target=repeat, args=(one,)) for one in waited]
    for one in threads:
        one.start()
    try:
        for _ in range(3):
            look_at(database)
    finally:
        stop.set()
        for one in threads:
            one.join()
    for statement, times in waited.items():
        assert len(times) > 10, statement
        assert max(times) < LIMITS.held_ms / 1000 + LIMITS.lock_ms / 1000, statement


WIDE = "CREATE VIEW wide AS SELECT {}".format(", ".join(f"{n} + 1 AS c{n}" for n in range(1500)))


def test_what_takes_too_long_under_locks_is_told(
    run: Callable[[str], None], database: Address
) -> None:
    run(WIDE)
    with pytest.raises(CannotLookError) as caught:
        look_at(database, limits=Limits(held_ms=1))
    assert str(caught.value) == (
        f"{Target(address=database).name}: to read one view took longer than 0.001 s, for which "
        "PostgreSQL locks its tables (ACCESS SHARE)\n"
        "  next: run the check again when the server has less to do, or check a dump of it: "
        "pg_dump --schema-only"
    )
    assert ("public", "wide") in look_at(database).relations


@contextmanager
def before_each_part(statement: Callable[[int], str], address: Address) -> Iterator[None]:
    """Executes a statement in another session before objects are deparsed."""
    part, calls = fetch._part, list[int]()

    def disturbed(*values: Any) -> Any:
        with closing(connected(address)) as other:
            execute(other, statement(len(calls)))
        calls.append(1)
        return part(*values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "_part", disturbed)
        yield


@pytest.mark.parametrize(
    "what", ["VIEW v", "FUNCTION f()", "TABLE t CASCADE", "TABLE alone", "INDEX i"]
)
def test_ddl_meanwhile_is_met_by_a_second_look(
    run: Callable[[str], None], database: Address, what: str
) -> None:
    run(
        "CREATE TABLE t (id integer DEFAULT 1); CREATE VIEW v AS SELECT * FROM t;"
        "CREATE TABLE alone (id integer DEFAULT 1); CREATE VIEW kept AS SELECT 1 AS one;"
        "CREATE TABLE other (id integer CHECK (id > 0)); CREATE INDEX i ON other (id);"
        "CREATE FUNCTION f() RETURNS integer BEGIN ATOMIC SELECT 1; END"
    )
    with before_each_part(lambda n: f"DROP {what}" if n == 0 else "SELECT 1", database):
        snapshot = look_at(database)
    with closing(connected(database)) as own:
        assert snapshot == read(own)
    assert ("public", "kept") in snapshot.relations


def test_ddl_that_goes_on_is_told(run: Callable[[str], None], database: Address) -> None:
    run("; ".join(f"CREATE VIEW v{n} AS SELECT {n} AS n" for n in range(4)))
    with (
        before_each_part(lambda n: f"DROP VIEW v{n}", database),
        pytest.raises(CannotLookError) as caught,
    ):
        look_at(database)
    (oid,) = re.findall(r"OID (\d+)", str(caught.value))
    assert str(caught.value) == (
        f"{Target(address=database).name}: DDL ran there while its catalog was read, twice: "
        f"could not open relation with OID {oid}\n  next: run the check again when it has ended"
    )


def test_a_lost_connection_is_met_by_a_second_look(
    run: Callable[[str], None], database: Address
) -> None:
    run("CREATE VIEW v AS SELECT 1 AS one")
    end = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'schema-guard'"
    )
    with before_each_part(lambda n: end if n == 0 else "SELECT 1", database):
        assert ("public", "v") in look_at(database).relations


SETTINGS = [
    "standard_conforming_strings = off",
    "quote_all_identifiers = on",
    "search_path = evil, pg_catalog",
    "DateStyle = 'SQL, DMY'",
    "IntervalStyle = 'sql_standard'",
    "TimeZone = 'Asia/Tokyo'",
    "extra_float_digits = -10",
    "bytea_output = 'escape'",
    "default_transaction_isolation = serializable",
    "default_transaction_read_only = on",
    "statement_timeout = 1",
    "idle_in_transaction_session_timeout = 1",
    "enable_seqscan = off",
    "array_nulls = off",
    "transform_null_equals = on",
    "backslash_quote = off",
]
CONSTANTS = r"""
CREATE TABLE "Some" (
  id serial PRIMARY KEY, f float8 DEFAULT '0.1234567890123456'::float8, d date DEFAULT '2020-02-01',
  z timestamptz DEFAULT '2020-02-01 00:00+00', i interval DEFAULT '1 day 02:03:04',
  b bytea DEFAULT '\x00ff', t text DEFAULT 'a\b''c' CHECK (t <> E'\\'), n integer[] DEFAULT '{1}'
);
CREATE VIEW v AS SELECT * FROM "Some" WHERE z > '2020-02-01 00:00+00' AND t <> 'a\b';
"""


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_setting_of_a_database_changes_what_is_read(postgres: Address, setting: str) -> None:
    with fresh(postgres) as address:
        with closing(connected(address)) as own:
            execute(own, CONSTANTS + "CREATE SCHEMA evil")
        before = look_at(address)
        with closing(connected(address)) as own:
            execute(own, f'ALTER DATABASE "{address.database}" SET {setting}')
        after = look_at(address)
    found = [one for one in diff(before, after) if not one.kind.endswith("setting")]
    assert found == []


@pytest.mark.parametrize(
    "catalog", ["pg_class", "pg_type", "pg_constraint", "pg_namespace", "pg_depend"]
)
def test_temporary_tables_of_a_pooled_session_stand_for_no_catalog(
    run: Callable[[str], None], connection: Any, catalog: str
) -> None:
    run(CONSTANTS)
    before = read(connection)
    run(f"CREATE TEMPORARY TABLE {catalog} AS SELECT * FROM pg_catalog.{catalog} WHERE false")
    assert read(connection) == before


def test_the_server_is_to_notice_a_client_that_is_gone(connection: Any) -> None:
    with read_only(connection, limits=LIMITS) as cursor:
        cursor.execute("SELECT version(), current_setting('client_connection_check_interval')")
        version, interval = cursor.fetchone()
        assert interval == ("1s" if "linux" in version else "0")
        cursor.execute("SELECT current_setting('jit'), current_setting('lock_timeout')")
        assert cursor.fetchone() == ("off", "1s")


FULL = "DO $$ BEGIN RAISE 'out of shared memory' USING ERRCODE = '53200'; END $$"


def test_a_database_that_is_locked_out_of_memory_for_locks_is_read_in_smaller_parts(
    run: Callable[[str], None], database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose lock table is nearly full refuses large parts (53200), not single objects."""
    run(WHOLE_QUERIES)
    part, sizes = fetch._part, []

    def refused(cursor: Any, wanted: Any, limits: Any) -> Any:
        sizes.append(len(wanted))
        if len(wanted) > 5:
            cursor.execute(f"{LET_GO}; {FULL}")
        return part(cursor, wanted, limits)

    monkeypatch.setattr(fetch, "_part", refused)
    snapshot = look_at(database)
    assert len([one for one in snapshot.relations.values() if one.kind == "view"]) == MANY
    assert max(sizes) == fetch.PART
    with pytest.raises(psycopg2.errors.OutOfMemory), closing(connected(database)) as own:
        read(own)
