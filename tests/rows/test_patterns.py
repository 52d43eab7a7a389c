from __future__ import annotations

import re

import pytest

from pytest_schemaguard.rows.patterns import like, matching

UNDERSTOOD = {
    # With how many of a hundred numbers make another text each.
    r"^[0-9]{5}$": 100,
    r"^[A-Z]{2}$": 100,
    r"^[A-Z]+$": 76,
    r"^[^@]+@[^@]+\.[^@]+$": 100,
    r"^\+?[1-9]\d{1,14}$": 100,
    r"^#([0-9a-f]{3}|[0-9a-f]{6})$": 100,
    r"^[a-z0-9]+(?:-[a-z0-9]+)*$": 100,
    r"^(new|old|it's)$": 3,
    r"^\d{3}-\d{4}$": 100,
    r"^[\w.-]{2,}$": 100,
    r"^[]x-]{1,2}$": 12,
    r"^x{0}y{0,2}z{3}?$": 2,
    r"^a.c\.\\$": 36,
    "^$": 1,
}


@pytest.mark.parametrize("expression", UNDERSTOOD)
def test_texts_of_a_regular_expression_match_it(expression: str) -> None:
    make = matching(expression)
    assert make is not None
    texts = [make(number) for number in range(100)]
    assert [text for text in texts if not re.search(expression, text)] == []
    assert len({*texts}) == UNDERSTOOD[expression]


def test_classes_of_posix() -> None:
    make = matching("^[[:upper:]_][[:digit:][:lower:]]$")
    assert make is not None
    assert (make(0), make(37), make(36 * 26)) == ("A0", "B1", "_0")


@pytest.mark.parametrize(
    "expression",
    ["(?=x)", "(a", "a)", "[a", "*", "+a", r"\1", "a{2000}", "[[:none:]]", "a\\", "[^ -~]"],
)
def test_what_is_not_understood_makes_nothing(expression: str) -> None:
    assert matching(expression) is None


def test_patterns_of_like() -> None:
    assert like("user-%", 17) == "user-17"
    assert like("%@_.com", 17) == "17@7.com"
