from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.rows.prints import RowPrint, fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = ("public", "It's %s")


@pytest.fixture
def prints(connection: Any, run: Callable[[str], None]) -> Callable[[], RowPrint]:
    run(
        """
        CREATE TABLE "It's %s" (t integer, "a %" text, j json);
        INSERT INTO "It's %s" VALUES (1, 'x', '{"a": 1}'), (2, 'y', NULL), (3, NULL, '[]');
        """
    )
    return lambda: fingerprints(connection, read(connection)).of[TABLE]


def test_an_update_that_changes_nothing_and_another_order_are_the_same(
    prints: Callable[[], RowPrint], run: Callable[[str], None]
) -> None:
    before = prints()
    run('UPDATE "It\'s %s" SET t = t WHERE t = 1')
    assert prints() == before
    assert before.count == 3
    assert [name for name, _ in before.columns] == ["a %", "j", "t"]


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ('UPDATE "It\'s %s" SET "a %" = \'z\' WHERE t = 1', {"a %"}),
        ('UPDATE "It\'s %s" SET "a %" = \'\' WHERE "a %" IS NULL', {"a %"}),
        ('UPDATE "It\'s %s" SET j = \'{"a": 2}\' WHERE t = 1', {"j"}),
        # Values that change places between rows leave every column's sum as it was.
        ('UPDATE "It\'s %s" SET t = 3 - t WHERE t < 3', set()),
    ],
)
def test_every_change_of_a_value_is_seen(
    prints: Callable[[], RowPrint], run: Callable[[str], None], change: str, columns: set[str]
) -> None:
    before = prints()
    run(change)
    after = prints()
    assert after != before
    assert after.count == before.count
    assert {
        name
        for (name, one), (_, other) in zip(before.columns, after.columns, strict=True)
        if one != other
    } == columns


def test_a_doubled_row_is_seen(prints: Callable[[], RowPrint], run: Callable[[str], None]) -> None:
    before = prints()
    run('INSERT INTO "It\'s %s" SELECT * FROM "It\'s %s" WHERE t = 2')
    assert (before.count, prints().count) == (3, 4)


def test_tables_without_rows_or_columns_have_a_print_and_views_have_none(
    connection: Any, run: Callable[[str], None]
) -> None:
    run("CREATE TABLE a (); CREATE TABLE b (id integer); CREATE VIEW v AS SELECT * FROM b")
    run("INSERT INTO a DEFAULT VALUES")
    found = fingerprints(connection, read(connection))
    assert {name[1]: one.count for name, one in found.of.items()} == {"a": 1, "b": 0}


def test_a_table_that_was_emptied_is_like_one_that_never_had_a_row(
    connection: Any, run: Callable[[str], None]
) -> None:
    run("CREATE TABLE e (id integer, name text)")
    name = ("public", "e")
    never = fingerprints(connection, read(connection)).of[name]
    run("INSERT INTO e VALUES (1, 'a')")
    filled = fingerprints(connection, read(connection)).of[name]
    run("DELETE FROM e")
    assert fingerprints(connection, read(connection)).of[name] == never
    assert filled.count == 1
