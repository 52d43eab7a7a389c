"""The differences of two snapshots. Pure: what they mean to an application, drift decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_schemaguard.catalog.snapshot import Column, Constraint, Index, Name, Snapshot


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One fact in which the actual snapshot is not the expected one."""

    kind: str
    """`missing-column`, `extra-index`, `type`, `nullability`, `renamed-constraint`, ..."""
    name: Name
    """The actual object's name where it is there, otherwise the expected one's."""
    expected: str | None
    actual: str | None


def diff(expected: Snapshot, actual: Snapshot) -> tuple[Difference, ...]:
    """Every difference, in the order of the names.

    What belongs to a relation that is missing or extra as a whole is not told one by one. Relations
    that `exclude` left out of either side are left out.
    """
    found = [*_enums(expected, actual), *_relations(expected, actual)]
    found.sort(key=lambda one: (one.name[:2], one.name, one.kind))
    return tuple(found)


def _relations(expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    skipped = {*expected.excluded, *actual.excluded}
    for name in expected.relations.keys() | actual.relations.keys():
        if name in skipped:
            continue
        wanted, there = expected.relations.get(name), actual.relations.get(name)
        if there is None:
            assert wanted is not None
            yield _gone("missing-table", name, expected=wanted.kind)
        elif wanted is None:
            yield _gone("extra-table", name, actual=there.kind)
        elif wanted.is_table and not there.is_table:
            # A class mapped to a view: of the table that the models make instead, only what a
            # SELECT sees is comparable.
            yield from _columns(name, expected, actual, only_types=True)
        else:
            yield from _values(
                name,
                (wanted.kind, wanted.unlogged, wanted.partitioned_by, wanted.comment),
                (there.kind, there.unlogged, there.partitioned_by, there.comment),
                ("relation-kind", "unlogged", "partitioning", "comment"),
            )
            yield from _columns(name, expected, actual, only_types=False)
            yield from _constraints(name, expected, actual)
            yield from _indexes(name, expected, actual)


def _columns(
    table: Name, expected: Snapshot, actual: Snapshot, *, only_types: bool
) -> Iterator[Difference]:
    wanted, there = expected.columns_of(table), actual.columns_of(table)
    for name in wanted.keys() | there.keys():
        if name not in there:
            yield _gone("missing-column", name, expected=_column_words(wanted[name]))
        elif name not in wanted:
            if not only_types:
                yield _gone("extra-column", name, actual=_column_words(there[name]))
        else:
            yield from _column(name, wanted[name], there[name], only_types=only_types)


def _column(name: Name, wanted: Column, there: Column, *, only_types: bool) -> Iterator[Difference]:
    yield from _values(name, (wanted.type,), (there.type,), ("type",))
    if only_types:
        return
    if wanted.nullable != there.nullable:
        words = {True: "NULL", False: "NOT NULL"}
        yield Difference(
            kind="nullability",
            name=name,
            expected=words[wanted.nullable],
            actual=words[there.nullable],
        )
    yield from _values(
        name,
        (wanted.default, wanted.identity, wanted.generated, wanted.collation, wanted.comment),
        (there.default, there.identity, there.generated, there.collation, there.comment),
        ("default", "identity", "generated", "collation", "comment"),
    )


def _constraints(table: Name, expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    def same(one: Constraint) -> tuple[str, str]:
        return one.kind, one.definition

    wanted, there = expected.constraints_of(table), actual.constraints_of(table)
    for name, one in _paired(wanted, there, same):
        yield from _values(name, (one.definition,), (there[name].definition,), (_slug(one.kind),))
    missing, extra, renamed = _unpaired(wanted, there, same)
    for old, new in renamed:
        yield Difference(kind="renamed-constraint", name=new, expected=old[-1], actual=new[-1])
    for name in missing:
        one = wanted[name]
        equal = one.index and _equal_index(actual, table, one.index)
        if equal:
            yield Difference(
                kind="unique-index-for-constraint",
                name=equal,
                expected=one.definition,
                actual=one.index,
            )
        else:
            yield _gone(f"missing-{_slug(one.kind)}", name, expected=one.definition)
    for name in extra:
        one = there[name]
        if not (one.index and _equal_index(expected, table, one.index)):
            yield _gone(f"extra-{_slug(one.kind)}", name, actual=one.definition)


def _indexes(table: Name, expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    def same(one: Index) -> str:
        return one.definition

    wanted, there = expected.indexes_of(table), actual.indexes_of(table)
    for name, one in there.items():
        if not one.valid:
            yield Difference(kind="invalid-index", name=name, expected="valid", actual="invalid")
    for name, index in _paired(wanted, there, same):
        yield from _values(name, (index.definition,), (there[name].definition,), ("index",))
    missing, extra, renamed = _unpaired(wanted, there, same)
    for old, new in renamed:
        yield Difference(kind="renamed-index", name=new, expected=old[-1], actual=new[-1])
    constraints = [one.index for one in actual.constraints_of(table).values() if one.index]
    for name in missing:
        definition = wanted[name].definition
        if definition in constraints:
            yield Difference(
                kind="unique-constraint-for-index", name=name, expected=definition, actual="UNIQUE"
            )
        else:
            yield _gone("missing-index", name, expected=definition)
    covered = [one.index for one in expected.constraints_of(table).values() if one.index]
    for name in extra:
        if there[name].definition not in covered:
            yield _gone("extra-index", name, actual=there[name].definition)


def _enums(expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    for name in expected.enums.keys() | actual.enums.keys():
        wanted, there = expected.enums.get(name), actual.enums.get(name)
        if wanted is None:
            yield _gone("extra-enum", name, actual=_labels(there))
        elif there is None:
            yield _gone("missing-enum", name, expected=_labels(wanted))
        elif wanted != there:
            kind = "enum-order" if sorted(wanted) == sorted(there) else "enum-labels"
            yield Difference(kind=kind, name=name, expected=_labels(wanted), actual=_labels(there))


def _paired(
    wanted: Mapping[Name, Any], there: Mapping[Name, Any], same: Callable[[Any], Any]
) -> Iterator[tuple[Name, Any]]:
    """Those of the same name on both sides that are not the same."""
    for name, one in wanted.items():
        if name in there and same(one) != same(there[name]):
            yield name, one


def _unpaired(
    wanted: Mapping[Name, Any], there: Mapping[Name, Any], same: Callable[[Any], Any]
) -> tuple[list[Name], list[Name], list[tuple[Name, Name]]]:
    """Names on one side only: missing, extra, and the pairs that differ by their name alone."""
    missing = sorted(wanted.keys() - there.keys())
    extra = sorted(there.keys() - wanted.keys())
    renamed = []
    for old in list(missing):
        twin = next((new for new in extra if same(there[new]) == same(wanted[old])), None)
        if twin is not None:
            missing.remove(old)
            extra.remove(twin)
            renamed.append((old, twin))
    return missing, extra, renamed


def _values(
    name: Name, wanted: tuple[Any, ...], there: tuple[Any, ...], kinds: tuple[str, ...]
) -> Iterator[Difference]:
    for kind, one, other in zip(kinds, wanted, there, strict=True):
        if one != other:
            yield Difference(
                kind=kind,
                name=name,
                expected=None if one is None else str(one),
                actual=None if other is None else str(other),
            )


def _equal_index(snapshot: Snapshot, table: Name, definition: str) -> Name | None:
    indexes = snapshot.indexes_of(table).items()
    return next((name for name, one in indexes if one.definition == definition), None)


def _gone(
    kind: str, name: Name, *, expected: str | None = None, actual: str | None = None
) -> Difference:
    return Difference(kind=kind, name=name, expected=expected, actual=actual)


def _labels(labels: tuple[str, ...] | None) -> str:
    return ", ".join(repr(label) for label in labels or ())


def _slug(kind: str) -> str:
    return kind.replace(" ", "-")


def _column_words(column: Column) -> str:
    """The column as an ALTER TABLE would add it."""
    words = [column.type]
    if column.collation:
        words.append(f"COLLATE {column.collation}")
    if column.generated:
        words.append(f"GENERATED ALWAYS AS ({column.generated}) STORED")
    elif column.identity:
        words.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
    elif column.default:
        words.append(f"DEFAULT {column.default}")
    if not column.nullable:
        words.append("NOT NULL")
    return " ".join(words)
