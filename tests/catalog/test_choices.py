"""Two ways to list values are one; each pair is proven by what PostgreSQL makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.choices import choice_meaning

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "CREATE TABLE t (v varchar(9), x text, c char(3), n integer, p numeric(5,2), b boolean)"
ROWS = """
INSERT INTO t SELECT v, CASE n WHEN 1 THEN 'b' WHEN 2 THEN 'c' ELSE v END, left(v, 3), n, n, n > 1
FROM unnest(ARRAY['a', 'b', 'it''s', 'a, b', 'OR', '', NULL]) v, unnest(ARRAY[0, 1, 2, 3, NULL]) n
"""
ALIKE = [
    ("v IN ('a', 'b')", "v = 'a' OR v = 'b'"),
    ("v IN ('a', 'b')", "v IN ('b', 'a', 'a')"),
    ("v IN ('a', 'b', 'it''s')", "(v = 'a' OR v = 'b') OR v = 'it''s'"),
    ("x IN ('a, b', 'OR')", "x = 'a, b' OR x = 'OR'"),
    ("x NOT IN ('a', 'b')", "x <> 'b' AND x <> 'a'"),
    ("v NOT IN ('a', 'b')", "v <> 'b' AND v <> 'a'"),
    ("n IN (1, 2)", "n = 2 OR n = 1"),
    ("lower(x) IN ('a', 'b')", "lower(x) = 'a' OR lower(x) = 'b'"),
    ("coalesce(x, v) IN ('a', 'b')", "coalesce(x, v) = 'b' OR coalesce(x, v) = 'a'"),
]
UNLIKE = [
    ("v IN ('a', 'b')", "v IN ('a', 'b', 'it''s')"),
    ("v IN ('a', 'b')", "x IN ('a', 'b')"),
    ("v IN ('a', 'b')", "v NOT IN ('a', 'b')"),
    ("v IN ('a', 'b')", "v = 'a' AND v = 'b'"),
    ("v IN ('a', 'b')", "v = 'a' OR x = 'b'"),
    ("x IN ('a', 'b')", "v = 'a' OR x = 'b'"),
    ("x IN ('a', 'b')", "x = 'a' OR n = 1 AND x = 'b'"),
    ("v NOT IN ('a', 'b')", "v <> 'a' OR v <> 'b'"),
    ("x IN ('a, b', 'OR')", "x IN ('a', 'b', 'OR')"),
    ("b OR x IN ('a', 'b')", "b AND x IN ('a', 'b')"),
    ("b AND x IN ('a', 'b')", "x IN ('a', 'b')"),
    ("n + n IN (1, 2)", "n IN (1, 2)"),
    ("x IN ('a', 'b') OR n = 1", "x IN ('a', 'b', '1')"),
]


def meanings(connection: Any, *checks: str) -> list[str]:
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = public")
        for check in checks:
            cursor.execute(f"ALTER TABLE t ADD CONSTRAINT k CHECK ({check}) NOT VALID")
            cursor.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'k'"
            )
            found.append(choice_meaning(cursor.fetchone()[0]))
            cursor.execute("ALTER TABLE t DROP CONSTRAINT k")
    return found


def answers(connection: Any, check: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT v, n, {check} FROM t ORDER BY v, n")
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_two_ways_to_list_the_same_values_are_alike(
    run: Callable[[str], None], connection: Any, one: str, other: str
) -> None:
    run(TABLE)
    run(ROWS)
    first, second = meanings(connection, one, other)
    assert first == second
    assert answers(connection, one) == answers(connection, other)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_what_lets_other_rows_in_is_not_alike(
    run: Callable[[str], None], connection: Any, one: str, other: str
) -> None:
    run(TABLE)
    run(ROWS)
    first, second = meanings(connection, one, other)
    assert first != second
    assert answers(connection, one) != answers(connection, other)


def test_not_valid_and_no_inherit_stay_differences() -> None:
    plain = "CHECK (((n = 1) OR (n = 2)))"
    assert len({choice_meaning(plain + end) for end in ("", " NOT VALID", " NO INHERIT")}) == 3
