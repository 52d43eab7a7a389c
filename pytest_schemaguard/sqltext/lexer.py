"""PostgreSQL's tokens, as far as it takes to know where a statement ends. Pure.

The rules are those of PostgreSQL's own lexer (src/backend/parser/scan.l). Where
`standard_conforming_strings` is off, a backslash in '...' escapes as it does in E'...': `escapes`.
What a token means is not asked here, only where it ends: a semicolon in a string, a comment or a
dollar-quoted body ends no statement.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal[
    "comment",  # `-- ...` to the line's end, and `/* ... */`
    "string",  # '...', E'...', B'...', X'...', U&'...', with what continues it on later lines
    "dollar",  # $tag$ ... $tag$
    "quoted",  # "identifier", U&"identifier"
    "word",  # a keyword or an identifier without quotes
    "number",
    "param",  # $1
    "operator",
    "symbol",  # any other character
    "meta",  # a line that psql reads itself, such as \restrict
    "test",  # :{?name}
    "end",  # the semicolon that ends a statement
    "data",  # the lines after COPY ... FROM stdin
]


class Token(NamedTuple):
    """A piece of the text: `text[start:end]`."""

    kind: Kind
    start: int
    end: int


class UnterminatedError(Exception):
    """The text ends within a quote or a comment that `position` opens."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(what, position)
        self.what = what
        self.position = position


# Bytes above 127 are letters to PostgreSQL: so is every character above 127 to us.
_LETTER = r"A-Za-z_\x80-\U0010ffff"
_TOKEN = re.compile(
    rf"""
      (?P<space>[ \t\n\r\f\v]+)
    | (?P<comment>--[^\n\r]*)
    | (?P<block_comment>/\*)
    | (?P<escape_string>[eE]')
    | (?P<string>(?:[bBxX]|[uU]&)?')
    | (?P<quoted>(?:[uU]&)?")
    | (?P<dollar>\$(?:[{_LETTER}][{_LETTER}0-9]*)?\$)
    | (?P<param>\$[0-9]+)
    | (?P<word>[{_LETTER}][{_LETTER}0-9$]*)
    | (?P<number>[0-9]+(?:\.[0-9]+)?)
    | (?P<operator>::|:=|[~!@\#^&|`?+\-*/%<>=]+)
    | (?P<symbol>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"[ \t\n\r\f\v]*")
_STRING_REST = re.compile(r"[^']*(?:''[^']*)*'(?!')")
_ESCAPE_STRING_REST = re.compile(r"[^'\\]*(?:(?:''|\\.)[^'\\]*)*'(?!')", re.DOTALL)
_QUOTED_REST = re.compile(r'[^"]*(?:""[^"]*)*"(?!")')
_CONTINUED = re.compile(
    r"[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'",
)
"""Two strings with a line's end between them are one (section 4.1.2.1 of the documentation)."""
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def next_token(text: str, position: int, *, escapes: bool = False) -> Token | None:
    """The first token at or after `position`; None at the text's end.

    `meta`, `test`, `end` and `data` are not made here: they depend on the statement.

    Raises UnterminatedError.
    """
    space = _SPACE.match(text, position)
    assert space is not None
    start = space.end()
    match = _TOKEN.match(text, start)
    if match is None:
        return None
    name = match.lastgroup
    assert name is not None
    if name == "word":  # first, as most tokens are words
        return Token("word", start, match.end())
    if escapes and match[0] == "'":
        name = "escape_string"
    return _whole(text, name, start, match.end())


def _whole(text: str, name: str, start: int, end: int) -> Token:
    """The token whose opening, `text[start:end]`, the pattern `name` found."""
    kind: Kind = "string"
    match name:
        case "comment" | "param" | "number" | "symbol":
            kind = cast("Kind", name)
        case "block_comment":
            kind, end = "comment", _comment_end(text, start)
        case "dollar":
            kind, end = "dollar", _dollar_end(text, start, end)
        case "operator":
            kind, end = "operator", _operator_end(text, start, end)
        case "escape_string":
            end = _escape_string_end(text, start, end)
        case "quoted":
            kind, end = "quoted", _rest(_QUOTED_REST, text, end, start)
        case _:
            end = _rest(_STRING_REST, text, end, start)
    return Token(kind, start, end)


def tokens(text: str) -> Iterator[Token]:
    """The tokens of one statement, without its comments.

    Where its quotes end only if a backslash escapes, it does. What has no end even so is a token up
    to the statement's end: PostgreSQL refuses it.
    """
    found: list[Token] = []
    for escapes in (False, True):
        found.clear()
        try:
            while token := next_token(text, found[-1].end if found else 0, escapes=escapes):
                found.append(token)
            break
        except UnterminatedError as error:
            start = error.position
    else:
        found.append(Token("string", start, len(text)))
    return (token for token in found if token.kind != "comment")


def is_one_statement(text: str) -> bool:
    """Whether PostgreSQL takes it for no more than one statement, or refuses all of it.

    A semicolon may end it. One in parentheses, as rules have them, ends nothing: no statement of
    PostgreSQL's grammar leaves a parenthesis open. Backslashes in '...' escape nothing: the session
    has `standard_conforming_strings` on. What has no end is none.
    """
    depth, ended, position = 0, False, 0
    try:
        while token := next_token(text, position):
            position = token.end
            if token.kind == "comment":
                continue
            symbol = text[token.start : token.end] if token.kind == "symbol" else ""
            depth += (symbol == "(") - (symbol == ")")
            if depth < 0 or (ended and symbol != ";"):
                return False
            ended = ended or (symbol == ";" and not depth)
    except UnterminatedError:
        return False
    return depth == 0


def _rest(pattern: re.Pattern[str], text: str, position: int, start: int) -> int:
    match = pattern.match(text, position)
    if match is None:
        what = "quoted identifier" if pattern is _QUOTED_REST else "string"
        raise UnterminatedError(what, start)
    return match.end()


def _dollar_end(text: str, start: int, end: int) -> int:
    tag = text[start:end]
    close = text.find(tag, end)
    if close < 0:
        raise UnterminatedError(f"dollar-quoted string {tag}", start)
    return close + len(tag)


def _escape_string_end(text: str, start: int, position: int) -> int:
    end = _rest(_ESCAPE_STRING_REST, text, position, start)
    # Where a plain string continues, what follows reads as a string of its own just as well; here
    # the backslashes of the continuation still escape.
    while more := _CONTINUED.match(text, end):
        end = _rest(_ESCAPE_STRING_REST, text, more.end(), start)
    return end


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    raise UnterminatedError("comment", start)


def _operator_end(text: str, start: int, end: int) -> int:
    """An operator ends where a comment begins: `@--` is `@` and a comment."""
    found = [at for at in (text.find("--", start, end), text.find("/*", start, end)) if at >= 0]
    return min([end, *found])
