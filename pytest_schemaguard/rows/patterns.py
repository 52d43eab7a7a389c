"""Texts that a regular expression, or a pattern of LIKE, may match. Pure.

They are proposals: PostgreSQL says whether it takes them. So of a regular expression only what most
checks are written with is understood.
https://www.postgresql.org/docs/current/functions-matching.html
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Make = Callable[[int], tuple[str, int]]
    """Makes a text of a number; returns with it what is left of the number."""

_CLASSES = {
    "d": string.digits,
    "w": string.ascii_lowercase + string.digits + string.ascii_uppercase + "_",
    "s": " ",
    "digit": string.digits,
    "alpha": string.ascii_letters,
    "alnum": string.ascii_lowercase + string.digits + string.ascii_uppercase,
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "space": " ",
    "punct": "-.,;:!?",
    "xdigit": string.hexdigits,
}
_ANY = "abcdefghijklmnopqrstuvwxyz0123456789"
_PRINTABLE = string.ascii_lowercase + string.digits + string.ascii_uppercase + string.punctuation
_MANY = re.compile(r"\{(\d+)(,(\d*))?\}")
_MOST = 1000


def like(pattern: str, number: int) -> str:
    """`user-7` of `user-%` and 7."""
    return pattern.replace("%", str(number)).replace("_", str(number)[-1])


def matching(expression: str) -> Callable[[int], str] | None:
    """Makes a text of a number; None: the expression has what is not understood here."""
    reader = _Reader(expression)
    try:
        made = reader.either()
    except (IndexError, KeyError, ValueError):
        return None
    return None if reader.rest else lambda number: made(number)[0]


class _Reader:
    """Reads a regular expression from left to right. Raises IndexError, KeyError, ValueError."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def _take(self, count: int = 1) -> str:
        taken, self.rest = self.rest[:count], self.rest[count:]
        if len(taken) < count:
            raise IndexError
        return taken

    def either(self) -> Make:
        """All alternatives, in turn."""
        found = [self._sequence()]
        while self.rest.startswith("|"):
            self._take()
            found.append(self._sequence())

        def make(number: int) -> tuple[str, int]:
            return found[number % len(found)](number // len(found))

        return make

    def _sequence(self) -> Make:
        parts = [*self._parts()]

        def make(number: int) -> tuple[str, int]:
            # The last part changes first, as people count.
            texts = []
            for part in reversed(parts):
                text, number = part(number)
                texts.append(text)
            return "".join(reversed(texts)), number

        return make

    def _parts(self) -> Iterator[Make]:
        while self.rest and self.rest[0] not in "|)":
            one = self._one()
            if one is not None:
                yield self._repeated(one)

    def _repeated(self, one: Make) -> Make:
        least, more = 1, False
        if self.rest[:1] in {"?", "*", "+"} and self.rest:
            more = self._take() != "?"
        elif found := _MANY.match(self.rest):
            self._take(found.end())
            least = int(found[1]) or (0 if found[3] == "0" or not found[2] else 1)
            more = bool(found[2]) and (not found[3] or int(found[3]) > least)
        if self.rest.startswith("?"):  # it matches as little as it can
            self._take()
        if least > _MOST:
            raise ValueError

        def make(number: int) -> tuple[str, int]:
            made = ""
            number, again = divmod(number, 1 + more)
            for _ in range(least + again):
                text, number = one(number)
                made = text + made
            return made, number

        return make

    def _one(self) -> Make | None:
        """A character, a class or a group; None: an anchor."""
        first = self._take()
        if first in "^$":
            return None
        if first == "(":
            if self.rest.startswith("?:"):
                self._take(2)
            made = self.either()
            if self._take() != ")":
                raise ValueError
            return made
        if first == "[":
            return _of(self._class())
        if first == "\\":
            escaped = self._take()
            if escaped in "AZmMyY":
                return None
            return _of(_CLASSES[escaped] if escaped.isalnum() else escaped)
        if first in "?*+{":
            raise ValueError
        return _of(_ANY if first == "." else first)

    def _class(self) -> str:
        but = self.rest.startswith("^")
        if but:
            self._take()
        found = ""
        while not self.rest.startswith("]") or not found:
            if self.rest.startswith("[:"):
                name, _, self.rest = self.rest[2:].partition(":]")
                found += _CLASSES[name]
                continue
            one = self._take()
            if one == "\\":
                one = self._take()
                if one.isalnum():
                    found += _CLASSES[one]
                    continue
            if self.rest.startswith("-") and not self.rest.startswith("-]"):
                self._take()
                found += "".join(map(chr, range(ord(one), min(ord(self._take()), 0x2FF) + 1)))
            else:
                found += one
        self._take()
        return "".join(one for one in _PRINTABLE if one not in found) if but else found


def _of(characters: str) -> Make:
    count = len(characters)
    if not count:
        raise ValueError
    return lambda number: (characters[number % count], number // count)
