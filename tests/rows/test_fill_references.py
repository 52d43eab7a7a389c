"""Foreign keys, in the order in which they need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.rows.fill import Filled, Kind, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    Select = Callable[[str], list[tuple[Any, ...]]]


def made(owner: Any, **tables: int) -> None:
    """Asserts that all of these were filled, and no other was."""
    filled = fill(owner, rows=20)
    assert filled.refused == {}
    assert filled.rows == {("public", name): count for name, count in tables.items()}


def test_children_refer_to_different_parents_whatever_their_names_order(
    owner: Any, select: Select
) -> None:
    select(
        """
        CREATE TABLE z (id serial PRIMARY KEY); CREATE TABLE m (z integer NOT NULL REFERENCES z,
          code text UNIQUE);
        CREATE TABLE a (id integer PRIMARY KEY REFERENCES z, m text REFERENCES m (code));
        """
    )
    made(owner, a=20, m=20, z=20)
    assert select("SELECT count(DISTINCT id), count(DISTINCT m), count(m) FROM a") == [(20, 13, 16)]


def test_rows_that_were_there_are_referred_to(owner: Any, select: Select) -> None:
    select("CREATE TABLE p (id integer PRIMARY KEY); INSERT INTO p VALUES (70), (80)")
    select("CREATE TABLE c (p integer NOT NULL REFERENCES p)")
    made(owner, c=20)
    assert select("SELECT p, count(*) FROM c GROUP BY 1 ORDER BY 1") == [(70, 10), (80, 10)]


def test_pairs_of_parents_are_all_different(owner: Any, select: Select) -> None:
    select("CREATE TABLE a (id integer PRIMARY KEY); INSERT INTO a VALUES (1), (2), (3)")
    select("CREATE TABLE b (id integer PRIMARY KEY); INSERT INTO b SELECT generate_series(1, 9)")
    select("CREATE TABLE c (id boolean PRIMARY KEY); INSERT INTO c VALUES (true), (false)")
    select("CREATE TABLE ab (a integer REFERENCES a, b integer REFERENCES b, PRIMARY KEY (b, a))")
    select(
        "CREATE TABLE abc (a integer REFERENCES a, b integer REFERENCES b, c boolean REFERENCES c,"
        " PRIMARY KEY (a, c))"
    )
    made(owner, ab=20, abc=6)
    assert select("SELECT count(DISTINCT a), count(DISTINCT b) FROM ab") == [(3, 8)]


def test_keys_that_share_a_column_agree_in_it(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE tenant (id integer PRIMARY KEY);
        CREATE TABLE person (tenant integer REFERENCES tenant, id integer,
          PRIMARY KEY (tenant, id));
        CREATE TABLE project (tenant integer REFERENCES tenant, id integer, lead integer,
          PRIMARY KEY (tenant, id), FOREIGN KEY (tenant, lead) REFERENCES person);
        CREATE TABLE task (tenant integer NOT NULL REFERENCES tenant, project integer NOT NULL,
          person integer NOT NULL, FOREIGN KEY (tenant, project) REFERENCES project,
          FOREIGN KEY (tenant, person) REFERENCES person);
        """
    )
    made(owner, person=20, project=20, task=20, tenant=20)
    assert select("SELECT count(DISTINCT tenant) FROM task") == [(20,)]
    assert select("SELECT count(*) BETWEEN 10 AND 19 FROM project WHERE lead IS NOT NULL") == [
        (True,)
    ]


def test_match_full_is_null_in_all_columns_or_in_none(owner: Any, select: Select) -> None:
    select("CREATE TABLE p (a integer, b text, PRIMARY KEY (a, b))")
    select("CREATE TABLE c (a integer, b text, FOREIGN KEY (a, b) REFERENCES p MATCH FULL)")
    select(
        "CREATE TABLE d (id serial, a integer NOT NULL, b text,"
        " FOREIGN KEY (a, b) REFERENCES p MATCH FULL)"
    )
    made(owner, c=20, d=20, p=20)
    assert select("SELECT max(id), count(b) FROM d") == [(20, 20)]
    assert select("SELECT count(*) FROM c WHERE a IS NULL AND b IS NULL") == [(5,)]


