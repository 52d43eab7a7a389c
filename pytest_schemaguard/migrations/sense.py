"""What of a migration's file decides what it does: its text without comments and layout. Pure."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.sqltext.statements import scan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DOWNGRADE = "downgrade"


def sense(path: Path, text: bytes, *, without: Iterable[str] = ()) -> object:
    """Values that are equal where two texts of this file say the same.

    Of SQL the tokens without comments; of Python the syntax tree without docstrings, annotations
    and the functions `without`, its imports in any order. Of anything else, and of what cannot be
    read, the whole text.
    """
    plain = text.decode("utf-8-sig", errors="surrogateescape").replace("\r\n", "\n")
    try:
        if path.suffix.lower() == ".sql":
            return _of_sql(plain, path)
        if path.suffix == ".py":
            return _of_python(plain, frozenset(without))
    except (MigrationError, SyntaxError, ValueError, RecursionError):
        pass
    return plain


def revision_in(text: bytes) -> str | None:
    """The id that a revision's file of Alembic gives itself; None: it is no such file."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    for one in body:
        targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
        named = any(isinstance(each, ast.Name) and each.id == "revision" for each in targets)
        value = getattr(one, "value", None)
        if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None


def _of_sql(text: str, path: Path) -> tuple[tuple[str, str], ...]:
    return tuple(
        # PostgreSQL folds what stands without quotes.
        (token.kind, word.lower() if token.kind == "word" else word)
        for token in scan(text, path=path)
        if token.kind != "comment"
        for word in (text[token.start : token.end],)
    )


def _of_python(text: str, without: frozenset[str]) -> tuple[list[str], list[str]]:
    tree = _Bare().visit(ast.parse(text))
    imports, rest = [], []
    for one in tree.body:
        if isinstance(one, (ast.Import, ast.ImportFrom)):
            imports.append(ast.dump(one))
        elif not (isinstance(one, ast.FunctionDef) and one.name in without):
            rest.append(ast.dump(one))
    return sorted(imports), rest


class _Bare(ast.NodeTransformer):
    """Takes off what changes nothing that runs."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            vars(node)["body"] = [one for one in body if not isinstance(one, ast.Pass)]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return ast.Pass() if is_text else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return ast.Assign(targets=[node.target], value=self.visit(node.value))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)
