"""Takes differences away that are none: PostgreSQL's own text, read again, can be another.

`a IN ('x', 'y')` on a varchar deparses to one text, and that text, parsed again (as a dump is), to
a second one, stable from then on. So expressions that differ are fed to PostgreSQL until their text
stays the same, on both sides. Only those: equal schemas cost nothing. Nothing is evaluated: the
tables of the scratch database are empty and the work is rolled back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from pytest_schemaguard.catalog.choices import choice_meaning, predicate_meaning
from pytest_schemaguard.catalog.diff import Depth, diff
from pytest_schemaguard.catalog.equivalents import default_meaning
from pytest_schemaguard.catalog.expressions import Known
from pytest_schemaguard.catalog.fetch import query
from pytest_schemaguard.catalog.pruned import pruned
from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE
from pytest_schemaguard.expected.feeding import stable, told_by
from pytest_schemaguard.sqltext.identifiers import in_quotes, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.catalog.snapshot import Column, Constraint, Index, Name, Snapshot

_SETTLING = "schema_guard_settling"
_NOT_VALID = " NOT VALID"
_WITH_EXPRESSIONS = ("default", "generated", "check", "exclusion", "index", "domain")
"""The ends of the kinds of difference that can be one of spelling only."""


def settled_differences(
    connection: Any, expected: Snapshot, actual: Snapshot, *, depth: Depth = Depth.MODELS
) -> tuple[Difference, ...]:
    """The differences of the two that stay when both sides' texts have settled.

    `connection` is of the owner of the scratch database that `expected` was read from. Raises
    psycopg2.Error where the connection itself fails.
    """
    expected, actual = pruned(expected, actual)
    found = diff(expected, actual, depth=depth)
    # A pair that differs in its name too is told as a missing and an extra one.
    suspects = {one.name for one in found if one.kind.endswith(_WITH_EXPRESSIONS)}
    if not suspects:
        return found
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; SET LOCAL search_path = pg_catalog, pg_temp")
        expected = _settled(cursor, expected, suspects)
        actual = _settled(cursor, actual, suspects)
        cursor.execute("ROLLBACK")
    return diff(expected, _alike(expected, actual, suspects), depth=depth)


def _settled(cursor: Any, side: Snapshot, suspects: set[Name]) -> Snapshot:
    columns, constraints, indexes = dict(side.columns), dict(side.constraints), dict(side.indexes)
    domains = dict(side.domains)
    for name in suspects:
        if name in domains:
            domains[name] = _domain(cursor, domains[name])
        if name in columns:
            columns[name] = _column(cursor, name, columns[name])
        if name in constraints and constraints[name].kind in {"check", "exclusion"}:
            constraints[name] = _constraint(cursor, name, constraints[name])
        if name in indexes:
            indexes[name] = _index(cursor, name, indexes[name])
    return replace(side, columns=columns, constraints=constraints, indexes=indexes, domains=domains)


def _domain(cursor: Any, definition: str) -> str:
    def feed(text: str) -> str | None:
        return told_by(
            cursor,
            sql.SQL("CREATE DOMAIN {} AS {}").format(
                sql.Identifier("public", _SETTLING), sql.SQL(text)
            ),
            f"SELECT definition FROM ({query('domains').replace('%', '%%')})"  # noqa: S608 - a constant
            " AS domains (schema, name, definition) WHERE name = %s",
            (_SETTLING,),
        )

    return stable(definition, feed)


def _column(cursor: Any, name: Name, column: Column) -> Column:
    table = sql.Identifier(*name[:2])

    def default(text: str) -> str | None:
        return told_by(
            cursor,
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(
                table, sql.Identifier(name[2]), sql.SQL(text)
            ),
            "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d"
            " JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
            " WHERE d.adrelid = %s::regclass AND a.attname = %s",
            (in_quotes(*name[:2]), name[2]),
        )

    def generated(text: str) -> str | None:
        return told_by(
            cursor,
            sql.SQL("ALTER TABLE {} ADD COLUMN {} {} {}").format(
                table, sql.Identifier(_SETTLING), sql.SQL(column.type), sql.SQL(text)
            ),
            "SELECT format('GENERATED ALWAYS AS (%%s) %%s', pg_get_expr(d.adbin, d.adrelid),"
            " CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)"
            " FROM pg_attrdef d"
            " JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
            " WHERE d.adrelid = %s::regclass AND a.attname = %s",
            (in_quotes(*name[:2]), _SETTLING),
        )

    if column.generated is not None:
        return replace(column, generated=stable(column.generated, generated))
    if column.default in {None, OWN_SEQUENCE}:
        return column
    return replace(column, default=stable(column.default, default))


def _constraint(cursor: Any, name: Name, constraint: Constraint) -> Constraint:
    # What is not to be validated is not planned either: no function of it is called.
    unread = _NOT_VALID if constraint.kind == "check" else ""

    def feed(text: str) -> str | None:
        told = told_by(
            cursor,
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                sql.Identifier(*name[:2]), sql.Identifier(_SETTLING), sql.SQL(text + unread)
            ),
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND conname = %s",
            (in_quotes(*name[:2]), _SETTLING),
        )
        return told and told.removesuffix(unread)

    bare = constraint.definition.removesuffix(unread)
    validity = constraint.definition[len(bare) :]
    return replace(constraint, definition=stable(bare, feed) + validity)


def _index(cursor: Any, name: Name, index: Index) -> Index:
    def feed(text: str) -> str | None:
        head, _, tail = text.partition("ON ")
        made = told_by(
            cursor,
            sql.SQL("CREATE {}INDEX {} ON {}").format(
                sql.SQL(head), sql.Identifier(_SETTLING), sql.SQL(tail)
            ),
            "SELECT pg_get_indexdef(%s::regclass)",
            (in_quotes(name[0], _SETTLING),),
        )
        return made and f"{head}ON " + made.partition(f" {_SETTLING} ON ")[2].removeprefix("ONLY ")

    return replace(index, definition=stable(index.definition, feed))


def _alike(expected: Snapshot, actual: Snapshot, suspects: set[Name]) -> Snapshot:
    """The actual snapshot in the expected one's words, where both mean the same."""
    columns, constraints, indexes, domains = (
        dict(actual.columns),
        dict(actual.constraints),
        dict(actual.indexes),
        dict(actual.domains),
    )
    enums = frozenset(quoted(*name) for name in {*expected.enums, *actual.enums})
    for name in suspects:
        known = Known(enums=enums, scalars=_scalars(expected, name[:2]))
        if name in columns and name in expected.columns:
            columns[name] = _alike_column(expected.columns[name], columns[name], known)
        if name in constraints:
            constraints[name] = _alike_definition(
                name, constraints[name], expected.constraints_of(name[:2]), known
            )
        if name in indexes:
            indexes[name] = _alike_definition(
                name, indexes[name], expected.indexes_of(name[:2]), known
            )
        if name in domains and name in expected.domains:
            same = _same(choice_meaning, expected.domains[name], domains[name], known)
            domains[name] = expected.domains[name] if same else domains[name]
    return replace(
        actual, columns=columns, constraints=constraints, indexes=indexes, domains=domains
    )


