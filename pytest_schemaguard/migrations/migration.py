"""What a migration is: a pure value that every source makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - codec.py reads it


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
