"""What is no table: domains, sequences, and what no model can express."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from pytest_schemaguard.catalog.diff import Depth, diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.rows.prints import fingerprints
from pytest_schemaguard.servers.sessions import connect
from tests.catalog.databases import (
    connected,
    differences,
    dumped,
    execute,
    fresh,
    load,
    make,
    models_of,
)
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address

SCHEMA = """
CREATE TABLE parent (id serial PRIMARY KEY, name text);
CREATE TABLE child (id integer PRIMARY KEY, parent_id integer);
CREATE VIEW names AS SELECT name FROM parent;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM parent;
CREATE TYPE pair AS (a integer, b text);
CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE AGGREGATE longest (text) (sfunc = textcat, stype = text, initcond = '');
CREATE TRIGGER audit BEFORE UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON parent USING (name = 'x');
CREATE RULE quiet AS ON DELETE TO child DO INSTEAD NOTHING;
CREATE STATISTICS linked ON id, name FROM parent;
CREATE SEQUENCE counter;
GRANT SELECT ON parent TO PUBLIC;
GRANT UPDATE (name) ON parent TO PUBLIC;
COMMENT ON TABLE child IS 'x';
"""
CHANGES = {
    "CREATE TABLE more (id serial)": "extra-table public.more",
    "CREATE OR REPLACE VIEW names AS SELECT name FROM parent WHERE id > 0": "view public.names",
    "DROP VIEW names": "missing-table public.names",
    "DROP MATERIALIZED VIEW counted; CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM"
    " child": "view public.counted",
    "CREATE OR REPLACE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 2'": (
        "function public.one()"
    ),
    "CREATE FUNCTION one(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'": (
        "extra-function public.one(integer)"
    ),
    "ALTER FUNCTION one() SECURITY DEFINER": "function public.one()",
    "REVOKE EXECUTE ON FUNCTION one() FROM PUBLIC": "privileges public.one()",
    "DROP AGGREGATE longest (text)": "missing-function public.longest(text)",
    "DROP TRIGGER audit ON parent": "missing-trigger public.parent.audit",
    "ALTER TABLE parent DISABLE TRIGGER audit": "trigger public.parent.audit",
    "ALTER TABLE parent DISABLE ROW LEVEL SECURITY": "missing-row-security public.parent",
    "ALTER TABLE parent FORCE ROW LEVEL SECURITY": "row-security public.parent",
    "ALTER POLICY own ON parent USING (true)": "policy public.parent.own",
    "DROP RULE quiet ON child": "missing-rule public.child.quiet",
    "DROP STATISTICS linked": "missing-statistics public.linked",
    "ALTER TYPE pair ADD ATTRIBUTE c integer": "composite-type public.pair",
    "GRANT DELETE ON parent TO PUBLIC": "privileges public.parent",
    "REVOKE UPDATE (name) ON parent FROM PUBLIC": "missing-privileges public.parent.name",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC": "missing-privileges public",
    "ALTER TABLE child OWNER TO pg_monitor": "owner public.child",
    "ALTER TABLE child REPLICA IDENTITY FULL": "extra-replica-identity public.child",
    "CREATE SCHEMA other": "extra-schema other",
    "CREATE EXTENSION pg_trgm": "extra-extension pg_trgm",
    "CREATE PUBLICATION news FOR TABLE child": "extra-publication news",
    "DROP SEQUENCE counter": "missing-sequence public.counter",
    "ALTER SEQUENCE counter INCREMENT BY 2": "sequence public.counter",
    "ALTER SEQUENCE parent_id_seq CACHE 5": "sequence public.parent_id_seq",
    "ALTER TABLE child SET (fillfactor = 50)": "storage public.child",
    "ALTER TABLE child INHERIT nothing": "inheritance public.child",
    "CREATE EVENT TRIGGER late ON ddl_command_end EXECUTE FUNCTION late()": (
        "extra-event-trigger late"
    ),
}
OF_MODELS = (
    "extra-table",
    "sequence",
    "missing-sequence",
    "inheritance",
    "storage",
    "view",
    "missing-table",
)


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_what_no_model_expresses_is_seen_between_two_times_of_a_database(
    run: Callable[[str], None], connection: Any, change: str
) -> None:
    run(SCHEMA)
    run("CREATE TABLE nothing ()")
    run("CREATE FUNCTION late() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
    before = read(connection)
    assert through_json(before) == before
    run(change)
    after = read(connection)
    seen = {f"{one.kind} {'.'.join(one.name)}" for one in diff(before, after)}
    assert seen == {CHANGES[change]}
    kinds = {one.kind for one in diff(before, after, depth=Depth.MODELS)}
    assert kinds <= set(OF_MODELS)


def test_two_reads_of_one_database_differ_in_nothing(
    run: Callable[[str], None], connection: Any
) -> None:
    run(SCHEMA)
    assert diff(read(connection), read(connection)) == ()


KINDS_AS_OR = """
ALTER TABLE place DROP CONSTRAINT kinds, ADD CONSTRAINT kinds CHECK (kind = 'b' OR kind = 'a')
"""


def models() -> sa.MetaData:
    metadata = sa.MetaData()
    postcode = pg.DOMAIN("postcode", sa.String(10), check=r"VALUE ~ '^\d+$'", default="'0'")
    sa.Table(
        "place",
        metadata,
        sa.Column("id", sa.Integer, sa.Sequence("counter", start=5), primary_key=True),
        sa.Column("code", postcode),
        sa.Column("kind", sa.String(9)),
        sa.Column("word", sa.Text, server_default="abc"),
        sa.Column("number", sa.Integer, server_default="5"),
        sa.CheckConstraint("kind IN ('a', 'b')", name="kinds"),
        sa.CheckConstraint("kind = ANY (ARRAY['a', 'b'])", name="again"),
        postgresql_with={"fillfactor": 70},
    )
    sa.Table("place_other", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return metadata


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("", set()),
        ("ALTER DOMAIN postcode SET NOT NULL", {"domain"}),
        ("ALTER DOMAIN postcode SET DEFAULT '1'", {"domain"}),
        ("ALTER DOMAIN postcode DROP CONSTRAINT postcode_check", {"domain"}),
        ("ALTER DOMAIN postcode ADD CONSTRAINT long CHECK (length(VALUE) > 3)", {"domain"}),
        ("ALTER TABLE place ALTER code TYPE varchar(10); DROP DOMAIN postcode",
         {"type", "missing-domain"}),
        ("DROP SEQUENCE counter", {"missing-sequence"}),
        ("ALTER SEQUENCE counter START WITH 6", {"sequence"}),
        ("ALTER SEQUENCE counter OWNED BY place.id", {"sequence-owner"}),
        ("CREATE SEQUENCE surplus", set()),
        ("ALTER TABLE place RESET (fillfactor)", {"storage"}),
        ("ALTER TABLE place SET (autovacuum_enabled = off)", {"storage"}),
        (KINDS_AS_OR, set()),
        ("ALTER TABLE place ALTER kind SET DEFAULT NULL", set()),
        ("ALTER TABLE place ALTER word SET DEFAULT 'abc'::varchar(2)", {"default"}),
        ("ALTER TABLE place ALTER word SET DEFAULT 'abc'::varchar", set()),
        ("ALTER TABLE place ALTER number SET DEFAULT 5.0", set()),
        ("ALTER SEQUENCE place_other_id_seq INCREMENT BY 2", {"sequence"}),
        ("ALTER SEQUENCE place_other_id_seq AS bigint", set()),
        ("ALTER SEQUENCE place_other_id_seq RENAME TO renamed", set()),
        ("CREATE VIEW v AS SELECT 1; GRANT SELECT ON place TO PUBLIC", {"extra-table"}),
    ],
)  # fmt: skip
def test_models_differ_in_what_they_express(postgres: Address, change: str, seen: set[str]) -> None:
    told = models_of(models())
    with fresh(postgres) as actual:
        with closing(connected(actual)) as connection:
            make(connection, told)
            if change:
                execute(connection, change)
        found = differences(postgres, actual, told)
    assert {one.kind for one in found} == seen


def test_domain_of_a_dump_that_is_spelled_otherwise_is_the_same(
    postgres: Address, bindir: str
) -> None:
    metadata = sa.MetaData()
    letter = pg.DOMAIN("letter", sa.String(1), check="VALUE IN ('x', 'y')", not_null=True)
    sa.Table("t", metadata, sa.Column("letter", letter))
    told = models_of(metadata)
    with fresh(postgres) as actual, fresh(postgres) as restored:
        with closing(connected(actual)) as connection:
            make(connection, told)
        load(restored, dumped(actual, bindir), bindir)
        with closing(connected(actual)) as one, closing(connected(restored)) as other:
            assert read(one).domains != read(other).domains
        assert differences(postgres, restored, told) == ()


def test_rows_that_are_spelled_otherwise_by_a_new_setting_are_the_same_rows(
    run: Callable[[str], None], database: Address
) -> None:
    run("CREATE TABLE t (at timestamptz, d date, f float, i interval, b bytea)")
    run("INSERT INTO t VALUES (now(), now(), 1.0 / 3, '1 day 2 hours', '\\x00')")
    with closing(connect(database)) as guard:
        snapshot = read(guard)
        before = fingerprints(guard, snapshot)
    for setting in (
        "TimeZone = 'Asia/Tokyo'",
        "DateStyle = 'German'",
        "IntervalStyle = 'iso_8601'",
        "extra_float_digits = -5",
        "bytea_output = 'escape'",
    ):
        run(f'ALTER DATABASE "{database.database}" SET {setting}')
    with closing(connect(database)) as guard:
        assert fingerprints(guard, snapshot) == before


def test_rows_of_a_table_that_inherits_are_its_own(
    run: Callable[[str], None], connection: Any
) -> None:
    run("CREATE TABLE parent (a integer); CREATE TABLE child () INHERITS (parent)")
    run("CREATE TABLE split (a integer) PARTITION BY LIST (a)")
    run("CREATE TABLE split_1 PARTITION OF split DEFAULT")
    run("INSERT INTO child VALUES (1), (2); INSERT INTO split VALUES (3)")
    counts = {
        name[1]: one.count for name, one in fingerprints(connection, read(connection)).of.items()
    }
    assert counts == {"parent": 0, "child": 2, "split": 1}
