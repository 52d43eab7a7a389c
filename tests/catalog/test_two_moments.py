"""Two moments of one database: what a migration leaves otherwise is seen, models are told none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.diff import Depth, diff
from pytest_schemaguard.catalog.order import order_changes
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.snapshot import Snapshot
from pytest_schemaguard.codec import decode, dumps
from pytest_schemaguard.live.comparable import comparable
from tests.catalog.databases import execute

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address

SCHEMA = """
CREATE SCHEMA s;
CREATE EXTENSION hstore;
CREATE TABLE about (id integer PRIMARY KEY);
CREATE TABLE m (id integer, at date NOT NULL, n integer DEFAULT 0 REFERENCES about, note text)
  PARTITION BY RANGE (at);
CREATE INDEX ix_m ON m (n);
CREATE TABLE other (LIKE m) PARTITION BY RANGE (at);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER audit BEFORE INSERT ON m FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')
  PARTITION BY LIST (id);
CREATE TABLE m2_a PARTITION OF m2 FOR VALUES IN (1, 2);
GRANT SELECT ON m1 TO pg_monitor;
COMMENT ON TABLE m1 IS 'jan';
ALTER TABLE m1 SET (autovacuum_enabled = off);
ALTER TABLE m1 ADD CONSTRAINT own CHECK (n < 9), ADD CONSTRAINT one UNIQUE (note);
CREATE INDEX ix_own ON m1 (note);
ALTER TABLE m1 ALTER n SET DEFAULT 5;
CREATE TABLE t (id integer PRIMARY KEY, a integer DEFAULT 1 CHECK (a > 0), b text);
GRANT SELECT ON t TO pg_monitor;
COMMENT ON TABLE t IS 'tea';
ALTER TABLE t SET (fillfactor = 70);
"""
JAN, FEB = "FROM ('2024-01-01') TO ('2024-02-01')", "FROM ('2024-02-01') TO ('2024-03-01')"
OF_PARTITIONS = {
    f"ALTER TABLE m DETACH PARTITION m1; ALTER TABLE m ATTACH PARTITION m1 FOR VALUES {JAN}": [],
    # where it stands
    "ALTER TABLE m DETACH PARTITION m1;"
    "ALTER TABLE m ATTACH PARTITION m1 FOR VALUES FROM ('2024-01-01') TO ('2024-01-20')": [
        "partition public.m1"
    ],
    "ALTER TABLE m DETACH PARTITION m1; ALTER TABLE m ATTACH PARTITION m1 DEFAULT": [
        "partition public.m1"
    ],
    "ALTER TABLE m2 DETACH PARTITION m2_a;ALTER TABLE m2 ATTACH PARTITION m2_a FOR VALUES IN (1)": [
        "partition public.m2_a"
    ],
    "ALTER TABLE m2 DETACH PARTITION m2_a; ALTER TABLE m ATTACH PARTITION m2_a DEFAULT": [
        "partition public.m2_a"
    ],
    "DROP TABLE m2; CREATE TABLE m2 PARTITION OF m FOR VALUES " + FEB: [
        "partition public.m2",
        "missing-partition public.m2_a",
    ],
    "ALTER TABLE m DETACH PARTITION m1": ["extra-table public.m1", "missing-partition public.m1"],
    "DROP TABLE m1": ["missing-partition public.m1"],
    "DROP TABLE m": ["missing-table public.m"],
    "CREATE TABLE m3 PARTITION OF m DEFAULT; GRANT SELECT ON m3 TO pg_monitor;"
    "CREATE TRIGGER t BEFORE INSERT ON m3 FOR EACH ROW EXECUTE FUNCTION touch()": [
        "extra-partition public.m3"
    ],
    # what it has otherwise than its parent
    "ALTER TABLE m1 RESET (autovacuum_enabled)": ["partition public.m1"],
    "ALTER TABLE m1 SET (toast.autovacuum_enabled = off)": ["partition public.m1"],
    "ALTER TABLE m1 SET UNLOGGED": ["partition public.m1"],
    "COMMENT ON TABLE m1 IS NULL": ["partition public.m1"],
    "COMMENT ON TABLE m2 IS 'feb'": ["partition public.m2"],
    "COMMENT ON COLUMN m1.n IS 'x'": ["partition public.m1"],
    "ALTER TABLE m1 ALTER n SET DEFAULT 6": ["partition public.m1"],
    "ALTER TABLE m1 ALTER n DROP DEFAULT": ["partition public.m1"],
    "ALTER TABLE m1 ALTER note SET DEFAULT 'x'": ["partition public.m1"],
    "ALTER TABLE m1 ALTER note SET NOT NULL": ["partition public.m1"],
    "ALTER TABLE m1 DROP CONSTRAINT own": ["partition public.m1"],
    "ALTER TABLE m1 DROP CONSTRAINT own, ADD CONSTRAINT own CHECK (n < 8)": ["partition public.m1"],
    "ALTER TABLE m1 DROP CONSTRAINT own, ADD CONSTRAINT own CHECK (n < 9) NOT VALID": [
        "partition public.m1"
    ],
    "COMMENT ON CONSTRAINT own ON m1 IS 'x'": ["partition public.m1"],
    "ALTER TABLE m1 DROP CONSTRAINT one": ["partition public.m1"],
    "ALTER TABLE m1 ADD FOREIGN KEY (id) REFERENCES about": ["partition public.m1"],
    "ALTER TABLE m1 DISABLE TRIGGER ALL": ["partition public.m1", "extra-trigger public.m1.audit"],
    "DROP INDEX ix_own": ["partition public.m1"],
    "DROP INDEX ix_own; CREATE INDEX ix_own ON m1 (id)": ["partition public.m1"],
    "COMMENT ON INDEX ix_own IS 'x'": ["extra-comment public.m1.ix_own.index"],
    "REVOKE SELECT ON m1 FROM pg_monitor": ["missing-privileges public.m1"],
    "GRANT SELECT (id) ON m1 TO pg_monitor": ["extra-privileges public.m1.id"],
    "ALTER TABLE m1 OWNER TO pg_monitor": ["missing-privileges public.m1", "owner public.m1"],
    "ALTER TABLE m1 ENABLE ROW LEVEL SECURITY": ["extra-row-security public.m1"],
    "CREATE POLICY p ON m1": ["extra-policy public.m1.p"],
    "ALTER TABLE m1 ALTER note SET STORAGE EXTERNAL": ["extra-column-storage public.m1.note"],
    "ALTER TABLE m1 REPLICA IDENTITY FULL": ["extra-replica-identity public.m1"],
    "ALTER TABLE m1 CLUSTER ON ix_own": ["extra-clustered public.m1"],
    "CREATE TRIGGER own BEFORE UPDATE ON m1 FOR EACH ROW EXECUTE FUNCTION touch()": [
        "extra-trigger public.m1.own"
    ],
    "CREATE PUBLICATION news FOR TABLE m1": ["extra-publication news"],
    "GRANT INSERT ON m2 TO pg_monitor": ["extra-privileges public.m2"],
    # what it has from its parent is told of the parent
    "ALTER TABLE m ALTER note SET DEFAULT 'x'": ["default public.m.note"],
    "ALTER TABLE ONLY m ALTER note SET DEFAULT 'x'": [
        "default public.m.note",
        "partition public.m1",
        "partition public.m2",
    ],
    "ALTER TABLE m ADD CHECK (id > 0)": ["extra-check public.m.m_id_check"],
    "DROP INDEX ix_m": ["missing-index public.m.ix_m"],
    "DROP TRIGGER audit ON m": ["missing-trigger public.m.audit"],
    "ALTER TABLE m DISABLE TRIGGER audit": ["trigger public.m.audit"],
}
OF_TABLES = {
    "GRANT INSERT ON t TO pg_monitor": ["privileges public.t"],
    "GRANT INSERT ON m TO pg_monitor": ["extra-privileges public.m"],
    "COMMENT ON TABLE m IS 'x'": ["comment public.m"],
    "REVOKE ALL ON t FROM pg_monitor": ["missing-privileges public.t"],
    "GRANT SELECT (a) ON t TO pg_monitor": ["extra-privileges public.t.a"],
    "COMMENT ON TABLE t IS NULL": ["comment public.t"],
    "COMMENT ON COLUMN t.a IS 'x'": ["comment public.t.a"],
    "COMMENT ON CONSTRAINT t_a_check ON t IS 'x'": ["constraint-comment public.t.t_a_check"],
    "ALTER TABLE t ALTER a DROP DEFAULT": ["default public.t.a"],
    "ALTER TABLE t ALTER a SET DEFAULT 2": ["default public.t.a"],
    "ALTER TABLE t RESET (fillfactor)": ["storage public.t"],
    "ALTER TABLE t SET (toast.autovacuum_enabled = off)": ["storage public.t"],
    "ALTER TABLE t ALTER b SET STORAGE EXTERNAL": ["extra-column-storage public.t.b"],
    "ALTER TABLE t DROP CONSTRAINT t_a_check": ["missing-check public.t.t_a_check"],
    "ALTER TABLE t DROP CONSTRAINT t_a_check, ADD CHECK (a > 1)": ["check public.t.t_a_check"],
    "ALTER TABLE t DROP CONSTRAINT t_a_check, ADD CHECK (a > 0) NOT VALID": [
        "check public.t.t_a_check"
    ],
    "ALTER EXTENSION hstore SET SCHEMA s": ["extension-schema hstore"],
    "DROP EXTENSION hstore": ["missing-extension hstore"],
}


def told(before: Snapshot, after: Snapshot) -> list[str]:
    return [f"{one.kind} {'.'.join(one.name)}" for one in diff(before, after)]


@pytest.mark.parametrize("change", [*OF_PARTITIONS, *OF_TABLES])
def test_a_change_is_seen(base: tuple[Address, Snapshot], changed: Any, change: str) -> None:
    assert told(base[1], read(changed)) == []
    execute(changed, change)
    assert told(base[1], read(changed)) == {**OF_PARTITIONS, **OF_TABLES}[change]


@pytest.mark.parametrize("change", [one for one in OF_PARTITIONS if " m1" in one or " m2" in one])
def test_neither_models_nor_databases_in_use_are_told_of_a_partition(
    base: tuple[Address, Snapshot], changed: Any, change: str
) -> None:
    execute(changed, change)
    after = read(changed)
    for depth, sides in (
        (Depth.MODELS, (base[1], after)),
        (Depth.CATALOG, (comparable(base[1]), comparable(after))),
    ):
        kinds = {one.kind for one in diff(*sides, depth=depth)}
        assert kinds <= {"extra-table", "extra-publication"}


def test_the_schema_of_an_extension_is_nothing_of_a_database_in_use(
    base: tuple[Address, Snapshot], changed: Any
) -> None:
    execute(changed, "ALTER EXTENSION hstore SET SCHEMA s")
    assert told(comparable(base[1]), comparable(read(changed))) == []


def test_a_partition_is_told_as_it_would_be_made(base: tuple[Address, Snapshot]) -> None:
    others = base[1].others
    assert others["partition", "public", "m1"] == (
        f"PARTITION OF public.m FOR VALUES {JAN} WITH (autovacuum_enabled=off) COMMENT 'jan' "
        "COLUMN n DEFAULT 5 CONSTRAINT one UNIQUE (note) CONSTRAINT own CHECK ((n < 9)) "
        "CREATE INDEX ix_own ON public.m1 USING btree (note)"
    )
    assert others["partition", "public", "m2"] == (
        f"PARTITION OF public.m FOR VALUES {FEB} PARTITION BY LIST (id)"
    )
    assert others["partition", "public", "m2_a"] == "PARTITION OF public.m2 FOR VALUES IN (1, 2)"


def test_what_a_partitions_column_has_otherwise_is_told_with_it(changed: Any) -> None:
    execute(changed, "ALTER TABLE m2 ALTER note SET NOT NULL, ALTER n DROP DEFAULT")
    execute(changed, "COMMENT ON COLUMN m2.id IS 'it''s'")
    assert read(changed).others["partition", "public", "m2"] == (
        f"PARTITION OF public.m FOR VALUES {FEB} PARTITION BY LIST (id) "
        "COLUMN id COMMENT 'it''s' COLUMN n WITHOUT DEFAULT COLUMN note NOT NULL"
    )


def test_a_detached_partition_is_missed_with_its_bounds(
    base: tuple[Address, Snapshot], changed: Any
) -> None:
    execute(changed, "ALTER TABLE m2 DETACH PARTITION m2_a")
    (_, missing) = diff(base[1], read(changed))
    assert missing.kind == "missing-partition"
    assert missing.expected == "PARTITION OF public.m2 FOR VALUES IN (1, 2)"


@pytest.mark.parametrize("excluded", ["public.m", "public.m1", "*.m*"])
def test_a_partition_is_excluded_by_its_own_name_or_its_tables(
    base: tuple[Address, Snapshot], changed: Any, excluded: str
) -> None:
    before = read(changed, exclude=[excluded])
    execute(changed, "COMMENT ON TABLE m1 IS NULL; GRANT INSERT ON m1 TO pg_monitor")
    assert told(before, read(changed, exclude=[excluded])) == []
    execute(changed, "DROP TABLE m1")
    assert told(before, read(changed, exclude=[excluded])) == []
    assert told(base[1], read(changed)) == ["missing-partition public.m1"]


def test_another_order_of_columns_is_no_difference_and_known(
    base: tuple[Address, Snapshot], changed: Any
) -> None:
    execute(changed, "ALTER TABLE t DROP b, ADD c integer; ALTER TABLE m DROP n")
    after = read(changed)
    assert order_changes(base[1], after) == ()  # what is left stands as before
    execute(changed, "ALTER TABLE t ADD b text; ALTER TABLE t DROP a, ADD a integer")
    assert order_changes(after, read(changed)) == (("public", "t"),)
    execute(changed, "ALTER TABLE t DROP c, ADD a2 integer; ALTER TABLE t DROP a2, ADD c integer")
    execute(changed, "ALTER TABLE t ALTER a SET DEFAULT 1, ADD CHECK (a > 0)")
    execute(changed, "ALTER TABLE t DROP c; ALTER TABLE m ADD n integer DEFAULT 0 REFERENCES about")
    execute(changed, "CREATE INDEX ix_m ON m (n); ALTER TABLE m1 ALTER n SET DEFAULT 5")
    execute(changed, "ALTER TABLE m1 ADD CONSTRAINT own CHECK (n < 9)")
    last = read(changed)
    assert told(base[1], last) == []
    assert order_changes(base[1], last) == (("public", "m"), ("public", "t"))
    kept = decode(Snapshot, json.loads(dumps(last)))
    assert order_changes(base[1], kept) == (("public", "m"), ("public", "t"))


def test_the_order_of_a_views_columns_is_its_querys(connection: Any) -> None:
    execute(connection, "CREATE VIEW v AS SELECT 1 AS a, 2 AS b")
    before = read(connection)
    execute(connection, "DROP VIEW v; CREATE VIEW v AS SELECT 2 AS b, 1 AS a")
    assert told(before, read(connection)) == ["view public.v"]
    assert order_changes(before, read(connection)) == ()
