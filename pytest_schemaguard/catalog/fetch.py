"""The rows that a database's catalog consists of: a query for each part, and for texts one more.

A query of the catalog locks none of the database's own tables. But where PostgreSQL deparses a
whole query (of a view, a rule, a policy, a function with a body of SQL), it locks every relation of
it. Those are asked a few at a time, and their locks are let go after each part: so DDL waits for
one part at the most, and the server's lock table stays nearly empty however many views there are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg2 import errors

from pytest_schemaguard.catalog.snapshot import PARTS
from pytest_schemaguard.catalog.transaction import LET_GO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_schemaguard.catalog.snapshot import Part
    from pytest_schemaguard.catalog.transaction import Limits

Row = tuple[Any, ...]

PART = 50
"""Objects deparsed at a time: few locks, some milliseconds."""
AT_A_TIME = 5_000
"""Rows made to Python's values at a time."""
_FOLDER = Path(__file__).parent
_PREPARED = "schema_guard_"
_OF_USERS = re.compile(r"((?:\w+\.)?nspname) !~ '\^pg_' AND \1 <> 'information_schema'")
"""By which the .sql files leave PostgreSQL's own schemas out."""
_VIEW = PARTS["relations"].place("definition")
_DEFAULT, _GENERATED = (PARTS["columns"].place(name) for name in ("default", "generated"))
_DEPARSED_LATER = frozenset({"policy", "rule", "function"})


class VanishedError(Exception):
    """An object was dropped between two queries of its catalog. The argument is its kind."""


class HeldTooLongError(Exception):
    """To deparse one object took longer than its tables may be locked. The argument is its kind."""


def query(name: str) -> str:
    """The text of one of the .sql files."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def fetch(
    cursor: Any,
    *,
    schemas: Sequence[str] | None = None,
    limits: Limits | None = None,
    prepared: set[str] | None = None,
) -> Iterator[tuple[str, Iterator[Row]]]:
    """Each query's name and its rows, which are to be taken before the next one's.

    In a transaction of read_only(). With `schemas`, what is in those alone. `prepared` are the
    queries that this session has planned already: to plan one takes as long as to run it. Executes
    nothing of the database's own: no default, no nextval. Raises psycopg2.Error, VanishedError,
    HeldTooLongError.
    """
    for name in PARTS:
        if prepared is not None:
            if name not in prepared:
                cursor.execute(f"PREPARE {_PREPARED}{name} AS {query(name)}")
                prepared.add(name)
            cursor.execute(f"{LET_GO}; EXECUTE {_PREPARED}{name}")
        elif schemas is None:
            cursor.execute(f"{LET_GO}; {query(name)}")
        else:
            # A parameter: what a schema is called is never read as SQL.
            text = _OF_USERS.sub(r"\1 = ANY (%(schemas)s)", query(name).replace("%", "%%"))
            cursor.execute(f"{LET_GO}; {text}", {"schemas": list(schemas)})
        rows = _rows(cursor, _GONE.get(name))
        if name == "relations":
            rows = _with_queries(cursor, list(rows), limits)
        elif name == "others":
            rows = _with_texts(cursor, list(rows), limits)
        yield name, rows
    cursor.execute(LET_GO)


def _rows(cursor: Any, gone: Callable[[Row], str | None] | None) -> Iterator[Row]:
    while several := cursor.fetchmany(AT_A_TIME):
        for row in several if gone else ():
            if kind := gone and gone(row):
                raise VanishedError(kind)
        yield from several


def _column_gone(row: Row) -> str | None:
    is_gone = row[_DEFAULT] == "" or (row[_GENERATED] or "").startswith("GENERATED ALWAYS AS ()")
    return "column" if is_gone else None


def _undefined(part: Part, kind: str) -> Callable[[Row], str | None]:
    place = part.place("definition")
    return lambda row: kind if row[place] is None else None


def _other_gone(row: Row) -> str | None:
    kind, _, text = row
    gone = (kind == "function" and not text) or (kind == "trigger" and text.startswith(" ("))
    return kind if gone else None


_GONE: dict[str, Callable[[Row], str | None]] = {
    "columns": _column_gone,
    "constraints": _undefined(PARTS["constraints"], "constraint"),
    "indexes": _undefined(PARTS["indexes"], "index"),
    "others": _other_gone,
}
"""Whether a row's object was dropped after this transaction's snapshot was taken, and its kind.

The rows are of the snapshot, PostgreSQL's own text of them is of this moment: it is NULL then.
"""


def _with_queries(cursor: Any, rows: list[Row], limits: Limits | None) -> Iterator[Row]:
    views = [("view", row[_VIEW]) for row in rows if row[_VIEW] is not None]
    texts = _deparsed(cursor, views, limits)
    for row in rows:
        key = "view", row[_VIEW]
        yield (*row[:_VIEW], texts[key], *row[_VIEW + 1 :]) if key in texts else row


def _with_texts(cursor: Any, rows: list[Row], limits: Limits | None) -> Iterator[Row]:
    def key(row: Row) -> tuple[str, int] | None:
        kind, _, text = row
        return (kind, int(text)) if kind in _DEPARSED_LATER and text.isdigit() else None

    texts = _deparsed(cursor, [found for row in rows if (found := key(row))], limits)
    for row in rows:
        found = key(row)
        yield row if found is None else (*row[:2], texts[found])


def _deparsed(
    cursor: Any, wanted: Sequence[tuple[str, int]], limits: Limits | None
) -> dict[tuple[str, int], str]:
    """The text of each of these, by kind and oid."""
    texts: dict[tuple[str, int], str] = {}
    parts = [wanted[start : start + PART] for start in range(0, len(wanted), PART)]
    parts.reverse()
    while parts:
        part = parts.pop()
        try:
            rows = _part(cursor, part, limits)
        except (errors.QueryCanceled, errors.OutOfMemory) as error:
            if limits is None:
                raise
            if len(part) == 1:
                raise HeldTooLongError(part[0][0]) from error
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
            continue
        texts |= {(kind, oid): text for kind, oid, text in rows if text is not None}
    gone = [one for one in wanted if one not in texts]
    if gone:
        raise VanishedError(gone[0][0])
    return texts


def _part(cursor: Any, part: Sequence[tuple[str, int]], limits: Limits | None) -> list[Row]:
    # The savepoint takes the time limit back too.
    limit = f"SET LOCAL statement_timeout = {limits.held_ms}; " if limits else ""
    kinds, oids = [kind for kind, _ in part], [oid for _, oid in part]
    cursor.execute(f"{LET_GO}; {limit}{query('deparsed')}", (kinds, oids))
    rows: list[Row] = cursor.fetchall()
    return rows
