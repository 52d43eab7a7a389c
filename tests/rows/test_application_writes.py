from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.rows.application_writes import MOST_ROWS, write_as_an_application
from pytest_schemaguard.rows.fill import Kind
from tests.rows.writing import rows, write

if TYPE_CHECKING:
    from collections.abc import Callable


def test_columns_that_group_the_rows_alike_change_places_each_in_its_own_way(
    connection: Any,
) -> None:
    rows(
        connection,
        """
        CREATE TABLE t (id integer PRIMARY KEY, code text UNIQUE, name text, shown text,
          kind text, sort text, flag boolean, off boolean);
        INSERT INTO t SELECT n, 'c' || n, 'Ada' || n, 'Ada' || n, 'k' || chr(97 + n % 2),
          's' || chr(97 + n % 2), n % 2 = 0, n % 2 = 1 FROM generate_series(1, 6) n;
        """,
    )
    written = write(connection, "t")
    assert (written.columns, written.inserted, written.deleted) == (6, 4, 1)
    old = rows(connection, "SELECT * FROM t WHERE id < 7 ORDER BY id")
    assert [row[:2] for row in old] == [(n, f"c{n}") for n in range(2, 7)]
    assert [row[2] for row in old] == ["Ada3", "Ada4", "Ada5", "Ada6", "Ada2"]
    assert [row[3] for row in old] == ["Ada4", "Ada5", "Ada6", "Ada2", "Ada3"]
    assert [row[4] for row in old] == ["kb", "ka", "kb", "ka", "kb"]
    assert {row[5] for row in old} == {"sa", "sb"}
    assert {row[4][1] == row[5][1] for row in old} == {True, False}
    assert {row[6] == row[7] for row in old} == {True, False}
    assert [row[1] for row in rows(connection, "SELECT * FROM t WHERE id > 6 ORDER BY id")] == [
        *("c61", "c62", "c63", "c64")
    ]


def test_every_row_changes_in_columns_of_two_values_where_their_type_has_more(
    connection: Any,
) -> None:
    rows(connection, "CREATE TABLE t (id integer PRIMARY KEY, a text, b text, c integer, d date)")
    rows(connection, "INSERT INTO t VALUES (1, 'Ada', 'Ada', 1, '2020-01-01')")
    rows(connection, "INSERT INTO t VALUES (2, 'Bob', 'Bob', 2, '2020-01-02')")
    write(connection, "t")
    assert rows(
        connection,
        """SELECT count(*) FROM t WHERE id = 1 AND (a = 'Ada' OR b = 'Ada' OR c = 1 OR
        d = '2020-01-01') OR id = 2 AND (a = 'Bob' OR b = 'Bob' OR c = 2 OR d = '2020-01-02')""",
    ) == [(0,)]


def test_no_two_columns_of_few_values_agree_in_new_rows_nor_differ_in_all(connection: Any) -> None:
    names = [f"b{number}" for number in range(8)]
    rows(connection, f"CREATE TABLE t (id serial, {', '.join(f'{one} boolean' for one in names)})")
    rows(connection, f"INSERT INTO t ({', '.join(names)}) VALUES ({', '.join(['true'] * 8)})")
    write(connection, "t")
    found = rows(connection, f"SELECT {', '.join(names)} FROM t WHERE id > 1 ORDER BY id")
    columns = [*zip(*found, strict=True)]
    opposite = [tuple(not one for one in column) for column in columns]
    assert len({*columns, *opposite}) == 16


def test_columns_of_one_check_move_together(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE t (id integer PRIMARY KEY, a integer, b integer, CHECK (b = a + 1));
        INSERT INTO t VALUES (1, 10, 11), (2, 20, 21);
        """,
    )
    written = write(connection, "t")
    assert (written.columns, written.unwritten) == (2, {})
    assert rows(connection, "SELECT * FROM t WHERE id < 3 ORDER BY id") == [
        (1, 20, 21),
        (2, 10, 11),
    ]


def test_a_value_that_all_rows_have_is_still_that_of_some_row(connection: Any) -> None:
    """As of a row that a migration inserts where no row has its name."""
    rows(
        connection,
        """
        CREATE TYPE st AS ENUM ('new', 'paid', 'void');
        CREATE TABLE t (id serial, name text, n integer, st st);
        INSERT INTO t (name, n, st) VALUES ('admin', 7, 'paid');
        """,
    )
    write(connection, "t")
    found = rows(connection, "SELECT name, n, st FROM t ORDER BY id")
    assert found[0] == ("admin2", 10, "void")
    assert found[1] == ("admin", 7, "paid")
    assert {*found[2:]} <= {
        (name, n, st)
        for name in ("admin", "admin2", "admin3")
        for n in (7, 10, 11)
        for st in ("paid", "void")
    }


def test_a_share_stays_one_and_a_positive_number_positive(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE TABLE t (share numeric, one smallint, none integer, debt real);
        INSERT INTO t VALUES (0.95, 1, 0, -0.5), (0.95, 1, 0, -0.5);
        """,
    )
    write(connection, "t")
    assert rows(
        connection,
        """SELECT count(*) FROM t WHERE NOT (share > 0 AND share < 1 AND one > 0 AND none >= 0
        AND debt < 0 AND debt > -1)""",
    ) == [(0,)]


