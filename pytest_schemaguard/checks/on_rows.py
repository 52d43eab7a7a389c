"""What the checks of a migration have in common about rows. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.scenarios.changes import RowChange, SequenceChange
    from pytest_schemaguard.scenarios.states import State

_QUOTED = re.compile(r'"((?:[^"]|"")+)"')
_WORD = re.compile(r"[^\W\d][\w$]*")


def names_in(migration: Migration) -> frozenset[str]:
    """All words of its scripts that may name something, as PostgreSQL reads them.

    Each word counts as it is written too: in Python double quotes stand around a whole statement.
    """
    scripts = [one for one in (migration.up, migration.down) if one is not None]
    text = "\n".join(one.content.decode(errors="replace") for one in scripts)
    quoted = {one.replace('""', '"') for one in _QUOTED.findall(text)}
    words = set(_WORD.findall(text))
    return frozenset(quoted | words | {one.lower() for one in words})


def is_of_triggers(change: RowChange, names: frozenset[str]) -> bool:
    """Whether rows were only added, to a table that the migration does not name."""
    return change.only_added and change.table[-1] not in names


def unfilled(state: State, names: frozenset[str]) -> str | None:
    """What is to be said of tables of the migration without a row; None: it has none."""
    empty = {table: why for table, why in state.refused.items() if table[-1] in names}
    if not empty:
        return None
    told = "\n".join(f"{'.'.join(table)}: {why}" for table, why in sorted(empty.items()))
    these = ", ".join(".".join(table) for table in sorted(empty))
    return (
        f"{these}: no row was there to look at, and the guard could make none\n{told}\n"
        f"  next: name a file with rows for it in `seed`, or in `exclude` what needs no look"
    )


def unread_rows(tables: Sequence[str]) -> str | None:
    """What is to be said of tables whose rows the guard could not read; None: there are none."""
    if not tables:
        return None
    names = ", ".join(tables)
    return (
        f"the rows of {names} were not compared: the role that runs the migrations may not read "
        f"them\n  next: GRANT SELECT ON TABLE {names} TO PUBLIC in `prepare`, or name the table in "
        "`exclude`"
    )


def set_back(change: SequenceChange, verb: str) -> str:
    """What a sequence does that gives numbers again; `verb` is who sets it back, and how."""
    before = "nothing more" if change.before is None else change.before
    message = f"{verb}: nextval would have given {before} before, and gives {change.after} after\n"
    if not change.refusals:
        return message + "it gives numbers again that were given before"
    one = change.refusals[0]
    return message + (
        f"an INSERT that draws {one.at} fails with 23505 (duplicate key): "
        f"{'.'.join(one.column)} has it"
    )