def test_a_key_to_a_table_without_rows_is_null_where_it_may_be(owner: Any, select: Select) -> None:
    select(
        """
        CREATE FUNCTION never(integer) RETURNS boolean LANGUAGE sql AS 'SELECT false';
        CREATE TABLE p (id integer, x integer, PRIMARY KEY (id, x), CHECK (never(id)));
        CREATE TABLE free (p integer, x integer NOT NULL, FOREIGN KEY (p, x) REFERENCES p);
        CREATE TABLE bound (p integer NOT NULL, x integer NOT NULL,
          CONSTRAINT to_p FOREIGN KEY (p, x) REFERENCES p);
        CREATE TABLE below (n integer, b integer NOT NULL);
        ALTER TABLE bound ADD id serial PRIMARY KEY;
        ALTER TABLE below ADD CONSTRAINT to_bound FOREIGN KEY (b) REFERENCES bound;
        """
    )
    assert fill(owner, rows=3) == Filled(
        rows={("public", "free"): 3},
        refused={
            ("public", "p"): 'new row for relation "p" violates check constraint "p_id_check"',
            ("public", "bound"): "no row of public.p to refer to (to_p)",
            ("public", "below"): "no row of public.bound to refer to (to_bound)",
        },
    )
    assert select("SELECT count(p), count(DISTINCT x) FROM free") == [(0, 3)]


def test_a_tree_has_roots_and_no_row_above_itself(owner: Any, select: Select) -> None:
    select("CREATE TABLE tree (id serial PRIMARY KEY, parent integer REFERENCES tree)")
    select("CREATE TABLE named (name text PRIMARY KEY, above text REFERENCES named)")
    select(
        "CREATE TABLE tenants (tenant integer, id integer, above integer, PRIMARY KEY (tenant, id),"
        " FOREIGN KEY (tenant, above) REFERENCES tenants)"
    )
    made(owner, named=20, tenants=20, tree=20)
    assert select("SELECT count(parent), bool_and(parent < id) FROM tree") == [(19, True)]
    assert select("SELECT count(above), bool_and(above <> name) FROM named") == [(19, True)]
    select("INSERT INTO tree DEFAULT VALUES")
    assert select("SELECT max(id) FROM tree") == [(21,)]


def test_a_tree_of_a_tenant_stays_in_it(owner: Any, select: Select) -> None:
    select("CREATE TABLE tenant (id integer PRIMARY KEY); INSERT INTO tenant VALUES (1), (2), (3)")
    select(
        """
        CREATE TABLE node (number serial, tenant integer REFERENCES tenant, id integer,
          above integer, PRIMARY KEY (tenant, id), FOREIGN KEY (tenant, above) REFERENCES node);
        """
    )
    made(owner, node=20)
    assert select("SELECT max(number), count(above), min(id - above) FROM node") == [(20, 17, 3)]


def test_a_key_that_postgresql_generates_is_left_to_it(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE p (id integer PRIMARY KEY);
        CREATE TABLE c (n smallint,
          p integer GENERATED ALWAYS AS (abs(n % 7) + 1) STORED REFERENCES p);
        """
    )
    made(owner, c=20, p=20)


def test_a_key_to_a_partitioned_table(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE p (id integer PRIMARY KEY) PARTITION BY HASH (id);
        CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE c (p integer NOT NULL REFERENCES p);
        """
    )
    made(owner, c=20, p=20)
    assert select("SELECT count(DISTINCT p) FROM c") == [(20,)]


def test_further_rows_find_parents_and_pairs_that_are_not_taken(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE p (id serial PRIMARY KEY, name text UNIQUE);
        CREATE TABLE only_child (p integer PRIMARY KEY REFERENCES p);
        CREATE TABLE q (id serial PRIMARY KEY);
        CREATE TABLE pq (p integer REFERENCES p, q integer REFERENCES q, PRIMARY KEY (p, q));
        CREATE TABLE far (n integer UNIQUE NOT NULL CHECK (n BETWEEN 10000 AND 10050));
        """
    )
    made(owner, far=20, only_child=20, p=20, pq=20, q=20)
    tables = [("public", name) for name in ("far", "only_child", "p", "pq")]
    for start in (20, 1_000_000):
        filled = fill(owner, rows=4, tables=tables, start=start)
        assert filled.refused == {}
        assert filled.rows == dict.fromkeys(tables, 4)


def test_a_row_that_must_refer_to_its_own_table_refers_to_itself(
    owner: Any, select: Select
) -> None:
    select(
        """
        CREATE TABLE a (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          root integer NOT NULL REFERENCES a);
        CREATE TABLE b (id serial PRIMARY KEY, root integer NOT NULL REFERENCES b, name text);
        """
    )
    made(owner, a=20, b=20)
    assert select("SELECT bool_and(id = root), count(*) FROM a") == [(True, 20)]
    select("INSERT INTO b (root) VALUES (1)")
    assert select("SELECT max(id) FROM b") == [(21,)]


def test_a_circle_that_a_null_breaks_is_closed_afterwards(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE department (id serial PRIMARY KEY, head integer);
        CREATE TABLE person (id serial PRIMARY KEY,
          department integer NOT NULL REFERENCES department);
        ALTER TABLE department ADD CONSTRAINT headed FOREIGN KEY (head) REFERENCES person;
        """
    )
    made(owner, department=20, person=20)
    assert select("SELECT count(head), count(DISTINCT head) FROM department") == [(19, 19)]


