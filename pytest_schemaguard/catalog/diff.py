"""The differences of two snapshots. Pure: what they mean to an application, drift decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_schemaguard.catalog.snapshot import (
        Column,
        Constraint,
        Index,
        Name,
        Relation,
        Sequence,
        Snapshot,
    )

_VALIDITY = {True: "valid", False: "invalid"}


class Depth(Enum):
    CATALOG = "catalog"
    """Everything: a database at two times."""
    MODELS = "models"
    """What models express; what they leave open is left to the database."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One fact in which the actual snapshot is not the expected one."""

    kind: str
    """`missing-column`, `extra-index`, `type`, `nullability`, `renamed-constraint`, ..."""
    name: Name
    """The actual object's name where it is there, otherwise the expected one's."""
    expected: str | None
    actual: str | None
    relation: str = "table"
    """What it is, or belongs to, in the database (Relation.kind)."""


def diff(
    expected: Snapshot, actual: Snapshot, *, depth: Depth = Depth.CATALOG
) -> tuple[Difference, ...]:
    """Every difference, in the order of the names.

    What belongs to a relation that is missing or extra as a whole is not told one by one. Relations
    that `exclude` left out of either side are left out.
    """
    found = [
        *_enums(expected, actual),
        *_domains(expected, actual),
        *_sequences(expected, actual, depth),
        *_relations(expected, actual, depth),
    ]
    if depth is Depth.CATALOG:
        found += _others(expected, actual)
    found.sort(key=lambda one: (one.name[:2], one.name, one.kind))
    return tuple(found)


def _relations(expected: Snapshot, actual: Snapshot, depth: Depth) -> Iterator[Difference]:
    skipped = {*expected.excluded, *actual.excluded}
    for name in expected.relations.keys() | actual.relations.keys():
        if name in skipped:
            continue
        wanted, there = expected.relations.get(name), actual.relations.get(name)
        if there is None:
            assert wanted is not None
            yield _gone("missing-table", name, expected=wanted.kind)
        elif wanted is None:
            yield replace(_gone("extra-table", name, actual=there.kind), relation=there.kind)
        elif depth is Depth.MODELS and wanted.is_table and not there.is_table:
            # A class mapped to a view: of the table that the models make instead, only what a
            # SELECT sees is comparable.
            for one in _columns(name, expected, actual, only_types=True):
                yield replace(one, relation=there.kind)
        else:
            for one in _parts(name, expected, actual, depth):
                yield replace(one, relation=there.kind)


def _parts(name: Name, expected: Snapshot, actual: Snapshot, depth: Depth) -> Iterator[Difference]:
    yield from _relation(name, expected.relations[name], actual.relations[name], depth)
    yield from _columns(name, expected, actual, only_types=False)
    yield from _constraints_and_indexes(name, expected, actual)


def _relation(name: Name, wanted: Relation, there: Relation, depth: Depth) -> Iterator[Difference]:
    if wanted.is_table != there.is_table:
        yield Difference(kind="relation-kind", name=name, expected=wanted.kind, actual=there.kind)
    persistence = {True: "UNLOGGED", False: "LOGGED"}
    yield from _values(
        name,
        (persistence[wanted.unlogged], wanted.partitioned_by, wanted.comment, wanted.inherits),
        (persistence[there.unlogged], there.partitioned_by, there.comment, there.inherits),
        ("unlogged", "partitioning", "comment", "inheritance"),
    )
    if wanted.options is not None or depth is Depth.CATALOG:
        yield from _values(name, (wanted.options,), (there.options,), ("storage",))
    yield from _values(name, (wanted.definition,), (there.definition,), ("view",))


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
            yield from _values(name, (wanted[name].type,), (there[name].type,), ("type",))
            if not only_types:
                yield from _column(name, wanted[name], there[name])


