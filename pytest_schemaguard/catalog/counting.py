"""The differences of two snapshots' sequences, and how a serial column's own one counts. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.difference import Depth, told, values
from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE
from pytest_schemaguard.sqltext.identifiers import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.catalog.difference import Difference
    from pytest_schemaguard.catalog.snapshot import Sequence, Snapshot

_HIGHEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


def sequences(expected: Snapshot, actual: Snapshot, depth: Depth) -> Iterator[Difference]:
    """A serial column's is told with its column by `own_sequences` when models are compared."""
    drawn = _drawn_from(actual) if depth is Depth.MODELS else set()
    apart = expected.relations.keys() ^ actual.relations.keys()
    of_identity = {one.identity_sequence for one in actual.columns.values()}
    for name in expected.sequences.keys() | actual.sequences.keys():
        wanted, there = expected.sequences.get(name), actual.sequences.get(name)
        one = wanted or there
        if depth is Depth.MODELS and one and (one.owner or (not wanted and quoted(*name) in drawn)):
            continue  # it is told with its column, whatever it is called
        if one and one.owner and one.owner[:2] in apart:
            continue  # it comes and goes with its table
        if depth is Depth.MODELS and wanted and quoted(*name) in of_identity:
            continue  # an identity column's is drawn from like any other
        options = [one.options if one else None for one in (wanted, there)]
        yield from told("sequence", name, *options)
        if wanted and there:
            yield from values(name, (_owner(wanted),), (_owner(there),), ("sequence-owner",))


def _drawn_from(snapshot: Snapshot) -> set[str]:
    """Of the sequences that columns draw from, but do not own, the names as defaults spell them."""
    start, end = "nextval('", "'::regclass"
    return {
        one.default.removeprefix(start).partition(end)[0].replace("''", "'")
        for one in snapshot.columns.values()
        if one.default and one.default.startswith(start)
    }


def own_sequences(expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    """How those of serial columns count, up to the highest value of the model's type.

    Before PostgreSQL 10 all of them counted as far as a bigint, whatever the column's type.
    """
    by_owner = {one.owner: (name, one) for name, one in actual.sequences.items() if one.owner}
    for wanted in expected.sequences.values():
        if wanted.owner not in by_owner or wanted.owner not in expected.columns:
            continue
        column, (name, there) = expected.columns[wanted.owner], by_owner[wanted.owner]
        if _served(expected, wanted) and _served(actual, there):
            highest = _HIGHEST.get(column.type, 0)
            if _drawn(wanted, highest) != _drawn(there, highest):
                yield from values(name, (wanted.options,), (there.options,), ("sequence",))


def _served(snapshot: Snapshot, sequence: Sequence) -> bool:
    column = snapshot.columns.get(sequence.owner or ())
    return column is not None and column.default == OWN_SEQUENCE


def _drawn(sequence: Sequence, highest: int) -> str:
    """Its options without its type, and without a highest value that the column never sees."""
    return _BOUND.sub(
        lambda found: found[0] if found[1] and int(found[1]) < highest else "", sequence.options
    )


_BOUND = re.compile(r"^AS \w+ | MAXVALUE (-?\d+)")


def drawn_by_client(expected: Snapshot, actual: Snapshot) -> Snapshot:
    """The actual snapshot without what draws from a `Sequence()` of the models by itself.

    The client draws from it, and the column's default from the same one: no INSERT sees which. The
    model's counts as far as a bigint, a serial column's as far as the column.
    https://docs.sqlalchemy.org/en/20/core/defaults.html#defining-sequences
    """
    columns, sequences = dict(actual.columns), dict(actual.sequences)
    by_sequence = {
        one.identity_sequence: name for name, one in columns.items() if one.identity_sequence
    }
    for name, wanted in expected.sequences.items():
        there = actual.sequences.get(name)
        own = by_sequence.get(quoted(*name))
        if own and columns[own].identity == _BY_DEFAULT:
            model = expected.columns.get(own)
            if model and not (model.identity or model.default):
                columns[own] = replace(columns[own], identity=None)
        if wanted.owner or there is None or there.owner is None:
            continue
        column, served = expected.columns.get(there.owner), columns.get(there.owner)
        if column and served and column.default is None and served.default == OWN_SEQUENCE:
            columns[there.owner] = replace(served, default=None)
            if _counting(there, served.type) == _counting(wanted, None):
                sequences[name] = replace(there, options=wanted.options)
    return replace(actual, columns=columns, sequences=sequences)


_BY_DEFAULT = "GENERATED BY DEFAULT AS IDENTITY"
"""An INSERT may give the value that the client drew; it counts as CREATE SEQUENCE does."""


def _counting(sequence: Sequence, column_type: str | None) -> str:
    """How it counts, up to the highest value of its type, which is the column's."""
    kind = sequence.options.split()[1]
    if column_type not in {None, kind}:
        return sequence.options
    highest = f"MAXVALUE {_HIGHEST.get(kind)} "
    return sequence.options.removeprefix(f"AS {kind} ").replace(highest, "")


def _owner(sequence: Sequence) -> str | None:
    return ".".join(sequence.owner) if sequence.owner else None
