from __future__ import annotations

from typing import Any

from tests.rows.writing import rows, write


def test_keys_of_expressions_and_those_that_are_referred_to_stay(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE t (id serial, email text, gone date);
        CREATE UNIQUE INDEX ON t (lower(email)) WHERE gone IS NULL;
        INSERT INTO t (email) VALUES ('A@x'), ('b@x');
        CREATE TABLE a (id serial, d date, v text, PRIMARY KEY (id, d));
        INSERT INTO a (d, v) VALUES ('2020-01-01', 'x'), ('2020-01-02', 'y');
        CREATE TABLE c (id integer, d date, FOREIGN KEY (id, d) REFERENCES a ON UPDATE CASCADE);
        INSERT INTO c VALUES (1, '2020-01-01');
        """,
    )
    written = write(connection, "t", "a", "c")
    assert written.unwritten == {}
    assert rows(connection, "SELECT email FROM t ORDER BY id") == [
        (one,) for one in ("A@x", "b@x", "b1@x", "b2@x", "b3@x", "b4@x")
    ]
    assert rows(connection, "SELECT d::text FROM a WHERE id < 3 ORDER BY id") == [
        ("2020-01-01",),
        ("2020-01-02",),
    ]


def test_rows_of_foreign_keys_lead_elsewhere(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE team (id serial PRIMARY KEY, label text);
        CREATE TABLE person (id integer PRIMARY KEY, team_id integer NOT NULL REFERENCES team,
          boss_id integer REFERENCES person, both_ integer, side integer);
        CREATE TABLE member (team_id integer REFERENCES team, person_id integer REFERENCES person,
          role text, PRIMARY KEY (team_id, person_id));
        CREATE TABLE profile (person_id integer UNIQUE NOT NULL REFERENCES person, bio text);
        CREATE TABLE pair (a integer, b integer, PRIMARY KEY (a, b));
        ALTER TABLE person ADD FOREIGN KEY (both_, side) REFERENCES pair;
        INSERT INTO team (label) VALUES ('x');
        INSERT INTO pair VALUES (1, 1), (1, 2), (2, 1);
        INSERT INTO person VALUES (1, 1, NULL, 1, 2), (2, 1, 1, 2, 1);
        INSERT INTO member VALUES (1, 1, 'p'), (1, 2, 'q');
        INSERT INTO profile VALUES (1, 'a'), (2, 'b');
        """,
    )
    written = write(connection, "member", "profile", "person", "team", "pair")
    assert written.unwritten == {}
    assert (written.inserted, written.deleted) == (20, 1)
    # All were of team 1, and there was no other.
    assert rows(connection, "SELECT id, team_id <> 1 FROM person WHERE id < 3 ORDER BY id") == [
        (1, True),
        (2, True),
    ]
    assert rows(connection, "SELECT both_, side FROM person WHERE id < 3 ORDER BY id") == [
        (2, 1),
        (1, 2),
    ]
    assert rows(connection, "SELECT count(*) FROM person WHERE boss_id IS NULL") == [(0,)]
    assert rows(
        connection,
        "SELECT count(DISTINCT team_id) > 3, count(DISTINCT person_id) > 3 FROM member",
    ) == [(True, True)]


def test_where_all_rows_lead_to_one_they_lead_to_a_new_one_then(connection: Any) -> None:
    """A migration may have led all there that led to another one."""
    rows(
        connection,
        """
        CREATE TABLE a (id integer PRIMARY KEY); INSERT INTO a VALUES (1), (2);
        CREATE TABLE b (a integer REFERENCES a); INSERT INTO b VALUES (1), (1);
        """,
    )
    write(connection, "a", "b")
    assert rows(connection, "SELECT count(*) FROM b WHERE a = 2") == [(0,)]


