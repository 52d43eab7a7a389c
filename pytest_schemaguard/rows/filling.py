"""Fills tables, in the order in which they refer to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.catalog.snapshot import Name
from pytest_schemaguard.rows import domains
from pytest_schemaguard.rows.choices import Choice, Way, row_maker
from pytest_schemaguard.rows.conditions import Conditions
from pytest_schemaguard.rows.insert import RefusedError, insert, words
from pytest_schemaguard.rows.literals import Literals, listed
from pytest_schemaguard.rows.order import in_order, nullable
from pytest_schemaguard.rows.proposals import proposals
from pytest_schemaguard.rows.references import References, to_itself
from pytest_schemaguard.rows.tables import transaction
from pytest_schemaguard.rows.values import Kind, Values, Wanted, fits
from pytest_schemaguard.sqltext.identifiers import in_quotes

if TYPE_CHECKING:
    from pytest_schemaguard.rows.choices import Row
    from pytest_schemaguard.rows.insert import Make
    from pytest_schemaguard.rows.order import Order
    from pytest_schemaguard.rows.tables import Column, Shapes, Table, Type

Known = Mapping[Name, Sequence[str]]
"""By (schema, table, column): literals that the application's model accepts."""

_FOREIGN = "it is a foreign table: its rows are another server's"
_PARENTS = 100
_NEAR = 50
"""Of a narrow range, so many values may be taken already."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What `fill` is asked for."""

    rows: int
    kind: Kind
    known: Known
    start: int
    anew: bool
    """Whether all of the tables are empty."""


