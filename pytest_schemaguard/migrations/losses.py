"""What was lost: writes that PostgreSQL refused or rolled back, and that were not done again.

Pure. A file may try out what it then does, and a tool may well meet an error and recover: it asks
for its version table and makes it when it is not there, it tries again after a lock timeout, it
goes back to a savepoint. A loss is what is left when that is taken away, whatever the tool says of
itself. The server tells most of it by its tags and its transaction's status; which writes a
savepoint took away, and what was done again, it does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_schemaguard.migrations.verbs import (
    BEGIN,
    COMMIT,
    CONTROL,
    END,
    is_write,
    statements,
    verb,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_schemaguard.wire.wire import Statement

End = Literal["alone", "commit", "rollback", "savepoint", "open"]
"""How the transaction of a loss ended: `alone`, the statement had none; `commit`, the tool believed
that it was kept; `rollback`, or back to a `savepoint`; `open`, when the session ended."""


Place = tuple[int, int]
"""Of a statement: its message among all, and its place in that."""
_NOWHERE: Place = (-1, 0)


class Write(NamedTuple):
    """A statement that does more than ask."""

    sql: str
    tag: str
    notices: int
    """How many PostgreSQL gave with its message."""


class Kept(NamedTuple):
    """A write that was kept."""

    place: Place
    """Where its transaction ended."""
    session: int
    sql: str
    tag: str
    notices: int


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Writes that went together, and were not kept."""

    failure: Statement | None
    """What PostgreSQL refused first; None where the tool itself did not commit."""
    writes: tuple[str, ...]
    """The statements that are lost, each by itself; none where only a question was refused."""
    end: End
    session: int
    place: Place
    """Where it was lost."""

    @property
    def sqlstate(self) -> str:
        return self.failure.error.sqlstate if self.failure and self.failure.error else ""


@dataclass(frozen=True, kw_only=True)
class History:
    """What became of everything that was sent."""

    losses: tuple[Loss, ...]
    kept: tuple[Kept, ...]
    """The writes that were kept, in their order."""

    def recovered(self, loss: Loss, *, is_migration: Callable[[str], bool]) -> bool:
        """Whether the tool lives with it rightly.

        `is_migration`: whether a statement stands in a migration's file; such a one may not be
        lost, whatever came after it.
        """
        left = self.left(loss)
        if not left:
            return True
        if loss.end == "commit":
            return False
        if loss.sqlstate in THERE_ALREADY and loss.failure and statements(loss.failure.sql) == left:
            return True  # what it would have made is there
        if any(is_migration(sql) for sql in left):
            return False
        return loss.end == "savepoint" or self._last_of.get(loss.session, _NOWHERE) > loss.place

    def cause(self, *, is_migration: Callable[[str], bool]) -> Loss | None:
        """Of a tool that says itself that it failed: what PostgreSQL has to do with it."""
        refused = [one for one in self.losses if one.failure is not None]
        lost = [one for one in refused if not self.recovered(one, is_migration=is_migration)]
        # A question that was refused loses nothing, and ends a tool that did not expect it.
        end = max(self._last_of.values(), default=_NOWHERE)
        last = [one for one in refused if one.place >= end]
        return next(reversed(lost or last), None)

    def left(self, loss: Loss) -> list[str]:
        """Its writes without those that were done later."""
        last = self._last_time if loss.writes else {}
        return [sql for sql in loss.writes if last.get(words(sql), _NOWHERE) <= loss.place]

    @cached_property
    def _last_time(self) -> dict[str, Place]:
        """By statement: where it was kept last."""
        return {words(one.sql): one.place for one in self.kept}

    @cached_property
    def _last_of(self) -> dict[int, Place]:
        """By session: where it kept something last."""
        return {one.session: one.place for one in self.kept}


def history(sent: Sequence[Statement]) -> History:
    """Follows each session through its transactions."""
    sessions: dict[int, _Session] = {}
    for place, batch in _batches(sent):
        session = sessions.setdefault(batch[0].session, _Session(batch[0].session))
        session.take(place, batch)
    for session in sessions.values():
        session.close()
    return History(
        losses=tuple(sorted((x for one in sessions.values() for x in one.losses), key=_place)),
        kept=tuple(sorted(x for one in sessions.values() for x in one.kept)),
    )


def _batches(sent: Sequence[Statement]) -> Iterator[tuple[int, list[Statement]]]:
    """What was sent as one, in the order of its ends, each with the place of its last one."""
    found: dict[tuple[int, int], list[Statement]] = {}
    for one in sent:
        found.setdefault((one.session, one.batch), []).append(one)
    yield from sorted((batch[-1].number, batch) for batch in found.values())


@dataclass
class _Transaction:
    writes: list[Write] = field(default_factory=list)
    savepoints: list[tuple[str, int]] = field(default_factory=list)
    """Their names, and how many writes there were."""
    failure: Statement | None = None


