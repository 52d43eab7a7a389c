"""What a migration is: a pure value that every source makes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One migration, in the order in which its source gives it."""

    revision: str
    """Its id: for SQL files the file's name without `.up.sql` or `.sql`."""
    path: Path
    """The file that goes up, absolute."""
    line: int | None = None
    """Where in the file it is written, where that is not the whole file."""
    down: Path | None = None
    """The file that goes down again, where there is one; it may be the same."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, which `from_json` reads."""
        down = None if self.down is None else str(self.down)
        return {**asdict(self), "path": str(self.path), "down": down}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Migration:
        down = values["down"]
        return cls(
            **{**values, "path": Path(values["path"]), "down": None if down is None else Path(down)}
        )