def test_what_refuses_to_close_a_circle_leaves_it_open(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE a (id integer PRIMARY KEY, b integer);
        CREATE TABLE b (id integer PRIMARY KEY, a integer NOT NULL REFERENCES a);
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
        CREATE TRIGGER r BEFORE UPDATE ON a EXECUTE FUNCTION refuse();
        """
    )
    made(owner, a=20, b=20)
    assert select("SELECT count(b) FROM a") == [(0,)]


@pytest.mark.parametrize("kind", Kind)
def test_a_circle_of_deferrable_keys_is_made_in_one_transaction(
    owner: Any, select: Select, kind: Kind
) -> None:
    select(
        """
        CREATE TABLE a (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b text NOT NULL);
        CREATE TABLE b (code text PRIMARY KEY, c integer NOT NULL);
        CREATE TABLE c (id serial PRIMARY KEY, a integer NOT NULL REFERENCES a);
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE;
        ALTER TABLE b ADD FOREIGN KEY (c) REFERENCES c DEFERRABLE INITIALLY DEFERRED;
        CREATE TABLE below (a integer NOT NULL REFERENCES a);
        """
    )
    filled = fill(owner, rows=20, kind=kind)
    assert filled.refused == {}
    assert filled.rows == {("public", name): 20 for name in ("a", "b", "c", "below")}
    assert select("SELECT count(*) FROM a JOIN b ON a.b = code JOIN c ON b.c = c.id") == [(20,)]


def test_a_circle_of_deferrable_keys_is_left_out_whole_where_one_table_refuses(
    owner: Any, select: Select
) -> None:
    select(
        """
        CREATE FUNCTION never(integer) RETURNS boolean LANGUAGE sql AS 'SELECT false';
        CREATE TABLE a (id serial PRIMARY KEY, b integer NOT NULL);
        CREATE TABLE b (id serial PRIMARY KEY, a integer NOT NULL REFERENCES a, n integer,
          CONSTRAINT never CHECK (never(id)));
        ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b DEFERRABLE;
        CREATE TABLE below (a integer NOT NULL CONSTRAINT to_a REFERENCES a);
        """
    )
    reason = 'new row for relation "b" violates check constraint "never"'
    assert fill(owner, rows=3) == Filled(
        rows={},
        refused={
            ("public", "a"): reason,
            ("public", "b"): reason,
            ("public", "below"): "no row of public.a to refer to (to_a)",
        },
    )
    assert select("SELECT count(*) FROM a") == [(0,)]


def test_a_circle_of_keys_that_nothing_breaks_is_told(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE a (id serial PRIMARY KEY, b integer NOT NULL);
        CREATE TABLE b (id serial PRIMARY KEY, a integer NOT NULL CONSTRAINT to_a REFERENCES a);
        ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b;
        CREATE TABLE below (a integer CONSTRAINT below_a REFERENCES a);
        """
    )
    reason = "none of its rows can be the first: the keys to_a, to_b lead back to it"
    assert fill(owner, rows=3) == Filled(
        rows={("public", "below"): 3},
        refused={("public", "a"): reason, ("public", "b"): reason},
    )
    assert select("SELECT count(*) FROM below WHERE a IS NULL") == [(3,)]


def test_a_long_chain_of_tables(owner: Any, select: Select) -> None:
    select(
        "CREATE TABLE t0000 (id integer PRIMARY KEY);"
        + "".join(
            f"CREATE TABLE t{n:04} (id integer PRIMARY KEY REFERENCES t{n - 1:04});"
            for n in range(1, 1100)
        )
    )
    filled = fill(owner, rows=2)
    assert (len(filled.rows), filled.refused) == (1100, {})


def test_keys_of_every_type_are_read_as_they_are_written(owner: Any, select: Select) -> None:
    types = (
        *("numeric", "float8", "money", "date", "timestamptz", "interval", "uuid", "bytea", "inet"),
        *("boolean", "bit(3)", "char(4)", "integer[]", "int4range", "jsonb"),
    )
    for n, name in enumerate(types):
        select(f"CREATE TABLE p{n} (k {name} PRIMARY KEY)")
        select(f"CREATE TABLE c{n} (k {name} NOT NULL REFERENCES p{n})")
    filled = fill(owner, rows=20)
    assert filled.refused == {}
    assert len(filled.rows) == 2 * len(types)
