from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.rows.fill import Filled, Kind, Known, fill
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.servers.databases import Databases

    Select = Callable[[str], list[tuple[Any, ...]]]


def names(*tables: str) -> set[tuple[str, ...]]:
    return {("public", table) for table in tables}


def test_tables_without_a_row_get_some_and_others_stay_as_they_are(
    owner: Any, select: Select
) -> None:
    select("CREATE TABLE empty (id serial PRIMARY KEY); CREATE TABLE emptied (n integer)")
    select("CREATE TABLE filled (n integer); INSERT INTO filled VALUES (7)")
    select("INSERT INTO emptied VALUES (1); DELETE FROM emptied")
    filled = fill(owner, rows=5)
    assert filled == Filled(rows={("public", "empty"): 5, ("public", "emptied"): 5}, refused={})
    assert select("SELECT count(*) FROM empty") == [(5,)]
    assert select("SELECT n FROM filled") == [(7,)]


def test_no_rows_are_made_where_none_are_asked_for(owner: Any, select: Select) -> None:
    select("CREATE TABLE t (n integer)")
    assert fill(owner, rows=0) == Filled(rows={}, refused={})
    assert select("SELECT count(*) FROM t") == [(0,)]


def test_named_tables_get_further_rows_whose_values_differ(owner: Any, select: Select) -> None:
    select("CREATE TABLE t (name text PRIMARY KEY, at date); CREATE TABLE other (n integer)")
    fill(owner, rows=20, tables=names("t"))
    filled = fill(owner, rows=5, tables=names("t"), start=20)
    assert filled == Filled(rows={("public", "t"): 5}, refused={})
    assert select("SELECT count(DISTINCT name), max(name) FROM t") == [(25, "name 9")]
    assert ("name 25",) in select("SELECT name FROM t")
    assert select("SELECT count(*) FROM other") == [(0,)]


def test_what_belongs_to_a_tool_an_extension_or_a_session_gets_none(
    owner: Any, select: Select, prepare: Callable[[str], None]
) -> None:
    prepare("CREATE TABLE of_extension (n integer); CREATE EXTENSION pg_trgm")
    prepare("ALTER EXTENSION pg_trgm ADD TABLE of_extension; GRANT ALL ON of_extension TO PUBLIC")
    select(
        """
        CREATE TABLE schema_migrations (version text);
        CREATE TABLE our_versions (version_num varchar(32));
        CREATE TEMPORARY TABLE passing (n integer);
        CREATE VIEW seen AS SELECT 1 AS n;
        CREATE TABLE t (n integer);
        """
    )
    assert fill(owner, rows=2) == Filled(rows={("public", "t"): 2}, refused={})


