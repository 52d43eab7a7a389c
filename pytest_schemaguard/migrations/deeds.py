"""Whether the statements of a run did anything, as far as they themselves tell. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.migrations.verbs import verb
from pytest_schemaguard.version_tables import names_version_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.migrations.losses import Kept
    from pytest_schemaguard.wire.wire import Statement


@dataclass(frozen=True, kw_only=True)
class Deeds:
    """What is known without a look at the database."""

    something: bool = True
    """Whether a statement was kept that does something wherever it is run."""
    perhaps: bool = False
    """Whether only the database can tell."""
    rows_wanted: bool = False
    """Whether rows or sequences were to be changed, so that others may be there to be changed."""
    blocks: bool = False
    """Whether a DO or a CALL was among them, which may have looked for rows to change."""


def deeds(kept: Sequence[Kept], sent: Sequence[Statement]) -> Deeds:
    """Of a run that sent these, and of which these writes were kept."""
    made_and_dropped = {"create", "drop"} <= {verb(one.sql) for one in kept if not one.notices}
    if any(_does_something(one, in_vain=made_and_dropped) for one in kept):
        return Deeds()
    ran = {verb(one.sql) for one in sent}
    return Deeds(
        something=False,
        perhaps=bool(kept) or not ran.isdisjoint(_ASK),
        rows_wanted=any(_NO_ROW.fullmatch(one.tag) for one in kept)
        or any(_SETVAL.search(one.sql) or _looks_for_rows(one.sql) for one in sent),
        blocks=not ran.isdisjoint({"do", "call"}),
    )


def _does_something(one: Kept, *, in_vain: bool) -> bool:
    """Whether it does so wherever it is run; `in_vain`: something that was made may be dropped.

    What a migration tool notes of its own run is nothing that the migration did.
    """
    if names_version_table(one.sql) or _NO_ROW.fullmatch(one.tag):
        return False
    word = one.tag.partition(" ")[0] or verb(one.sql).upper()
    if word in _MAY_SKIP:  # IF [NOT] EXISTS, and what was granted already
        unsure = word == "ALTER" or (in_vain and word in {"CREATE", "DROP"})
        return not one.notices and (not unsure or bool(_SHARED.match(one.tag)))
    return word not in _UNSURE


def _looks_for_rows(sql: str) -> bool:
    """Whether it reads a table, perhaps to change what it finds there."""
    return (
        verb(sql) in {"select", "with"}
        and _FROM_A_TABLE.search(sql) is not None
        and not names_version_table(sql)
    )


_FROM_A_TABLE = re.compile(r'\bfrom\s+(?!"?(?:pg_|information_schema))["\w]', re.IGNORECASE)
_NO_ROW = re.compile(r"(?:INSERT 0|UPDATE|DELETE|MERGE) 0")
_MAY_SKIP = frozenset({"CREATE", "DROP", "ALTER", "GRANT", "REVOKE"})
_SHARED = re.compile(r"[A-Z]+ (?:DATABASE|ROLE|SYSTEM|TABLESPACE|SUBSCRIPTION)")
"""What is of the server is not read."""
_UNSURE = frozenset({"CALL", "COPY", "DO", "EXPLAIN", "SELECT", "TRUNCATE"})
_ASK = frozenset({"select", "with", "values", "table", "execute", "fetch", "explain"})
"""They may call a function that writes."""
_SETVAL = re.compile(r"\bsetval\b", re.IGNORECASE)