def _scalars(snapshot: Snapshot, table: Name) -> frozenset[str]:
    """The columns of PostgreSQL's own types: only a type that names its schema is composite."""
    return frozenset(
        quoted(name[2]) for name, one in snapshot.columns_of(table).items() if "." not in one.type
    )


def _alike_column(wanted: Column, there: Column, known: Known) -> Column:
    same_default = default_meaning(wanted.default, wanted.type, known) == default_meaning(
        there.default, there.type, known
    )
    if same_default:
        there = replace(there, default=wanted.default)
    if wanted.generated and there.generated:
        same = _same(choice_meaning, wanted.generated, there.generated, known)
        there = replace(there, generated=wanted.generated if same else there.generated)
    return there


def _alike_definition(name: Name, there: Any, candidates: Mapping[Name, Any], known: Known) -> Any:
    """A constraint or an index in the words of one of the other side: its namesake, or another."""
    is_check = getattr(there, "kind", "index") == "check"
    meaning = choice_meaning if is_check else predicate_meaning
    same = [
        other
        for other, one in candidates.items()
        if _same(meaning, one.definition, there.definition, known)
    ]
    if not same:
        return there
    twin = name if name in same else same[0]
    return replace(there, definition=candidates[twin].definition)


def _same(meaning: Callable[[str, Known], str], one: str, other: str, known: Known) -> bool:
    return meaning(one, known) == meaning(other, known)
