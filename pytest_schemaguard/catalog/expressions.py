"""The text of an expression as PostgreSQL writes it, as a tree. Pure.

PostgreSQL puts parentheses around every operation that stands in another one, so no table of
precedences is needed: what stands in one pair of parentheses is one operation.
https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CATALOG
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Items = tuple[object, ...]
    """What stands in one pair of parentheses: tokens (str) and what they enclose."""
    Rule = Callable[[Items], Items]

_NAME = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
_NAMES = rf"{_NAME}(?:\.{_NAME})*"
# What PostgreSQL writes in capitals is no part of a type.
_TYPE = (
    rf"(?:double precision|(?:bit|character) varying|interval(?: [a-z]+)*|{_NAMES})"
    r"(?:\([^()]*\))?(?: with(?:out)? time zone)?(?:\[\])*"
)
_TOKEN = re.compile(
    rf"::{_TYPE}|[BXE]?'(?:[^']|'')*'|{_NAMES}|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
    r"|[-+*/<>=~!@#%^&|`?]+|\S",
)
_WORD = re.compile(r'[^\W\d]|"')
_CLOSING = {"(": ")", "[": "]"}
CONNECTIVES = frozenset({"AND", "OR", "NOT", "CASE", "WHEN", "THEN", "ELSE"})


@dataclass(frozen=True)
class Group:
    """What stands in parentheses or brackets."""

    bracket: str
    items: Items

    def __str__(self) -> str:
        return f"{self.bracket}{text_of(self.items)}{_CLOSING[self.bracket]}"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the text of an expression does not tell by itself."""

    enums: frozenset[str] = field(default_factory=frozenset)
    """Enum types as casts name them: `public.status`."""
    scalars: frozenset[str] = field(default_factory=frozenset)
    """The columns that hold no composite value, as expressions name them."""


def parse(text: str) -> Items:
    """The tree. A text that PostgreSQL did not write is one token."""
    stack: list[tuple[str, list[object]]] = [("", [])]
    for token in _TOKEN.findall(text):
        if token in _CLOSING:
            stack.append((token, []))
        elif token in _CLOSING.values():
            bracket, items = stack.pop()
            if not stack or _CLOSING[bracket] != token:
                return (text,)
            stack[-1][1].append(Group(bracket, tuple(items)))
        else:
            stack[-1][1].append(token)
    return tuple(stack[0][1]) if len(stack) == 1 else (text,)


def text_of(items: Items) -> str:
    return " ".join(map(str, items))


def rewritten(items: Items, rule: Rule) -> Items:
    """The rule applied to everything in parentheses, the innermost first.

    Parentheses that enclose one thing alone go, unless they hold a function's arguments.
    """
    found: list[object] = []
    for item in items:
        if not isinstance(item, Group):
            found.append(item)
            continue
        inner = rewritten(item.items, rule)
        arguments = bool(found) and is_word(found[-1]) and found[-1] not in CONNECTIVES
        if item.bracket == "(" and not arguments and _is_one(inner):
            found += inner
        else:
            found.append(Group(item.bracket, inner))
    return rule(tuple(found))


def is_word(item: object) -> bool:
    """A name, a function or a keyword."""
    return isinstance(item, str) and _WORD.match(item) is not None and not item.endswith("'")


def with_next(items: Items) -> Iterator[tuple[object, object]]:
    """Each item with the one after it, the last with an empty text."""
    return zip_longest(items, items[1:], fillvalue="")


def split(items: Items, separator: str) -> list[Items]:
    """What stands between the separators."""
    parts: list[Items] = []
    start = 0
    for place, item in enumerate((*items, separator)):
        if item == separator:
            parts.append(items[start:place])
            start = place + 1
    return parts


def joined(parts: Iterable[Items], separator: str) -> Items:
    found: list[object] = []
    for part in parts:
        found += [separator, *part] if found else part
    return tuple(found)


def enclosed(items: Items) -> object:
    """As one item."""
    return items[0] if len(items) == 1 else Group("(", items)


def opened(items: Items) -> Items:
    """Without the parentheses around the whole of it."""
    while len(items) == 1 and isinstance(items[0], Group):
        items = items[0].items
    return items


def _is_one(items: Items) -> bool:
    """A single item, or a function with its arguments."""
    call = len(items) == 2 and isinstance(items[1], Group) and items[1].bracket == "("  # noqa: PLR2004 - the name and what it is called with
    return len(items) == 1 or (call and is_word(items[0]) and items[0] not in CONNECTIVES)
