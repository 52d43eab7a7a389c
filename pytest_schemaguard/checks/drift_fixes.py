"""The SQL that mends a difference, where one statement does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.models import Name


def fix_of(one: Difference) -> str | None:
    """What makes the database what the models describe; None where that needs a person."""
    template = _FIXES.get(one.kind)
    if one.kind == "nullability":
        template = _FIXES["not-null" if one.expected == "NOT NULL" else "null"]
    wanted = one.expected
    if template is None or (wanted is None and "{wanted}" in template):
        return None
    if wanted == OWN_SEQUENCE:
        return None
    unique, _, on = (wanted or "").partition("ON ")
    return template.format(
        table=_quoted(one.name[:2]),
        name=_quoted(one.name[-1:]),
        index=_quoted((one.name[0], one.name[-1])),
        wanted=wanted,
        unique=unique,
        on=on,
    )


_COLUMN = "ALTER TABLE {table} ALTER COLUMN {name} "
_CONSTRAINTS = ("primary-key", "foreign-key", "unique", "check", "exclusion")
_FIXES = {
    "missing-column": "ALTER TABLE {table} ADD COLUMN {name} {wanted}",
    "type": _COLUMN + "TYPE {wanted}",
    "not-null": _COLUMN + "SET NOT NULL",
    "null": _COLUMN + "DROP NOT NULL",
    "default": _COLUMN + "SET DEFAULT {wanted}",
    "missing-index": "CREATE {unique}INDEX CONCURRENTLY {name} ON {on}",
    "invalid-index": "REINDEX INDEX CONCURRENTLY {index}",
    **{
        f"missing-{kind}": "ALTER TABLE {table} ADD CONSTRAINT {name} {wanted}"
        for kind in _CONSTRAINTS
    },
    **{
        kind: "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {wanted}"
        for kind in _CONSTRAINTS
    },
}


def _quoted(name: Name) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)
