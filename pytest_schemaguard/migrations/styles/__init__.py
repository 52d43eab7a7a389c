"""Styles of SQL folders: how a tool lays out its files. A new one is a file here and a line below.

Each has a docstring that explains the style to users and one function,
`migrations(folder, *, root, transaction) -> tuple[Migration, ...]` (see Style in folder.py). One
file may hold both directions of a migration: see Script.

This file is the list, which the configuration reads too: it imports nothing of the guard.
"""

from __future__ import annotations

STYLES = {
    "plain": f"{__name__}.plain",
}
"""Their modules, by the names that the configuration knows; the first is the default."""
APART = "give each way a file of its own: x.up.sql and x.down.sql"
LATER = dict.fromkeys(("dbmate", "goose"), APART)
"""Those that this version does not serve, and what to do instead."""
