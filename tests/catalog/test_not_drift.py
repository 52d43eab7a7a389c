"""Partitions, what extensions own and version tables are no drift of the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.diff import Depth, Difference, diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.checks.drift import findings
from pytest_schemaguard.evidence.comparison import Comparison
from pytest_schemaguard.project.answers.models import Models
from tests.catalog.databases import execute

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot

SCHEMA = """
CREATE SCHEMA archive;
CREATE TABLE about (id integer PRIMARY KEY);
CREATE TABLE m (
  at date NOT NULL, n integer REFERENCES about, note text DEFAULT 'x', PRIMARY KEY (at)
) PARTITION BY RANGE (at);
CREATE INDEX ix_m ON m (n);
CREATE TABLE referring (at date REFERENCES m);
"""
Y2020 = "CREATE TABLE y2020 PARTITION OF m FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')"
NOT_DRIFT = {
    "a partition": Y2020,
    "in another schema": Y2020.replace("y2020", "archive.y2020"),
    "the default one": "CREATE TABLE rest PARTITION OF m DEFAULT",
    "of partitions": f"""
        {Y2020} PARTITION BY RANGE (at);
        CREATE TABLE y2020_1 PARTITION OF y2020 FOR VALUES FROM (MINVALUE) TO ('2020-02-01');
        CREATE TABLE archive.y2020_2 PARTITION OF y2020 DEFAULT
    """,
    "with indexes of its own": f"{Y2020}; CREATE UNIQUE INDEX ON y2020 (note)",
    "with constraints of its own": f"""
        {Y2020}; ALTER TABLE y2020 ADD CHECK (n > 0), ALTER note SET NOT NULL,
        ALTER note SET DEFAULT 'y', ADD UNIQUE (n)
    """,
    "attached": """
        CREATE TABLE y2020 (at date NOT NULL, n integer REFERENCES about, note text DEFAULT 'x');
        ALTER TABLE m ATTACH PARTITION y2020 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')
    """,
    "with a trigger, a comment and grants": f"""
        {Y2020};
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER t BEFORE INSERT ON y2020 FOR EACH ROW EXECUTE FUNCTION f();
        COMMENT ON TABLE y2020 IS 'x'; GRANT SELECT ON y2020 TO PUBLIC
    """,
    "an extension's table": """
        CREATE EXTENSION hstore; CREATE TABLE its_own (id serial PRIMARY KEY, a integer UNIQUE);
        ALTER EXTENSION hstore ADD TABLE its_own;
        ALTER EXTENSION hstore ADD SEQUENCE its_own_id_seq
    """,
    "an extension's view": """
        CREATE EXTENSION hstore; CREATE VIEW its_own AS SELECT 1 AS a;
        ALTER EXTENSION hstore ADD VIEW its_own
    """,
    "an extension's schema": """
        CREATE EXTENSION hstore; CREATE SCHEMA chunks; ALTER EXTENSION hstore ADD SCHEMA chunks;
        CREATE TABLE chunks.one (id serial PRIMARY KEY, a integer CHECK (a > 0));
        CREATE INDEX ON chunks.one (a); CREATE SEQUENCE chunks.counter;
        CREATE TYPE chunks.mood AS ENUM ('x'); CREATE DOMAIN chunks.code AS text
    """,
    "alembic": "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
    "alembic, another": "CREATE TABLE archive.alembic_version_fab (version_num varchar(32))",
    "flyway": "CREATE TABLE flyway_schema_history (installed_rank integer PRIMARY KEY)",
    "liquibase": "CREATE TABLE databasechangelog (id text); CREATE TABLE databasechangeloglock ()",
    "django": "CREATE TABLE django_migrations (id bigint GENERATED ALWAYS AS IDENTITY)",
    "rails": "CREATE TABLE schema_migrations (version text); CREATE TABLE ar_internal_metadata ()",
    "goose": "CREATE TABLE goose_db_version (id serial)",
}


def told(expected: Snapshot, actual: Snapshot) -> list[str]:
    differences = diff(expected, actual, depth=Depth.MODELS)
    comparison = Comparison(differences=differences, refused={}, excluded=(), fills_itself={})
    found = findings(comparison, Models(tables=(), ddl=()))
    return [f"{one.code.removeprefix('drift.')} {one.subject}" for one in found]


@pytest.mark.parametrize("change", NOT_DRIFT)
def test_what_no_model_has_to_know_is_no_drift(
    base: tuple[Address, Snapshot], changed: Any, change: str
) -> None:
    execute(changed, NOT_DRIFT[change])
    assert told(base[1], read(changed)) == []
    # Nor where the listeners of the models make it, and the database has none.
    back = told(read(changed), base[1])
    tools = {"alembic", "flyway", "liquibase", "django", "rails", "goose"}
    assert back == [] or change.partition(",")[0] in tools


def test_partition_that_is_detached_is_a_table_that_no_model_has(
    base: tuple[Address, Snapshot], changed: Any
) -> None:
    execute(changed, Y2020)
    execute(changed, "ALTER TABLE m DETACH PARTITION y2020")
    assert told(base[1], read(changed)) == ["extra-table public.y2020"]


def test_index_that_one_partition_lacks_is_not_valid_until_it_has_it(
    base: tuple[Address, Snapshot], changed: Any
) -> None:
    execute(changed, "DROP INDEX ix_m")
    execute(changed, Y2020)
    execute(changed, "CREATE INDEX ix_m ON ONLY m (n)")
    assert told(base[1], read(changed)) == ["invalid-index public.m.ix_m"]
    execute(changed, "CREATE INDEX ix_2020 ON y2020 (n); ALTER INDEX ix_m ATTACH PARTITION ix_2020")
    assert told(base[1], read(changed)) == []


def test_key_that_one_partition_lacks_refuses_nothing_there(
    base: tuple[Address, Snapshot], changed: Any
) -> None:
    execute(changed, f"ALTER TABLE referring DROP CONSTRAINT referring_at_fkey; {Y2020}")
    execute(changed, "ALTER TABLE m DROP CONSTRAINT m_pkey")
    execute(changed, "ALTER TABLE ONLY m ADD CONSTRAINT m_pkey PRIMARY KEY (at)")
    assert "unenforced-constraint public.m.m_pkey" in told(base[1], read(changed))
    execute(changed, "ALTER TABLE y2020 ADD CONSTRAINT own PRIMARY KEY (at)")
    execute(changed, "ALTER INDEX m_pkey ATTACH PARTITION own")
    assert told(base[1], read(changed)) == [
        "missing-foreign-key public.referring.referring_at_fkey"
    ]


@pytest.mark.parametrize(
    ("columns", "seen"),
    [
        ("at date NOT NULL, n integer, note text DEFAULT 'x'", []),
        ("at date, n bigint, other text", ["missing-column other", "type n"]),
    ],
)
def test_class_that_is_mapped_to_a_partition_is_compared_by_its_columns(
    base: tuple[Address, Snapshot], changed: Any, columns: str, seen: list[str]
) -> None:
    execute(changed, f"{Y2020} PARTITION BY RANGE (at)")
    execute(changed, "CREATE TABLE y2020_rest PARTITION OF y2020 DEFAULT")
    actual = read(changed)
    execute(changed, "DROP TABLE referring; DROP TABLE y2020")
    execute(changed, f"CREATE TABLE y2020_rest ({columns})")
    found = [
        one for one in diff(read(changed), actual, depth=Depth.MODELS) if one.name[1] != "referring"
    ]
    assert sorted(f"{one.kind} {one.name[2]}" for one in found) == seen
    assert {one.relation for one in found} <= {"table", "partition"}
    assert base[1].partitions == {}


def test_between_two_times_of_a_database_a_partition_is_a_difference(
    base: tuple[Address, Snapshot], changed: Any
) -> None:
    execute(changed, Y2020)
    assert diff(base[1], read(changed)) == (
        Difference(
            kind="extra-partition",
            name=("public", "y2020"),
            expected=None,
            actual=Y2020.removeprefix("CREATE TABLE y2020 ").replace(" m ", " public.m "),
        ),
    )
