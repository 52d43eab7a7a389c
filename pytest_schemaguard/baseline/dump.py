"""What pg_dump's statements ask for: which roles they name, and who may run them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pytest_schemaguard.sqltext.identifiers import in_quotes
from pytest_schemaguard.sqltext.lexer import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_schemaguard.sqltext.statements import Statement


@dataclass(frozen=True, kw_only=True)
class Word:
    """A token of a statement, with what it names."""

    text: str
    """Lowered when unquoted, and without its quotes otherwise."""
    bare: bool
    """Without quotes: it may be a keyword."""
    depth: int
    """Of parentheses around it."""
    start: int
    end: int

    def is_(self, *keywords: str) -> bool:
        return self.bare and self.text in keywords


class Naming(Enum):
    """In what part a statement names a role."""

    OWNER = "it is to own what the statement alters or makes"
    SESSION = "the session is to become it"
    DEFAULTS = "what it will make gets the privileges"
    OTHER = "it is granted something, or a policy or a user mapping is for it"


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A role that a statement names."""

    role: str
    naming: Naming
    start: int
    end: int


class Route(Enum):
    """Who runs a statement of a dump, so that all it makes belongs to the owner role.

    A superuser runs nothing by which the dump could run code of its own as one: no function in a
    language that reaches out of the database, no grant on what PostgreSQL keeps from others, no
    cast of PostgreSQL's own types by a function, no validator.
    """

    OWNER = "the owner"
    OWNER_THEN_ADMIN = "the owner, and the admin where PostgreSQL wants a superuser"
    ADMIN = "the admin"
    ADMIN_AT_THE_END = "the admin, after everything else: until then no event trigger is fired"
    SETTING = "the owner: a setting of the session"
    GRANT = "the owner, who may give away what is the owner's"
    DEFAULTS = "the owner, as the role whose default privileges the statement alters"
    SKIP = "nobody"
    LEAVE_OUT = "nobody, which is told"
    REFUSE = "nobody: it reaches beyond the database"


def words(sql: str) -> tuple[Word, ...]:
    """The statement's tokens, with the depth of their parentheses."""
    found = []
    depth = 0
    for token in tokens(sql):
        text = sql[token.start : token.end]
        if text == ")":
            depth -= 1
        bare = token.kind not in {"quoted", "string", "dollar"}
        found.append(
            Word(
                text=text.lower() if bare else _unquoted(text),
                bare=bare,
                depth=depth,
                start=token.start,
                end=token.end,
            )
        )
        if text == "(":
            depth += 1
    return tuple(found)


def mentions(sql: str) -> tuple[Mention, ...]:
    """The roles that one statement names, without PUBLIC, CURRENT_USER and their like."""
    all_words = words(sql)
    level = [word for word in all_words if word.depth == 0]
    head = _head(level)
    found: list[Mention] = []
    if head[:1] == ["alter"] and len(level) > 2 and _are(level[-3:-1], "owner", "to"):  # noqa: PLR2004 - OWNER TO x
        found = _roles(level[-1:], Naming.OWNER)
    elif head[:3] == ["alter", "default", "privileges"]:
        found = _roles(
            _after(level, "for", "role") or _after(level, "for", "user"), Naming.DEFAULTS
        )
        found += _grantees(level)
    elif head[:1] in (["grant"], ["revoke"]):
        found = _grantees(level)
    elif head[:2] in (["create", "policy"], ["alter", "policy"]) and not _after(level, "rename"):
        found = _roles(_after(level, "to"), Naming.OTHER)
    elif head[:3] in (["create", "user", "mapping"], ["alter", "user", "mapping"]):
        found = _roles(_after(level, "for"), Naming.OTHER)
    elif head[:2] == ["create", "schema"]:
        found = _roles(_after(level, "authorization"), Naming.OWNER)
    elif head[:1] == ["set"]:
        role = _after(level, "role") or _after(level, "session", "authorization")
        found = _roles(role, Naming.SESSION)
    return tuple(found)


