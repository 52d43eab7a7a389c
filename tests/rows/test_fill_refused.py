"""What cannot be filled is told, by name and in PostgreSQL's words; the other tables are filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.rows.fill import Filled, Kind, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    Select = Callable[[str], list[tuple[Any, ...]]]

RAISING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
      RAISE 'no rows on %s', TG_OP; END$$;
    CREATE FUNCTION never(text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
    CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
"""
REFUSED = {
    "a check that calls a function": (
        "CREATE TABLE t (a text NOT NULL CONSTRAINT known CHECK (never(a)))",
        'new row for relation "t" violates check constraint "known"',
    ),
    "a trigger that raises": (
        (
            "CREATE TABLE t (a text); CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW"
            " EXECUTE FUNCTION refuse()"
        ),
        "no rows on INSERTs (PL/pgSQL function refuse() line 2 at RAISE)",
    ),
    "a trigger that raises at the end of the transaction": (
        (
            "CREATE TABLE t (a text); CREATE CONSTRAINT TRIGGER r AFTER INSERT ON t"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
        "no rows on INSERTs (PL/pgSQL function refuse() line 2 at RAISE)",
    ),
    "a trigger that takes rows away": (
        (
            "CREATE TABLE t (a text); CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW"
            " EXECUTE FUNCTION ignore()"
        ),
        "a trigger or a rule of the table takes each new row away",
    ),
    "a rule that takes rows away": (
        "CREATE TABLE t (a text); CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING",
        "a trigger or a rule of the table takes each new row away",
    ),
    "row-level security": (
        (
            "CREATE TABLE t (a text); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
            " ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (a = 'ours')"
            " WITH CHECK (false)"
        ),
        'new row violates row-level security policy for table "t"',
    ),
    "no right to insert": (
        "CREATE TABLE t (a text); REVOKE INSERT ON t FROM schema_guard_owner",
        "permission denied for table t",
    ),
    "a partitioned table without partitions": (
        "CREATE TABLE t (a text) PARTITION BY LIST (a)",
        'no partition of relation "t" found for row',
    ),
    "an exclusion constraint that leaves no room": (
        (
            "CREATE TABLE t (a integer, b int4range NOT NULL CHECK (b = '[1,1]'));"
            " ALTER TABLE t ADD CONSTRAINT apart EXCLUDE USING gist (b WITH &&);"
            " INSERT INTO t VALUES (1, '[1,1]')"
        ),
        'conflicting key value violates exclusion constraint "apart"',
    ),
    "a row to itself that is to be another": (
        (
            "CREATE TABLE t (id integer PRIMARY KEY, of integer NOT NULL REFERENCES t,"
            " CONSTRAINT another CHECK (of <> id))"
        ),
        'new row for relation "t" violates check constraint "another"',
    ),
}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("case", REFUSED)
def test_a_table_that_refuses_is_told_and_the_others_are_filled(
    owner: Any, select: Select, case: str, kind: Kind
) -> None:
    sql, reason = REFUSED[case]
    select(f"{RAISING} CREATE TABLE a (n integer); CREATE TABLE z (n integer); {sql}")
    before = select("SELECT count(*) FROM t")
    tables = {("public", name) for name in ("a", "t", "z")}
    assert fill(owner, rows=4, kind=kind, tables=tables) == Filled(
        rows={("public", "a"): 4, ("public", "z"): 4}, refused={("public", "t"): reason}
    )
    assert select("SELECT count(*) FROM t") == before
    assert select("SELECT count(*) FROM z") == [(4,)]


def test_a_foreign_table_is_told(
    owner: Any, select: Select, prepare: Callable[[str], None]
) -> None:
    prepare(
        """
        CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
        CREATE FOREIGN TABLE f (a text) SERVER files OPTIONS (filename '/dev/null');
        """
    )
    assert fill(owner, rows=4) == Filled(
        rows={}, refused={("public", "f"): "it is a foreign table: its rows are another server's"}
    )


def test_a_type_that_the_guard_knows_nothing_of_is_told(
    owner: Any, select: Select, prepare: Callable[[str], None]
) -> None:
    prepare(
        """
        CREATE TYPE strange;
        CREATE FUNCTION strange_in(cstring) RETURNS strange LANGUAGE internal STRICT IMMUTABLE AS
          'pg_lsn_in';
        CREATE FUNCTION strange_out(strange) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE AS
          'pg_lsn_out';
        CREATE TYPE strange (INPUT = strange_in, OUTPUT = strange_out, LIKE = pg_lsn);
        """
    )
    select(
        "CREATE TABLE free (id serial, a strange); CREATE TABLE t (id serial, a strange NOT NULL)"
    )
    select("CREATE TABLE with_default (id serial, a strange NOT NULL DEFAULT '0/1')")
    assert fill(owner, rows=4) == Filled(
        rows={("public", "free"): 4, ("public", "with_default"): 4},
        refused={
            ("public", "t"): "the guard knows no value of the type public.strange (of the column a)"
        },
    )


def test_some_rows_are_enough_where_a_trigger_refuses_others(owner: Any, select: Select) -> None:
    select(
        """
        CREATE FUNCTION small() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
          IF NEW.a IS NULL OR length(NEW.a) > 50 THEN RAISE 'not this one'; END IF;
          IF NEW.n < 0 THEN RETURN NULL; END IF;
          RETURN NEW; END$$;
        CREATE TABLE t (id serial, a text, n integer);
        CREATE TRIGGER s BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION small();
        """
    )
    filled = fill(owner, rows=20)
    assert filled.refused == {}
    assert select("SELECT count(*) FROM t") == [(filled.rows["public", "t"],)] == [(20,)]


def test_rows_that_a_trigger_puts_elsewhere_count_where_they_are_read(
    owner: Any, select: Select
) -> None:
    select(
        """
        CREATE TABLE t (n integer); CREATE TABLE t_low () INHERITS (t);
        CREATE FUNCTION moved() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
          INSERT INTO t_low VALUES (NEW.*); RETURN NULL; END$$;
        CREATE TRIGGER m BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION moved();
        """
    )
    assert fill(owner, rows=3, tables={("public", "t")}) == Filled(
        rows={("public", "t"): 3}, refused={}
    )
    assert select("SELECT count(*) FROM ONLY t_low") == [(3,)]


def test_an_overflow_in_a_generated_column_costs_no_row(owner: Any, select: Select) -> None:
    select("CREATE TABLE t (n integer, twice integer GENERATED ALWAYS AS (n * 2) STORED)")
    assert fill(owner, rows=20) == Filled(rows={("public", "t"): 20}, refused={})
