"""What is fetched of a database in use: its catalog's rows, and a mark that equal ones share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.collecting import uncollected
from pytest_schemaguard.catalog.fetch import fetch
from pytest_schemaguard.catalog.read import snapshot_of
from pytest_schemaguard.catalog.renaming import Renaming
from pytest_schemaguard.catalog.snapshot import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_schemaguard.catalog.fetch import Row
    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.catalog.transaction import Limits


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """The rows of a database, or of one schema of it, by the names of their queries."""

    rows: Mapping[str, Sequence[Row]]
    exclude: tuple[str, ...]
    """Patterns on `schema.table` of what is not compared."""

    @property
    def mark(self) -> bytes:
        """Equal marks stand for equal snapshots."""
        return _mark([self.exclude, *(self.rows.get(name, ()) for name in PARTS)])

    def snapshot(self) -> Snapshot:
        return snapshot_of({name: self.rows.get(name, ()) for name in PARTS}, exclude=self.exclude)


@uncollected()
def catalog_of(cursor: Any, *, exclude: Sequence[str], limits: Limits) -> Catalog:
    """The whole database, in a transaction of read_only(). Raises what fetch() raises."""
    rows = {name: tuple(several) for name, several in fetch(cursor, limits=limits)}
    return Catalog(rows=rows, exclude=tuple(exclude))


@uncollected()
def catalogs_of(
    cursor: Any, schemas: Sequence[str], *, called: str, exclude: Sequence[str], limits: Limits
) -> dict[str, Catalog]:
    """Each of these schemas as if it were called `called`, in one pass over the database's catalog.

    Rows that several have in common are one object: memory follows from what is different. In a
    transaction of read_only(). Raises what fetch() raises.
    """
    renamings = {name: Renaming(name, called) for name in schemas}
    rows: dict[str, dict[str, Sequence[Row]]] = {name: {} for name in schemas}
    excluded: dict[str, tuple[str, ...]] = {}
    shared: dict[tuple[str, bytes], Sequence[Row]] = {}
    for name, found in fetch(cursor, schemas=schemas, limits=limits):
        for schema, own in _by_schema(name, found):
            if schema not in renamings:
                continue
            if name == "relations":
                excluded[schema] = _excluded(own, exclude, called=called)
            rows[schema][name] = _shared(name, own, renamings[schema], shared, called=called)
    return {name: Catalog(rows=rows[name], exclude=excluded.get(name, ())) for name in schemas}


def _by_schema(name: str, rows: Iterator[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each schema; what belongs to none, as an extension, is the database's."""
    if PARTS[name].width:  # they come in the order of their schemas
        for schema, own in groupby(rows, key=itemgetter(0)):
            yield schema, list(own)
        return
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[1][0]].append(row)
    yield from found.items()


def _shared(
    name: str,
    rows: list[Row],
    renaming: Renaming,
    shared: dict[tuple[str, bytes], Sequence[Row]],
    *,
    called: str,
) -> Sequence[Row]:
    """These rows under their new name: those that are known already, where they are equal."""
    renamed: list[Row] | None = None
    text = _without_schema(name, rows)
    # Others mention another schema's objects by `schema.` alone, if at all.
    if PARTS[name].names or renaming.may_be_mentioned(text):
        renamed = renaming.rows(name, rows)
        text = _without_schema(name, renamed)
    key = name, sha256(text.encode(errors="surrogatepass")).digest()
    if key not in shared:
        shared[key] = tuple(renamed or [(called, *row[1:]) for row in rows])
    return shared[key]


def _without_schema(name: str, rows: list[Row]) -> str:
    return repr([row[1:] for row in rows] if PARTS[name].width else rows)


def _excluded(rows: Iterable[Row], exclude: Sequence[str], *, called: str) -> tuple[str, ...]:
    return tuple(
        escape(f"{called}.{table}")
        for schema, table, *_ in rows
        if any(fnmatchcase(f"{schema}.{table}", one) for one in exclude)
    )


def _mark(value: object) -> bytes:
    return sha256(repr(value).encode(errors="surrogatepass")).digest()
