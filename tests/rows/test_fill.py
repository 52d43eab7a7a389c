from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_schemaguard.rows.fill import Kind, fill

if TYPE_CHECKING:
    from collections.abc import Callable


def rows(connection: Any, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def test_every_empty_table_gets_rows_that_refer_to_each_other(
    connection: Any, run: Callable[[str], None]
) -> None:
    run(
        """
        CREATE TABLE child (id serial PRIMARY KEY, parent_id integer NOT NULL);
        CREATE TABLE parent (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
        ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent;
        CREATE TABLE full_ (n integer);
        INSERT INTO full_ VALUES (7);
        """
    )
    filled = fill(connection, rows=5)
    assert filled.rows == {("public", "child"): 5, ("public", "parent"): 5}
    assert filled.refused == {}
    assert rows(connection, "SELECT count(DISTINCT parent_id) FROM child") == [(5,)]
    assert rows(connection, "SELECT n FROM full_") == [(7,)]


def test_mild_values_are_small_numbers_even_in_texts(
    connection: Any, run: Callable[[str], None]
) -> None:
    run("CREATE TABLE t (n integer, code text, at date)")
    fill(connection, rows=3, kind=Kind.MILD)
    assert rows(connection, "SELECT n, code, at::text FROM t") == [
        (1, "1", "2020-01-01"),
        (2, "2", "2020-01-02"),
        (3, "3", "2020-01-03"),
    ]