class _Session:
    """One session, as it goes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.losses: list[Loss] = []
        self.kept: list[Kept] = []
        self._open: _Transaction | None = None
        self._place = _NOWHERE

    def take(self, place: int, batch: Sequence[Statement]) -> None:
        """Those of one batch are one transaction, from its last BEGIN or COMMIT on.

        https://www.postgresql.org/docs/current/protocol-flow.html
        """
        ran: list[Write] = []
        left: list[str] = []
        for one in batch:
            parts = statements(one.sql)
            count = len(one.tags) if left or one.error or one.after is None else len(parts)
            tags = [*one.tags, *[""] * count]
            ran += [
                Write(sql, tag, one.notices) for sql, tag in zip(parts[:count], tags, strict=False)
            ]
            left += parts[count:]
        failure = next((one for one in batch if one.error is not None), None)
        went = len(ran)
        if failure is not None and self._open is None:
            ends = [place for place, one in enumerate(ran, 1) if verb(one.sql) in CONTROL]
            went = max(ends, default=0)
        for part, write in enumerate(ran[:went]):
            self._place = (place, part)
            self._go(write)
        self._place = (place, len(ran))
        if failure is not None:
            self._refused(failure, [*(write.sql for write in ran[went:]), *left])
        elif any(map(is_write, left)):  # the session ended first
            self._open = self._open or _Transaction()
            self._open.writes += _writes(left)

    def close(self) -> None:
        """The session's end: nobody commits any more."""
        if self._open is not None:
            self._lose("open")

    def _go(self, one: Write) -> None:
        word = verb(one.sql)
        if self._open is None:
            if word in BEGIN:
                self._open = _Transaction()
            elif is_write(one.sql):
                self._keep([one])
        elif word in {"savepoint", "release"} or (word == "rollback" and _TO.search(one.sql)):
            self._savepoint(word, one.sql)
        elif word in END:
            if word in COMMIT and one.tag != "ROLLBACK":
                self._keep(self._open.writes)
                self._open = None
            else:
                self._lose("commit" if word in COMMIT else "rollback")
            if _CHAIN.search(one.sql):  # another transaction begins at once
                self._open = _Transaction()
        elif is_write(one.sql):
            self._open.writes.append(one)

    def _keep(self, writes: Sequence[Write]) -> None:
        self.kept += [Kept(self._place, self.number, *one) for one in writes]

    def _savepoint(self, word: str, sql: str) -> None:
        assert self._open is not None
        name, points = sql.rsplit(maxsplit=1)[-1].lower(), self._open.savepoints
        if word == "savepoint":
            points.append((name, len(self._open.writes)))
            return
        place = next((i for i in reversed(range(len(points))) if points[i][0] == name), None)
        if place is None:
            return
        if word == "rollback":
            gone = self._open.writes[points[place][1] :]
            del self._open.writes[points[place][1] :]
            if gone or self._open.failure is not None:
                self._note(self._open.failure, gone, "savepoint")
            self._open.failure = None
        del points[place + (word == "rollback") :]

    def _refused(self, one: Statement, parts: list[str]) -> None:
        writes = _writes(parts)
        if self._open is None:
            self._open = _Transaction(writes, failure=one)
            self._lose("alone")
            return
        self._open.failure = self._open.failure or one
        self._open.writes += writes
        if one.after == "I":  # a deferred constraint, which refused the commit
            self._lose("rollback")

    def _lose(self, end: End) -> None:
        assert self._open is not None
        gone, self._open = self._open, None
        if gone.writes or gone.failure:
            self._note(gone.failure, gone.writes, end)

    def _note(self, failure: Statement | None, writes: Sequence[Write], end: End) -> None:
        self.losses.append(
            Loss(
                failure=failure,
                writes=tuple(one.sql for one in writes),
                end=end,
                session=self.number,
                place=self._place,
            )
        )


def _writes(parts: Iterable[str]) -> list[Write]:
    """Those of statements that were not kept."""
    return [Write(one, "", 0) for one in parts if is_write(one)]


_TO = re.compile(r"\bto\b", re.IGNORECASE)
_CHAIN = re.compile(r"\band\s+chain\b", re.IGNORECASE)
THERE_ALREADY = frozenset({"42P07", "42701", "42710", "42723", "42P06", "23505"})
"""duplicate_table, _column, _object, _function, _schema, unique_violation.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def refused(one: Statement) -> tuple[str, int]:
    """The statement of a message that was refused, and on which line of it, from 0."""
    assert one.error is not None
    parts, position = statements(one.sql), one.error.position
    if position is None:
        place = len(one.tags)
        return (parts[place] if place < len(parts) else one.sql), 0
    start = 0
    for part in parts:  # a text that does not parse is refused before any of it runs
        start = one.sql.find(part, start)
        if position - 1 <= start + len(part):
            return part, one.sql.count("\n", start, position - 1)
        start += len(part)
    return one.sql, one.sql.count("\n", 0, position - 1)


def _place(loss: Loss) -> Place:
    return loss.place
