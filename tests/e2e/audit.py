"""What a superuser's sessions sent to a server whose log has every statement."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATEMENT = re.compile(
    r"\S+ \S+ \S+ \[\d+\] \w{5} (?P<user>.*?)@(?P<database>\S*) LOG:  statement: (?P<sql>.*)",
    re.DOTALL,
)
_FILES = {
    path.read_text(encoding="utf-8").strip(): path.name
    for path in Path(catalog.__file__).parent.glob("*.sql")
}
_NAME = re.compile(r'"(?:[^"]|"")*"')
_TEXT = re.compile(r"'(?:[^']|'')*'")
_NUMBER = re.compile(r"\b\d+\b")


def lines(log: str) -> Iterator[str]:
    """Each with the lines that go on with it: those begin with a tab (elog.c)."""
    whole: list[str] = []
    for line in log.split("\n"):  # splitlines() would split at characters within a statement
        if not line.startswith("\t") and whole:
            yield "\n".join(whole)
            whole = []
        whole.append(line.removeprefix("\t") if whole else line)
    yield "\n".join(whole)


def sent(log: str, user: str) -> Iterator[str]:
    """Each statement of the user, in its order."""
    for line in lines(log):
        found = _STATEMENT.fullmatch(line)
        if found and found["user"] == user:
            yield found["sql"]


def shape(sql: str) -> str:
    """The statement without its names, texts and numbers; a file of the catalog's by its name."""
    if sql.strip() in _FILES:
        return _FILES[sql.strip()]
    plain = _NUMBER.sub("N", _TEXT.sub("'s'", _NAME.sub('"n"', " ".join(sql.split()))))
    return "; ".join(dict.fromkeys(plain.split("; ")))
