"""Finds values that a table's checks, its partitions' bounds and a domain's checks accept.

PostgreSQL decides, as the role that owns the table: what a check calls may be anything.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg2

from pytest_schemaguard.rows.choices import Choice, turned
from pytest_schemaguard.rows.insert import words
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_schemaguard.rows.tables import Check

    Values = tuple[str | None, ...]
    Proposed = Callable[[str, Sequence[str]], Sequence[str]]
    """Literals for a column under some conditions."""
    Found = Callable[[int, int], str]
    """The query for some of the candidates, of which it returns the numbers of those that hold."""

_MOST = 1500
"""How many combinations are asked about at once."""
_KEPT = 100
_FEW = 12
"""How many of a column's values are tried with those of others."""
_DOUBTED = 120
"""Where one of them is an error, so many are asked about by halves."""
_NUMBER = in_quotes("number of the candidate")


class Spelled(NamedTuple):
    """A column's type in SQL, without a domain above it."""

    type: str
    exact: str
    """With its modifier."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Asks PostgreSQL, in the transaction that is open."""

    cursor: Any
    start: int
    rows: int

    def accepted(self, spelled: str, texts: Sequence[str]) -> list[str]:
        """Those of the texts that it takes for a type."""
        casts = [f"({n}, CAST({literal(text)} AS {spelled}))" for n, text in enumerate(texts)]
        found = self._found(len(texts), lambda low, high: f"VALUES {', '.join(casts[low:high])}")
        return [texts[number] for number in found]

    def satisfying(
        self,
        choices: Sequence[Choice],
        checks: Sequence[Check],
        types: Mapping[str, Spelled],
        proposed: Proposed,
    ) -> list[Choice]:
        """The choices, narrowed to what the checks accept; those of one check become one.

        `types` are the columns'. Where nothing is found a choice stays as it was: PostgreSQL will
        refuse its rows, and say why.
        """
        known = {name for one in choices for name in one.columns}
        checks = [one for one in checks if one.columns and known.issuperset(one.columns)]
        made: list[Choice] = []
        for group in _groups(choices, checks):
            names = {name for one in group for name in one.columns}
            mine = [one for one in checks if names.issuperset(one.columns)]
            if not mine:
                made += group
                continue
            alone = [self._alone(one, mine, types, proposed) for one in group]
            together = None
            if len(group) > 1 and all(pool for _, pool in alone):
                together = self._together(alone, mine, types)
            made += [found for found, _ in alone] if together is None else [together]
        return made

    def _alone(
        self,
        choice: Choice,
        checks: Sequence[Check],
        types: Mapping[str, Spelled],
        proposed: Proposed,
    ) -> tuple[Choice, list[Values]]:
        """A choice under the checks of its own columns, and all of its values that they accept."""
        own = [one for one in checks if {*choice.columns}.issuperset(one.columns)]
        numbers = range(self.start, self.start + min(choice.size or 2 * self.rows, 2 * self.rows))
        plain = [choice.plain(number) for number in numbers]
        near: list[Values] = []
        if not choice.closed:
            (name,) = choice.columns
            about = [one.expression for one in checks if name in one.columns]
            near = [(text,) for text in proposed(name, about) if (text,) not in plain]
        nulls = [
            tuple(
                None if name in choice.nullable else value
                for name, value in zip(choice.columns, plain[0], strict=True)
            )
        ][: len(choice.nullable)]
        extreme = [*choice.extreme]
        every = [*plain, *near, *nulls, *extreme]
        holding = {*self.holding(own, choice.columns, types, every)}
        plain, near, extreme = (
            [one for one in some if one in holding] for some in (plain, near, extreme)
        )
        first = [*near[:_FEW], *nulls, *plain[: 2 * _FEW], *extreme]
        kept = [one for one in first if one in holding]
        if not plain and not near:
            near = [one for one in nulls if one in holding]
        if not plain and not near:
            return choice, kept
        enough = len(plain) >= self.rows
        values = plain if enough else [*near, *plain]
        more = [one for pair in zip_longest(extreme, near if enough else ()) for one in pair]
        return (
            replace(
                choice,
                plain=turned(values, self.start if enough else 0),
                size=len(values),
                extreme=() if choice.key else tuple(one for one in more if one is not None),
                nullable=choice.nullable if holding.issuperset(nulls) else (),
            ),
            kept,
        )

    def _together(
        self,
        group: Sequence[tuple[Choice, list[Values]]],
        checks: Sequence[Check],
        types: Mapping[str, Spelled],
    ) -> Choice | None:
        """One choice of what some choices have together; None: nothing is found.

        One choice after the other joins, and what no check accepts so far is left out.
        """
        columns: tuple[str, ...] = ()
        made: list[Values] = [()]
        # Where there were rows before, others are wanted.
        count = min(self.start, _KEPT) + self.rows
        for choice, pool in group:
            before = {*columns}
            columns += choice.columns
            ready = [
                one
                for one in checks
                if {*columns}.issuperset(one.columns) and not before.issuperset(one.columns)
            ]
            pairs = [*_pairs(made, pool)]
            enough = 10 * count
            made = self.holding(ready, columns, types, pairs[:enough])
            if len(made) < count:
                made += self.holding(ready, columns, types, pairs[enough:])
            made = _thinned(made)
        made += self.holding(checks, columns, types, [*_few(group)])
        if not made:
            return None
        varied = _varied(made, count=count)
        return Choice(columns=columns, plain=turned(varied), size=len(varied), closed=True)

    def holding(
        self,
        checks: Sequence[Check],
        columns: Sequence[str],
        types: Mapping[str, Spelled],
        rows: Sequence[Values],
    ) -> list[Values]:
        """Those that all checks accept, which a check does of what it does not know."""
        if not checks or not rows:
            return [*rows]
        names = ", ".join(in_quotes(name) for name in columns)
        # A check sees what the column would keep: padded, rounded.
        exact = ", ".join(
            f"CAST({in_quotes(name)} AS {types[name].exact}) AS {in_quotes(name)}"
            for name in columns
        )
        # The first row decides the types of the others.
        first = ", ".join(["-1", *(f"CAST(NULL AS {types[name].type})" for name in columns)])
        listed = [
            ", ".join([str(n), *("NULL" if one is None else literal(one) for one in row)])
            for n, row in enumerate(rows)
        ]
        holds = " AND ".join(f"({one.expression}) IS NOT FALSE" for one in checks)

        def query(low: int, high: int) -> str:
            values = "), (".join([first, *listed[low:high]])
            return (
                f"SELECT {_NUMBER} FROM (SELECT {_NUMBER}, {exact} FROM (VALUES ({values}))"  # noqa: S608 - quoted
                f" AS candidate ({_NUMBER}, {names})) AS stored"
                f" WHERE {_NUMBER} OPERATOR(pg_catalog.>=) 0 AND {holds}"
            )

        return [rows[number] for number in self._found(len(rows), query)]

    def _found(self, count: int, query: Found) -> list[int]:
        """The numbers of what holds; what ends in an error does not."""

        def found(low: int, high: int) -> list[int]:
            try:
                self.cursor.execute(f"SAVEPOINT candidates; {query(low, high)}")
            except psycopg2.Error as error:
                words(error)
            else:
                numbers = sorted(row[0] for row in self.cursor.fetchall())
                self.cursor.execute("RELEASE SAVEPOINT candidates")
                return numbers
            self.cursor.execute("ROLLBACK TO SAVEPOINT candidates")
            if high - low <= 1:
                return []
            high = min(high, low + _DOUBTED)
            middle = (low + high) // 2
            return found(low, middle) + found(middle, high)

        return found(0, count) if count else []


