"""Passwords out of the texts that people read: those that are known, and what is shaped like one.

Pure. The time grows with the length of a text and not with its square: each search moves forward
only, looks at a bounded piece around what it found, and a text of more than LONGEST characters
loses its middle before anything is looked for.
"""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote

from pytest_schemaguard.secret_shapes import values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

HIDDEN = "***"
LONGEST = 300_000
"""Characters of a text that are looked at: nobody reads more than that."""
MARGIN = 4_096
"""Characters beside the cut that go with the middle: half a secret may stand there."""
_SURE_LENGTH = 12
"""A secret this long is replaced wherever it stands; a shorter one where it stands alone."""
_LEAST_LENGTH = 4
_BASE64_LENGTH = 8
"""Characters of base64 that are too many to be there by chance."""

_PASSWORD_NAME = re.compile(r"PASS(?:WORD|WD|PHRASE)?$|(?<=_)PWD$", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"(?:SECRET|TOKEN|(?:API|ACCESS|SECRET|PRIVATE|ENCRYPTION|SIGNING)_?KEY)$", re.IGNORECASE
)
_LEAST_OF_SECRETS = 8
"""Of the values of names that say secret or token: a shorter one is a switch or a number."""
_WORDS = frozenset({"postgres", "postgresql", "password", "true", "false", "none", "null"})
"""Words of the guard's own sentences. As passwords they are found by their place alone."""


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these secrets, in whatever form, and without what looks like a password."""
    if len(text) > LONGEST:
        half = LONGEST // 2
        head, tail = redacted(text[:half], secrets), redacted(text[-half:], secrets)
        cut = f" ... (of {len(text)} characters the middle is left out) ... "
        return head[:-MARGIN] + cut + tail[MARGIN:]
    for one in sorted(set(secrets), key=len, reverse=True):
        text = _without(text, one)
    parts, end = [], 0
    for start, stop in values(text):
        parts += [text[end:start], HIDDEN]
        end = stop
    return "".join([*parts, text[end:]])


def passwords_in(text: str) -> frozenset[str]:
    """The passwords that a text shows by their shape, as they are written there and decoded."""
    found = {text[start:end] for start, end in values(text[:LONGEST])}
    return frozenset(form for one in found for form in (one, unquote(one), one.replace("''", "'")))


def secrets_in(environ: Mapping[str, str]) -> frozenset[str]:
    """The passwords and tokens that these variables hold, by their names or within URLs."""
    found: set[str] = set()
    for name, value in environ.items():
        if _PASSWORD_NAME.search(name) or (
            _SECRET_NAME.search(name) and len(value) >= _LEAST_OF_SECRETS
        ):
            found.add(value)
        for start, end in values(value[:LONGEST]):
            password, user = value[start:end], _user_before(value[:start])
            # Whoever is called as the password is would never be named.
            if unquote(password) != user:
                found |= {password, unquote(password)}
                found |= {basic(user, unquote(password))} if user else set()
    return frozenset(found - {""})


def basic(user: str, password: str) -> str:
    """`user:password` as HTTP's basic authentication encodes it."""
    return base64.b64encode(_bytes(f"{user}:{password}")).decode()


def _user_before(text: str) -> str:
    return unquote(text[:-1].rpartition("//")[2] if text.endswith(":") else "")


def _without(text: str, secret: str) -> str:
    if len(secret) < _LEAST_LENGTH or secret.lower() in _WORDS or set(secret) == {"*"}:
        return text
    core, encoded = _marks(secret)
    for form in encoded:
        text = text.replace(form, HIDDEN)
    if core not in text:
        return text
    long, short = _forms(secret)
    for form in long:
        text = text.replace(form, HIDDEN)
    return text if short is None else short.sub(HIDDEN, text)


@lru_cache(512)
def _marks(secret: str) -> tuple[str, tuple[str, ...]]:
    """What each spelling of it contains, since none changes letters and digits; its base64."""
    runs: list[str] = re.findall(r"[A-Za-z0-9]+", secret)
    core = max(runs, key=len, default="")
    return core if core in unquote(secret) else "", _base64_of(secret)


@lru_cache(512)
def _forms(secret: str) -> tuple[tuple[str, ...], re.Pattern[str] | None]:
    """All its spellings, also one within another: the long ones, and a pattern of the short."""
    spellings = {secret, unquote(secret)}
    if not (secret.isascii() and secret.isalnum()):
        once = {spell(secret) for spell in _SPELLINGS}
        spellings |= once | {spell(one) for one in once for spell in _SPELLINGS}
    by_length = sorted(spellings - {""}, key=lambda one: (-len(one), one))
    long = tuple(one for one in by_length if len(one) >= _SURE_LENGTH)
    short = [_standing_alone(one) for one in by_length if len(one) < _SURE_LENGTH]
    return long, re.compile("|".join(short)) if short else None


def _standing_alone(form: str) -> str:
    # A letter of an escape (%40, \n) before it belongs to no word.
    before = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))" if re.match(r"\w", form) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", form) else ""
    return f"{before}{re.escape(form)}{after}"


def _base64_of(secret: str) -> tuple[str, ...]:
    """How it reads within a longer base64 text: three ways, by the place where it begins.

    The characters that hold bits of its neighbours are not known, and left out.
    """
    found = []
    for shift in range(3):
        raw = b"\0" * shift + _bytes(secret)
        known = base64.b64encode(raw).decode()[-(-shift * 8 // 6) : len(raw) * 8 // 6]
        if len(known) >= _BASE64_LENGTH:
            found += [known, known.translate(str.maketrans("+/", "-_"))]
    return tuple(dict.fromkeys(found))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _percent(text: str) -> str:
    return quote(_bytes(text), safe="")


def _backslashed(text: str) -> str:
    return text.replace("\\", "\\\\")


def _html(text: str, quote: str) -> str:
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return text.replace("'", quote)


def _in_lower_case(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text)


_SPELLINGS: tuple[Callable[[str], str], ...] = (
    _percent,
    lambda text: quote(_bytes(text)),
    lambda text: quote_plus(_bytes(text)),
    lambda text: _in_lower_case(_percent(text)),
    lambda text: _in_lower_case(quote_plus(_bytes(text))),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: repr(text)[1:-1],
    lambda text: repr(text + "\"'")[1:-1].removesuffix("\"\\'"),  # where the text holds both quotes
    lambda text: ascii(text)[1:-1],
    lambda text: repr(_bytes(text))[2:-1],
    lambda text: text.replace("'", "''"),  # SQL
    lambda text: _backslashed(text).replace("'", "''"),  # SQL, E''
    lambda text: _backslashed(text).replace("'", "\\'"),  # libpq's keywords, E''
    lambda text: text.replace("'", "'\"'\"'"),  # sh
    lambda text: _html(text, "&#x27;"),
    lambda text: _html(text, "&#39;"),
)
