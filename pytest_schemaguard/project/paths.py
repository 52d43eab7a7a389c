"""The paths of the project's own files."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def is_own(file: str, root: Path) -> bool:
    """Whether the file is the project's own, and no library's."""
    path = Path(file).resolve()
    if file.startswith("<"):  # frozen, or made up
        return False
    return path.is_relative_to(root) and not {"site-packages", "dist-packages"} & set(path.parts)


@cache
def relative(path: str | None, root: Path) -> str | None:
    """As people read it: relative to the configuration's folder when inside it."""
    if path is None:
        return None
    full = Path(path).resolve()
    return str(full.relative_to(root) if full.is_relative_to(root) else full)
