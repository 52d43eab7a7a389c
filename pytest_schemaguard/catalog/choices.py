"""Conditions: `a IN (x, y)` and `a = x OR a = y` are two trees, and let the same rows in. Pure.

Each rule is one that PostgreSQL's planner, or its parser, follows too; all are proven on a server.
https://www.postgresql.org/docs/current/functions-comparisons.html
https://www.postgresql.org/docs/current/functions-comparison.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.equivalents import (
    NOTHING_KNOWN,
    TEXTS,
    array_values,
    literal_of,
    spelling,
)
from pytest_schemaguard.catalog.expressions import (
    CONNECTIVES,
    Group,
    enclosed,
    is_word,
    joined,
    opened,
    parse,
    rewritten,
    split,
    text_of,
    with_next,
)

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.expressions import Items, Known

_OPPOSITES = (
    *(("=", "<>"), ("<", ">="), (">", "<=")),
    *(("~~", "!~~"), ("~~*", "!~~*"), ("~", "!~"), ("~*", "!~*")),
)
NEGATORS = {one: other for pair in _OPPOSITES for one, other in (pair, pair[::-1])}
"""As pg_operator pairs them."""
_EQUALITIES = {"=": ("ANY", "OR"), "<>": ("ALL", "AND")}
_ORDERS = frozenset({"<", ">", "<=", ">="})
_STEADY = re.compile(r"'|-?\d|[=<>]+$")
_LENGTHS = ("char_length", "character_length")
_ANEW = ("random", "clock_timestamp", "timeofday", "statement_timestamp", "gen_random_uuid")


@dataclass(frozen=True)
class Choice:
    """`left IN (values)`; with `<>`, NOT IN."""

    left: Items
    operator: str
    values: frozenset[str]

    def __str__(self) -> str:
        return f"{text_of(self.left)} {self.operator} {sorted(self.values)}"


def choice_meaning(definition: str, known: Known = NOTHING_KNOWN) -> str:
    """A condition, such that two are equal that let the same rows in, in whatever words.

    IN, OR, ANY and NOT IN over literals in any order; NOT of a comparison; `a = true`; numbers by
    their value; `char_length` and `length`. For comparing, not for reading.
    """
    return text_of(_as_condition(parse(definition), known))


def predicate_meaning(definition: str, known: Known = NOTHING_KNOWN) -> str:
    """An index or an exclusion constraint: its predicate is a condition.

    Its expressions are not: a query finds them by their tree.
    https://www.postgresql.org/docs/current/indexes-partial.html
    """
    items = rewritten(parse(definition), lambda part: spelling(part, known))
    keys, *predicate = split(items, "WHERE")
    return " WHERE ".join(map(text_of, [keys, *(_as_condition(one, known) for one in predicate)]))


def _as_condition(items: Items, known: Known) -> Items:
    return rewritten(items, lambda part: _condition(spelling(part, known), known))


def _condition(items: Items, known: Known) -> Items:
    match items:
        case ("NOT", negated):
            return _negated(negated, known)
        case (*left, "=", "true") | (*left, "<>", "false") if left:
            return opened(tuple(left))
        case (*left, "=", "false") | (*left, "<>", "true") if left:
            return _negated(enclosed(tuple(left)), known)
    items = tuple(
        "length" if item in _LENGTHS and isinstance(following, Group) else item
        for item, following in with_next(items)
    )
    for operator, (quantifier, word) in _EQUALITIES.items():
        if word in items:
            return _merged(items, operator, word)
        chosen = _choice(items, operator, quantifier)
        if chosen is not None:
            return (chosen,)
    return _compared(items)


def _negated(item: object, known: Known) -> Items:
    """Without NOT where the operator has a negator, as the planner simplifies it."""
    if isinstance(item, Choice):
        return (Choice(item.left, NEGATORS[item.operator], item.values),)
    match item:
        case Group("(", (str(column), "IS", "NULL")) if column in known.scalars:
            return column, "IS", "NOT", "NULL"
        case Group("(", (*left, str(operator), "ANY", array)) if operator in NEGATORS:
            return (*left, NEGATORS[operator], "ALL", array)
        case Group("(", (*left, str(operator), "ALL", array)) if operator in NEGATORS:
            return (*left, NEGATORS[operator], "ANY", array)
        case Group("(", inner):
            places = [place for place, one in enumerate(inner) if one in NEGATORS]
            if len(places) == 1:
                (place,) = places
                return (*inner[:place], NEGATORS[str(inner[place])], *inner[place + 1 :])
    return "NOT", item


def _choice(items: Items, operator: str, quantifier: str) -> Choice | None:
    if operator not in items:
        return None
    place = items.index(operator)
    left, right = items[:place], items[place + 1 :]
    values: list[str] | None = None
    match right:
        case (str(word), Group("(", array)) if word == quantifier:
            values = array_values(array)
        case _:
            value = literal_of(right)
            values = None if value is None else [value]
    if not left or not values or not _is_steady(left):
        return None
    return Choice(left, operator, frozenset(values))


def _merged(items: Items, operator: str, word: str) -> Items:
    """The parts of an OR (of an AND), neighbours that ask the same thing made one."""
    parts: list[Items] = []
    for part in split(items, word):
        inner = part[0].items if len(part) == 1 and isinstance(part[0], Group) else part
        parts += split(inner, word) if word in inner else [part]
    merged: list[Items] = []
    for part in parts:
        before = merged[-1] if merged else ()
        match before, part:
            case (Choice() as one,), (Choice() as other,) if (
                one.operator == other.operator == operator and one.left == other.left
            ):
                merged[-1] = (Choice(one.left, operator, one.values | other.values),)
            case _:
                merged.append(part)
    if all(_is_safe(part) for part in merged):
        merged = sorted(set(merged), key=text_of)
    return joined(merged, word)


def _compared(items: Items) -> Items:
    """Numbers by their value, where they are compared with."""
    places = [place for place, one in enumerate(items) if one in _ORDERS]
    if len(places) == 1:
        end = places[0] + 1
        literal = literal_of(items[end:])
        if literal is not None:
            return (*items[:end], literal)
    return items


def _is_steady(items: Items) -> bool:
    """Whether it is the same when it is asked twice: nothing here tells it of others' functions."""
    calls = [
        str(one)
        for one, following in with_next(items)
        if is_word(one) and isinstance(following, Group)
    ]
    inner = [one.items for one in items if isinstance(one, Group)]
    known = all("." not in call and call not in _ANEW for call in calls)
    return known and all(_is_steady(one) for one in inner)


def _is_safe(items: Items) -> bool:
    """Whether it cannot fail on any row, so that the order of its neighbours does not matter."""
    before: object = ""
    for item, after in with_next(items):
        if isinstance(item, Choice):
            safe = _is_safe(item.left)
        elif isinstance(item, Group):
            safe = item.bracket == "(" and _is_safe(item.items)
        elif str(item).startswith("::"):
            safe = str(item)[2:] in TEXTS or str(before).startswith("'")
        elif is_word(item):
            safe = item in CONNECTIVES or not isinstance(after, Group)
        else:
            safe = _STEADY.match(str(item)) is not None
        if not safe:
            return False
        before = item
    return True
