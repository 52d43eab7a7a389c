"""Values of types that are made of others: arrays, ranges, composite types, domains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_schemaguard.rows.values import Kind, Values, base_values
from pytest_schemaguard.sqltext.identifiers import element

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_schemaguard.rows.tables import Type
    from pytest_schemaguard.rows.values import Wanted

_ORDERED = {"int2", "int4", "int8", "numeric", "float8", "date", "timestamp", "timestamptz"}
"""Types whose numbered values grow."""

_GUESSES = (
    *("1", "a", "t", "", "{}", "[]", "{1}", "[1]", "(1,2)", "[1,2]", "1.5", "2020-01-01"),
    *("10:00", "a.b", '"a"=>"b"', "POINT(1 1)", "LINESTRING(0 0,1 1)", "MULTIPOINT((1 1))"),
    *("POLYGON((0 0,0 1,1 1,0 0))", "MULTIPOLYGON(((0 0,0 1,1 1,0 0)))"),
    *("MULTILINESTRING((0 0,1 1))", "SRID=4326;POINT(1 1)", "SRID=3857;POINT(1 1)"),
    *("SRID=4326;POLYGON((0 0,0 1,1 1,0 0))", "SRID=4326;MULTIPOLYGON(((0 0,0 1,1 1,0 0)))"),
    *("SRID=4326;LINESTRING(0 0,1 1)", "00000000-0000-4000-8000-000000000001", "10.0.0.1"),
    *("978-0-306-40615-7", "M-2306-7118-7", "1436-4522", "220356483481"),
    *("1:1", "{1,2}/3", '{"a": 1}', "<a/>", r"\x01"),
)
"""Texts for a type of an extension: what it takes, PostgreSQL says."""


@dataclass(frozen=True, kw_only=True)
class Literals:
    """Makes values of each type of a database."""

    types: Mapping[int, Type]
    narrowed: Callable[[Type, Values], Values]
    """Those of the values that a domain's checks accept, and others like them."""
    accepted: Callable[[str, Sequence[str]], Sequence[str]]
    """Those of the texts that PostgreSQL takes for a type."""
    _guessed: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def of(self, oid: int, wanted: Wanted) -> Values | None:  # noqa: PLR0911 - one a form
        """None: the guard knows no literal that the type takes. Raises psycopg2.Error."""
        one = self.types[oid]
        if one.form == "e":
            labels = one.labels
            return (
                Values(plain=lambda place: labels[place % len(labels)], size=len(labels))
                if labels
                else None
            )
        if one.form == "d":
            base = self.of(
                one.of, wanted._replace(modifier=one.of_modifier, dimensions=one.dimensions)
            )
            checked = one.checks and base is not None
            return self.narrowed(one, base) if checked and base else base
        if one.form == "c":
            return self._composite(one, wanted)
        if one.form in {"r", "m"}:
            return self._ranges(one, wanted)
        known = base_values(one, wanted)
        if known is not None:
            return known
        if one.form == "a":
            return self._arrays(one, wanted)
        return self._guesses(one) if one.form == "b" else None

    def _arrays(self, one: Type, wanted: Wanted) -> Values:
        """One element, or two; `{}` alone where no element is known."""
        values = self.of(one.of, wanted._replace(dimensions=0))
        if values is None:
            return Values(plain=lambda _: "{}", size=1)
        depth = max(wanted.dimensions, 1)

        def array(*elements: str) -> str:
            inside = one.delimiter.join(element(each) for each in elements)
            return "{" * depth + inside + "}" * depth

        extreme = ("{}", *(array(each, each) for each in values.extreme))
        return Values(
            plain=lambda place: array(values.plain(place), values.plain(place + 1)),
            size=values.size,
            extreme=extreme if wanted.kind is Kind.WILD else (),
        )

    def _composite(self, one: Type, wanted: Wanted) -> Values:
        fields = [
            self.of(oid, wanted._replace(modifier=modifier, dimensions=0, column=name))
            for oid, modifier, name in one.fields
        ]
        sizes = [each.size if each is not None else 1 for each in fields]
        return Values(
            plain=lambda place: (
                "("
                + ",".join("" if each is None else element(each.plain(place)) for each in fields)
                + ")"
            ),
            size=None if None in sizes else max((one or 1 for one in sizes), default=1),
        )

    def _ranges(self, one: Type, wanted: Wanted) -> Values | None:
        """None of them overlaps another."""
        bound = self.of(one.of, wanted._replace(modifier=-1, dimensions=0))
        if bound is None:
            return None
        grows = self.types[one.of].name in _ORDERED

        def plain(place: int) -> str:
            low = element(bound.plain(2 * place if grows else place))
            made = f"[{low},{element(bound.plain(2 * place + 1))})" if grows else f"[{low},{low}]"
            return made if one.form == "r" else "{" + made + "}"

        low = element(bound.plain(0))
        extreme: tuple[str, ...] = ("empty", "(,)", f"[{low},)")
        if one.form == "m":
            extreme = ("{}", *("{" + each + "}" for each in extreme[1:]))
        return Values(
            plain=plain,
            size=bound.size and bound.size // (2 if grows else 1),
            extreme=extreme if wanted.kind is Kind.WILD else (),
        )

    def _guesses(self, one: Type) -> Values | None:
        if one.oid not in self._guessed:
            self._guessed[one.oid] = tuple(self.accepted(one.spelled, _GUESSES))
        return listed(self._guessed[one.oid])


def listed(texts: Sequence[str]) -> Values | None:
    """These values and no others."""
    if not texts:
        return None
    return Values(plain=lambda place: texts[place % len(texts)], size=len(texts))
