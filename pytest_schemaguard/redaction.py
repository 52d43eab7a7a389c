"""Passwords out of the texts that people read. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PASSWORD_NAME = re.compile(r"PASS(?:WORD|WD)?$", re.IGNORECASE)

_PASSWORD_IN_URL = re.compile(
    r"(?P<before>[a-z][\w+.-]*://[^\s:/@]*):(?P<password>[^\s/@]+)@", re.IGNORECASE
)
_PASSWORD_IN_DSN = re.compile(
    r"(?P<before>password\s*=\s*)(?P<password>'[^']*'|[^\s'&,;)]+)", re.IGNORECASE
)
_SURE_LENGTH = 12
"""A secret this long is replaced wherever it stands; a shorter one where it stands alone."""
_LEAST_LENGTH = 4


def secrets_in(environ: Mapping[str, str]) -> frozenset[str]:
    """The passwords that the variables hold, by their names or within URLs."""
    found = set()
    for name, value in environ.items():
        if _PASSWORD_NAME.search(name):
            found.add(value)
        for pattern in (_PASSWORD_IN_URL, _PASSWORD_IN_DSN):
            found.update(one["password"].strip("'") for one in pattern.finditer(value))
    return frozenset(found)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, and without what looks like a password in a URL or a DSN."""
    text = _PASSWORD_IN_URL.sub(r"\g<before>:***@", text)
    text = _PASSWORD_IN_DSN.sub(r"\g<before>***", text)
    forms = {form for one in secrets for form in (one, unquote(one), quote(one, safe=""))}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= _SURE_LENGTH:
            text = text.replace(form, "***")
        elif len(form) >= _LEAST_LENGTH:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "***", text)
    return text
