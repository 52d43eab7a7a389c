"""One fact in which two snapshots differ. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.snapshot import Name, properties

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    """What it is, or belongs to, in the database (Relation.kind), or `partition`."""


def values(
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


def compared(name: Name, wanted: Any, there: Any, depth: Depth) -> Iterator[Difference]:
    """In what two relations, columns, constraints or indexes of one name are not alike."""
    kind: Any = type(wanted)
    for attribute, one in properties(kind):
        sides = getattr(wanted, attribute), getattr(there, attribute)
        if one.stated and depth is Depth.MODELS and sides[0] is None:
            continue
        first, second = (one.words[side] for side in sides) if one.words else sides
        yield from values(name, (first,), (second,), (one.kind,))


def told(kind: str, name: Name, wanted: str | None, there: str | None) -> Iterator[Difference]:
    side = "missing-" if there is None else "extra-" if wanted is None else ""
    yield from values(name, (wanted,), (there,), (f"{side}{kind}",))


def gone(
    kind: str, name: Name, *, expected: str | None = None, actual: str | None = None
) -> Difference:
    return Difference(kind=kind, name=name, expected=expected, actual=actual)
