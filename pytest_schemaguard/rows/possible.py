"""Values that the columns of a table may have beside those that they have."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.rows import another_text, domains
from pytest_schemaguard.rows.conditions import Conditions
from pytest_schemaguard.rows.insert import words
from pytest_schemaguard.rows.literals import Literals
from pytest_schemaguard.rows.proposals import literals, proposals
from pytest_schemaguard.rows.values import Kind, Wanted
from pytest_schemaguard.sqltext.identifiers import in_quotes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.rows.another import Another
    from pytest_schemaguard.rows.tables import Check, Column, Reference, Table
    from pytest_schemaguard.rows.units import Unit

    Row = tuple[str | None, ...]
    """A table's values as PostgreSQL prints them, or those of a unit."""

MOST = 20
"""So many values are made of one."""
_PARENTS = 100
_STEPS = 200
_LIKE = 100
"""So many texts say what a column's texts are."""
_TEXTS = {"text", "varchar", "bpchar", "citext", "name"}
_WITH_PARTS = {"json", "jsonb", "hstore"}
_WORD = re.compile(r"[a-z][a-z_-]+|[A-Z][A-Z_-]+")
"""A text that is likely one of a few."""


@dataclass(frozen=True, kw_only=True)
class Possible:
    """Asks PostgreSQL, in the transaction that is open, what a check accepts and a key leads to.

    Its methods raise psycopg2.Error where the connection breaks.
    """

    cursor: Any
    """It returns every value as PostgreSQL prints it."""
    table: Table
    another: Another
    known: Mapping[Name, Sequence[str]]

    def parents(self, reference: Reference) -> list[tuple[str, ...]]:
        """The keys that it may lead to, the newest first; none where they cannot be read."""
        columns = [in_quotes(one) for one in reference.parent_columns]
        query = (
            f"SELECT {', '.join(columns)} FROM {in_quotes(*reference.parent)}"  # noqa: S608 - quoted
            f" WHERE {' AND '.join(f'{one} IS NOT NULL' for one in columns)}"
            f" ORDER BY tableoid DESC, ctid DESC LIMIT {_PARENTS}"
        )
        try:
            self.cursor.execute(f"SAVEPOINT parents; {query}")
        except psycopg2.Error as error:
            words(error)
            self.cursor.execute("ROLLBACK TO SAVEPOINT parents")
            return []
        return [tuple(row) for row in self.cursor.fetchall()]

    def has_few(self, unit: Unit, there: Sequence[Row]) -> bool:
        """Whether its values are some of a few: one of the others may be what a migration took
        away from all rows, and would take away again.
        """  # noqa: D205 - one sentence
        known = not self._known_columns.isdisjoint(unit.names)
        if unit.references or len(unit.columns) > 1 or known:
            return True
        one = domains.plain(self.another.types, unit.columns[0].type)
        texts = {value[0] for value in there if value[0] is not None}
        if one.name in _TEXTS:
            labels = any(texts <= {*each} for each in self.another.vocabularies())
            return labels or bool(self._checks(unit)) or all(map(_WORD.fullmatch, texts))
        return one.form == "e" or one.name == "bool"

    def has_parts(self, unit: Unit, there: Sequence[Row]) -> bool:
        """Whether its values have parts with names: JSON, also as text, hstore, composite types."""
        if len(unit.columns) > 1 or unit.columns[0].name in self._known_columns:
            return False
        one = domains.plain(self.another.types, unit.columns[0].type)
        texts = [value[0] for value in there if value[0] is not None]
        in_text = one.name in _TEXTS and bool(texts) and all(map(another_text.is_json, texts))
        return one.form == "c" or one.name in _WITH_PARTS or in_text

    def changed(self, unit: Unit, value: Row, number: int) -> Row:
        """Every part of its values is another one."""
        return tuple(
            text if text is None else next(self._others(column, text, number), text)
            for column, text in zip(unit.columns, value, strict=True)
        )

    def more(self, unit: Unit, there: Sequence[Row]) -> Iterator[Row]:
        """New values that the unit's checks accept, each once, the likeliest first."""
        keys = (self.parents(one) for one in unit.references if one.columns == unit.names)
        if unit.references:
            made: Iterator[Row] = itertools.chain.from_iterable(keys)
        elif len(unit.columns) == 1:
            (column,), (place,) = unit.columns, unit.places
            texts = [one for (one,) in there if one is not None]
            made = ((one,) for one in self._candidates(unit, column, texts, place + 1))
        else:
            made = self._of_several(unit, there)
        seen = set(there)
        while batch := list(itertools.islice(made, MOST)):
            for value in self.accepted(unit, batch):
                if value not in seen:
                    seen.add(value)
                    yield value

    def _of_several(self, unit: Unit, there: Sequence[Row]) -> Iterator[Row]:
        """Every value of the first of them changed alike, as a period's both ends are."""
        first = there[0] if there else tuple(next(self._samples(one), None) for one in unit.columns)
        yield first
        for number in range(1, MOST):
            yield self.changed(unit, first, number)

    def _samples(self, column: Column) -> Iterator[str]:
        """Small values of its type, of which none is there."""
        conditions = self._conditions
        values = Literals(
            types=self.another.types,
            narrowed=lambda _, values: values,
            accepted=conditions.accepted,
        ).of(
            column.type,
            Wanted(
                modifier=column.modifier,
                dimensions=column.dimensions,
                column=column.name,
                kind=Kind.MILD,
                unicode=False,
            ),
        )
        if values is not None:
            yield from dict.fromkeys(map(values.plain, range(min(values.size or MOST, MOST))))

    def unused(
        self, unit: Unit, column: Column, there: Sequence[str], new: Sequence[str | None]
    ) -> str | None:
        """A value of no row and of no new one; of a few, that of some row. None: there is none."""
        taken = {*there, *new, *(one.lower() for one in there)}
        for value in self._candidates(unit, column, there, 1):
            free = value not in taken and value.lower() not in taken
            if free and (len(unit.columns) > 1 or self.accepted(unit, [(value,)])):
                return value
        return there[len(new) % len(there)] if there else None

    def _candidates(
        self, unit: Unit, column: Column, there: Sequence[str], number: int
    ) -> Iterator[str]:
        """Likely values, numbered from there on."""
        if known := self.known.get((*self.table.name, column.name)):
            yield from known
            return
        conditions = [one.expression for one in self._checks(unit)]
        alike = None
        if there:
            yield from another_text.in_a_circle(literals(conditions), there[-1])
            best = None if conditions else 1
            for step in range(number, number + _STEPS):
                for alike in itertools.islice(self._others(column, there[-1], step, there), best):
                    yield alike
        if alike is None or conditions:
            yield from self._samples(column)
            one = domains.plain(self.another.types, column.type)
            array = one.form == "a"
            yield from proposals(conditions, one.name, array=array, numbers=range(1, MOST))

    def _others(
        self, column: Column, text: str, number: int, like: Sequence[str] = ()
    ) -> Iterator[str]:
        return self.another.values(column.type, column.modifier, text, number, like[:_LIKE])

    def accepted(self, unit: Unit, rows: Sequence[Row]) -> Sequence[Row]:
        """Those that its checks, and those of its columns' domains, accept."""
        known = self.another.types
        spelled = {one.name: domains.spelled(known, one.type, one.spelled) for one in unit.columns}
        rows = self._conditions.holding(unit.checks, unit.names, spelled, rows)
        for place, column in enumerate(unit.columns):
            checks = domains.checks(known, column.type)
            values = list(dict.fromkeys((row[place],) for row in rows))
            taken = self._conditions.holding(
                checks, [domains.VALUE], {domains.VALUE: spelled[column.name]}, values
            )
            rows = [row for row in rows if (row[place],) in taken]
        return rows

    @property
    def _known_columns(self) -> set[str]:
        return {name[-1] for name in self.known if name[:-1] == self.table.name}

    @property
    def _conditions(self) -> Conditions:
        # A cursor that returns numbers as numbers.
        return Conditions(cursor=self.cursor.connection.cursor(), start=0, rows=MOST)

    def _checks(self, unit: Unit) -> list[Check]:
        found = [*unit.checks]
        for column in unit.columns:
            found += domains.checks(self.another.types, column.type)
        return found
