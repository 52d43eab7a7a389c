"""Imports run one way, counting those inside functions and those for types alone."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pytest_schemaguard"
FLOORS = (
    "plugin cli | reports | live | checks | guard | evidence | expected scenarios"
    " | rows baseline migrations | project wire | catalog servers | configuration sqltext"
)
"""From above; whatever is not named is a pure file below them all."""
LISTS = {f"{PACKAGE.name}.checks", f"{PACKAGE.name}.migrations.styles"}
"""They import nothing of what they list: those below read its names in them."""


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


MODULES = {_name(path): path for path in PACKAGE.rglob("*.py")}
FLOOR = {room: place for place, floor in enumerate(FLOORS.split("|")) for room in floor.split()}


def _imports(path: Path) -> set[str]:
    """The modules of the package that the file imports, anywhere in it."""
    nodes = ast.walk(ast.parse(path.read_bytes()))
    found = [one for one in nodes if isinstance(one, ast.ImportFrom) and one.module in MODULES]
    full = {(one.module, f"{one.module}.{name.name}") for one in found for name in one.names}
    return {name if name in MODULES else str(module) for module, name in full}


GRAPH = {name: _imports(path) - {name} for name, path in MODULES.items()}


def test_no_module_imports_itself_by_way_of_others() -> None:
    TopologicalSorter(GRAPH).prepare()  # CycleError names the circle


def test_imports_run_from_the_upper_floors_to_the_lower_ones() -> None:
    below = len(FLOOR)

    def floor(name: str) -> int:
        room = name.split(".")[1] if "." in name and name not in LISTS else ""
        return FLOOR.get(room, below)

    assert [(a, b) for a in GRAPH for b in GRAPH[a] if floor(a) > floor(b)] == []
