"""A difference from the models that is also one from the migrations: one finding. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.findings import Finding

    Told = tuple[Difference, Finding]

_KNOWN_BY_DEFINITION = frozenset(
    f"{side}-{kind}"
    for side in ("missing", "extra")
    for kind in (
        "primary-key",
        "foreign-key",
        "unique",
        "check",
        "exclusion",
        "not-null",
        "index",
    )
)
"""A model may leave these without a name: the definition says which one it is."""
_WORST_FIRST = tuple(Severity)


def told_once(of_models: Iterable[Told], of_migrations: Iterable[Told]) -> Iterator[Finding]:
    """All findings of the models, then those of the migrations that repeat none of them.

    One repeats one other at the most: of the same kind about the same object, or about a constraint
    or an index of the same table with the same definition, whatever it is called. What is more
    severe repeats nothing.
    """
    models, migrations = list(of_models), list(of_migrations)
    yield from (finding for _, finding in models)
    for key in (_object, _definition):
        models, migrations = _unmatched(models, migrations, key)
    yield from (finding for _, finding in migrations)


def _unmatched(
    models: list[Told], migrations: list[Told], key: Callable[[Difference], Hashable]
) -> tuple[list[Told], list[Told]]:
    by_key: dict[Hashable, list[Told]] = defaultdict(list)
    for one in models:
        by_key[key(one[0])].append(one)
    left = []
    for one in migrations:
        same = by_key[key(one[0])]
        twin = next((other for other in same if _as_severe(other[1], one[1])), None)
        if twin is None:
            left.append(one)
        else:
            same.remove(twin)
    return [one for several in by_key.values() for one in several], left


def _object(one: Difference) -> Hashable:
    return one.kind, one.name


def _definition(one: Difference) -> Hashable:
    if one.kind in _KNOWN_BY_DEFINITION:
        return one.kind, one.name[:2], one.expected, one.actual
    return _object(one)


def _as_severe(one: Finding, other: Finding) -> bool:
    return _WORST_FIRST.index(one.severity) <= _WORST_FIRST.index(other.severity)