def _groups(choices: Sequence[Choice], checks: Sequence[Check]) -> list[list[Choice]]:
    """Those that some check speaks of together."""
    groups: list[list[Choice]] = [[one] for one in choices]
    for check in checks:
        names = {*check.columns}
        mine = [group for group in groups if any(names.intersection(one.columns) for one in group)]
        if len(mine) > 1:
            groups = [group for group in groups if group not in mine]
            groups.append([one for group in mine for one in group])
    return groups


def _pairs(made: Sequence[Values], pool: Sequence[Values]) -> Iterator[Values]:
    """Each with each, and first those in which neither comes twice."""
    count = 0
    for shift in range(len(pool)):
        for place, one in enumerate(made):
            yield one + pool[(place + shift) % len(pool)]
        count += len(made)
        if count > _MOST:
            return


def _few(group: Sequence[tuple[Choice, list[Values]]]) -> Iterator[Values]:
    """All NULL but one, all but one NULL, and all."""
    values = [pool[0] for _, pool in group]
    nulls = [
        tuple(
            None if name in choice.nullable else value
            for name, value in zip(choice.columns, pool[0], strict=True)
        )
        for choice, pool in group
    ]
    for most, one in ((nulls, values), (values, nulls)):
        yield tuple(value for each in most for value in each)
        for place in range(len(group)):
            mixed = [*most[:place], one[place], *most[place + 1 :]]
            yield tuple(value for each in mixed for value in each)


def _varied(values: Sequence[Values], *, count: int) -> list[Values]:
    """So many of them, in which each column's values are as different as they can be."""
    used: Counter[tuple[int, str | None]] = Counter()
    rest = dict.fromkeys(values)
    made: list[Values] = []

    def wear(one: Values) -> int:
        return sum(used[place, value] + (value is None) for place, value in enumerate(one))

    while rest and len(made) < count:
        made.append(min(rest, key=wear))
        del rest[made[-1]]
        used.update(enumerate(made[-1]))
    return made


def _thinned(values: list[Values]) -> list[Values]:
    """The first of them, and some of the others."""
    rest = values[_KEPT // 2 :]
    return values[: _KEPT // 2] + rest[:: len(rest) // (_KEPT // 2) + 1]
