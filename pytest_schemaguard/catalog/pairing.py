"""Which constraint or index of one side stands for which of the other, whatever they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_schemaguard.catalog.snapshot import Constraint, Index, Name


def paired(
    wanted: Mapping[Name, Any], there: Mapping[Name, Any], same: Callable[[Any], Any]
) -> tuple[list[Name], list[tuple[Name, Name]]]:
    """Names on both sides that stand for other things: changed, and those that changed places.

    PostgreSQL numbers the unnamed ones in the order in which they are made: `t_check`, `t_check1`.
    """
    changed = [
        name
        for name, one in wanted.items()
        if name in there and _same_kind(one, there[name]) and same(one) != same(there[name])
    ]
    by_meaning = {same(there[name]): name for name in changed}
    swaps = {name: by_meaning.get(same(wanted[name])) for name in changed}
    while set(swaps) != set(swaps.values()):
        swaps = {old: new for old, new in swaps.items() if new in swaps and old in swaps.values()}
    swapped = [(old, new) for old, new in swaps.items() if new is not None]
    return [name for name in changed if name not in swaps], swapped


def unpaired(
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


def stand_ins(
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


def keys_of_same_columns(
    wanted: Mapping[Name, Constraint],
    missing: list[Name],
    there: Mapping[Name, Constraint],
    extra: list[Name],
) -> list[tuple[Name, Name]]:
    """Keys that are called otherwise and are otherwise: one changed key; both lists lose them.

    Told apart, "rows can refer to what is not there" would be said of a key with another ON DELETE.
    """

    def same(one: Constraint, other: Constraint) -> bool:
        columns = sorted(one.columns) == sorted(other.columns)
        return one.kind == other.kind and (one.kind == "primary key" or columns)

    found = []
    for old in list(missing):
        if wanted[old].kind in {"primary key", "foreign key", "unique"}:
            twin = next((new for new in extra if same(wanted[old], there[new])), None)
            if twin is not None:
                missing.remove(old)
                extra.remove(twin)
                found.append((old, twin))
    return found


def _same_kind(one: Constraint | Index, other: Constraint | Index) -> bool:
    """A check called as the other side's key is no changed key."""
    return getattr(one, "kind", None) == getattr(other, "kind", None)
