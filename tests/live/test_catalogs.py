"""Equal marks stand for equal snapshots, and tenants are read in one pass."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.transaction import Limits, read_only
from pytest_schemaguard.live.catalogs import Catalog, catalog_of, catalogs_of
from pytest_schemaguard.sqltext.identifiers import quoted
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_schemaguard.address import Address

BEFORE = """
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE SEQUENCE n;
CREATE SCHEMA other;
CREATE TABLE other.apart (id integer);
CREATE TABLE t (id serial PRIMARY KEY, m mood, name text NOT NULL DEFAULT 'x', p positive);
CREATE INDEX by_name ON t (name);
CREATE VIEW v AS SELECT id FROM t;
CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION g() RETURNS integer BEGIN ATOMIC SELECT 1; END;
CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;
CREATE POLICY p ON t USING (id > 0);
"""
CHANGES = [
    "ALTER TYPE mood ADD VALUE 'c'",
    "ALTER DOMAIN positive SET NOT NULL",
    "ALTER SEQUENCE n INCREMENT 2",
    "ALTER TABLE t ALTER name DROP NOT NULL",
    "ALTER TABLE t ALTER name SET DEFAULT 'y'",
    "ALTER TABLE t ADD UNIQUE (name)",
    "ALTER INDEX by_name RENAME TO other_name",
    "ALTER TABLE t SET UNLOGGED",
    "COMMENT ON TABLE t IS 'x'",
    "COMMENT ON COLUMN t.name IS 'a, (b)'",
    "CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM t",
    "CREATE OR REPLACE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
    "CREATE OR REPLACE FUNCTION g() RETURNS integer BEGIN ATOMIC SELECT 2; END",
    "CREATE OR REPLACE RULE r AS ON DELETE TO t DO NOTHING",
    "ALTER POLICY p ON t USING (id > 1)",
    "ALTER TABLE other.apart ADD more text",
]
TENANT = """
CREATE SCHEMA {0};
CREATE TYPE {0}.status AS ENUM ('new', 'old');
CREATE DOMAIN {0}.code AS text CHECK (VALUE <> 'x');
CREATE SEQUENCE {0}.ids;
CREATE TABLE {0}.parent (
  id integer PRIMARY KEY, state {0}.status DEFAULT 'new', code {0}.code, own serial
);
ALTER SEQUENCE {0}.ids OWNED BY {0}.parent.id;
CREATE TABLE {0}.child (
  id integer GENERATED ALWAYS AS IDENTITY, parent integer REFERENCES {0}.parent
);
CREATE INDEX ON {0}.child (abs(id)) WHERE parent IN (1, 2);
CREATE VIEW {0}.states AS SELECT p.state, c.id FROM {0}.parent p JOIN {0}.child c ON true;
CREATE FUNCTION {0}.one() RETURNS {0}.status LANGUAGE sql AS $$SELECT 'new'::{0}.status$$;
CREATE TABLE {0}.heir () INHERITS ({0}.parent);
"""
LIMITS = Limits()


def whole(connection: Any, *exclude: str) -> Catalog:
    with read_only(connection) as cursor:
        return catalog_of(cursor, exclude=exclude, limits=LIMITS)


def tenants(
    connection: Any, names: Sequence[str], *, exclude: Sequence[str] = ()
) -> dict[str, Catalog]:
    with read_only(connection) as cursor:
        return catalogs_of(cursor, names, called="public", exclude=exclude, limits=LIMITS)


def test_databases_made_in_another_order_with_other_oids_are_equal(postgres: Address) -> None:
    with (
        fresh(postgres) as one,
        fresh(postgres) as other,
        closing(connected(one)) as first,
        closing(connected(other)) as second,
    ):
        execute(first, BEFORE)
        execute(second, "CREATE TABLE gone (id serial); DROP TABLE gone;" + BEFORE)
        assert whole(first).mark == whole(second).mark
        assert whole(first).snapshot() == read(first)
        execute(second, "ALTER TABLE t ADD more text")
        assert whole(first).mark != whole(second).mark
        (apart,), (also_apart,) = (
            tenants(first, ["other"]).values(),
            tenants(second, ["other"]).values(),
        )
        assert apart.mark == also_apart.mark


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_snapshot_changes_the_mark(postgres: Address, change: str) -> None:
    with fresh(postgres) as address, closing(connected(address)) as one:
        execute(one, BEFORE)
        before = whole(one)
        assert whole(one).mark == before.mark
        execute(one, change)
        assert whole(one).mark != before.mark
        assert diff(before.snapshot(), whole(one).snapshot()) != ()


def test_what_is_left_out_counts(run: Callable[[str], None], connection: Any) -> None:
    run(BEFORE)
    assert whole(connection).mark != whole(connection, "public.t").mark
    assert ("public", "t") not in whole(connection, "public.t").snapshot().relations


NAMES = ["tenant_1", "tenant_11", "Ten ant", "it's", 'quo"te', "tenant.1", "back\\slash", "select"]


def test_equal_tenants_have_one_mark_and_share_their_rows(
    run: Callable[[str], None], connection: Any
) -> None:
    for name in NAMES:
        run(TENANT.format(quoted(name)))
    found = tenants(connection, NAMES)
    assert list(found) == NAMES
    assert len({one.mark for one in found.values()}) == 1
    first = found["tenant_1"]
    assert {name[0] for name in first.snapshot().relations} == {"public"}
    for one in found.values():
        assert one.snapshot() == first.snapshot()
        assert all(one.rows[query] is first.rows[query] for query in first.rows)


OF_A_TENANT = """\
ALTER TABLE {0}.parent ADD more text
ALTER TABLE {0}.parent ALTER code SET NOT NULL
ALTER TABLE {0}.child ADD CONSTRAINT other FOREIGN KEY (parent) REFERENCES {1}.parent
ALTER TYPE {0}.status ADD VALUE 'x'
ALTER SEQUENCE {0}.ids INCREMENT 2
CREATE VIEW {0}.more AS SELECT id FROM {1}.parent
CREATE TABLE {0}.{0} (id integer)
COMMENT ON TABLE {0}.parent IS '{0}'\
"""
"""The last two are called as the tenant where its schema is not meant."""


@pytest.mark.parametrize("change", OF_A_TENANT.splitlines())
def test_a_tenant_that_differs_has_another_mark(
    run: Callable[[str], None], connection: Any, change: str
) -> None:
    for name in ("tenant_3", "tenant_1", "tenant_2"):
        run(TENANT.format(name))
        if name != "tenant_3":
            run(change.replace("{0}", name).replace("{1}", "tenant_3"))
    found = tenants(connection, ["tenant_1", "tenant_2", "tenant_3"])
    assert found["tenant_1"].mark != found["tenant_3"].mark
    differ = "'{0}'" in change or "{0}.{0}" in change
    assert (found["tenant_1"].mark == found["tenant_2"].mark) is not differ


def test_exclude_names_tenants_by_their_own_names(
    run: Callable[[str], None], connection: Any
) -> None:
    for name in ("tenant_1", "tenant_2"):
        run(f'CREATE SCHEMA {name}; CREATE TABLE {name}.t (); CREATE TABLE {name}."a*b" ()')
    found = tenants(connection, ["tenant_1", "tenant_2"], exclude=["tenant_1.a*"])
    assert set(found["tenant_1"].snapshot().relations) == {("public", "t")}
    assert found["tenant_1"].snapshot().excluded == (("public", "a*b"),)
    assert set(found["tenant_2"].snapshot().relations) == {("public", "t"), ("public", "a*b")}
    assert found["tenant_1"].mark != found["tenant_2"].mark


def test_an_empty_tenant_is_empty(run: Callable[[str], None], connection: Any) -> None:
    run("CREATE SCHEMA tenant_1; CREATE TABLE public.shared (id integer)")
    (one,) = tenants(connection, ["tenant_1"]).values()
    assert not one.snapshot().relations
