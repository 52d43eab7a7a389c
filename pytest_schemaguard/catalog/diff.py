"""The differences of two snapshots. Pure: what they mean to an application, drift decides."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.apart import others
from pytest_schemaguard.catalog.counting import drawn_by_client, own_sequences, sequences
from pytest_schemaguard.catalog.difference import Depth, Difference, compared, gone, told, values
from pytest_schemaguard.catalog.pairing import keys_of_same_columns, paired, stand_ins, unpaired
from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_schemaguard.catalog.snapshot import (
        Column,
        Constraint,
        Index,
        Name,
        Relation,
        Snapshot,
    )

__all__ = ["Depth", "Difference", "diff"]

_VALIDITY = {True: "valid", False: "invalid"}


def diff(
    expected: Snapshot, actual: Snapshot, *, depth: Depth = Depth.CATALOG
) -> tuple[Difference, ...]:
    """Every difference, in the order of the names.

    What belongs to a relation that is missing or extra as a whole is not told one by one. Relations
    that `exclude` left out of either side are left out.
    """
    if depth is Depth.MODELS and expected.sequences:
        actual = drawn_by_client(expected, actual)
    found = [
        *_enums(expected, actual),
        *_domains(expected, actual),
        *sequences(expected, actual, depth),
        *_relations(expected, actual, depth),
    ]
    if depth is Depth.CATALOG:
        found += others(expected, actual)
    else:
        found += own_sequences(expected, actual)
    found.sort(key=lambda one: (one.name[:2], one.name, one.kind))
    return tuple(found)


def _relations(expected: Snapshot, actual: Snapshot, depth: Depth) -> Iterator[Difference]:
    skipped = {*expected.excluded, *actual.excluded}
    for name in expected.relations.keys() | actual.relations.keys():
        if name in skipped:
            continue
        wanted, there = expected.relations.get(name), actual.relations.get(name)
        if there is None and depth is Depth.MODELS and name in actual.partitions:
            # A class mapped to a partition: its columns are those of the whole.
            whole = actual.columns_of(actual.partitions[name])
            columns = {(*name, column): one for (*_, column), one in whole.items()}
            wanted_columns = expected.columns_of(name)
            for one in _columns(wanted_columns, columns, depth, only_types=True):
                yield replace(one, relation="partition")
        elif there is None:
            assert wanted is not None
            yield gone("missing-table", name, expected=wanted.kind)
        elif wanted is None:
            yield replace(gone("extra-table", name, actual=there.kind), relation=there.kind)
        elif depth is Depth.MODELS and wanted.is_table and not there.is_table:
            # A class mapped to a view: of the table that the models make instead, only what a
            # SELECT sees is comparable.
            own = expected.columns_of(name), actual.columns_of(name)
            for one in _columns(*own, depth, only_types=True):
                yield replace(one, relation=there.kind)
        else:
            for one in _parts(name, expected, actual, depth):
                yield replace(one, relation=there.kind)


def _parts(name: Name, expected: Snapshot, actual: Snapshot, depth: Depth) -> Iterator[Difference]:
    yield from _relation(name, expected.relations[name], actual.relations[name], depth)
    yield from _columns(expected.columns_of(name), actual.columns_of(name), depth)
    yield from _constraints_and_indexes(name, expected, actual)
    yield from _notes(name, expected, actual, depth)


def _relation(name: Name, wanted: Relation, there: Relation, depth: Depth) -> Iterator[Difference]:
    if wanted.is_table != there.is_table:
        yield Difference(kind="relation-kind", name=name, expected=wanted.kind, actual=there.kind)
    yield from compared(name, wanted, there, depth)


def _columns(
    wanted: Mapping[Name, Column],
    there: Mapping[Name, Column],
    depth: Depth,
    *,
    only_types: bool = False,
) -> Iterator[Difference]:
    for name in wanted.keys() | there.keys():
        if name not in there:
            yield gone("missing-column", name, expected=_column_words(wanted[name]))
        elif name not in wanted:
            if not only_types:
                yield gone("extra-column", name, actual=_column_words(there[name]))
        elif only_types:
            yield from values(name, (wanted[name].type,), (there[name].type,), ("type",))
        elif wanted[name] != there[name]:
            yield from _column(name, wanted[name], there[name], depth)


def _column(name: Name, wanted: Column, there: Column, depth: Depth) -> Iterator[Difference]:
    counted = [one.identity or one.default == OWN_SEQUENCE for one in (wanted, there)]
    if all(counted) and bool(wanted.identity) != bool(there.identity):
        # Two ways to draw from an own sequence: one difference, not a default and an identity.
        yield Difference(
            kind="serial-or-identity",
            name=name,
            expected=wanted.identity or "serial",
            actual=there.identity or "serial",
        )
        there = replace(there, default=wanted.default, identity=wanted.identity)
    yield from compared(name, wanted, there, depth)


def _constraints_and_indexes(
    table: Name, expected: Snapshot, actual: Snapshot
) -> Iterator[Difference]:
    wanted, there = expected.constraints_of(table), actual.constraints_of(table)
    changed, swapped = paired(wanted, there, _meaning)
    missing, extra, renamed = unpaired(wanted, there, _meaning)
    for old, new in [*swapped, *renamed]:
        yield Difference(kind="renamed-constraint", name=new, expected=old[-1], actual=new[-1])
    wanted_indexes, indexes = expected.indexes_of(table), actual.indexes_of(table)
    for name, index in indexes.items():
        before = wanted_indexes[name].valid if name in wanted_indexes else True
        yield from values(name, (_VALIDITY[before],), (_VALIDITY[index.valid],), ("invalid-index",))
    changed_indexes, swapped = paired(wanted_indexes, indexes, _definition)
    for name in changed_indexes:
        definitions = wanted_indexes[name].definition, indexes[name].definition
        yield from values(name, definitions[:1], definitions[1:], ("index",))
    missing_indexes, extra_indexes, renamed = unpaired(wanted_indexes, indexes, _definition)
    for old, new in [*swapped, *renamed]:
        yield Difference(kind="renamed-index", name=new, expected=old[-1], actual=new[-1])
    # A unique constraint and a unique index refuse the same rows: one can stand for the other.
    for name, twin in stand_ins(wanted, missing, indexes, extra_indexes):
        yield Difference(
            kind="unique-index-for-constraint",
            name=twin,
            expected=wanted[name].definition,
            actual=indexes[twin].definition,
        )
    for twin, name in stand_ins(there, extra, wanted_indexes, missing_indexes):
        yield Difference(
            kind="unique-constraint-for-index",
            name=twin,
            expected=wanted_indexes[name].definition,
            actual=there[twin].definition,
        )
    same_names = [(name, name) for name in changed]
    for old, new in [*same_names, *keys_of_same_columns(wanted, missing, there, extra)]:
        definitions = wanted[old].definition, there[new].definition
        yield from values(new, definitions[:1], definitions[1:], (_slug(wanted[old].kind),))
    yield from _alone("missing", expected, actual, missing, missing_indexes)
    yield from _alone("extra", actual, expected, extra, extra_indexes)


def _notes(name: Name, expected: Snapshot, actual: Snapshot, depth: Depth) -> Iterator[Difference]:
    """What is told of constraints and indexes besides what they are."""
    wanted, there = expected.constraints_of(name), actual.constraints_of(name)
    for key, one in there.items():
        before = wanted.get(key)
        yield from values(
            key,
            (before and before.unenforced,),
            (one.unenforced,),
            ("unenforced-constraint",),
        )
        if before and before.kind == one.kind:
            yield from compared(key, before, one, depth)
            if depth is Depth.CATALOG and before.definition == one.definition:
                yield from values(key, (before.index,), (one.index,), ("constraint-index",))
    wanted_indexes = expected.indexes_of(name)
    for key, index in actual.indexes_of(name).items():
        other = wanted_indexes.get(key)
        if other:
            yield from compared(key, other, index, depth)


def _alone(
    word: str, own: Snapshot, other: Snapshot, constraints: list[Name], indexes: list[Name]
) -> Iterator[Difference]:
    """What one side alone has; `redundant` where something else does the same."""
    side = "expected" if word == "missing" else "actual"
    for name in constraints:
        one = own.constraints[name]
        redundant = bool(_effects_of(one) & _effects(other, name))
        kind = "redundant-constraint" if redundant else f"{word}-{_slug(one.kind)}"
        yield gone(kind, name, **{side: one.definition})
    for name in indexes:
        definition = own.indexes[name].definition
        # On its own side too: an invalid index that stands alone is not redundant.
        redundant = all(definition in _effects(each, name) for each in (own, other))
        yield gone("redundant-index" if redundant else f"{word}-index", name, **{side: definition})


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
            yield gone("extra-enum", name, actual=_labels(there))
        elif there is None:
            yield gone("missing-enum", name, expected=_labels(wanted))
        elif wanted != there:
            kind = "enum-order" if sorted(wanted) == sorted(there) else "enum-labels"
            yield Difference(kind=kind, name=name, expected=_labels(wanted), actual=_labels(there))


def _domains(expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    for name in expected.domains.keys() | actual.domains.keys():
        wanted, there = expected.domains.get(name), actual.domains.get(name)
        renamed = wanted and there and _unnamed(wanted) == _unnamed(there)
        yield from told("domain-constraint-name" if renamed else "domain", name, wanted, there)


_NAMED = re.compile(r' CONSTRAINT (?:"(?:[^"]|"")*"|[^\s"]+) (?=CHECK \()')


def _unnamed(domain: str) -> list[str]:
    """The domain, and its constraints without their names, in whose order they are told."""
    first, *constraints = _NAMED.split(domain)
    return [first, *sorted(constraints)]


def _meaning(constraint: Constraint) -> tuple[str, str]:
    return constraint.kind, constraint.definition


def _definition(index: Index) -> str:
    return index.definition


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