@dataclass(kw_only=True)
class Filler:
    """What has been made so far."""

    cursor: Any
    shapes: Shapes
    asked: Asked
    made: dict[Name, int] = field(default_factory=dict)
    refused: dict[Name, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._references = References(
            cursor=self.cursor,
            tables=self.shapes.tables,
            count=max(_PARENTS, 2 * self.asked.rows),
            anew=self.asked.anew,
        )
        self._conditions = Conditions(
            cursor=self.cursor, start=self.asked.start, rows=self.asked.rows
        )
        self._literals = Literals(
            types=self.shapes.types, narrowed=self._narrowed, accepted=self._conditions.accepted
        )
        self._unicode = self.cursor.connection.get_parameter_status("server_encoding") == "UTF8"

    def fill(self, tables: Mapping[Name, Table]) -> None:
        """Raises psycopg2.Error where the connection breaks."""
        foreign = {name for name, one in tables.items() if one.kind == "f"}
        self.refused.update(dict.fromkeys(foreign, _FOREIGN))
        order = in_order({name: one for name, one in tables.items() if name not in foreign})
        for name, keys in order.stuck.items():
            self.refused[name] = (
                f"none of its rows can be the first: the keys {keys} lead back to it"
            )
        for group in order.groups:
            names = [name for name in group if name not in order.stuck]
            deferred = {name for name, _ in order.deferred}
            for together in [names] if deferred & {*names} else [[name] for name in names]:
                self._together(together, order)
            if self.asked.anew:
                self._complete(names, order)

    def _together(self, names: Sequence[Name], order: Order) -> None:
        """Tables in one transaction: rows for all of them, or for none."""
        tables = self.shapes.tables
        made: dict[Name, int] = {}
        try:
            with transaction(self.cursor):
                for name, key in sorted(order.deferred):
                    if name in names:
                        constraint = in_quotes(name[0], key)
                        self.cursor.execute(f"SET CONSTRAINTS {constraint} DEFERRED")
                        (one,) = (one for one in tables[name].references if one.name == key)
                        self._draw(tables[one.parent], one.parent_columns)
                for name in names:
                    made[name] = self._insert(tables[name], order)
                if len(names) > 1:
                    self.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except (RefusedError, psycopg2.Error) as error:
            reason = words(error) if isinstance(error, psycopg2.Error) else str(error)
            self.refused |= dict.fromkeys(names, reason)
            for name in names:
                self._references.forget(name)
                self._references.drawn.pop(name, None)
        else:
            self.made |= made

    def _insert(self, table: Table, order: Order) -> int:
        asked = self.asked
        return insert(
            self.cursor,
            table,
            self._maker(table, order),
            rows=asked.rows,
            start=asked.start,
            ways=[*Way] if asked.kind is Kind.WILD else [Way.PLAIN, Way.BARE],
        )

    def _maker(self, table: Table, order: Order) -> Make:
        """Raises RefusedError: some column has no value."""
        inward = [one for one in table.references if one.parent == table.name]
        for one in inward:
            drawing = [column.name for column in table.columns if column.draws]
            self._draw(table, [name for name in one.parent_columns if name in drawing])
        later = [key for name, key in order.later if name == table.name]
        choices = self._references.choices(table, without=later)
        chosen = {name for choice in choices for name in choice.columns}
        for one in inward:
            pairs = zip(one.columns, one.parent_columns, strict=True)
            chosen |= {here for here, there in pairs if here != there}
        for column in table.columns:
            choice = self._choice(table, column) if column.name not in chosen else None
            choices += [choice] if choice is not None else []
        choices = self._satisfying(table, choices)
        make_row = row_maker(choices, table.keys, rows=self.asked.rows)
        drawn = self._references.drawn.get(table.name, {})
        start = self.asked.start

        def make(place: int, way: Way, before: Sequence[Row]) -> Row:
            row = make_row(place, way)
            row |= {
                column: values[place - start]
                for column, values in drawn.items()
                if place - start < len(values)
            }
            for one in inward:
                row |= to_itself(table, one, row, before, way=way)
            return row

        return make

    def _choice(self, table: Table, column: Column) -> Choice | None:
        """None: it is left to its default. Raises RefusedError."""
        if column.draws:
            return None
        values, closed = self._values(table, column)
        required = column.not_null or self._not_null(column.type)
        if values is None:
            if required and column.default is None:
                spelled = self.shapes.types[column.type].spelled
                raise RefusedError(
                    f"the guard knows no value of the type {spelled} (of the column {column.name})"
                )
            return None
        key = any(column.name in one for one in table.keys)
        return Choice(
            columns=(column.name,),
            plain=lambda place: (values.plain(place),),
            size=values.size,
            extreme=() if key else tuple((one,) for one in values.extreme),
            nullable=() if required else (column.name,),
            key=key,
            closed=closed,
            # One that calls a function gives other rows other values each time.
            default=not key and column.default is not None and "(" not in column.default,
        )

    def _values(self, table: Table, column: Column) -> tuple[Values | None, bool]:
        """And whether no others will do."""
        known = self.asked.known.get((*table.name, column.name), ())
        taken = self._conditions.accepted(column.spelled, known) if known else []
        wanted = Wanted(
            modifier=column.modifier,
            dimensions=column.dimensions,
            column=column.name,
            kind=self.asked.kind,
            unicode=self._unicode,
        )
        return listed(taken) or self._literals.of(column.type, wanted), bool(taken)

    def _not_null(self, oid: int) -> bool:
        one = self.shapes.types[oid]
        return one.form == "d" and (one.not_null or self._not_null(one.of))

    def _draw(self, table: Table, names: Sequence[str]) -> None:
        """Has the values of these columns known before their rows are made. Raises RefusedError."""
        drawn = dict(self._references.drawn.get(table.name, {}))
        start, rows = self.asked.start, self.asked.rows
        for column in table.columns:
            if column.name not in names or column.name in drawn:
                continue
            if column.draws:
                drawn[column.name] = self._references.draw(table, column, rows)
                continue
            choice = self._choice(table, column)
            values = [] if choice is None else [choice.plain(start + one)[0] for one in range(rows)]
            drawn[column.name] = [value for value in values if value is not None]
        self._references.drawn[table.name] = drawn

    def _complete(self, names: Sequence[Name], order: Order) -> None:
        """Gives keys their values that had to be NULL at first. What refuses one stays as it is."""
        for name, key in sorted(order.later):
            table = self.shapes.tables[name]
            (one,) = (one for one in table.references if one.name == key)
            if name not in names or name not in self.made or one.parent not in self.made:
                continue
            if len(nullable(table, one)) < len(one.columns):
                continue  # the others belong to another key too
            try:
                with transaction(self.cursor):
                    self._references.complete(table, one)
            except psycopg2.Error as error:
                words(error)

    def _satisfying(self, table: Table, choices: Sequence[Choice]) -> list[Choice]:
        columns, known = {one.name: one for one in table.columns}, self.shapes.types

        def proposed(name: str, conditions: Sequence[str]) -> Sequence[str]:
            column = columns[name]
            return self._proposed(
                domains.plain(known, column.type),
                column.spelled,
                column.modifier,
                conditions,
            )

        types = {
            name: domains.spelled(known, one.type, one.spelled) for name, one in columns.items()
        }
        return self._conditions.satisfying(choices, table.checks, types, proposed)

    def _proposed(
        self, plain: Type, spelled: str, modifier: int, conditions: Sequence[str]
    ) -> list[str]:
        """Literals of a type that some conditions may ask for."""
        start, rows = self.asked.start, self.asked.rows
        numbers = dict.fromkeys((*range(start, start + rows), *range(min(start, _NEAR) + rows)))
        found = proposals(conditions, plain.name, array=plain.form == "a", numbers=[*numbers])
        found = [text for text in found if fits(text, plain.name, modifier)]
        return self._conditions.accepted(spelled, found)

    def _narrowed(self, one: Type, values: Values) -> Values:
        """Those of a domain's own type that its checks accept."""
        plain_type = domains.plain(self.shapes.types, one.oid)
        checks = domains.checks(self.shapes.types, one.oid)
        conditions = [each.expression for each in checks]
        near = self._proposed(plain_type, plain_type.spelled, one.of_modifier, conditions)
        start, rows = self.asked.start, self.asked.rows
        numbers = range(start, start + min(values.size or 2 * rows, 2 * rows))
        plain = [*map(values.plain, numbers)]
        every = [(text,) for text in (*near, *plain, *values.extreme)]
        types = {domains.VALUE: domains.spelled(self.shapes.types, one.oid, one.spelled)}
        found = self._conditions.holding(checks, [domains.VALUE], types, every)
        near, plain, extreme = (
            [text for text in some if (text,) in found] for some in (near, plain, values.extreme)
        )
        enough = len(plain) >= rows
        taken = plain if enough else list(dict.fromkeys([*near, *plain]))
        if not taken:
            # Where none is left PostgreSQL is to say which check refuses them.
            return listed(extreme) or values
        first = start if enough else 0
        return Values(
            plain=lambda place: taken[(place - first) % len(taken)],
            size=len(taken),
            extreme=tuple(extreme),
        )