def test_values_that_checks_accept_are_found(connection: Any) -> None:
    rows(
        connection,
        r"""
        CREATE TABLE t (id serial, code text UNIQUE CHECK (code ~ '^[A-Z]{3}-\d{4}$'),
          six text CHECK (length(six) = 6), part integer CHECK (part BETWEEN 50 AND 100),
          level text CHECK (level IN ('low', 'mid', 'high')), starts date, ends date,
          CHECK (starts < ends));
        INSERT INTO t (code, six, part, level, starts, ends)
        VALUES ('ABC-1234', 'abcdef', 100, 'low', '2020-01-01', '2020-01-02');
        """,
    )
    written = write(connection, "t")
    assert (written.columns, written.inserted, written.unwritten) == (5, 4, {})
    assert rows(connection, "SELECT DISTINCT level FROM t ORDER BY 1") == [("low",), ("mid",)]


def test_the_settings_of_the_application_s_sessions_spell_nothing(connection: Any) -> None:
    rows(
        connection,
        """
        SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape';
        SET TimeZone = 'Asia/Kolkata'; SET extra_float_digits = -5;
        CREATE TABLE t (d date, i interval, b bytea, at timestamptz, f double precision);
        INSERT INTO t VALUES
        ('2020-02-01', '-1 day -2 hours', '\\x5c00', '2020-02-01 00:00Z', 0.1234567890123);
        INSERT INTO t SELECT d + 1, i * 2, b || b, at + '1 day', f * 2 FROM t;
        """,
    )
    expected = rows(connection, "SELECT d::text, i::text, b::text, at::text FROM t ORDER BY d DESC")
    assert write(connection, "t").unwritten == {}
    assert rows(connection, "SHOW DateStyle") == [("German, DMY",)]
    found = rows(connection, "SELECT d::text, i::text, b::text, at::text FROM t ORDER BY ctid")
    assert {one[0] for one in found[:2]} == {one[0] for one in expected}
    for column in (1, 2, 3):
        there = {one[column] for one in expected}
        assert {one[column] for one in found} & there, column
    assert rows(connection, "SELECT count(*) FROM t WHERE f IN (0.1234567890123, 0.2469135780246)")[
        0
    ][0]


def test_names_of_any_kind(connection: Any) -> None:
    rows(
        connection,
        """
        CREATE SCHEMA "S %s";
        CREATE TABLE "S %s"."It's ""%s" (id serial, "a %" text, "select" int, c0 text, number text,
          t text, v int, o text, value text CHECK (value <> 'no'));
        INSERT INTO "S %s"."It's ""%s" ("a %", "select", c0, number, t, v, o, value)
        VALUES ('x', 1, '1', 'n', 't', 1, 'o', 'v'), ('y', 2, '2', 'm', 's', 2, 'p', 'w');
        """,
    )
    written = write_as_an_application(
        connection, [("S %s", "It's \"%s")], guard=connection, kind=Kind.MILD
    )
    assert (written.columns, written.inserted, written.unwritten) == (8, 4, {})


def test_of_many_rows_the_first_get_other_values(connection: Any) -> None:
    columns = ", ".join(f"c{number} integer" for number in range(500))
    rows(
        connection,
        f"""
        CREATE TABLE many (id integer PRIMARY KEY, v integer);
        INSERT INTO many SELECT n, n FROM generate_series(1, {MOST_ROWS + 500}) n;
        CREATE TABLE wide ({columns});
        INSERT INTO wide SELECT FROM generate_series(1, 100);
        """,
    )
    written = write(connection, "many", "wide")
    assert (written.columns, written.inserted, written.unwritten) == (501, 8, {})
    most = MOST_ROWS + 500
    assert rows(connection, f"SELECT count(*) FROM many WHERE v <> id AND id <= {most}") == [
        (MOST_ROWS - 1,)
    ]
    assert rows(connection, "SELECT count(*) FROM wide WHERE c0 IS NOT NULL") == [(20 - 1 + 4,)]


def test_values_that_the_model_accepts_are_taken_before_any_other(connection: Any) -> None:
    rows(connection, "CREATE TABLE t (secret text, code text UNIQUE)")
    rows(connection, "INSERT INTO t VALUES ('gAAA', 'k1'), ('gAAA', 'k2')")
    known = {("public", "t", "secret"): ["gAAB", "gAAA"], ("public", "t", "code"): ["k1", "k3"]}
    written = write(connection, "t", known=known)
    assert written.columns == 1
    assert {one for (one,) in rows(connection, "SELECT secret FROM t")} == {"gAAA", "gAAB"}
    assert rows(connection, "SELECT code FROM t ORDER BY code") == [("k1",), ("k2",), ("k3",)]


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SQL_ASCII"])
def test_the_same_rows_get_the_same_values(
    connection: Any, connect: Callable[..., Any], database: Any, encoding: str
) -> None:
    letter = r"E'\303\251'" if encoding == "SQL_ASCII" else "chr(233)"
    found = []
    for number in range(2):
        name = f"{database.database}_{number}"
        rows(
            connection,
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'",
        )
        try:
            there = connect(database.at(name))
            rows(there, "CREATE TABLE t (id serial PRIMARY KEY, v text, n numeric, at timestamptz)")
            rows(there, f"INSERT INTO t (v, n, at) VALUES ({letter}, 1, '2020-01-01')")
            rows(there, "INSERT INTO t (v, n) SELECT v, n FROM t")
            assert write(there, "t").unwritten == {}
            bytes_ = f"encode(convert_to(v, '{encoding}'), 'hex')"
            found.append(rows(there, f"SELECT id, {bytes_}, n, at FROM t ORDER BY id"))
            there.close()
        finally:
            rows(connection, f"DROP DATABASE {name} WITH (FORCE)")
    assert found[0] == found[1]
