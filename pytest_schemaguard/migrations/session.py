"""Runs one file of SQL as `psql -v ON_ERROR_STOP=1 -f` would, on a session of its own."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.migrations import extensions
from pytest_schemaguard.migrations.deeds import deeds
from pytest_schemaguard.migrations.file_run import FileRun, OwnEnd, SqlError, Undone
from pytest_schemaguard.migrations.losses import history
from pytest_schemaguard.migrations.watch import Watch
from pytest_schemaguard.notices import Notices, bound
from pytest_schemaguard.redaction import passwords_in, redacted
from pytest_schemaguard.sqltext.files import shown
from pytest_schemaguard.sqltext.lexer import tokens
from pytest_schemaguard.sqltext.statements import VARIABLE, Statement, split, statements
from pytest_schemaguard.wire.wire import Statement as Sent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_schemaguard.migrations.file_run import Transaction
    from pytest_schemaguard.migrations.losses import History
    from pytest_schemaguard.migrations.migration import Script


def run_script(
    connection: Any,
    script: Script,
    *,
    statement_timeout_s: float,
    root: Path | None = None,
) -> FileRun:
    """Run the script's statements one by one, each in a message of its own, up to the first error.

    The session must be fresh, and is the caller's to close: the file's settings stay in it.
    BEGIN and COMMIT are obeyed where the file has them; elsewhere each statement commits by itself,
    or all together at its end (`one_transaction`, as `psql -1` has it). A statement that runs
    longer than `statement_timeout_s` is cancelled, whatever the file sets.

    Raises MigrationError for what the splitter cannot read, with the path relative to `root`
    (before anything runs, unless the file has backslashes, whose meaning the server decides as it
    goes), and ServerError when the server goes away or its disk is full.
    """
    name, text = shown(script.path, root), script.sql
    assert text is not None, name
    watch = Watch(statement_timeout_s=statement_timeout_s)

    found = (
        statements(text, path=name, escapes=lambda _: escapes(connection))
        if "\\" in text
        else split(text, path=name)
    )
    return watch.run(
        lambda: Session(connection, watch, name).run(found, one_transaction=script.one_transaction)
    )


class Session:
    """A connection that runs a file's statements; in the thread of a Watch."""

    def __init__(self, connection: Any, watch: Watch, path: str) -> None:
        self.connection = connection
        self._watch = watch
        self._path = path
        self.notices = Notices()
        self._sent: list[Sent] = []
        """What ran without an error."""
        self._lines: list[int] = []
        """Of each of these."""
        self._ended: str | None = None
        """How the first transaction ended that a statement here ended: PostgreSQL's word."""
        self._in_one = False
        """Whether this is the transaction that holds the whole file."""
        connection.autocommit = True
        connection.notices = self.notices
        bound(connection)
        timeout_ms = max(1, round(watch.statement_timeout_s * 1000))
        sql = f"SET statement_timeout = {timeout_ms}"
        refused = self.execute(Statement(sql=sql, line=1, kind="sql"))
        assert refused is None, refused

    @property
    def transaction(self) -> Transaction:
        return _TRANSACTIONS.get(self.connection.get_transaction_status(), "aborted")

    @property
    def major(self) -> int:
        return int(self.connection.server_version // 10000)

    def run(self, statements: Iterable[Statement], *, one_transaction: bool = False) -> FileRun:
        """All of them, up to the first error. Raises ServerError."""
        began = time.perf_counter()
        count, error, own_end, line = 0, None, None, 1
        if one_transaction:
            refused = self.execute(Statement(sql="BEGIN", line=line, kind="sql"))
            assert refused is None, refused
            self._in_one = True
        for statement in statements:
            if statement.kind == "meta":
                continue
            line = statement.line
            error = self.execute(statement)
            if error is not None:
                break
            count += 1
            if own_end is not None:
                own_end = replace(own_end, after=own_end.after + 1)
            elif one_transaction and self._ended is not None:
                own_end = OwnEnd(word=self._ended, line=line)
        # Not only the one begun above: a file may end that one and begin another.
        if one_transaction and error is None and self.transaction != "idle":
            error = self.execute(Statement(sql="COMMIT", line=line, kind="sql"))
            error = error and replace(error, line=None)
        told = history(self._sent)
        return FileRun(
            statements=count,
            seconds=time.perf_counter() - began,
            notices=tuple(redacted(notice) for notice in self.notices.told),
            error=error,
            transaction=self.transaction,
            undone=self._undone(told),
            deeds=deeds(told.kept, self._sent),
            one_transaction=one_transaction,
            own_end=own_end,
        )

    def execute(self, statement: Statement) -> SqlError | None:
        """One statement; PostgreSQL's error, if there is one. Raises ServerError."""
        import psycopg2

        before, said = self.transaction, self.notices.count
        try:
            with self._watch.statement(self.connection), self.connection.cursor() as cursor:
                send(cursor, statement)
                tag = cursor.statusmessage
        except psycopg2.Error as error:
            lost = self.connection.closed and not self._watch.cut_off
            if self._watch.interrupted and not lost:
                return self._too_long(statement)
            self._raise_if_gone(error, statement)
            return self._read(error, statement)
        self._lines.append(statement.line)
        self._sent.append(
            Sent(
                number=len(self._lines),
                batch=len(self._lines),
                session=0,
                sql=statement.sql,
                tags=(tag,),
                after=_LETTERS[self.transaction],
                notices=self.notices.count - said,
            )
        )
        if tag in _ENDS and before == "open" and not _to_savepoint(statement.sql):
            self._ended = self._ended or tag
            self._in_one = False
        return None

    def _undone(self, told: History) -> Undone | None:
        """The first ROLLBACK of something that was not done again."""
        for loss in told.losses:
            left = told.left(loss)
            if left and loss.end in {"rollback", "savepoint"}:
                by = loss.place[0] - 1
                return Undone(
                    by=" ".join(self._sent[by].sql.split()),
                    line=self._lines[by],
                    statements=tuple(map(excerpt, left)),
                )
        return None

    def _raise_if_gone(self, error: Any, statement: Statement) -> None:
        if self.connection.closed:
            raise ServerError(
                "PostgreSQL",
                "the connection was lost while this statement ran",
                detail=f"{error}\n{excerpt(statement.sql)}",
                path=self._path,
                line=statement.line,
                fix="look into the server's log for why it ended",
            ) from error
        if error.pgcode in _NO_ROOM:
            raise ServerError(
                "PostgreSQL",
                f"the server's disk failed it: {error.diag.message_primary}",
                detail=excerpt(statement.sql),
                path=self._path,
                line=statement.line,
                fix="free space where the server keeps its files (TMPDIR says where a local one "
                "does), or choose another `server`",
            ) from error

    def _too_long(self, statement: Statement) -> SqlError:
        limit = f"{self._watch.statement_timeout_s:g} s"
        also = ", went on when it was cancelled, and was cut off" if self._watch.cut_off else ""
        return SqlError(
            sqlstate="57014",
            message=f"the statement ran longer than {limit}{also}",
            detail=f"statement_timeout, {limit} when the file began, did not end it; it does not "
            "where the file sets another one, or a function catches query_canceled",
            hint=None,
            statement=excerpt(statement.sql),
            line=statement.line,
            context=None,
            fix=_TOO_LONG,
        ).without_passwords(statement.sql)

    def _read(self, error: Any, statement: Statement) -> SqlError:
        diag = error.diag
        offset = _offset(statement, diag.statement_position, diag.context)
        line = statement.line + offset
        row = _COPY_ROW.search(diag.context or "")
        if row and statement.data_line is not None:
            line, offset = statement.data_line + int(row[1]) - 1, 0
        sqlstate = error.pgcode or ""
        return SqlError(
            sqlstate=sqlstate,
            message=diag.message_primary or str(error).strip(),
            detail=diag.message_detail,
            hint=diag.message_hint,
            statement=excerpt(statement.sql, offset),
            line=line,
            context=diag.context,
            fix=_undefined(statement, sqlstate, diag.statement_position)
            or self._without_transaction(statement, sqlstate)
            or fix_of(sqlstate, statement.sql, major=self.major),
        ).without_passwords(statement.sql)

    def _without_transaction(self, statement: Statement, sqlstate: str) -> str | None:
        # SET TRANSACTION after a query is refused with the first of these states too.
        refuses = sqlstate in {"25001", "2D000"} and statement.sql[:3].lower() != "set"
        return _NO_TRANSACTION if self._in_one and refuses else None


_LETTERS = {"idle": "I", "open": "T", "aborted": "E"}
"""The protocol's for a transaction's status."""
_ENDS = {"COMMIT", "ROLLBACK", "PREPARE TRANSACTION"}
"""The tags of what ends a transaction."""
_NO_TRANSACTION = (
    'it runs only outside a transaction, and `transaction = "file"` runs each file in one: give it '
    "a file of its own that your tool runs outside of one (golang-migrate does so if it is the "
    "file's only statement), and have the guard run the tool itself: migrations = { command, "
    "versions }"
)
_TRANSACTIONS: dict[int, Transaction] = {0: "idle", 1: "open", 2: "open", 3: "aborted"}
"""libpq's PGTransactionStatusType; 4, a lost connection, keeps nothing either."""
_NO_ROOM = {"53100", "58030"}
"""disk_full and io_error: no fault of the file."""
_TOO_LONG = "raise `statement-timeout-s`, or mend the statement if it never ends"
_FIXES = {
    "42501": "it runs as the owner of the tables, who is no superuser: what only a superuser may "
    "do belongs into `prepare`",
    "57014": _TOO_LONG,
}


def fix_of(sqlstate: str, statement: str, *, major: int) -> str | None:
    """The next step after this error of this statement, where the error alone tells it."""
    missing = extensions.missing(statement, sqlstate=sqlstate, major=major)
    return missing or _FIXES.get(sqlstate)


def _undefined(statement: Statement, sqlstate: str, position: str | None) -> str | None:
    """Where PostgreSQL stumbled over what psql would have filled in, had it been told a value."""
    at = VARIABLE.match(statement.sql, int(position) - 1) if position else None
    if at is None or sqlstate != "42601":  # syntax_error
        return None
    return (
        f"if {at[0]} is a variable of psql, its value is not in this file: write the value itself"
    )


_COPY_ROW = re.compile(r"^COPY .*, line (\d+)", re.MULTILINE)
_BLOCK_LINE = re.compile(r"inline_code_block line (\d+)")
_EXCERPT_LINES = 12
_EXCERPT_COLUMNS = 200


def excerpt(sql: str, line: int = 0) -> str:
    """The statement for people, or where it is long the lines around `line`, counted from 0."""
    return redacted(_around(sql, line), passwords_in(sql))


def _around(sql: str, line: int) -> str:
    lines = [
        text if len(text) <= _EXCERPT_COLUMNS else text[:_EXCERPT_COLUMNS] + " ..."
        for text in sql.splitlines()
    ]
    if len(lines) <= _EXCERPT_LINES:
        return "\n".join(lines)
    first = min(max(0, line - _EXCERPT_LINES // 2), len(lines) - _EXCERPT_LINES)
    last = first + _EXCERPT_LINES
    before = [lines[0], "..."][: min(first, 2)]
    return "\n".join([*before, *lines[first:last], *(["..."] if last < len(lines) else [])])


def escapes(connection: Any) -> bool:
    """Whether a backslash escapes in '...' now: `standard_conforming_strings` is off.

    The server says so by itself (https://www.postgresql.org/docs/current/protocol-flow.html).
    """
    return bool(connection.get_parameter_status("standard_conforming_strings") == "off")


def send(cursor: Any, statement: Statement) -> None:
    """One statement, with the rows that belong to it. Raises psycopg2.Error."""
    # Bytes, as psql sends the file's own: client_encoding, which the file may set, changes nothing.
    sql = statement.sql.encode()
    if statement.kind == "copy":
        # The stream that is not used: COPY knows its direction.
        cursor.copy_expert(sql, io.BytesIO((statement.data or "").encode()))
    else:
        cursor.execute(sql)  # without arguments, so that % is just a character


def _to_savepoint(sql: str) -> bool:
    return any(sql[token.start : token.end].lower() == "to" for token in tokens(sql))


def _offset(statement: Statement, position: str | None, context: str | None) -> int:
    """How many lines below the statement's first PostgreSQL points."""
    if position is not None:
        return statement.sql.count("\n", 0, int(position) - 1)
    lines: list[str] = _BLOCK_LINE.findall(context or "")
    if lines and statement.sql[:2].lower() == "do":
        body = next((one for one in tokens(statement.sql) if one.kind == "dollar"), None)
        if body is not None:  # its line 1 is the one where the dollar quote opens
            return statement.sql.count("\n", 0, body.start) + int(lines[-1]) - 1
    return 0
