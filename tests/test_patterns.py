"""Every regular expression of the package takes time that grows with its text, and not faster."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_schemaguard

if TYPE_CHECKING:
    from collections.abc import Iterator

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
LENGTHS = (300, 3_000, 30_000)
LIMIT_S = 0.5
"""30,000 characters take some milliseconds; with their square it would be many seconds."""


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
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                continue
            yield f"{module.name}:{node.lineno}", re.compile(str(node.args[0].value), _flags(node))
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield f"{module.name}.{name}", value


def _flags(call: ast.Call) -> int:
    named = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    return sum(getattr(re, name) for name in ("DOTALL", "MULTILINE", "IGNORECASE") if name in named)


FOUND = dict(patterns())


def test_patterns_are_found() -> None:
    assert "pytest_schemaguard.secret_shapes._NAME" in FOUND
    assert any(name.startswith("pytest_schemaguard.since:") for name in FOUND)
    assert len(FOUND) > 100


@pytest.mark.parametrize("name", sorted(FOUND))
def test_no_text_takes_it_long(name: str) -> None:
    pattern = FOUND[name]
    begins = ("", *re.findall(r"[A-Za-z$'\" ]{2,}", pattern.pattern)[:3])
    for length in LENGTHS:
        for piece in PIECES:
            for begin in begins:
                text = begin + piece * (length // len(piece)) + "\0"
                began = time.thread_time()
                pattern.search(text)
                assert time.thread_time() - began < LIMIT_S, (begin, piece, length)
