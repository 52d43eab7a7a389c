"""What a migration is: pure values that every source makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - codec.py reads it


@dataclass(frozen=True, kw_only=True)
class Script:
    """One direction of a migration, up or down: what runs, and where it stands."""

    path: Path
    """The file, absolute."""
    line: int | None = None
    """Where in the file it begins; None: it is the whole file, or nobody knows."""
    sql: str | None = field(default=None, repr=False)
    """The file's text, with only its line ends where something else stands, so that each line of it
    is the file's. None where a tool reads the file itself."""
    one_transaction: bool = False
    """Whether all of it runs in one transaction that the file does not begin itself."""
    needs_one: tuple[str, int] | None = None
    """What works in a transaction alone, such as `LOCK`, and its line, where that decides so."""

    @property
    def content(self) -> bytes:
        """What decides what it does, for the states' keys."""
        text = self.path.read_bytes() if self.sql is None else self.sql.encode()
        return bytes([self.one_transaction]) + text


def part(text: str, start: int, end: int) -> str:
    """The `sql` of a Script that stands from `start` to `end` in a file of this text."""
    return "\n" * text.count("\n", 0, start) + text[start:end]


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One migration, in the order in which its source gives it."""

    revision: str
    """Its id: for SQL files the file's name without `.up.sql` or `.sql`."""
    up: Script
    down: Script | None = None
    """The downgrade, where there is one; it may stand in the same file."""
    others: tuple[Path, ...] = ()
    """Further files, where one run applies them all."""
    joins: bool = False
    """Whether it is there to join branches of the history, and may do nothing else."""

    @property
    def path(self) -> Path:
        """The file that it is known by: the one that goes up."""
        return self.up.path

    @property
    def files(self) -> frozenset[Path]:
        scripts = (one.path for one in (self.up, self.down) if one is not None)
        return frozenset({*scripts, *self.others})