def roles(statements: Iterable[Statement]) -> frozenset[str]:
    """The roles that a dump names, whatever for."""
    return frozenset(
        mention.role
        for statement in statements
        if statement.kind == "sql"
        for mention in mentions(statement.sql)
    )


def rows_alone(statements: Iterable[Statement]) -> Statement | None:
    """The first that loads rows, where no statement makes anything they could go to."""
    sent = [one for one in statements if one.kind != "meta" and words(one.sql)]
    if any(words(one.sql)[0].is_("create", "do", "call", "import") for one in sent):
        return None
    loads = (one for one in sent if one.data is not None or words(one.sql)[0].is_("insert"))
    return next(loads, None)


def route(statement: Statement) -> Route:
    """Who is to run it."""
    if statement.kind == "meta":
        return Route.SKIP
    level = [word for word in words(statement.sql) if word.depth == 0]
    head = _head(level)
    text = " ".join(head)
    if head[:1] in (["grant"], ["revoke"]):
        return _route_of_grant(level)
    if _BEYOND.match(text):
        return Route.REFUSE
    if _LEFT_OUT.match(text) or (head[:1] == ["alter"] and _are(level[-3:-1], "owner", "to")):
        return Route.SKIP
    by_default = Route.OWNER_THEN_ADMIN if _may_be_a_superuser_s(text, level) else Route.OWNER
    return next((answer for pattern, answer in _ROUTES if pattern.match(text)), by_default)


def _route_of_grant(level: list[Word]) -> Route:
    on = _after(level, "on")
    if not on or on[0].is_("database", "tablespace", "parameter"):
        return Route.REFUSE
    # Before 15 it is the bootstrap superuser's.
    if on[0].is_("schema") and [one.text for one in on[1:2]] == ["public"] and on[2:3]:
        return Route.ADMIN if on[2].is_("to", "from") else Route.GRANT
    return Route.GRANT


def _may_be_a_superuser_s(text: str, level: list[Word]) -> bool:
    """Whether PostgreSQL may want one, and a superuser who runs it calls no code of the dump's."""
    if _HARMLESS.match(text):
        return True
    if text.startswith("create cast"):
        return not _after(level, "with", "function")
    calls = _after(level, "handler") or _after(level, "inline") or _after(level, "validator")
    return bool(_UNLESS_IT_CALLS.match(text)) and not calls


def owned_after(sql: str, role: str) -> str | None:
    """What makes the role, spelled as SQL does, the owner of what this CREATE made; None: nothing.

    Of what a superuser may have made for a dump, these are what others can own.
    """
    level = [word for word in words(sql) if word.depth == 0 and not word.is_(*_FILLERS)]
    kind = [word.text for word in level[1:3]]
    if kind[:1] == ["server"]:
        return f"ALTER SERVER {in_quotes(level[2].text)} OWNER TO {role}"
    if kind in (["operator", "class"], ["operator", "family"]):
        name = [level[3], *(level[5:6] if level[4].text == "." else [])]
        using = _after(level, "using")
        spelled = in_quotes(*(one.text for one in name))
        return (
            f"ALTER OPERATOR {kind[1].upper()} {spelled} USING {in_quotes(using[0].text)}"
            f" OWNER TO {role}"
        )
    return None


def creates_schema_public(sql: str) -> bool:
    return _head(list(words(sql)))[:3] == ["create", "schema", "public"]


def without_authorization(sql: str) -> str:
    """CREATE SCHEMA x AUTHORIZATION y as CREATE SCHEMA x: it belongs to whoever runs it."""
    level = words(sql)
    if _head(list(level))[:2] != ["create", "schema"]:
        return sql
    place = next((i for i, word in enumerate(level) if word.is_("authorization")), None)
    if place is None or place + 1 >= len(level):
        return sql
    role = level[place + 1]
    # Without a name of its own the schema is called as the role is.
    name = in_quotes(role.text) if level[place - 1].is_("schema", "exists") else ""
    return f"{sql[: level[place].start]}{name}{sql[role.end :]}".rstrip()


