"""`a IN (x, y)` and `a = x OR a = y`: two parse trees, the same rows. Pure, proven on a server.

https://www.postgresql.org/docs/current/functions-comparisons.html
"""

from __future__ import annotations

import re

_TEXTS = "text|character varying|bpchar"
_LITERAL = re.compile(rf"('(?:[^']|'')*')::(?:{_TEXTS})")
_CAST = re.compile(rf"\((.*)\)::(?:{_TEXTS})", re.DOTALL)
_PLAIN = re.compile(r"'(?:[^']|'')*'::[\w\s.\"]+|\(?'?-?[\d.]+'?\)?(?:::[\w ]+)?")
_CHECK = re.compile(r"CHECK \((.*)\)((?: NO INHERIT| NOT VALID)*)", re.DOTALL)
_ARRAY = re.compile(r"\(?ARRAY\[(.*?)\](?:\)::[\w ]+\[\])?\)", re.DOTALL)


def choice_meaning(definition: str) -> str:
    """A check constraint, such that two that list the same values, in whatever order, are equal.

    Also `NOT IN`. Any other definition is returned as it is. What is returned is for comparing,
    not for reading.
    """
    found = _CHECK.fullmatch(definition)
    if found is None:
        return definition
    body = _unwrapped(found[1])
    chosen = _choice(body, "=", "ANY", "OR") or _choice(body, "<>", "ALL", "AND")
    return f"{chosen}{found[2]}" if chosen else definition


def _choice(body: str, operator: str, quantifier: str, word: str) -> str | None:
    left, between, array = body.partition(f" {operator} {quantifier} (")
    values: list[str] = []
    if between:
        items = _ARRAY.fullmatch(array)
        values = _split(items[1], ", ") if items else []
    else:
        left = ""
        for part in _split(body, f" {word} "):
            own, _, value = _unwrapped(part).partition(f" {operator} ")
            if values and own != left:
                return None
            left = own
            values.append(value)
    meanings = [_literal(one) for one in values]
    if not meanings or None in meanings:
        return None
    return f"{left} {operator} {quantifier} {sorted({str(one) for one in meanings})}"


def _literal(value: str) -> str | None:
    """A literal among the values; None for anything that is no plain literal."""
    inner = _CAST.fullmatch(value)
    literal = _LITERAL.fullmatch(inner[1] if inner else value)
    if literal:
        return literal[1]
    return value if _PLAIN.fullmatch(value) else None


def _unwrapped(text: str) -> str:
    """Without the parentheses around the whole of it."""
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1]
    return text


def _closing(text: str) -> int:
    """Where the parenthesis that opens the text is closed; -1: nowhere."""
    return next((place for place, depth in _depths(text) if depth == 0), -1)


def _split(text: str, separator: str) -> list[str]:
    """At the separators that stand in no parentheses, brackets or quotes."""
    parts, start = [], 0
    for place, depth in _depths(text):
        if depth == 0 and place >= start and text.startswith(separator, place):
            parts.append(text[start:place])
            start = place + len(separator)
    return [*parts, text[start:]]


def _depths(text: str) -> list[tuple[int, int]]:
    """Each place outside of quotes, with the depth of parentheses and brackets after it."""
    found, depth, quote = [], 0, ""
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
            continue
        if char in "'\"":
            quote = char
            continue
        depth += (char in "([") - (char in ")]")
        found.append((place, depth))
    return found