def _column(name: Name, wanted: Column, there: Column) -> Iterator[Difference]:
    nullability = {True: "NULL", False: "NOT NULL"}
    yield from _values(
        name,
        (nullability[wanted.nullable], wanted.generated, wanted.collation, wanted.comment),
        (nullability[there.nullable], there.generated, there.collation, there.comment),
        ("nullability", "generated", "collation", "comment"),
    )
    counted = [one.identity or one.default == OWN_SEQUENCE for one in (wanted, there)]
    if all(counted) and bool(wanted.identity) != bool(there.identity):
        # Two ways to draw from an own sequence: one difference, not a default and an identity.
        yield Difference(
            kind="serial-or-identity",
            name=name,
            expected=wanted.identity or "serial",
            actual=there.identity or "serial",
        )
    else:
        yield from _values(
            name,
            (wanted.default, wanted.identity),
            (there.default, there.identity),
            ("default", "identity"),
        )


def _constraints_and_indexes(
    table: Name, expected: Snapshot, actual: Snapshot
) -> Iterator[Difference]:
    wanted, there = expected.constraints_of(table), actual.constraints_of(table)
    for name, one in _paired(wanted, there, _meaning):
        yield from _values(name, (one.definition,), (there[name].definition,), (_slug(one.kind),))
    missing, extra, renamed = _unpaired(wanted, there, _meaning)
    for old, new in renamed:
        yield Difference(kind="renamed-constraint", name=new, expected=old[-1], actual=new[-1])
    wanted_indexes, indexes = expected.indexes_of(table), actual.indexes_of(table)
    for name, index in indexes.items():
        before = wanted_indexes[name].valid if name in wanted_indexes else True
        yield from _values(
            name, (_VALIDITY[before],), (_VALIDITY[index.valid],), ("invalid-index",)
        )
    for name, index in _paired(wanted_indexes, indexes, _definition):
        yield from _values(name, (index.definition,), (indexes[name].definition,), ("index",))
    missing_indexes, extra_indexes, renamed = _unpaired(wanted_indexes, indexes, _definition)
    for old, new in renamed:
        yield Difference(kind="renamed-index", name=new, expected=old[-1], actual=new[-1])
    # A unique constraint and a unique index refuse the same rows: one can stand for the other.
    for name, twin in _stand_ins(wanted, missing, indexes, extra_indexes):
        yield Difference(
            kind="unique-index-for-constraint",
            name=twin,
            expected=wanted[name].definition,
            actual=indexes[twin].definition,
        )
    for twin, name in _stand_ins(there, extra, wanted_indexes, missing_indexes):
        yield Difference(
            kind="unique-constraint-for-index",
            name=twin,
            expected=wanted_indexes[name].definition,
            actual=there[twin].definition,
        )
    yield from _alone("missing", expected, actual, missing, missing_indexes)
    yield from _alone("extra", actual, expected, extra, extra_indexes)


def _stand_ins(
    constraints: Mapping[Name, Constraint],
    unpaired: list[Name],
    indexes: Mapping[Name, Index],
    unpaired_indexes: list[Name],
) -> list[tuple[Name, Name]]:
    """A unique constraint of one side with the equal index of the other; both lists lose them."""
    found = []
    for name in list(unpaired):
        one = constraints[name]
        twin = next(
            (
                index
                for index in unpaired_indexes
                if indexes[index].valid and indexes[index].definition == one.index
            ),
            None,
        )
        if one.kind == "unique" and twin is not None:
            unpaired.remove(name)
            unpaired_indexes.remove(twin)
            found.append((name, twin))
    return found


def _alone(
    word: str, own: Snapshot, other: Snapshot, constraints: list[Name], indexes: list[Name]
) -> Iterator[Difference]:
    """What one side alone has; `redundant` where something else does the same."""
    side = "expected" if word == "missing" else "actual"
    for name in constraints:
        one = own.constraints[name]
        redundant = bool(_effects_of(one) & _effects(other, name))
        kind = "redundant-constraint" if redundant else f"{word}-{_slug(one.kind)}"
        yield _gone(kind, name, **{side: one.definition})
    for name in indexes:
        definition = own.indexes[name].definition
        # On its own side too: an invalid index that stands alone is not redundant.
        redundant = all(definition in _effects(each, name) for each in (own, other))
        yield _gone("redundant-index" if redundant else f"{word}-index", name, **{side: definition})


