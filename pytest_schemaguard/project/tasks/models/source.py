"""A module's source as the places of what it writes: classes, their attributes, calls."""

from __future__ import annotations

import ast
import importlib.util
import sys
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = frozenset(
    {
        "Table",
        "Index",
        "UniqueConstraint",
        "CheckConstraint",
        "ForeignKeyConstraint",
        "PrimaryKeyConstraint",
        "ExcludeConstraint",
        "ForeignKey",
        "Sequence",
    }
)
NAME_FIRST = frozenset({"Table", "Index", "Sequence"})
"""Calls whose first argument is the name; the others say `name=`."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that makes a table, a constraint or an index."""

    kind: str
    line: int
    name: str | None
    """None where it is not written as a constant."""
    schema: str | None = None
    texts: tuple[str, ...] = ()
    """The constants among its arguments after the name: columns, mostly."""
    columns: dict[str, int] = field(default_factory=dict)
    """For a Table: the line of each Column by its name."""
    inner: tuple[Call, ...] = ()
    """For a Table: the calls among its arguments."""


@dataclass(frozen=True, kw_only=True)
class Class:
    qualname: str
    line: int
    attributes: dict[str, int]
    """The line on which its body first writes each name."""
    calls: tuple[Call, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    path: str
    names: dict[str, int]
    """The line on which the module first writes each name of its own."""
    classes: tuple[Class, ...]
    calls: tuple[Call, ...]
    """All of the module's, those inside classes and functions included."""

    def find_class(self, qualname: str, line: int | None) -> Class | None:
        """The class of this name, which one in each branch of an `if` may have.

        Of several the one at the line, which Python tells from 3.13 on, else the last.
        """
        found = self._by_name.get(qualname, [])
        exact = [one for one in found if one.line == line] or found
        return exact[-1] if exact else None

    def calls_for(self, kind: str) -> list[Call]:
        """Those that can have made something of this kind: a ForeignKey makes its constraint."""
        if kind not in self._by_kind:
            self._by_kind[kind] = [one for one in self.calls if one.kind in {kind, "ForeignKey"}]
        return self._by_kind[kind]

    @cached_property
    def _by_kind(self) -> dict[str, list[Call]]:
        return {}

    @cached_property
    def tables(self) -> dict[str, list[Call]]:
        """The calls of Table by the name that they write."""
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            if call.kind == "Table" and call.name is not None:
                found.setdefault(call.name, []).append(call)
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[Class]]:
        found: dict[str, list[Class]] = {}
        for one in self.classes:
            found.setdefault(one.qualname, []).append(one)
        return found


@cache
def source_of(module: str) -> Source | None:
    """The source of a loaded module; None where it has none that can be read.

    SQLAlchemy's own classes are everyone's bases, and write nothing of the model.
    """
    if module.partition(".")[0] in {"sqlalchemy", "typing"}:
        return None
    path = getattr(sys.modules.get(module), "__file__", None)
    if not path or not path.endswith(".py"):
        return None
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a module's __file__ is text
            text = importlib.util.decode_source(file.read())
        tree = ast.parse(text)
    except (OSError, SyntaxError, UnicodeDecodeError):  # made up, or changed since its import
        return None
    return Source(
        path=path,
        names=_names(tree.body),
        classes=tuple(_classes(tree, "")),
        calls=tuple(_calls(tree)),
    )


def _classes(node: ast.AST, prefix: str) -> Iterator[Class]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            qualname = f"{prefix}{child.name}"
            yield Class(
                qualname=qualname,
                line=child.lineno,
                attributes=_names(child.body),
                calls=tuple(_calls(child)),
            )
            yield from _classes(child, f"{qualname}.")
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _classes(child, f"{prefix}{child.name}.<locals>.")
        elif not isinstance(child, ast.expr):
            yield from _classes(child, prefix)


def _names(body: list[ast.stmt]) -> dict[str, int]:
    found: dict[str, int] = {}
    for statement in _statements(body):
        names: list[str] = []
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = [statement.name]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names = [statement.target.id]
        elif isinstance(statement, ast.Assign):
            names = [one.id for one in statement.targets if isinstance(one, ast.Name)]
        for name in names:
            found.setdefault(name, statement.lineno)
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """A body's statements, also those below `if` (TYPE_CHECKING, a version) and `try`."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)):
            yield from _statements([*statement.body, *statement.orelse])
        if isinstance(statement, ast.Try):
            for handler in statement.handlers:
                yield from _statements(handler.body)


def _calls(node: ast.AST) -> Iterator[Call]:
    for child in ast.walk(node):
        if isinstance(child, ast.Call) and _function(child) in KINDS:
            yield _call(child)


def _call(node: ast.Call) -> Call:
    kind = _function(node)
    keywords = {one.arg: one.value for one in node.keywords if one.arg}
    texts = [text for argument in node.args for text in _texts(argument)]
    name = _text(keywords.get("name"))
    if kind in NAME_FIRST and node.args:
        name = _text(node.args[0])
        texts = texts[1:] if name is not None else texts
    return Call(
        kind=kind,
        line=node.lineno,
        name=name,
        schema=_text(keywords.get("schema")),
        texts=tuple(texts),
        columns=dict(_columns(node)) if kind == "Table" else {},
        inner=tuple(one for argument in node.args for one in _calls(argument) if kind == "Table"),
    )


def _columns(table: ast.Call) -> Iterator[tuple[str, int]]:
    for argument in table.args:
        for child in ast.walk(argument):
            if isinstance(child, ast.Call) and _function(child) == "Column" and child.args:
                name = _text(child.args[0])
                if name is not None:
                    yield name, child.lineno


def _function(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, (ast.List, ast.Tuple)):
        return [text for one in node.elts for text in _texts(one)]
    text = _text(node)
    return [] if text is None else [text]


def _text(node: ast.expr | None) -> str | None:
    """A constant, also `conv("name")` and `op.f("name")`."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
