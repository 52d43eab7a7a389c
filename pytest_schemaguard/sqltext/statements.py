"""A file of SQL -> its statements, split where `psql -f` splits it. Pure.

PostgreSQL's grammar knows where a statement ends; psql, which cannot ask it, has rules of its own
(src/fe_utils/psqlscan.l), and these are followed here: a semicolon ends a statement unless it
stands in parentheses, or between BEGIN and END of a CREATE FUNCTION or PROCEDURE.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.sqltext.lexer import Token, UnterminatedError, next_token, tokens

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What goes to PostgreSQL in one message, or (`meta`) what psql keeps to itself."""

    sql: str
    """A slice of the file, from the first token to the last, without the semicolon."""
    line: int
    """Where its first token stands, counted from 1."""
    kind: Literal["sql", "copy", "meta"]
    """`copy`: rows go through the connection, to it (`data`) or from it (TO STDOUT, no `data`).
    `meta`: a line that pg_dump writes for psql, `\\restrict` or `\\unrestrict`."""
    data: str | None = None
    """The rows of COPY ... FROM stdin, without the line that ends them."""
    data_line: int | None = None
    """Where the rows begin, counted from 1."""


def split(text: str, *, path: str | Path, escapes: bool = False) -> tuple[Statement, ...]:
    """The statements of a file in their order; empty ones and comments are left out.

    `escapes`: `standard_conforming_strings` is off where it begins. Where the file itself switches
    it, strings end otherwise from there on.

    Raises MigrationError, with `path` and the line: a quote, a comment or a parenthesis without its
    end, a command of psql that pg_dump does not write, a variable that psql itself sets.
    """
    return tuple(statements(text, path=path, escapes=StringSettings(escapes=escapes)))


def statements(text: str, *, path: str | Path, escapes: Escapes) -> Iterator[Statement]:
    """The same, one by one: how strings end in the next is asked when it is wanted.

    Raises MigrationError as `split` does, once it comes there.
    """
    lines = _Lines(text)
    first = last = None
    tests: list[Token] = []
    for token in scan(text, path=path, escapes=escapes):
        match token.kind:
            case "comment":
                continue
            case "meta":
                line = lines.at(token.start)
                yield Statement(sql=text[token.start : token.end], line=line, kind="meta")
            case "end" | "data":
                if first is not None and last is not None:
                    sql = _with_tests(text, first.start, last.end, tests)
                    line = lines.at(first.start)
                    if token.kind == "data":
                        yield Statement(
                            sql=sql,
                            line=line,
                            kind="copy",
                            data=text[token.start : token.end],
                            data_line=lines.at(token.start),
                        )
                    else:
                        kind: Literal["sql", "copy"] = "copy" if _copies_out(sql) else "sql"
                        yield Statement(sql=sql, line=line, kind=kind)
                    first = last = None
                    tests.clear()
            case _:
                if token.kind == "test":
                    tests.append(token)
                first, last = first or token, token


def scan(text: str, *, path: str | Path, escapes: Escapes | None = None) -> Iterator[Token]:
    """The tokens of a file, comments among them, with `end` (or a COPY's `data`) after a statement.

    Lazy, so that whoever looks for what is no SQL at all sees it before it confuses the quotes.
    Raises MigrationError as `split` does.
    """
    lines = _Lines(text)
    position = 1 if text.startswith("\ufeff") else 0
    escapes = escapes or StringSettings()
    state = _State(escapes=escapes(""))
    while True:
        try:
            token = next_token(text, position, escapes=state.escapes)
        except UnterminatedError as error:
            raise _unterminated(error.what, error.position, text, path) from None
        if token is None:
            break
        if token.kind == "symbol":
            token = _symbol(text, token, state, path)
        state.see(text, token)
        position = token.end
        if token.kind == "end":
            if state.copies_in:
                token = _data(text, token.end, path, lines)
                position = _after_data(text, token)
            yield token
            state = _State(escapes=escapes(text[state.start : token.start]))
        else:
            yield token
    if state.opened:
        raise _unterminated("parenthesis", state.opened[0], text, path)
    if state.started:  # psql reads the rows of a COPY from where the file has ended
        yield Token("data" if state.copies_in else "end", len(text), len(text))


Escapes = Callable[[str], bool]
"""Whether a backslash escapes in '...' after this statement, which has run; "" at the beginning.

psql asks the server, which says so whenever `standard_conforming_strings` changes.
https://www.postgresql.org/docs/current/runtime-config-compatible.html
"""


class StringSettings:
    """What the statements of a text say of `standard_conforming_strings`, for want of a server."""

    def __init__(self, *, escapes: bool = False) -> None:
        self._default = self._at_begin = self._session = self._now = escapes

    def __call__(self, sql: str) -> bool:
        if found := _SETS_STRINGS.match(sql):
            value = next((one for one in found.group("set", "config") if one), None)
            self._now = self._default if value is None else value.lower() not in _ON
            if not found["local"]:
                self._session = self._now
        elif _BEGINS.match(sql):
            self._at_begin = self._session
        elif _COMMITS.match(sql):
            self._now = self._session
        elif _ROLLS_BACK.match(sql):
            self._now = self._session = self._at_begin
        return self._now


