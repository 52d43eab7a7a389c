"""Whether a migration fails because of rows, and whether any row would do. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_schemaguard.catalog.snapshot import Name
    from pytest_schemaguard.migrations.file_run import FileRun

UNFILLED = "unfilled"
"""The note that names the tables in which no row could be made."""
_OF_VALUES = ("21", "22", "23", "44", "P0")
"""The classes of what values, and how many there are of them, can cause: a query of one row that
finds several, data exceptions, constraints, WITH CHECK OPTION, and what a function raises itself.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_NOT_NULL = "23502"
_QUOTED = re.compile(r'["«„]([^"»“]+)["»“]')
"""A name in a message, as the languages of PostgreSQL quote it."""


def hangs_on_rows(run: FileRun) -> bool:
    """Whether it may not have failed on other rows."""
    return run.error is not None and run.error.sqlstate.startswith(_OF_VALUES)


def names_of(run: FileRun) -> tuple[str, ...]:
    """What the error's message names, in its order."""
    return () if run.error is None else tuple(_QUOTED.findall(run.error.message))


def fails_on_every_row(run: FileRun, columns: Collection[Name]) -> bool:
    """Whether it adds a column that no row has a value for, to a table that has rows.

    `columns` are those that were there before: in one of these, a NULL is a matter of the values.
    """
    if run.error is None or run.error.sqlstate != _NOT_NULL:
        return False
    column, table, *_ = *names_of(run), "", ""
    return bool(table) and not any(name[1:] == (table, column) for name in columns)
