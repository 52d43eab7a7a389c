"""Where migrations come from: one file a source, one protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_schemaguard.migration import Migration


class Source(Protocol):
    """What migrates: a folder of SQL today."""

    def migrations(self) -> tuple[Migration, ...]:
        """All migrations in the order in which they run. Raises MigrationError."""


def shown(path: Path, root: Path | None) -> str:
    """The path as people read it: relative to `root` where it is inside."""
    if root is not None and path.is_relative_to(root):
        return str(path.relative_to(root))
    return str(path)