def _effects(snapshot: Snapshot, but: Name) -> set[object]:
    """What the constraints and valid indexes of a table do, without one of them."""
    table = but[:2]
    found: set[object] = {
        index.definition
        for name, index in snapshot.indexes_of(table).items()
        if index.valid and name != but
    }
    for name, constraint in snapshot.constraints_of(table).items():
        if name != but:
            found |= _effects_of(constraint) | {constraint.index}
    return found


def _effects_of(constraint: Constraint) -> set[object]:
    by_index = {constraint.index} if constraint.kind == "unique" and constraint.index else set()
    return {_meaning(constraint), *by_index}


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


def _domains(expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    for name in expected.domains.keys() | actual.domains.keys():
        wanted, there = expected.domains.get(name), actual.domains.get(name)
        yield from _told("domain", name, wanted, there)


def _sequences(expected: Snapshot, actual: Snapshot, depth: Depth) -> Iterator[Difference]:
    for name in expected.sequences.keys() | actual.sequences.keys():
        wanted, there = expected.sequences.get(name), actual.sequences.get(name)
        if depth is Depth.MODELS and (wanted is None or wanted.owner):
            continue  # a serial column's sequence is told with its column, whatever it is called
        options = [one.options if one else None for one in (wanted, there)]
        yield from _told("sequence", name, *options)
        if wanted and there:
            yield from _values(name, (_owner(wanted),), (_owner(there),), ("sequence-owner",))


def _others(expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    """Not of a relation that is missing or extra as a whole."""
    apart = expected.relations.keys() ^ actual.relations.keys()
    for key in expected.others.keys() | actual.others.keys():
        kind, name = key[0], key[1:]
        if name[:2] not in apart:
            yield from _told(kind, name, expected.others.get(key), actual.others.get(key))


def _told(kind: str, name: Name, wanted: str | None, there: str | None) -> Iterator[Difference]:
    side = "missing-" if there is None else "extra-" if wanted is None else ""
    yield from _values(name, (wanted,), (there,), (f"{side}{kind}",))


def _owner(sequence: Sequence) -> str | None:
    return ".".join(sequence.owner) if sequence.owner else None


def _paired(
    wanted: Mapping[Name, Any], there: Mapping[Name, Any], same: Callable[[Any], Any]
) -> Iterator[tuple[Name, Any]]:
    """Those of the same name and kind on both sides that are not the same."""
    for name, one in wanted.items():
        if name in there and _same_kind(one, there[name]) and same(one) != same(there[name]):
            yield name, one


def _unpaired(
    wanted: Mapping[Name, Any], there: Mapping[Name, Any], same: Callable[[Any], Any]
) -> tuple[list[Name], list[Name], list[tuple[Name, Name]]]:
    """Names on one side only: missing, extra, and the pairs that differ by their name alone."""
    paired = {name for name in wanted if name in there and _same_kind(wanted[name], there[name])}
    missing = sorted(wanted.keys() - paired)
    extra = sorted(there.keys() - paired)
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


def _same_kind(one: Constraint | Index, other: Constraint | Index) -> bool:
    """A check called as the other side's key is no changed key."""
    return getattr(one, "kind", None) == getattr(other, "kind", None)


def _meaning(constraint: Constraint) -> tuple[str, str]:
    return constraint.kind, constraint.definition


def _definition(index: Index) -> str:
    return index.definition


def _gone(
    kind: str, name: Name, *, expected: str | None = None, actual: str | None = None
) -> Difference:
    return Difference(kind=kind, name=name, expected=expected, actual=actual)


def _labels(labels: tuple[str, ...] | None) -> str:
    """As CREATE TYPE lists them."""
    return ", ".join("'" + label.replace("'", "''") + "'" for label in labels or ())


def _slug(kind: str) -> str:
    return kind.replace(" ", "-")


def _column_words(column: Column) -> str:
    """The column as an ALTER TABLE would add it."""
    words = [column.type]
    if column.collation:
        words.append(f"COLLATE {column.collation}")
    filled = column.generated or column.identity
    if filled:
        words.append(filled)
    elif column.default:
        words.append(f"DEFAULT {column.default}")
    if not column.nullable:
        words.append("NOT NULL")
    return " ".join(words)