_SETS_STRINGS = re.compile(
    r"""
      set \s+ (?:(?:session | (?P<local>local)) \s+)? standard_conforming_strings
        \s* (?:=|\bto\b) \s* (?:default\b | '?(?P<set>\w+))
    | select \s+ (?:pg_catalog\s*\.\s*)? set_config \s* \( \s* 'standard_conforming_strings'
        \s*,\s* '(?P<config>\w+)'
    | reset \s+ (?:standard_conforming_strings | all)\b
    | discard \s+ all\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ON = {"on", "true", "tru", "tr", "t", "yes", "ye", "y", "1"}
_BEGINS = re.compile(r"(?:begin|start\s+transaction)\b", re.IGNORECASE)
_COMMITS = re.compile(r"(?:commit|end)\b", re.IGNORECASE)
_ROLLS_BACK = re.compile(r"(?:rollback|abort)\b(?!.*\bto\b)", re.IGNORECASE | re.DOTALL)


@dataclass
class _State:
    """How far into a statement the scan is: where a semicolon would end it."""

    escapes: bool = False
    """Whether a backslash escapes in '...'."""
    start: int | None = None
    """Where its first token stands."""
    opened: list[int] = field(default_factory=list)
    """Where its open parentheses stand."""
    begins: int = 0
    words: list[str] = field(default_factory=list)
    """The first four words without quotes, lowered."""
    before: str = ""
    """The token before, lowered, at the statement's own level."""
    copies_in: bool = False

    @property
    def started(self) -> bool:
        return self.start is not None

    def see(self, text: str, token: Token) -> None:
        if token.kind in {"comment", "meta", "end"}:
            return
        if self.start is None:
            self.start = token.start
        word = text[token.start : token.end]
        if token.kind == "symbol":
            if word == "(":
                self.opened.append(token.start)
            elif word == ")" and self.opened:
                self.opened.pop()
        if token.kind == "word":
            self._see_word(word.lower())
        if not self.opened:
            self.before = word.lower() if token.kind == "word" else ""

    def _see_word(self, word: str) -> None:
        if len(self.words) < _HEAD:
            self.words.append(word)
        if self.opened:
            return
        if self.words[0] == "copy" and self.before == "from" and word in {"stdin", "stdout"}:
            # FROM STDOUT is FROM STDIN to PostgreSQL (copy_file_name in gram.y).
            self.copies_in = True
        if word in {"begin", "case", "end"} and _defines_a_routine(self.words):
            if word == "begin":
                self.begins += 1
            elif self.begins:
                self.begins += 1 if word == "case" else -1


_HEAD = 4
_COPY = re.compile(r"copy\b", re.IGNORECASE)
_META = re.compile(r"\\(?:[;:.!?\\]|[^\s\\;]+)?")
_META_LINE = re.compile(r"[^\n\r]*")
_VARIABLE_NAME = r"[A-Za-z_0-9\x80-\U0010ffff]+"
VARIABLE = re.compile(rf""":(?:(?P<bare>{_VARIABLE_NAME})|'{_VARIABLE_NAME}'|"{_VARIABLE_NAME}")""")
"""A variable of psql (https://www.postgresql.org/docs/current/app-psql.html), or a colon of SQL."""
_TEST = re.compile(rf":\{{\?{_VARIABLE_NAME}\}}")
"""psql writes TRUE in its place where the variable is set, and FALSE elsewhere."""
_SET_BY_PSQL = frozenset(
    """
    AUTOCOMMIT COMP_KEYWORD_CASE DBNAME ECHO ECHO_HIDDEN ENCODING ERROR FETCH_COUNT HIDE_TABLEAM
    HIDE_TOAST_COMPRESSION HISTCONTROL HISTFILE HISTSIZE HOST IGNOREEOF LAST_ERROR_MESSAGE
    LAST_ERROR_SQLSTATE LASTOID ON_ERROR_ROLLBACK ON_ERROR_STOP PIPELINE_COMMAND_COUNT
    PIPELINE_RESULT_COUNT PIPELINE_SYNC_COUNT PORT PROMPT1 PROMPT2 PROMPT3 QUIET ROW_COUNT
    SERVER_VERSION_NAME SERVER_VERSION_NUM SERVICE SHELL_ERROR SHELL_EXIT_CODE SHOW_ALL_RESULTS
    SHOW_CONTEXT SINGLELINE SINGLESTEP SQLSTATE USER VERBOSITY VERSION VERSION_NAME VERSION_NUM
    WATCH_INTERVAL
    """.split()  # noqa: SIM905 - a list of 40 literals is harder to read
)
_REST_OF_LINE = re.compile(r"[ \t\r\f\v]*(?:--[^\n]*)?(?:\n|\Z)")
_END_OF_DATA = re.compile(r"^\\\.\r?(?:\n|\Z)", re.MULTILINE)


def _defines_a_routine(words: list[str]) -> bool:
    head = words[1:] if words[1:3] != ["or", "replace"] else words[3:]
    return words[0] == "create" and head[:1] in (["function"], ["procedure"])


def _symbol(text: str, token: Token, state: _State, path: str | Path) -> Token:
    """The token itself, or what it begins: a statement's end, or what psql reads itself."""
    match text[token.start]:
        case ";" if not state.opened and not state.begins:
            return Token("end", token.start, token.end)
        case "\\":
            return _meta(text, token, state, path)
        case ":":
            if test := _TEST.match(text, token.start):
                _refuse_own(test, path)
                return Token("test", token.start, test.end())
            if variable := VARIABLE.match(text, token.start):
                _refuse_own(variable, path)  # psql leaves the others, which nothing sets, alone
    return token


def _refuse_own(variable: re.Match[str], path: str | Path) -> None:
    if variable[0].strip(""":'"{?}""") in _SET_BY_PSQL:
        raise MigrationError(
            variable[0],
            "is a variable that psql sets, and its value is not in this file",
            path=path,
            line=_Lines(variable.string).at(variable.start()),
            fix="write the value itself, or a space after the colon where it is no variable",
        )


def _with_tests(text: str, start: int, end: int, tests: list[Token]) -> str:
    """The statement as psql sends it: FALSE for :{?name}, as nothing sets the variable."""
    sql = text[start:end]
    for one in tests:  # as long as before, so that PostgreSQL's positions are the file's
        value = "FALSE".ljust(one.end - one.start)
        sql = f"{sql[: one.start - start]}{value}{sql[one.end - start :]}"
    return sql


def _meta(text: str, token: Token, state: _State, path: str | Path) -> Token:
    command = _META.match(text, token.start)
    line = _META_LINE.match(text, token.start)
    assert command is not None
    assert line is not None
    if command[0] in {r"\restrict", r"\unrestrict"} and not state.started:
        return Token("meta", token.start, token.start + len(line[0].rstrip()))
    if command[0] == r"\.":
        fact = "ends the rows of a COPY ... FROM stdin, and none is open here"
    else:
        fact = "is a command of psql, not SQL: only psql can run this file"
    raise MigrationError(
        command[0],
        fact,
        detail=line[0],
        path=path,
        line=_Lines(text).at(token.start),
        fix=_INSTEAD.get(command[0], "write it in SQL, or take it out"),
    )


_INSTEAD = {
    r"\i": "put that file's statements here",
    r"\ir": "put that file's statements here",
    r"\include": "put that file's statements here",
    r"\connect": "dump one database, with pg_dump and without --create",
    r"\c": "dump one database, with pg_dump and without --create",
    r"\copy": r"COPY ... FROM stdin, with the rows below it and \. at their end",
    r"\set": "write the value itself where the variable stands",
    r"\gexec": "EXECUTE in a DO block does the same",
    r"\if": "a DO block with IF does the same",
    r"\;": "end each statement with a plain semicolon",
    r"\.": "take the line out, or put back the COPY before it",
}


def _data(text: str, position: int, path: str | Path, lines: _Lines) -> Token:
    """The rows after COPY's semicolon: from the next line to the one that ends them."""
    rest = _REST_OF_LINE.match(text, position)
    if rest is None:
        raise MigrationError(
            "COPY ... FROM stdin",
            "is followed by more on its own line, where its rows should begin on the next",
            path=path,
            line=lines.at(position),
            fix=r"put what follows behind the line \. that ends the rows",
        )
    end = _END_OF_DATA.search(text, rest.end())
    # Without that line psql reads rows to the file's end, and so does PostgreSQL.
    return Token("data", rest.end(), len(text) if end is None else end.start())


def _after_data(text: str, data: Token) -> int:
    end = _END_OF_DATA.match(text, data.end)
    return len(text) if end is None else end.end()


def _copies_out(sql: str) -> bool:
    """Whether it is COPY ... TO STDOUT, whose rows come to the client."""
    if not _COPY.match(sql):
        return False
    state = _State()
    for token in tokens(sql):
        word = sql[token.start : token.end].lower()
        if token.kind == "word" and state.before == "to" and not state.opened:
            return word in {"stdin", "stdout"}  # TO STDIN is TO STDOUT to PostgreSQL
        state.see(sql, token)
    return False


def _unterminated(what: str, position: int, text: str, path: str | Path) -> MigrationError:
    line = _META_LINE.match(text, text.rfind("\n", 0, position) + 1)
    return MigrationError(
        what,
        "has no end: it opens here and the file ends within it",
        detail=line[0].strip() if line else None,
        path=path,
        line=_Lines(text).at(position),
        fix="close it",
    )


class _Lines:
    """Line numbers of positions that mostly grow, each newline counted once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line = 1

    def at(self, position: int) -> int:
        if position < self._position:
            self._position, self._line = 0, 1
        self._line += self._text.count("\n", self._position, position)
        self._position = position
        return self._line
