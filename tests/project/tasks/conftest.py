"""Small projects on disk, imported into this process and forgotten after each test."""

from __future__ import annotations

import importlib
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Mapper

from pytest_schemaguard.project.child import inside
from pytest_schemaguard.project.child.inside import Inside
from pytest_schemaguard.project.tasks.models import read as models_task
from pytest_schemaguard.project.tasks.models.source import source_of
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.answers.models import Models


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Writes `{path: text}` below the project's folder, which is on sys.path."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def files(texts: dict[str, str]) -> Path:
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        return tmp_path

    before = set(sys.modules)
    mapped: list[Mapper[Any]] = []

    def remember(mapper: Mapper[Any], _: type) -> None:
        mapped.append(mapper)

    event.listen(Mapper, "after_mapper_constructed", remember)
    yield files
    event.remove(Mapper, "after_mapper_constructed", remember)
    for mapper in mapped:  # and no other: clear_mappers() would forget those of other tests
        mapper.registry.dispose(cascade=True)
    source_of.cache_clear()
    own = {path.stem for path in tmp_path.iterdir() if path.is_dir() or path.suffix == ".py"}
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in own:
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def read(write: Callable[..., Path]) -> Callable[..., Models]:
    """Writes a project and answers what its models say."""

    def models(texts: dict[str, str] | str, *entries: str | None, **arguments: Any) -> Models:
        """Without entries of `models:Base`; with None as the only one of none at all."""
        root = write({"models.py": texts} if isinstance(texts, str) else texts)
        named = [entry for entry in entries or ["models:Base"] if entry is not None]
        value = models_task.run({"models": named, "root": str(root), **arguments})
        return through_json(value)

    return models


@pytest.fixture
def on_alembic(
    database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Makes this process the project's side of a fresh database; an Alembic source there."""
    here = Inside(
        address=database,
        root=tmp_path,
        folder=tmp_path,
        ports=(),
        ask=bool,
        tell=lambda _text: None,
    )
    monkeypatch.setattr(inside, "_here", [here])

    def source(ini: str = "alembic.ini") -> dict[str, Any]:
        return {
            "ini": str(tmp_path / ini),
            "function": None,
            "section": "alembic",
            "target": "heads",
        }

    return source
