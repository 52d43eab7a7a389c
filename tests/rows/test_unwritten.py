from __future__ import annotations

from typing import Any

import pytest

from tests.rows.writing import rows, write

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.n = OLD.n; RETURN NEW; END$$;
CREATE TABLE a (n integer, v text);
INSERT INTO a VALUES (1, 'x'), (2, 'y'), (3, 'z');
"""
TABLE, N, V = ("public", "a"), ("public", "a", "n"), ("public", "a", "v")
RAISED = "no (PL/pgSQL function refuse() line 1 at RAISE)"
KEPT = "a trigger or a rule of the table keeps it"


@pytest.mark.parametrize(
    ("guard", "counts", "unwritten"),
    [
        (
            "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION refuse()",
            (0, 4, 1),
            {N: RAISED, V: RAISED},
        ),
        (
            """CREATE CONSTRAINT TRIGGER t AFTER UPDATE OF n ON a DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse()""",
            (1, 4, 1),
            {N: RAISED},
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION ignore()",
            (0, 4, 1),
            {N: KEPT, V: KEPT},
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION keep()",
            (1, 4, 1),
            {N: KEPT},
        ),
        (
            "CREATE TRIGGER t BEFORE DELETE ON a FOR EACH ROW EXECUTE FUNCTION refuse()",
            (2, 4, 0),
            {TABLE: f"no row could be deleted: {RAISED}"},
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION refuse()",
            (2, 0, 1),
            {TABLE: f"no row could be inserted: {RAISED}"},
        ),
        (
            "CREATE RULE r AS ON INSERT TO a DO INSTEAD NOTHING",
            (2, 0, 1),
            {
                TABLE: "no row could be inserted: a trigger or a rule of the table takes each new "
                "row away"
            },
        ),
        (
            "CREATE RULE r AS ON UPDATE TO a DO INSTEAD NOTHING",
            (0, 4, 1),
            dict.fromkeys((N, V), 'cannot perform UPDATE RETURNING on relation "a"'),
        ),
        (
            "CREATE UNIQUE INDEX ON a (n)",
            (1, 4, 1),
            {},
        ),
        (
            "ALTER TABLE a ADD CHECK (n < 4 AND n > 0 OR v = '')",
            (2, 4, 1),
            {},
        ),
        (
            "CREATE TYPE one AS ENUM ('z'); ALTER TABLE a ALTER v TYPE one USING 'z'",
            (1, 4, 1),
            {V: "the guard knows no other value that its type and its checks accept"},
        ),
        (
            """CREATE TABLE b (k integer PRIMARY KEY CHECK (k = 1)); INSERT INTO b VALUES (1);
            UPDATE a SET n = 1; ALTER TABLE a ADD FOREIGN KEY (n) REFERENCES b""",
            (1, 4, 1),
            {N: "the table that it refers to has no other row"},
        ),
    ],
)
def test_what_is_refused_stays_and_is_told_and_the_rest_is_written(
    connection: Any,
    guard: str,
    counts: tuple[int, int, int],
    unwritten: dict[tuple[str, ...], str],
) -> None:
    """`counts` are of columns changed, rows inserted and rows deleted."""
    rows(connection, REFUSE + guard)
    rows(connection, "CREATE TABLE free (n integer); INSERT INTO free VALUES (1)")
    written = write(connection, "a", "free")
    assert (written.columns - 1, written.inserted - 4, written.deleted) == counts
    assert written.unwritten == unwritten
    assert rows(connection, "SELECT n <> 1 FROM free LIMIT 1") == [(True,)]


def test_of_a_table_that_holds_one_row_the_values_are_written(connection: Any) -> None:
    rows(connection, "CREATE TABLE one (theme text); CREATE UNIQUE INDEX one_row ON one ((true))")
    rows(connection, "INSERT INTO one VALUES ('dark')")
    written = write(connection, "one")
    assert rows(connection, "SELECT theme FROM one") == [("dark1",)]
    assert written.unwritten == {
        ("public", "one"): "no row could be inserted: duplicate key value violates unique "
        'constraint "one_row"'
    }


def test_each_row_and_each_column_is_tried_where_one_is_refused(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE a (id integer PRIMARY KEY, first text, n integer, v text, w text);
        INSERT INTO a SELECT i, 'a' || i, i, 'b' || i, 'c' || i FROM generate_series(1, 4) i;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
          IF NEW.n <> OLD.n AND OLD.id = 3 THEN RAISE 'no'; END IF; RETURN NEW; END$$;
        CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION refuse();
        """,
    )
    written = write(connection, "a")
    assert (written.columns, written.unwritten) == (4, {})
    assert rows(
        connection,
        """SELECT id, first <> 'a' || id, n <> id, v <> 'b' || id, w <> 'c' || id FROM a
        WHERE id < 5 ORDER BY id""",
    ) == [
        (2, True, True, True, True),
        (3, True, False, True, True),
        (4, True, True, True, True),
    ]


def test_other_tables_stay_as_they_are(connection: Any) -> None:
    rows(connection, "CREATE TABLE a (n integer); INSERT INTO a VALUES (1)")
    written = write(connection)
    assert (written.columns, written.inserted) == (0, 0)
    assert rows(connection, "SELECT n FROM a") == [(1,)]


def test_what_the_owner_may_not_do_is_told(connection: Any) -> None:
    rows(
        connection,
        """
        DROP ROLE IF EXISTS application_writes_test; CREATE ROLE application_writes_test;
        CREATE TABLE read_only (n integer); INSERT INTO read_only VALUES (1), (2), (3);
        CREATE TABLE closed (n integer); INSERT INTO closed VALUES (1);
        GRANT SELECT ON read_only TO application_writes_test;
        CREATE TABLE hidden (n integer); INSERT INTO hidden VALUES (1);
        ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
        GRANT ALL ON hidden TO application_writes_test;
        CREATE SEQUENCE theirs;
        SET ROLE application_writes_test;
        """,
    )
    try:
        written = write(connection, "read_only", "closed", "hidden")
    finally:
        rows(connection, "RESET ROLE; DROP OWNED BY application_writes_test")
        rows(connection, "DROP ROLE application_writes_test")
    assert (written.columns, written.inserted, written.deleted, written.drawn) == (0, 0, 0, 0)
    denied = "permission denied for table read_only"
    assert written.unwritten == {
        ("public", "closed"): "the role that runs the migrations may not read it",
        ("public", "read_only", "n"): denied,
        ("public", "read_only"): f"no row could be inserted: {denied}",
        ("public", "hidden"): "row-level security hides its rows: new row violates row-level "
        'security policy for table "hidden"',
    }


def test_a_table_without_columns_is_written_too(connection: Any) -> None:
    rows(
        connection, "CREATE TABLE a (); INSERT INTO a DEFAULT VALUES; INSERT INTO a DEFAULT VALUES"
    )
    written = write(connection, "a")
    assert (written.columns, written.deleted, written.unwritten) == (0, 0, {})
    assert rows(connection, "SELECT count(*) FROM a") == [(2 + written.inserted,)]


def test_an_empty_table_without_columns_gets_rows(connection: Any) -> None:
    rows(connection, "CREATE TABLE a ()")
    assert write(connection, "a").inserted > 0
