"""One schema of many, read alone and under another's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.fetch import fetch
from pytest_schemaguard.catalog.read import snapshot_of
from pytest_schemaguard.catalog.renaming import Renaming
from pytest_schemaguard.catalog.snapshot import PARTS
from pytest_schemaguard.catalog.transaction import read_only
from pytest_schemaguard.sqltext.identifiers import in_quotes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.catalog.snapshot import Snapshot

TENANT = """
CREATE SCHEMA {0};
CREATE TYPE {0}.status AS ENUM ('new', 'old');
CREATE DOMAIN {0}.code AS text CHECK (VALUE <> 'x');
CREATE SEQUENCE {0}.ids;
CREATE TABLE {0}.parent (
  id integer PRIMARY KEY DEFAULT nextval('{0}.ids'), state {0}.status DEFAULT 'new',
  code {0}.code, tenant_1 text, own serial, kind text COLLATE "C"
);
CREATE TABLE {0}.child (
  id integer GENERATED ALWAYS AS IDENTITY, parent integer REFERENCES {0}.parent,
  tenant_1 text CHECK (tenant_1 <> 'tenant_1'), UNIQUE (tenant_1, id)
) ;
CREATE INDEX ON {0}.child (lower(tenant_1)) WHERE tenant_1 IN ('a', 'b');
CREATE VIEW {0}.states AS SELECT p.state, c.tenant_1 FROM {0}.parent p JOIN {0}.child c ON true;
CREATE FUNCTION {0}.one() RETURNS {0}.status LANGUAGE sql AS $$SELECT 'new'::{0}.status$$;
CREATE TABLE {0}.heir () INHERITS ({0}.parent);
"""


def of_schema(connection: Any, name: str, *, called: str | None = None) -> Snapshot:
    """What is in one schema, perhaps as if it were called otherwise."""
    with read_only(connection) as cursor:
        rows = {query: list(several) for query, several in fetch(cursor, schemas=[name])}
    rows["others"] = [row for row in rows["others"] if row[1][0] == name]
    if called is not None:
        renaming = Renaming(name, called)
        rows = {query: renaming.rows(query, several) for query, several in rows.items()}
    return snapshot_of(rows)


@pytest.mark.parametrize("name", ["tenant_2", '"Ten ant"', '"tenant.1"', "tenant_11"])
def test_equal_schemas_differ_in_nothing_but_their_names(
    run: Callable[[str], None], connection: Any, name: str
) -> None:
    run(TENANT.format("tenant_1"))
    run(TENANT.format(name))
    one = of_schema(connection, "tenant_1")
    assert diff(one, of_schema(connection, name.strip('"'))) != ()
    assert diff(one, of_schema(connection, name.strip('"'), called="tenant_1")) == ()


def test_a_schema_is_read_without_the_others(run: Callable[[str], None], connection: Any) -> None:
    for name in ("tenant_1", "tenant_2"):
        run(TENANT.format(name))
    run("CREATE TABLE public.shared (id integer)")
    alone = of_schema(connection, "tenant_2")
    parts = (
        alone.relations, alone.columns, alone.constraints, alone.indexes, alone.enums,
        alone.domains, alone.sequences,
    )  # fmt: skip
    assert all(parts)
    assert {name[0] for part in parts for name in part} == {"tenant_2"}


def test_a_table_that_is_called_as_its_schema_stays(
    run: Callable[[str], None], connection: Any
) -> None:
    for schema in ("a", "b"):
        run(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.b (b integer CHECK (b > 1))")
    one, other = of_schema(connection, "a"), of_schema(connection, "b", called="a")
    assert diff(one, other) == ()
    assert ("a", "b", "b") in other.columns


NAMES = ["it's", "t\\'; DROP TABLE x; --", "a%sb", 'quo"te', "%(schemas)s", "é 🐘"]


@pytest.mark.parametrize("scs", ["on", "off"])
def test_what_a_schema_is_called_is_never_read_as_sql(
    run: Callable[[str], None], connection: Any, scs: str
) -> None:
    run(f"SET standard_conforming_strings = {scs}")
    for name in NAMES:
        run(f"CREATE SCHEMA {in_quotes(name)}; CREATE TABLE {in_quotes(name)}.t (id integer)")
    with read_only(connection) as cursor:
        found = {
            query: [row[1][0] if query == "others" else row[0] for row in rows]
            for query, rows in fetch(cursor, schemas=NAMES)
        }
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("on",)
    assert sorted(found["relations"]) == sorted(NAMES)
    assert set(found["others"]) >= set(NAMES)


def test_every_query_can_be_narrowed_to_schemas(
    run: Callable[[str], None], connection: Any
) -> None:
    run(TENANT.format("tenant_1"))
    with read_only(connection) as cursor:
        found = {query: list(rows) for query, rows in fetch(cursor, schemas=["nobody"])}
    assert set(found) == set(PARTS)
    assert not any(rows for query, rows in found.items() if query != "others")
    assert not [row for row in found["others"] if row[1][0] == "tenant_1"]