_BEYOND = re.compile(
    r"(?:create|alter|drop) (?:role|user(?! mapping)|group|database|tablespace)\b|alter system\b"
    r"|(?:rollback|abort)\b|drop owned\b|reassign owned\b"
)
_LEFT_OUT = re.compile(
    # Ownership stays with the owner; what the file puts into a transaction is loaded without one,
    # since two sessions load it; production's tablespaces are not here.
    r"(?:set|reset) (?:session |local )*(?:role|session authorization|authorization"
    r"|default_tablespace)\b"
    r"|(?:begin|start transaction|commit|end)\b"
)
_ROUTES = (
    (
        re.compile(
            r"(?:create|alter|drop|comment on) subscription\b"
            r"|comment on (?:database|role|tablespace)\b"
        ),
        Route.LEAVE_OUT,
    ),
    (re.compile(r"alter default privileges\b"), Route.DEFAULTS),
    (re.compile(r"(?:set|reset)\b|select (?:pg_catalog \. )?set_config\b"), Route.SETTING),
    (re.compile(r"alter event trigger\b"), Route.ADMIN_AT_THE_END),
    (
        re.compile(r"comment on\b|alter (?:publication|operator family)\b"),
        Route.OWNER_THEN_ADMIN,
    ),
)
_HARMLESS = re.compile(
    r"create (?:access method|event trigger|extension|operator (?:class|family)|publication"
    r"|server)\b"
)
_UNLESS_IT_CALLS = re.compile(r"create (?:(?:procedural )?language|foreign data wrapper)\b")
_FILLERS = frozenset({"or", "replace", "trusted", "temp", "temporary", "if", "not", "exists"})
_PSEUDO_ROLES = frozenset(
    {"public", "current_role", "current_user", "session_user", "none", "default", "user"}
)
_HEAD = 6


def _head(level: list[Word]) -> list[str]:
    """The statement's first words, without OR REPLACE, IF NOT EXISTS and their like."""
    return [word.text for word in level[:_HEAD] if not (word.bare and word.text in _FILLERS)]


def _are(some: list[Word], *keywords: str) -> bool:
    return len(some) == len(keywords) and all(
        word.is_(keyword) for word, keyword in zip(some, keywords, strict=True)
    )


def _after(level: list[Word], *keywords: str) -> list[Word]:
    """What follows the first place where these keywords stand one after another."""
    for start in range(len(level) - len(keywords) + 1):
        end = start + len(keywords)
        if _are(level[start:end], *keywords):
            return level[end:]
    return []


def _grantees(level: list[Word]) -> list[Mention]:
    """Whom GRANT ... TO and REVOKE ... FROM name, the keyword being the last of its kind."""
    keyword = "to" if any(word.is_("grant") for word in level[:1]) else "from"
    if any(word.is_("default") for word in level[:2]):
        keyword = "to" if not _after(level, "revoke") else "from"
    rest = level
    while more := _after(rest, keyword):
        rest = more
    return _roles(rest, Naming.OTHER) if rest is not level else []


def _roles(rest: list[Word], naming: Naming) -> list[Mention]:
    """The roles of a list `a, GROUP b, ...` that `rest` begins with."""
    found = []
    for word in rest:
        if word.is_(",", "group", "=", "to"):
            continue
        if not (word.bare and word.text in _PSEUDO_ROLES):
            found.append(Mention(role=word.text, naming=naming, start=word.start, end=word.end))
        following = rest[rest.index(word) + 1 :][:1]
        if not (following and following[0].is_(",")):
            break
    return found


def _unquoted(text: str) -> str:
    quote = text[-1:]
    if quote not in {'"', "'"}:
        return text
    return text[text.index(quote) + 1 : -1].replace(quote * 2, quote)
