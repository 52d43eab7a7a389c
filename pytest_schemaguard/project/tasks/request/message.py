"""The configured request as bytes, once as it is and once in another row's name. Pure."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, urlencode

from pytest_schemaguard.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SECRET_NAME = re.compile(
    r"pass|pwd|secret|token|jwt|otp|api[-_]?key|authorization|session_?id|cookie|credential",
    re.IGNORECASE,
)
"""What names of secret values contain."""
_SECRET_VALUE = re.compile(
    rf"""(?P<before>(?<!\w)\w*?(?:{SECRET_NAME.pattern})\w*["']?[ \t]{{0,9}}[:=][ \t]{{0,9}})"""
    r"""(?P<value>"[^"\\]*(?:\\.[^"\\]*)*"|'[^']*'|[^\s,;&}\]]+)""",
    re.IGNORECASE,
)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")
_HASH = re.compile(
    r"\$(?:argon2\w*|2[abxy]|pbkdf2[\w-]*|scrypt|[156y])\$\S+|\b(?:pbkdf2|scrypt):\S+"
)
_LONG = re.compile(r"(?<![\w/.-])(?=(?:[A-Za-z+=-]*\d){3})[A-Za-z\d+=-]{32,}(?![\w/])")
"""Keys: long, with digits, without what words of code and paths have."""
_PARAMETERS = re.compile(r"\[parameters: .*")
"""What SQLAlchemy adds to an error: values of rows."""
EXCERPT = 500
_LONGEST = 20_000
"""Characters of a text that are looked at: far more than is shown."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One HTTP request."""

    method: str
    path: str
    """Percent-encoded, without the query."""
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True, kw_only=True)
class Response:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    raised: BaseException | None = None
    """What the application let through; a server answers 500 in its place."""


def message(request: Mapping[str, Any]) -> Message:
    """The request of the configuration (the fields of config.Request)."""
    path, _, query = str(request.get("path") or "/").partition("?")
    body, kind = b"", None
    if request.get("json") is not None:
        body, kind = json.dumps(request["json"]).encode(), "application/json"
    elif request.get("form") is not None:
        body, kind = urlencode(request["form"]).encode(), "application/x-www-form-urlencoded"
    elif request.get("body") is not None:
        body = request["body"].encode()
    headers = {"User-Agent": "pytest-schemaguard", "Accept": "*/*"}
    if kind is not None:
        headers["Content-Type"] = kind
    if request.get("basic") is not None:
        pair = ":".join(request["basic"]).encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    own = dict(request.get("headers") or {})
    given = {name.lower() for name in own}
    kept = {name: value for name, value in headers.items() if name.lower() not in given}
    return Message(
        method=str(request.get("method") or "POST").upper(),
        path="/" + quote(path.lstrip("/"), safe="/%:@!$&'()*+,;=-._~"),
        query=quote(query, safe="/?%:@!$&'()*+,;=-._~"),
        headers=(*kept.items(), *own.items()),
        body=body,
    )


def substituted(
    request: Mapping[str, Any], pairs: Mapping[str, str], *, passwords: bool = False
) -> dict[str, Any] | None:
    """The request with each pair's second text wherever it says the first; None: it never does.

    Passwords and the like stay, whatever they are, unless `passwords` says that the pairs name
    them too. So does a longer word that contains such a text.
    """
    count = 0
    forms: dict[str, str] = {}
    for spell in (quote_plus, _quoted_whole, str):  # the plain form of one wins
        forms |= {spell(old): spell(new) for old, new in pairs.items()}
    words = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w@.+%-])(?:{words})(?![\w@+%-]|\.\w)")

    def text(value: str) -> str:
        nonlocal count
        made, times = pattern.subn(lambda found: forms[found[0]], value)
        count += times
        return made

    changed = dict(request)
    for key in ("path", "body"):
        if changed.get(key) is not None:
            changed[key] = text(changed[key])
    for key in ("json", "form", "headers"):
        changed[key] = _mapped(changed.get(key), text, passwords=passwords)
    if changed.get("basic") is not None:
        user, password = changed["basic"]
        changed["basic"] = [text(user), text(password) if passwords else password]
    return changed if count else None


def _quoted_whole(text: str) -> str:
    return quote(text, safe="")


def _mapped(value: Any, text: Callable[[str], str], *, passwords: bool) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        made = text(str(value))
        return int(made) if made.isdecimal() else value
    if isinstance(value, list):
        return [_mapped(one, text, passwords=passwords) for one in value]
    if isinstance(value, dict):
        return {
            key: one
            if SECRET_NAME.search(str(key)) and not passwords
            else _mapped(one, text, passwords=passwords)
            for key, one in value.items()
        }
    return value


def secrets(request: Mapping[str, Any]) -> frozenset[str]:
    """The passwords and tokens that the request itself carries."""
    basic = request.get("basic")
    found = {basic[1]} if basic is not None else set()
    for part in ("json", "form", "headers"):
        found |= set(_secret_values(request.get(part)))
    return frozenset(one for one in found if one)


def _secret_values(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _secret_values(one, str(key))
    elif isinstance(value, list):
        for one in value:
            yield from _secret_values(one, name)
    elif isinstance(value, str) and SECRET_NAME.search(name):
        yield value


def cut(text: str, known: frozenset[str], *, limit: int = EXCERPT) -> str:
    """The beginning of a text for people to read, without its secrets."""
    text = _PARAMETERS.sub("", redacted(text, known)[:_LONGEST])
    text = _SECRET_VALUE.sub(_hidden, text)
    for pattern in (_JWT, _HASH, _LONG):
        text = pattern.sub("***", text)
    text = text.strip()
    return text if len(text) <= limit else f"{text[:limit]} ..."


def _hidden(found: re.Match[str]) -> str:
    quoted = found["value"][:1] if found["value"][:1] in "\"'" else ""
    return f"{found['before']}{quoted}***{quoted}"
