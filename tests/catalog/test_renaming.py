"""One schema of many, read alone and under another's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.read import query, read_by
from pytest_schemaguard.catalog.renaming import renamed
from pytest_schemaguard.catalog.transaction import read_only

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


def of_schema(connection: Any, name: str) -> Snapshot:
    with read_only(connection) as cursor:
        return read_by(cursor, schema=name)


@pytest.mark.parametrize("name", ["tenant_2", '"Ten ant"', '"tenant.1"', "tenant_11"])
def test_equal_schemas_differ_in_nothing_but_their_names(
    run: Callable[[str], None], connection: Any, name: str
) -> None:
    run(TENANT.format("tenant_1"))
    run(TENANT.format(name))
    one = of_schema(connection, "tenant_1")
    other = of_schema(connection, name.strip('"'))
    assert diff(one, other) != ()
    assert diff(one, renamed(other, name.strip('"'), "tenant_1")) == ()


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
    one, other = of_schema(connection, "a"), of_schema(connection, "b")
    assert diff(one, renamed(other, "b", "a")) == ()
    assert ("a", "b", "b") in renamed(other, "b", "a").columns


@pytest.mark.parametrize(
    "name",
    ["relations", "columns", "constraints", "indexes", "enums", "domains", "sequences", "others"],
)
def test_every_query_can_be_narrowed_to_a_schema(name: str) -> None:
    assert "information_schema" not in query(name, schema="it's")
    assert "nspname = 'it''s'" in query(name, schema="it's")