def test_what_all_rows_refer_to_is_not_deleted_and_of_others_the_first(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE a (id integer PRIMARY KEY); INSERT INTO a VALUES (1), (2), (3), (4);
        CREATE TABLE b (a integer REFERENCES a ON DELETE CASCADE); INSERT INTO b VALUES (1), (3);
        CREATE TABLE two (n integer); INSERT INTO two VALUES (1), (2);
        """,
    )
    assert write(connection, "a", "two").deleted == 1
    assert rows(connection, "SELECT id FROM a WHERE id < 5 ORDER BY id") == [(1,), (3,), (4,)]
    assert rows(connection, "SELECT a FROM b ORDER BY a") == [(1,), (3,)]


def test_ids_are_drawn_past_those_that_seeds_wrote(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE s (id serial PRIMARY KEY, v text);
        INSERT INTO s SELECT n, 'v' || n FROM generate_series(1, 30) n;
        CREATE TABLE always (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text,
          up text GENERATED ALWAYS AS (upper(v)) STORED);
        INSERT INTO always (v) VALUES ('x'), ('y');
        CREATE TABLE only_id (id serial PRIMARY KEY); INSERT INTO only_id DEFAULT VALUES;
        CREATE SEQUENCE free;
        CREATE SEQUENCE at_its_end MAXVALUE 2;
        SELECT setval('at_its_end', 2);
        """,
    )
    written = write(connection, "s", "always", "only_id")
    assert (written.inserted, written.drawn, written.unwritten) == (12, 1, {})
    assert rows(connection, "SELECT max(id) FROM s") == [(34,)]
    # No gap: a migration may set it to the maximum.
    assert rows(connection, "SELECT last_value FROM s_id_seq") == [(34,)]
    assert rows(connection, "SELECT last_value FROM free") == [(2,)]
    assert rows(connection, "SELECT id, v = lower(up) FROM always ORDER BY id") == [
        (number, True) for number in range(1, 7)
    ]
    assert rows(connection, "SELECT count(*) FROM only_id") == [(5,)]


def test_empty_tables_get_rows_for_others_to_lead_to(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE child (id serial PRIMARY KEY, parent_id integer NOT NULL REFERENCES child,
          team_id integer NOT NULL);
        CREATE TABLE team (id serial PRIMARY KEY, name text NOT NULL);
        CREATE TABLE full_ (team_id integer REFERENCES team, n integer);
        INSERT INTO full_ VALUES (NULL, 1);
        ALTER TABLE child ADD FOREIGN KEY (team_id) REFERENCES team;
        CREATE TABLE never (n integer CHECK (false));
        """,
    )
    written = write(connection, "child", "team", "full_", "never")
    assert written.inserted == 12
    assert rows(connection, "SELECT team_id IS NULL FROM full_ LIMIT 1") == [(False,)]
    assert written.unwritten == {
        ("public", "never"): 'new row for relation "never" violates check constraint "never_check"'
    }


def test_partitions_and_tables_that_inherit_are_written(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE p (id serial, d date, v text, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
        CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
        INSERT INTO p (d, v)
        VALUES ('2024-01-05', 'xx'), ('2024-02-07', 'yy'), ('2024-01-31', 'zz');
        CREATE TABLE base (v text); CREATE TABLE kid () INHERITS (base);
        INSERT INTO base VALUES ('aa'), ('bb'); INSERT INTO kid VALUES ('cc'), ('dd');
        """,
    )
    written = write(connection, "p", "base", "kid")
    assert (written.columns, written.inserted, written.deleted) == (4, 12, 1)
    assert written.unwritten == {}
    assert rows(connection, "SELECT id, d::text, v FROM p WHERE id < 4 ORDER BY id") == [
        (2, "2024-01-31", "zz"),
        (3, "2024-02-07", "yy"),
    ]
    assert {one for (one,) in rows(connection, "SELECT v FROM ONLY base")} == {"aa", "bb"}
    assert {one for (one,) in rows(connection, "SELECT v FROM kid")} == {"cc", "dd"}
