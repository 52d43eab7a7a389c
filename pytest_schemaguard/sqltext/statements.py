"""A file of SQL -> its statements, split where `psql -f` splits it. Pure but for `read`.

PostgreSQL's grammar knows where a statement ends; psql, which cannot ask it, has rules of its own
(src/fe_utils/psqlscan.l), and these are followed here: a semicolon ends a statement unless it
stands in parentheses, or between BEGIN and END of a CREATE FUNCTION or PROCEDURE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.sqltext.lexer import Token, UnterminatedError, next_token

if TYPE_CHECKING:
    from collections.abc import Iterator
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


_MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def read(path: Path, *, shown: str | None = None) -> str:
    """The file's text, which is UTF-8; a byte-order mark is taken off, line ends stay as they are.

    `shown` is how messages name the file. Raises MigrationError: another encoding, a NUL byte, a
    dump in pg_dump's own format, a file that cannot be read.
    """
    name = str(path) if shown is None else shown
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise MigrationError(
            "this file",
            f"cannot be read: {error.strerror}",
            path=name,
            fix="check its path and rights",
        ) from error
    for start, kind in ((b"PGDMP", "custom"), (b"toc.dat\0", "tar")):
        if raw.startswith(start):
            raise MigrationError(
                "this file",
                f"is a dump in pg_dump's {kind} format, not SQL",
                path=name,
                fix=f"pg_restore --schema-only --file={path.stem}-schema.sql {name}",
            )
    encoding = _MARKS.get(raw[:2])
    if encoding is not None:
        raise MigrationError(
            "this file",
            f"is {encoding}, as its byte-order mark says, and PostgreSQL reads UTF-8",
            path=name,
            fix=f"iconv -f {encoding} -t UTF-8 {name}",
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start + (3 if raw.startswith(b"\xef\xbb\xbf") else 0)
        raise MigrationError(
            "this file",
            f"is not UTF-8: byte 0x{raw[at]:02x} cannot stand here",
            path=name,
            line=raw.count(b"\n", 0, at) + 1,
            fix=f"if it is Latin-1: iconv -f LATIN1 -t UTF-8 {name}",
        ) from error
    nul = text.find("\0")
    if nul >= 0:
        raise MigrationError(
            "this file",
            "holds a NUL byte, which PostgreSQL cannot read",
            path=name,
            line=text.count("\n", 0, nul) + 1,
            fix="save it as UTF-8 text",
        )
    return text


def split(text: str, *, path: str | Path) -> tuple[Statement, ...]:
    """The statements of a file in their order; empty ones and comments are left out.

    Raises MigrationError, with `path` and the line: a quote or comment without its end, a command
    of psql that pg_dump does not write, a psql variable, `standard_conforming_strings = off`.
    """
    found: list[Statement] = []
    lines = _Lines(text)
    first = last = None
    kind: Literal["sql", "copy"] = "sql"
    for token in scan(text, path=path):
        match token.kind:
            case "comment":
                continue
            case "meta":
                line = lines.at(token.start)
                found.append(Statement(sql=text[token.start : token.end], line=line, kind="meta"))
            case "end" | "data":
                if first is not None and last is not None:
                    sql = text[first.start : last.end]
                    line = lines.at(first.start)
                    if _BACKSLASHES.match(sql):
                        raise _backslashes_escape(sql, path, line)
                    kind = "copy" if _copies_out(sql) else "sql"
                    found.append(Statement(sql=sql, line=line, kind=kind))
                    first = last = None
                if token.kind == "data":
                    found[-1] = _with_data(found[-1], text, token, lines)
            case _:
                first, last = first or token, token
    return tuple(found)


def scan(text: str, *, path: str | Path) -> Iterator[Token]:
    """The tokens of a file, comments among them, with `end` after each statement.

    Lazy, so that whoever looks for what is no SQL at all sees it before it confuses the quotes.
    Raises MigrationError as `split` does.
    """
    lines = _Lines(text)
    position = 1 if text.startswith("\ufeff") else 0
    state = _State()
    while True:
        try:
            token = next_token(text, position)
        except UnterminatedError as error:
            raise _unterminated(error, text, path) from None
        if token is None:
            break
        if token.kind == "symbol":
            token = _symbol(text, token, state, path)
        state.see(text, token)
        yield token
        position = token.end
        if token.kind == "end":
            if state.copies_in:
                data = _data(text, token.end, path, lines)
                yield data
                position = _after_data(text, data)
            state = _State()
    if state.started:
        yield Token("end", len(text), len(text))
        if state.copies_in:  # psql reads the rows from where the file has ended
            yield Token("data", len(text), len(text))


@dataclass
class _State:
    """How far into a statement the scan is: where a semicolon would end it."""

    started: bool = False
    parentheses: int = 0
    brackets: int = 0
    begins: int = 0
    words: list[str] = field(default_factory=list)
    """The first four words without quotes, lowered."""
    before: str = ""
    """The token before, lowered, at the statement's own level."""
    copies_in: bool = False

    def see(self, text: str, token: Token) -> None:
        if token.kind in {"comment", "meta", "end"}:
            return
        self.started = True
        word = text[token.start : token.end]
        if token.kind == "symbol":
            if word == "(":
                self.parentheses += 1
            elif word == ")":
                self.parentheses = max(0, self.parentheses - 1)
            elif word == "[":
                self.brackets += 1
            elif word == "]":
                self.brackets = max(0, self.brackets - 1)
        if token.kind == "word":
            self._see_word(word.lower())
        if not self.parentheses:
            self.before = word.lower() if token.kind == "word" else ""

    def _see_word(self, word: str) -> None:
        if len(self.words) < _HEAD:
            self.words.append(word)
        if self.parentheses:
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
_BACKSLASHES = re.compile(
    r"""set\s+(?:(?:session|local)\s+)?standard_conforming_strings\s*(?:=|\sto\s)\s*
        '?(?:off?|f|fa|fal|fals|false|n|no|0)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_META = re.compile(r"\\(?:[;:.!?\\]|[^\s\\;]+)?")
_META_LINE = re.compile(r"[^\n\r]*")
_VARIABLE = re.compile(r""":(?:[A-Za-z_0-9\x80-\U0010ffff]+|'[^'\n]*'|"[^"\n]*"|\{\?[^}\n]*\})""")
_REST_OF_LINE = re.compile(r"[ \t\r\f\v]*(?:--[^\n]*)?(?:\n|\Z)")
_END_OF_DATA = re.compile(r"^\\\.\r?(?:\n|\Z)", re.MULTILINE)


def _defines_a_routine(words: list[str]) -> bool:
    head = words[1:] if words[1:3] != ["or", "replace"] else words[3:]
    return words[0] == "create" and head[:1] in (["function"], ["procedure"])


def _symbol(text: str, token: Token, state: _State, path: str | Path) -> Token:
    """The token itself, or what it begins: a statement's end, or a line for psql."""
    match text[token.start]:
        case ";" if not state.parentheses and not state.begins:
            return Token("end", token.start, token.end)
        case "\\":
            return _meta(text, token, state, path)
        case ":" if not state.brackets:  # in brackets it is a slice, items[1:n]
            variable = _VARIABLE.match(text, token.start)
            if variable:
                raise MigrationError(
                    variable[0],
                    "is a variable of psql, whose value is not in this file",
                    path=path,
                    line=_Lines(text).at(token.start),
                    fix="write the value itself",
                )
    return token


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


def _with_data(copy: Statement, text: str, data: Token, lines: _Lines) -> Statement:
    return Statement(
        sql=copy.sql,
        line=copy.line,
        kind="copy",
        data=text[data.start : data.end],
        data_line=lines.at(data.start),
    )


def _copies_out(sql: str) -> bool:
    """Whether it is COPY ... TO STDOUT, whose rows come to the client."""
    if not _COPY.match(sql):
        return False
    state = _State()
    token = next_token(sql, 0)
    while token is not None:
        word = sql[token.start : token.end].lower()
        if token.kind == "word" and state.before == "to" and not state.parentheses:
            return word in {"stdin", "stdout"}  # TO STDIN is TO STDOUT to PostgreSQL
        state.see(sql, token)
        token = next_token(sql, token.end)
    return False


def _unterminated(error: UnterminatedError, text: str, path: str | Path) -> MigrationError:
    line = _META_LINE.match(text, text.rfind("\n", 0, error.position) + 1)
    return MigrationError(
        error.what,
        "has no end: it opens here and the file ends within it",
        detail=line[0].strip() if line else None,
        path=path,
        line=_Lines(text).at(error.position),
        fix="close it",
    )


def _backslashes_escape(sql: str, path: str | Path, line: int) -> MigrationError:
    return MigrationError(
        "standard_conforming_strings",
        "is switched off, and then strings end elsewhere than this guard reads",
        detail=sql,
        path=path,
        line=line,
        fix="take it out, and write strings with backslashes as E'...'",
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
