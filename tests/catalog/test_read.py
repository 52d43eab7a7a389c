from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.catalog.fetch import query
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.snapshot import PARTS, Column, Constraint, Index, Relation, Snapshot
from tests.catalog.databases import execute
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable


def column(type_: str, **values: Any) -> Column:
    nothing = dict.fromkeys(("default", "identity", "generated", "collation", "comment"))
    return Column(**{"type": type_, "nullable": True, **nothing, **values})


def test_a_table_is_read_whole(connection: Any, run: Callable[[str], None]) -> None:
    run(
        """
        CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
        CREATE TABLE "It's 100%" (
          id serial PRIMARY KEY,
          big bigint GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 2 CACHE 3),
          "Name" varchar(20) COLLATE "C" NOT NULL DEFAULT 'x' UNIQUE,
          price numeric(10,2) CONSTRAINT dear CHECK (price > 1),
          twice numeric GENERATED ALWAYS AS (price * 2) STORED,
          how mood,
          other integer REFERENCES "It's 100%" ON DELETE CASCADE
        );
        COMMENT ON TABLE "It's 100%" IS 'a table';
        COMMENT ON COLUMN "It's 100%".how IS 'a column';
        CREATE INDEX "an %s" ON "It's 100%" (lower("Name"), price) WHERE how = 'sad';
        """
    )
    table = ("public", "It's 100%")
    on = """public."It's 100%" USING btree """
    snapshot = read(connection)
    assert snapshot.relations == {
        table: Relation(kind="table", unlogged=False, partitioned_by=None, comment="a table")
    }
    assert dict(snapshot.columns_of(table)) == {
        (*table, "id"): column("integer", nullable=False, default="nextval(its own sequence)"),
        (*table, "big"): column(
            "bigint",
            nullable=False,
            identity="GENERATED ALWAYS AS IDENTITY (START WITH 5 INCREMENT BY 2 CACHE 3)",
            identity_sequence='public."It\'s 100%_big_seq"',
        ),
        (*table, "Name"): column(
            "character varying(20)",
            nullable=False,
            default="'x'::character varying",
            collation='pg_catalog."C"',
        ),
        (*table, "price"): column("numeric(10,2)"),
        (*table, "twice"): column(
            "numeric", generated="GENERATED ALWAYS AS ((price * (2)::numeric)) STORED"
        ),
        (*table, "how"): column("public.mood", comment="a column"),
        (*table, "other"): column("integer"),
    }
    assert dict(snapshot.constraints_of(table)) == {
        (*table, "It's 100%_pkey"): Constraint(
            kind="primary key",
            definition="PRIMARY KEY (id)",
            columns=("id",),
            index=f"UNIQUE ON {on}(id)",
        ),
        (*table, "It's 100%_Name_key"): Constraint(
            kind="unique",
            definition='UNIQUE ("Name")',
            columns=("Name",),
            index=f'UNIQUE ON {on}("Name")',
        ),
        (*table, "dear"): Constraint(
            kind="check",
            definition="CHECK ((price > (1)::numeric))",
            columns=("price",),
            index=None,
        ),
        (*table, "It's 100%_other_fkey"): Constraint(
            kind="foreign key",
            definition=(
                """FOREIGN KEY (other) REFERENCES public."It's 100%"(id) ON DELETE CASCADE"""
            ),
            columns=("other",),
            index=None,
        ),
    }
    assert dict(snapshot.indexes_of(table)) == {
        (*table, "an %s"): Index(
            definition=(
                f"""ON {on}(lower(("Name")::text), price) WHERE (how = 'sad'::public.mood)"""
            ),
            valid=True,
            columns=("price",),
        )
    }
    assert snapshot.enums == {("public", "mood"): ("sad", "it's ok")}
    assert snapshot.columns_of(("public", "none")) == {}


def test_what_is_read_survives_json(connection: Any, run: Callable[[str], None]) -> None:
    run(
        """
        CREATE TYPE mood AS ENUM ('sad');
        CREATE TABLE t (id serial PRIMARY KEY, a integer UNIQUE, b mood, CHECK (a > 0));
        CREATE INDEX ON t (b);
        CREATE TABLE hidden (id integer);
        """
    )
    snapshot = read(connection, exclude=["*.hidden"])
    copy = through_json(snapshot)
    assert copy == snapshot
    assert copy.columns_of(("public", "t")) == snapshot.columns_of(("public", "t"))


def test_what_is_excluded_is_named_and_nothing_of_it_is_read(
    connection: Any, run: Callable[[str], None]
) -> None:
    run(
        """
        CREATE SCHEMA audit;
        CREATE TABLE audit.log (id serial PRIMARY KEY, x integer CHECK (x > 0));
        CREATE TABLE audit_log (id integer UNIQUE);
        CREATE TABLE kept (id integer);
        """
    )
    snapshot = read(connection, exclude=["audit.*", "public.*_log"])
    assert snapshot.excluded == (("audit", "log"), ("public", "audit_log"))
    assert list(snapshot.relations) == [("public", "kept")]
    assert list(snapshot.columns) == [("public", "kept", "id")]
    assert snapshot.constraints == {}
    assert snapshot.indexes == {}


