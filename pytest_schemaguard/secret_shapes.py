"""Where a text shows what is shaped like a password: in URLs, settings, SQL, headers. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

DATABASE_SCHEMES = (
    "postgres|postgresql|postgis|pgsql|psql|cockroachdb|cockroach|redshift|timescale|timescaledb"
    "|mysql|mysqlgis|mariadb|mssql|mssqlms|oracle|oraclegis|db2|ibm_db_sa|snowflake|sqlite"
    "|spatialite|firebird|sybase|hana|mongodb"
)

# Every piece that is looked at around a find is bounded by these, in characters.
_USER = 128
_PASSWORD = 300
_SCHEME = 40
_STATEMENT = 300


def values(text: str) -> list[Span]:
    """The places of the secret values in the text, in their order, none within another."""
    found: list[Span] = []
    # The text in lower case is only looked into for words that begin a shape.
    lower = text.lower()
    if "@" in text:
        found += _of_urls(text)
        found += [one.span("secret") for one in _USER_INFO.finditer(text)]
    if any(word in lower for word in _WORDS):
        found += _of_names(text)
    for words, pattern in _OTHERS:
        if words in lower:
            found += [one.span("secret") for one in pattern.finditer(text)]
    return _merged(found)


def _merged(found: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(found):
        if start >= end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


# scheme://user:password@host

_BEGIN = re.compile(r":\\{0,4}/\\{0,4}/")
"""JSON may write a slash with a backslash."""
_BEFORE = re.compile(r"(?P<quote>\\{0,8}[\"'`])?(?P<scheme>[A-Za-z][\w+.-]*)?\Z")
_NAME_BEFORE = re.compile(rf"[^:/\s\"'`<>]{{0,{_USER}}}:")
_IS_DATABASE = re.compile(rf"(?:[\w.-]*:)?(?:{DATABASE_SCHEMES})(?:\+\w+)?\Z", re.IGNORECASE)
_PORT = re.compile(r"\d{1,5}(?=[/?#\s\"'`<>,;)\]]|\Z)")
_TOKEN = re.compile(r"[^\s\"'`<>]*")
_BEFORE_HOST = re.compile(r"@(?=[\w\[/.%-])")


def _of_urls(text: str) -> Iterator[Span]:
    """A password may hold `/ ? # @ :` and quotes, since SQLAlchemy takes them in its URLs."""
    place = 0
    while True:
        at = text.find("@", place)
        if at < 0:
            return
        begin = _BEGIN.search(text, max(place, at - _USER - _PASSWORD - 1), at)
        if begin is None:
            place = at + 1
            continue
        found = _of_url(text, begin)
        if found is None:
            place = begin.end()
        else:
            yield found
            place = found[1]


def _of_url(text: str, begin: re.Match[str]) -> Span | None:
    user = _NAME_BEFORE.match(text, begin.end())
    if user is None:
        return None
    before = _BEFORE.search(text[max(0, begin.start() - _SCHEME) : begin.start()])
    assert before is not None  # it may be empty
    start = user.end()
    window = text[start : start + _PASSWORD].partition("\n")[0]
    token = _TOKEN.match(window)
    assert token is not None
    in_token = window.rfind("@", 0, token.end())
    is_port = _PORT.match(window) is not None
    if not _IS_DATABASE.match(before["scheme"] or "") or is_port:
        if is_port and not _IS_DATABASE.match(before["scheme"] or ""):
            return None  # http://host:8080/@name
        return (start, start + in_token) if in_token >= 0 else None
    other = _BEGIN.search(window)
    whole = window if other is None else window[: other.start()]
    quoted = whole.partition(before["quote"])[0] if before["quote"] else whole
    for part in (quoted, whole):
        ends = [one.start() for one in _BEFORE_HOST.finditer(part)]
        if ends:
            return start, start + ends[-1]
    return (start, start + in_token) if in_token >= 0 else None


_USER_INFO = re.compile(
    rf"(?<![\w/:@.+%-])[\w.+%-]{{1,{_USER}}}:"
    rf"(?P<secret>[^\s:@/\"'\\][^\s@\"']{{0,{_PASSWORD}}})@(?!sha256:)"
    r"(?=[\w.\[-][\w.\]-]{0,100}[:/])"
)
"""`user:password@host/database`, a URL without its beginning."""


# password = ..., "password": ..., PASSWORD '...'

_WORDS = ("pass", "pwd", "secret", "token", "key", "credential")
_NAME = re.compile(
    r"(?:(?P<sure>passw(?:or)?d|passphrase)"
    r"|(?<![a-z])(?:pass|pwd|passcode|secret|token|credentials?"
    r"|(?:api|access|secret|private|encryption|signing)[_-]?key))(?:_?\d{1,3})?(?!\w)",
    re.IGNORECASE,
)
_OWNER = re.compile(r"(?P<quote>[\"'`]?)(?P<dot>(?:.*\.)?)[\w-]*\Z", re.DOTALL)
_SEPARATED = re.compile(
    r"(?P<closed>\\{0,8}[\"'`])?\]?\s{0,20}(?P<sign>=>|:=|==|=|:)(?P<gap>\s{0,20})"
    r"(?:\(\s{0,5})?(?:u&(?=['\"])|[brunef]{1,2}(?=\\{0,8}['\"]))?",
    re.IGNORECASE,
)
_SPACED = re.compile(
    r"[\"`]?(?:\s{1,100}|--[^\n]{0,200}\n|/\*.{0,200}?\*/){0,10}(?:u&(?=')|[en](?='))?",
    re.IGNORECASE | re.DOTALL,
)
"""Between SQL's PASSWORD and its literal."""
_OPENING = re.compile(r"(?P<slashes>\\{0,8})(?P<quote>[\"'`])")
_DOLLAR = re.compile(r"\$(?:[^\W\d]\w{0,62})?\$")
_QUOTED = {
    "'": re.compile(r"'(?P<secret>[^'\\]*(?:(?:\\.|'')[^'\\]*)*)'", re.DOTALL),
    '"': re.compile(r'"(?P<secret>[^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL),
    "`": re.compile(r"`(?P<secret>[^`]*)`"),
}
_CONTINUED = re.compile(r"'(?:\s{0,100}\n\s{0,100}|\"'\")(?=')")
"""SQL joins literals on several lines; a shell's way to write a quote."""
_BARE = re.compile(r"[^\s&\\]*(?:\\.[^\s&\\]*)*")
_CLOSING = re.compile(r"[\])},;'\"]+\Z")
_NUMBER = re.compile(r"\d{1,100}")
_NO_SECRET = re.compile(
    r"(?:null|none|nil|true|false|default|\*+|\$\d+|%s|%\(\w+\)s|:\w+|\?"
    r"|(?:excluded|new|old)\.\w+)[,;)\]}]*\Z",
    re.IGNORECASE,
)
_CALL = re.compile(r"[A-Za-z_][\w.]*\s?[(\[]")
_ROLE = re.compile(r"\b(?:create|alter)\s+(?:role|user|group)\b[^;]*\Z", re.IGNORECASE)
_VALUE_OF_ROLE = re.compile(
    r"(?!(?:null|authentication|for|is|was|must|has|cannot|encrypted|too|check|policy)\b)"
    r"(?:\"[^\"\n]{1,200}\"|[^\s;,'\"]{1,200})",
    re.IGNORECASE,
)
_OPTION = re.compile(r"--[\w-]*\Z")
_ARGUMENT = re.compile(r"[ \t]{1,20}(?P<secret>[^\s-][^\s'\"]*)")
"""`--password secret` on a command line."""
_JOINED = re.compile(r"'\s{0,20}\|\|\s{0,20}(?P<secret>[^;\n]*)")


def _of_names(text: str) -> Iterator[Span]:
    place = 0
    while (name := _NAME.search(text, place)) is not None:
        found = _of_name(text, name)
        place = name.end()
        if found is not None:
            yield found
            place = max(place, found[1])


def _of_name(text: str, name: re.Match[str]) -> Span | None:
    said = _SEPARATED.match(text, name.end())
    if said is not None:
        quoted = _quoted(text, said.end())
        in_quotes = said["closed"] is not None
        if quoted is not None:
            # `public.user.password: 'x'` is a sentence about a column.
            is_sentence = said["sign"] == ":" and not in_quotes and _is_member(text, name)
            return None if is_sentence else quoted
        return _bare(text, name, said)
    if name["sure"] is None:
        return None
    option = _OPTION.search(text[max(0, name.start() - _SCHEME) : name.start()])
    argument = _ARGUMENT.match(text, name.end()) if option else None
    return _of_sql(text, name) if argument is None else argument.span("secret")


def _is_member(text: str, name: re.Match[str]) -> bool:
    owner = _OWNER.search(text[max(0, name.start() - _SCHEME) : name.start()])
    return owner is not None and bool(owner["dot"])


def _bare(text: str, name: re.Match[str], said: re.Match[str]) -> Span | None:
    start = said.end()
    if said["sign"] == ":":
        number = _NUMBER.match(text, start) if said["closed"] else None
        return None if number is None else number.span()
    is_variable = name.group().isupper()
    if said["sign"] != "=" or "\n" in said["gap"] or not (name["sure"] or is_variable):
        return None
    bare = _BARE.match(text, start)
    assert bare is not None
    is_spaced = bool(said["gap"])
    if _NO_SECRET.match(bare.group()) or (is_spaced and _CALL.match(text, start)):
        return None
    closing = _CLOSING.search(bare.group()[-_STATEMENT:])
    rest = 0 if closing is None else len(closing.group())
    return (start, bare.end() - rest) if rest < len(bare.group()) else bare.span()


def _of_sql(text: str, name: re.Match[str]) -> Span | None:
    """`PASSWORD '...'` of CREATE ROLE, of a user mapping's and a subscription's options."""
    spaced = _SPACED.match(text, name.end())
    assert spaced is not None  # it may be empty
    place = spaced.end()
    if text.startswith("'", place):
        if place == name.end() and _is_quoted(text, name):
            return None  # 'password' as a word
        joined = _JOINED.match(text, place)
        if joined is not None:  # the quote ends what EXECUTE is given
            return joined.span("secret")
        return _quoted(text, place)
    dollar = _DOLLAR.match(text, place)
    if dollar is not None:
        end = text.find(dollar.group(), dollar.end())
        return dollar.end(), end if end >= 0 else len(text)
    statement = text[max(0, name.start() - _STATEMENT) : name.start()]
    if place > name.end() and _ROLE.search(statement):
        value = _VALUE_OF_ROLE.match(text, place)
        return None if value is None else value.span()
    return None


def _is_quoted(text: str, name: re.Match[str]) -> bool:
    owner = _OWNER.search(text[max(0, name.start() - _SCHEME) : name.start()])
    return owner is not None and owner["quote"] == "'"


def _quoted(text: str, place: int) -> Span | None:
    """What a literal at this place holds, to the text's end where it does not end; None: none."""
    opening = _OPENING.match(text, place)
    if opening is None:
        return None
    start = opening.end()
    if opening["slashes"]:  # a literal within a literal
        return start, _end(text, opening.group(), start)
    doubled = text.startswith("'", start) and opening["quote"] == "'"
    after = text[start + 1 : start + 2]
    is_within = text.count("'", max(0, place - _STATEMENT), place) % 2 == 1
    if doubled and after != "'" and (is_within or after not in {"", *" \t\n,;)]}&:|"}):
        end = _end(text, "''", start + 1)  # ''...'' within a literal of SQL
        while text.startswith("''''", end):
            end = _end(text, "''", end + 4)
        return start + 1, end
    whole = _QUOTED[opening["quote"]].match(text, place)
    if whole is None:
        return start, len(text)
    end = whole.end("secret")
    while (more := _CONTINUED.match(text, end)) is not None:
        whole = _QUOTED["'"].match(text, more.end())
        end = len(text) if whole is None else whole.end("secret")
    return start, end


def _end(text: str, quote: str, start: int) -> int:
    end = text.find(quote, start)
    while end > 0 and text[end - 1] == "\\":
        end = text.find(quote, end + 1)
    return end if end >= 0 else len(text)


_OTHERS = (
    (
        "authorization",
        re.compile(
            r"authorization\\{0,4}[\"']?\s{0,10}[:=]\s{0,10}\[?\\{0,4}[\"']?"
            r"(?:(?:basic|bearer|digest|token|apikey|negotiate)\s{1,5})?"
            r"(?P<secret>[^\s\"'\\,;)}\]]{8,})",
            re.IGNORECASE,
        ),
    ),
    ("bearer", re.compile(r"\bbearer\s{1,5}(?P<secret>[\w.~+/=-]{20,})", re.IGNORECASE)),
    ("scram-sha-256$", re.compile(r"SCRAM-SHA-256\$(?P<secret>\d+:[^\s\"']+)")),
    ("md5", re.compile(r"(?<![^\W_])md5(?P<secret>[0-9a-f]{32})(?!\w)")),
    # libpq cuts the line where the error stands: the word before a literal may be gone.
    ("line ", re.compile(r"^LINE \d+: \.\.\.(?P<secret>[^\n]*['$][^\n]*)", re.MULTILINE)),
)
"""A word in lower case without which the pattern finds nothing, and the pattern."""
