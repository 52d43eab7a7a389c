"""The differences of what no model can express. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.difference import told
from pytest_schemaguard.catalog.snapshot import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.catalog.difference import Difference
    from pytest_schemaguard.catalog.snapshot import Snapshot

_ASIDE = {
    *("owner", "privileges", "comment", "column-storage", "row-security", "of-type", "clustered"),
    *("replica-identity", "unpopulated", "foreign-table", "publication-table", "not-null"),
    "extension-schema",
}
"""What is told of things: it comes and goes with them."""


def others(expected: Snapshot, actual: Snapshot) -> Iterator[Difference]:
    """Not of what is missing or extra as a whole."""
    differing = {key for key, _ in expected.others.items() ^ actual.others.items()}
    if not differing:
        return
    kept = expected.relations.keys() & actual.relations.keys()
    tables = expected.relations.keys() ^ actual.relations.keys()
    tables |= expected.partitions.keys() ^ actual.partitions.keys()
    alone = expected.others.keys() ^ actual.others.keys()
    apart = {key[1:] for key in alone if key[0] not in _ASIDE}
    for part in PARTS.keys() - {"others"}:
        apart |= getattr(expected, part).keys() ^ getattr(actual, part).keys()
    for key in differing:
        kind, name = key[0], key[1:]
        # What a name is about may stand at its beginning, before its kind, or after its table.
        about = {name, name[:2], name[:-1], name[2:]} if kind in _ASIDE else set()
        if kind == "partition":
            wholes = {side.partitions.get(name) for side in (expected, actual)} - {None}
            is_told = wholes <= kept
        else:
            is_told = name[:2] not in tables and not about & apart
        if is_told:
            yield from told(kind, name, expected.others.get(key), actual.others.get(key))
