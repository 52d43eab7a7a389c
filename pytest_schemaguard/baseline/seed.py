"""Rows for the baseline: a file of SQL by hand, or what `pg_dump --data-only` writes.

A dump's settings that this server lacks, and its owners, are left out, as a baseline's are. Where
rows may refer to each other in a circle, or the dump switches triggers off, a file of rows alone
runs in one transaction with these foreign keys looked at last.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.baseline.deferring import foreign_keys, in_circles, put_back, triggers
from pytest_schemaguard.baseline.dump import Route, route, words
from pytest_schemaguard.migrations.session import Session, escapes
from pytest_schemaguard.migrations.watch import Watch
from pytest_schemaguard.sqltext.files import read, shown
from pytest_schemaguard.sqltext.statements import Statement, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pytest_schemaguard.migrations.file_run import FileRun, SqlError


def load_rows(path: Path, *, owner: Any, statement_timeout_s: float, root: Path) -> FileRun:
    """Runs the file on this fresh autocommit connection, up to its first error.

    Raises MigrationError for what the splitter cannot read, ServerError when the server goes away.
    """
    name = shown(path, root)
    statements = split(read(path, shown=name), path=name, escapes=escapes(owner))
    watch = Watch(statement_timeout_s=statement_timeout_s)
    return watch.run(lambda: _Rows(owner, watch, name).load(statements))


class _Rows(Session):
    """A session that leaves out what only production's server can do."""

    def load(self, statements: Sequence[Statement]) -> FileRun:
        if not all(map(_is_of_rows, statements)):
            return self.run(statements)
        switches = any(_switch(one) for one in statements)
        with self.connection.cursor() as cursor:
            keys = foreign_keys(cursor)
            before = triggers(cursor)
        if not switches:
            keys = in_circles(keys)
        if not keys and not switches:
            return self.run(statements)
        error = self._all(["BEGIN", *(one.deferred for one in keys)])
        run = self.run(() if error else _inside(statements))
        error = error or run.error or self._all(["SET CONSTRAINTS ALL IMMEDIATE"])
        if error is None:
            with self.connection.cursor() as cursor:
                now = triggers(cursor)
            restored = (one.restored for one in keys)
            error = self._all([*restored, *put_back(before, now), "COMMIT"])
        if error is not None:
            self._all(["ROLLBACK"])
        return replace(run, error=error, transaction=self.transaction, undone=None)

    def execute(self, statement: Statement) -> SqlError | None:
        if not _is_production_s(statement):
            error = super().execute(statement)
            if error is not None and error.sqlstate == NOT_PERMITTED and _switch(statement):
                return replace(error, fix=_NOT_ALONE)
            return error
        is_open = self.transaction == "open"
        if is_open:  # it goes on where this statement fails
            super().execute(_own("SAVEPOINT schema_guard_setting"))
        error = super().execute(statement)
        if is_open and error is not None:
            super().execute(_own("ROLLBACK TO SAVEPOINT schema_guard_setting"))
        if is_open:
            super().execute(_own("RELEASE SAVEPOINT schema_guard_setting"))
        may_be_left_out = error is not None and (
            route(statement) is Route.SKIP or error.sqlstate == UNDEFINED_OBJECT
        )
        return None if may_be_left_out else error

    def _all(self, texts: Iterable[str]) -> SqlError | None:
        """The guard's own, up to the first error, which no line of the file is to blame for."""
        for text in texts:
            error = super().execute(_own(text))
            if error is not None:
                return replace(error, line=None, statement="")
        return None


def _own(sql: str) -> Statement:
    return Statement(sql=sql, line=1, kind="sql")


UNDEFINED_OBJECT = "42704"
"""Also of a setting (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
NOT_PERMITTED = "42501"
_NOT_ALONE = (
    "only a superuser may switch the triggers of foreign keys: put the rows into a file of their "
    "own, which is loaded with the foreign keys looked at last"
)


def _is_production_s(statement: Statement) -> bool:
    """Whether it is a setting, or says who is to own or to act: another server may lack those."""
    if _first(statement) not in {"set", "reset", "alter", "select"}:
        return False
    return route(statement) in {Route.SETTING, Route.SKIP}


_OF_ROWS = frozenset(
    {"copy", "insert", "update", "delete", "select", "set", "reset", "with", "truncate", "refresh"}
    | {"begin", "start", "commit", "end", "analyze"}
)


def _is_of_rows(statement: Statement) -> bool:
    """Whether it may run in one transaction with the rows of other tables."""
    return _first(statement) in _OF_ROWS or statement.kind == "meta" or bool(_switch(statement))


def _switch(statement: Statement) -> tuple[str, str] | None:
    """Of ALTER TABLE x ENABLE/DISABLE TRIGGER y: which of both, and the statement for an owner."""
    if _first(statement) != "alter":
        return None
    *_, way, trigger, which = words(statement.sql)
    if not (way.is_("enable", "disable") and trigger.is_("trigger")):
        return None
    # An owner may not switch those off that foreign keys are made of.
    sql = statement.sql
    if which.is_("all"):
        sql = f"{sql[: which.start]}USER{sql[which.end :]}"
    return way.text, sql


def _inside(statements: Iterable[Statement]) -> Iterator[Statement]:
    """What runs in the one transaction; triggers are switched back at its end, with all else."""
    for one in statements:
        if _first(one) in {"begin", "start", "commit", "end"}:
            continue
        switch = _switch(one)
        if switch is None:
            yield one
        elif switch[0] == "disable":
            yield replace(one, sql=switch[1])


def _first(statement: Statement) -> str:
    """The first word; to look for more takes as long as the statement is."""
    found = re.match(r"[A-Za-z]+", statement.sql)
    return found[0].lower() if found else ""
