"""A database's catalog as a Snapshot: its rows, fetched in one read-only transaction, as values."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.collecting import uncollected
from pytest_schemaguard.catalog.fetch import fetch
from pytest_schemaguard.catalog.snapshot import PARTS, Snapshot
from pytest_schemaguard.catalog.transaction import read_only

if TYPE_CHECKING:
    import collections.abc
    from collections.abc import Iterable, Mapping

    from pytest_schemaguard.catalog.fetch import Row
    from pytest_schemaguard.catalog.snapshot import Name


class Reader:
    """Reads the catalog that this autocommit connection sees, time after time.

    `exclude` are patterns on `schema.table`.
    """

    def __init__(self, connection: Any, *, exclude: collections.abc.Sequence[str] = ()) -> None:
        self.connection = connection
        self._exclude = exclude
        self._prepared: set[str] = set()

    def read(self) -> Snapshot:
        """The catalog as it is now. Raises psycopg2.Error."""
        with read_only(self.connection) as cursor:
            return read_by(cursor, exclude=self._exclude, prepared=self._prepared)


def read(connection: Any, *, exclude: collections.abc.Sequence[str] = ()) -> Snapshot:
    """The same, once. Raises psycopg2.Error."""
    with read_only(connection) as cursor:
        return read_by(cursor, exclude=exclude)


@uncollected()
def read_by(
    cursor: Any,
    *,
    exclude: collections.abc.Sequence[str] = (),
    prepared: set[str] | None = None,
) -> Snapshot:
    """The same in a transaction of read_only() that is open already. Raises psycopg2.Error."""
    rows = fetch(cursor, prepared=prepared)
    return _snapshot({name: PARTS[name].values_of(found) for name, found in rows}, exclude)


@uncollected()
def snapshot_of(
    rows: Mapping[str, Iterable[Row]], *, exclude: collections.abc.Sequence[str] = ()
) -> Snapshot:
    """The snapshot of these rows of fetch(), by the names of their queries. Pure."""
    parts = {name: part.values_of(rows[name]) for name, part in PARTS.items()}
    return _snapshot(parts, exclude)


def _snapshot(
    parts: dict[str, dict[Name, Any]], exclude: collections.abc.Sequence[str]
) -> Snapshot:
    excluded = {
        name
        for name in parts["relations"]
        if any(fnmatchcase(".".join(name), one) for one in exclude)
    }
    kept = parts["relations"].keys() - excluded
    unseen = excluded | {
        name
        for name, whole in parts["partitions"].items()
        if whole in excluded or any(fnmatchcase(".".join(name), one) for one in exclude)
    }

    def stay(part: str, values: dict[Name, Any]) -> dict[Name, Any]:
        if PARTS[part].is_of_tables:
            return {name: one for name, one in values.items() if name[:2] in kept}
        if part == "sequences":
            return {
                name: one
                for name, one in values.items()
                if one.owner is None or one.owner[:2] not in excluded
            }
        if part == "others":
            return {name: one for name, one in values.items() if name[1:3] not in unseen}
        return values

    found = {part: stay(part, values) for part, values in parts.items()}
    return Snapshot(**found, excluded=tuple(sorted(excluded)))