def test_partitions_get_the_rows_of_their_root(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE r (id integer, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE r1 PARTITION OF r FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
        CREATE TABLE r2 PARTITION OF r FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
        CREATE TABLE l (id integer, region text) PARTITION BY LIST (region);
        CREATE TABLE l1 PARTITION OF l FOR VALUES IN ('eu');
        CREATE TABLE l2 PARTITION OF l FOR VALUES IN ('us') PARTITION BY HASH (id);
        CREATE TABLE l2a PARTITION OF l2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE m (at timestamp) PARTITION BY RANGE (date_part('year', at));
        CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (2030) TO (2031);
        CREATE TABLE d (n integer) PARTITION BY LIST (n);
        CREATE TABLE d1 PARTITION OF d DEFAULT;
        """
    )
    rows = {("public", name): 20 for name in ("r", "l", "m", "d")}
    filled = fill(owner, rows=20)
    assert (filled.rows, filled.refused) == (rows, {})
    for partition in ("r1", "r2", "l1", "l2a", "m1", "d1"):
        assert select(f"SELECT count(*) > 3 FROM {partition}") == [(True,)], partition


def test_rows_are_the_same_wherever_the_catalog_is(databases: Databases) -> None:
    sql = """
        CREATE DOMAIN code AS text CHECK (VALUE ~ '^[A-Z]{3}$');
        CREATE TABLE parent (id serial PRIMARY KEY, key uuid DEFAULT gen_random_uuid() UNIQUE,
          at timestamptz NOT NULL DEFAULT now(), code code, state text CHECK (state IN ('a', 'b')));
        CREATE TABLE child (id integer GENERATED ALWAYS AS IDENTITY, of integer REFERENCES parent,
          low integer, high integer, CHECK (low < high)) PARTITION BY HASH (of);
        CREATE TABLE child1 PARTITION OF child FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    """
    found = []
    for name in ("one", "other"):
        databases.create(name)
        with databases.session(name, settings=Settings.STAND_IN) as owner, owner.cursor() as cursor:
            if name == "other":  # the oids are others
                cursor.execute("CREATE TABLE gone (n integer); DROP TABLE gone")
            cursor.execute(sql)
            filled = fill(owner, rows=20)
            cursor.execute("SELECT p::text FROM parent p UNION ALL SELECT c::text FROM child c")
            found.append((filled, cursor.fetchall()))
        databases.drop(name)
    assert found[0] == found[1]
    assert len(found[0][1]) == 40


def test_wild_rows_have_nulls_extreme_values_and_defaults_and_the_first_is_plain(
    owner: Any, select: Select
) -> None:
    select(
        """
        CREATE TABLE t (id serial PRIMARY KEY, note text, code char(3), n smallint,
          price numeric(4, 2), flag boolean NOT NULL DEFAULT true, level integer DEFAULT 42,
          email varchar(80), home_url text, at timestamp(0))
        """
    )
    fill(owner, rows=20)
    assert select("SELECT * FROM t WHERE id = 1")[0][:7] == (
        1,
        "note 1",
        "001",
        1,
        Decimal("1.50"),
        True,
        1,
    )
    assert select("SELECT email, home_url FROM t WHERE id = 1") == [
        ("email1@example.com", "https://example.com/home_url/1")
    ]
    notes = {note for (note,) in select("SELECT note FROM t")}
    assert {None, "", "Zoë Ångström, 漢字 😀", "x" * 1000, "note 19"} <= notes
    assert any(
        "'" in (note or "") and "\\" in (note or "") and "%" in (note or "") for note in notes
    )
    assert select("SELECT min(n), max(n), min(price), max(price) FROM t")[0][:2] == (-32768, 32767)
    assert select("SELECT count(*) FROM t WHERE level = 42") == [(5,)]
    assert select("SELECT min(at)::text, max(at)::text FROM t") == [
        ("0002-02-02 00:00:00", "9998-12-31 23:59:59")
    ]
    for column in ("note", "code", "n", "price", "level", "email", "at"):
        assert select(f"SELECT count(*) BETWEEN 4 AND 5 FROM t WHERE {column} IS NULL") == [
            (True,)
        ], column


def test_mild_rows_have_small_numbers_even_in_texts_and_no_null(owner: Any, select: Select) -> None:
    select("CREATE TABLE t (n bigint, code text, short varchar(1), price numeric(4, 2), j json)")
    fill(owner, rows=12, kind=Kind.MILD)
    assert select("SELECT n, code, short, price::text, j->>'n' FROM t")[8:] == [
        (9, "9", "9", "9.00", "9"),
        (10, "10", "1", "10.00", "10"),
        (11, "11", "2", "11.00", "11"),
        (12, "12", "3", "12.00", "12"),
    ]
    assert select("SELECT sum(code::numeric), sum(code::json::text::int) FROM t") == [(78, 78)]


def test_keys_have_plain_values_alone(owner: Any, select: Select) -> None:
    """What counts on from the largest key there is would have no room behind an extreme one."""
    select("CREATE TABLE t (id integer PRIMARY KEY, other bigint UNIQUE, n serial)")
    select("CREATE TABLE u (id serial, code text DEFAULT 'x' UNIQUE)")
    fill(owner, rows=20)
    assert select("SELECT max(n) FROM t") == select("SELECT max(id) FROM u") == [(20,)]
    assert select("SELECT min(id), max(id), min(other), max(other) FROM t") == [(1, 20, 1, 20)]
    assert select("SELECT count(*) FROM t WHERE other IS NULL") == [(4,)]


def test_what_fills_itself_is_left_to_itself(owner: Any, select: Select) -> None:
    select(
        """
        CREATE SEQUENCE numbers;
        CREATE FUNCTION numbered() RETURNS text LANGUAGE sql AS
          $$SELECT 'INV-' || nextval('numbers')$$;
        CREATE TABLE t (id bigserial, a integer GENERATED ALWAYS AS IDENTITY,
          b integer GENERATED BY DEFAULT AS IDENTITY, c integer GENERATED ALWAYS AS (a * 2) STORED,
          d text DEFAULT numbered(), e integer DEFAULT nextval('numbers') + 100);
        """
    )
    assert fill(owner, rows=3).rows == {("public", "t"): 3}
    assert select("SELECT id, a, b, c FROM t ORDER BY 1") == [
        (1, 1, 1, 2),
        (2, 2, 2, 4),
        (3, 3, 3, 6),
    ]
    assert select("SELECT bool_and(d LIKE 'INV-%' AND e > 100) FROM t") == [(True,)]
    select("INSERT INTO t (id) VALUES (DEFAULT)")
    assert select("SELECT max(id) FROM t") == [(4,)]


def test_a_table_without_columns_to_write_gets_rows_too(owner: Any, select: Select) -> None:
    select("CREATE TABLE none (); CREATE TABLE alone (id serial)")
    assert fill(owner, rows=3).rows == {("public", "alone"): 3, ("public", "none"): 3}


def test_a_key_of_few_values_gets_as_many_rows_as_it_has(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
        CREATE DOMAIN digit AS integer CHECK (VALUE BETWEEN 0 AND 3);
        CREATE TABLE moods (mood mood PRIMARY KEY);
        CREATE TABLE flags (a boolean, b boolean, mood mood, PRIMARY KEY (a, b, mood));
        CREATE TABLE digits (digit digit UNIQUE NOT NULL);
        CREATE TABLE settings (id boolean PRIMARY KEY DEFAULT true CHECK (id), name text);
        CREATE TABLE single (name text); CREATE UNIQUE INDEX ON single ((true));
        """
    )
    assert fill(owner, rows=20) == Filled(
        rows={
            ("public", "digits"): 4,
            ("public", "flags"): 12,
            ("public", "moods"): 3,
            ("public", "settings"): 1,
            ("public", "single"): 1,
        },
        refused={},
    )


def test_a_table_of_many_columns(owner: Any, select: Select) -> None:
    columns = ", ".join(f'"Column {n}%" {("text", "integer", "jsonb")[n % 3]}' for n in range(500))
    select(f"CREATE TABLE wide ({columns})")
    assert fill(owner, rows=20) == Filled(rows={("public", "wide"): 20}, refused={})


def test_values_that_the_model_accepts_are_used_instead(owner: Any, select: Select) -> None:
    select("CREATE TABLE t (id serial, state text)")
    select("CREATE TABLE u (secret bytea NOT NULL UNIQUE)")
    known: Known = {
        ("public", "t", "state"): ("NEW", "OLD"),
        ("public", "u", "secret"): (r"\x01", r"\x02"),
    }
    for kind, kept in ((Kind.MILD, {"NEW", "OLD"}), (Kind.WILD, {"NEW", "OLD", None})):
        fill(owner, rows=8, kind=kind, known=known)
        assert {state for (state,) in select("SELECT state FROM t")} == kept
        assert select(r"SELECT count(*) FROM u WHERE secret IN ('\x01', '\x02')") == [(2,)]
        select("TRUNCATE t, u")


@pytest.mark.parametrize("setting", ["search_path = ''", "DateStyle = 'SQL, DMY'"])
def test_the_settings_of_a_database_change_nothing(
    databases: Databases, fresh: str, setting: str
) -> None:
    with databases.session(fresh) as owner, owner.cursor() as cursor:
        cursor.execute("CREATE TABLE t (at date PRIMARY KEY, n integer)")
        cursor.execute("CREATE TABLE u (at date NOT NULL REFERENCES t)")
        cursor.execute(f'ALTER DATABASE "{databases.full_name(fresh)}" SET {setting}')
    with databases.session(fresh, settings=Settings.STAND_IN) as owner:
        assert fill(owner, rows=13) == Filled(
            rows={("public", "t"): 13, ("public", "u"): 13}, refused={}
        )


def test_a_migrations_own_operators_and_casts_are_not_taken_for_postgresqls(
    databases: Databases, fresh: str
) -> None:
    with databases.session(fresh) as owner, owner.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION wrong(text, text) RETURNS boolean LANGUAGE plpgsql AS
              $$BEGIN RAISE 'it was called'; END$$;
            CREATE OPERATOR = (FUNCTION = wrong, LEFTARG = text, RIGHTARG = text);
            CREATE FUNCTION count() RETURNS bigint LANGUAGE plpgsql AS
              $$BEGIN RAISE 'it was called'; END$$;
            CREATE TABLE a (name text PRIMARY KEY, n integer);
            CREATE TABLE b (name text PRIMARY KEY REFERENCES a);
            ALTER TABLE a ADD other text REFERENCES b;
            ALTER DATABASE "{databases.full_name(fresh)}" SET search_path = public, pg_catalog;
            """
        )
    with databases.session(fresh, settings=Settings.STAND_IN) as owner:
        assert fill(owner, rows=3) == Filled(
            rows={("public", "a"): 3, ("public", "b"): 3}, refused={}
        )
