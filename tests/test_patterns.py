"""Every regular expression of the package takes time that grows with its text, and not faster."""

from __future__ import annotations

import ast
import contextlib
import importlib
import pkgutil
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_schemaguard

if TYPE_CHECKING:
    from collections.abc import Iterator

SEARCHING = {"search", "sub", "subn", "split", "findall", "finditer"}
ROOT = Path(pytest_schemaguard.__file__).parent
PIECES = (
    *"a1_ '\"`$\\/:.,;=()[]{}<>@#%&*+-?!|\n\t",
    "a:",
    "a.",
    "a-",
    "a=",
    "a ",
    "a,",
    '"a"',
    '""',
    "''",
    "\\'",
    "$a$",
    "://a:",
    "a@b:",
    "/*",
    "--",
    "-- ",
    "E'",
    "1.",
    "1-",
    "(1)",
    "((",
    "a(",
    '"a".',
    " = ",
    "password=",
    "password ",
    "eyJa.",
    "CHECK (",
    "COPY a, line ",
    "LINE 1: ",
    " USING (",
    'File "a", line 1',
    "  File a\n",
    "Fatal Python error: \nCurrent thread (most recent call first):\n",
)
LENGTHS = (30, 300, 6_000)
LIMIT_S = 0.2
"""6,000 characters take a millisecond at most; with their square it would be most of a second."""
ELSEWHERE = {
    "catalog.fetch._OF_USERS": "the guard's own SQL",
    "catalog.choices._STEADY": "matched at one place, where it is linear",
    "live.comparable._ITEM": "blanks end an item, which has two names of 63 bytes",
    "secret_shapes._BEFORE": "in a window before a match",
    "secret_shapes._OPTION": "in a window before a match",
    "secret_shapes._OWNER": "in a window before a match",
    "secret_shapes._CLOSING": "in a window behind a match",
    "project.tasks.request.message._LONG": "in a text of 20,000 characters at the most",
}
"""Patterns that see no long text from outside, and why."""


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Those that the modules hold, and the literals of calls such as `re.match`."""
    for module in pkgutil.walk_packages([str(ROOT)], "pytest_schemaguard."):
        if ".tasks.alembic.run" in module.name:
            continue
        path = ROOT.parent / (module.name.replace(".", "/") + ".py")
        if module.ispkg:
            path = path.with_suffix("") / "__init__.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr != "compile"  # those have a name
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                continue
            # The others are tried from the text's beginning alone, as they are used.
            begin = r"\A" if node.func.attr in {"match", "fullmatch"} else ""
            pattern = re.compile(f"{begin}(?:{node.args[0].value!s})", _flags(node))
            yield f"{module.name}:{node.lineno}", pattern
        for name, value in vars(importlib.import_module(module.name)).items():
            full = f"{module.name}.{name}"
            known = full.partition(".")[2] in ELSEWHERE
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str) and not known:
                yield full, value


def _searching() -> set[tuple[str, str]]:
    """Module and name of each pattern that is used to search; the others are matched at a place."""
    found = set()
    for path in ROOT.rglob("*.py"):
        module = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in SEARCHING:
                value = node.value
                name = value.id if isinstance(value, ast.Name) else getattr(value, "attr", "")
                found.add((module if name.startswith("_") else "", name))
    return found


def _flags(call: ast.Call) -> int:
    named = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    return sum(getattr(re, name) for name in ("DOTALL", "MULTILINE", "IGNORECASE") if name in named)


FOUND = dict(patterns())
SEARCHED = _searching()


def test_patterns_are_found() -> None:
    assert "pytest_schemaguard.secret_shapes._NAME" in FOUND
    assert any(name.startswith("pytest_schemaguard.migrations.since:") for name in FOUND)
    assert len(FOUND) > 100


class TooLongError(Exception):
    pass


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Ends a search by its processor time; `re` looks for signals while it searches."""

    def end(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize("name", sorted(FOUND))
def test_no_text_takes_it_long(name: str) -> None:
    pattern = FOUND[name]
    # One that is only matched at one place need not be linear from every other.
    module, _, own = name.rpartition(".")
    is_searched = not own or (module if own.startswith("_") else "", own) in SEARCHED
    begins = ("", *re.findall(r"[A-Za-z$'\" ]{2,}", pattern.pattern)[:3])
    for length in LENGTHS:
        for piece in PIECES:
            for begin in begins:
                text = begin + piece * (length // len(piece)) + "\0"
                try:
                    with limited():
                        (pattern.search if is_searched else pattern.match)(text)
                except TooLongError:
                    pytest.fail(f"{begin!r}, then {piece!r} up to {length} characters")