def test_what_belongs_to_extensions_and_partitions_is_left_out(
    connection: Any, run: Callable[[str], None]
) -> None:
    run(
        """
        CREATE EXTENSION pg_stat_statements;
        CREATE SCHEMA chunks;
        CREATE TABLE chunks.c1 (id integer);
        ALTER EXTENSION pg_stat_statements ADD SCHEMA chunks;
        CREATE TABLE m (at date PRIMARY KEY, n integer) PARTITION BY RANGE (at);
        CREATE INDEX ix_m ON m (n);
        CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
        CREATE TABLE about (id integer, at date CONSTRAINT to_m REFERENCES m);
        """
    )
    snapshot = read(connection)
    assert list(snapshot.relations) == [("public", "about"), ("public", "m")]
    assert snapshot.relations["public", "m"].partitioned_by == "RANGE (at)"
    assert list(snapshot.constraints) == [("public", "about", "to_m"), ("public", "m", "m_pkey")]
    assert [one.definition for one in snapshot.indexes.values()] == ["ON public.m USING btree (n)"]


def test_views_foreign_tables_and_unlogged_tables_are_told_apart(
    connection: Any, run: Callable[[str], None]
) -> None:
    run(
        """
        CREATE UNLOGGED TABLE u (id integer);
        CREATE VIEW v AS SELECT id FROM u;
        CREATE MATERIALIZED VIEW m AS SELECT id FROM u;
        CREATE INDEX ix ON m (id);
        CREATE FOREIGN DATA WRAPPER w;
        CREATE SERVER s FOREIGN DATA WRAPPER w;
        CREATE FOREIGN TABLE f (id integer) SERVER s;
        CREATE TEMPORARY TABLE t (id integer);
        """
    )
    relations = read(connection).relations
    assert {name[1]: (one.kind, one.unlogged) for name, one in relations.items()} == {
        "u": ("table", True),
        "v": ("view", False),
        "m": ("materialized view", False),
        "f": ("foreign table", False),
    }


def test_an_index_that_failed_to_build_is_invalid(
    connection: Any, run: Callable[[str], None]
) -> None:
    run("CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (1)")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        run("CREATE UNIQUE INDEX CONCURRENTLY ux ON t (id)")
    assert read(connection).indexes["public", "t", "ux"].valid is False


def test_only_a_bare_draw_from_its_own_sequence_is_serial(
    connection: Any, run: Callable[[str], None]
) -> None:
    run(
        """
        CREATE SEQUENCE shared;
        CREATE SEQUENCE "it's" OWNED BY NONE;
        CREATE TABLE t (
          a serial,
          b integer DEFAULT nextval('shared'),
          c integer DEFAULT nextval('"it''s"'),
          d integer DEFAULT nextval('"it''s"') + 1
        );
        ALTER SEQUENCE "it's" OWNED BY t.c;
        """
    )
    defaults = {name[2]: one.default for name, one in read(connection).columns.items()}
    assert defaults == {
        "a": "nextval(its own sequence)",
        "b": "nextval('public.shared'::regclass)",
        "c": "nextval(its own sequence)",
        "d": """(nextval('public."it''s"'::regclass) + 1)""",
    }


def test_nothing_is_executed_or_written(connection: Any, run: Callable[[str], None]) -> None:
    run(
        """
        CREATE TABLE t (id serial);
        CREATE FUNCTION bad() RETURNS integer LANGUAGE plpgsql AS $$BEGIN RAISE 'called'; END$$;
        CREATE TABLE u (id integer DEFAULT bad(), CHECK (bad() > 0));
        CREATE VIEW v AS SELECT bad();
        """
    )
    read(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value, is_called FROM t_id_seq")
        assert cursor.fetchone() == (1, False)
        cursor.execute("SHOW search_path")
        assert cursor.fetchone() == ('"$user", public',)
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("off",)


def test_the_text_does_not_depend_on_the_session(
    connection: Any, run: Callable[[str], None]
) -> None:
    run(
        """
        CREATE SCHEMA other;
        CREATE TYPE other.mood AS ENUM ('x');
        CREATE TABLE other.t (id integer PRIMARY KEY, m other.mood DEFAULT 'x');
        CREATE TABLE u (id integer REFERENCES other.t);
        """
    )
    first = read(connection)
    execute(connection, "SET search_path = other, public")
    assert read(connection) == first
    assert first.columns["other", "t", "m"].default == "'x'::other.mood"


def test_every_part_has_its_query_and_its_place_in_a_snapshot(connection: Any) -> None:
    assert [*PARTS, "excluded"] == [one.name for one in fields(Snapshot)]
    with connection.cursor() as cursor:
        for name, part in PARTS.items():
            cursor.execute(query(name))
            values = len(fields(part.kind)) if part.kind else 1
            assert len(cursor.description) == (part.width or 2) + values, name
