"""What the models describe and PostgreSQL, or SQLAlchemy, does not make. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Finding, Severity
from pytest_schemaguard.sqltext.identifiers import LONGEST_NAME, cut, quoted, unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_schemaguard.evidence.comparison import Comparison
    from pytest_schemaguard.project.answers.models import Models, Name, Place

_SHOWN = 5
"""Objects named of those that fall with another."""
_BYTES = f"PostgreSQL keeps {LONGEST_NAME} bytes of a name"
_FIXES = (
    (r"^column .* already exists", "give one of the two columns another name"),
    (r"constraint .* already exists", "give one of the two constraints another name"),
    (
        r"relation .* already exists",
        "give one of the two another name: tables, indexes and sequences of a schema share theirs",
    ),
    (
        r'no unique constraint matching given keys for referenced table "(?P<name>.+)"',
        "make what it refers to in {name} unique=True, or refer to its primary key",
    ),
    (
        r"could not find table '(?P<name>.+?)'",
        "import the module that defines {name} with the other models{unimported}",
    ),
    (r"has no column named", "name a column that the table has"),
    (
        r"must be marked IMMUTABLE|generation expression is not immutable",
        "use functions that depend on their arguments alone, on no setting such as the time zone",
    ),
    (r"exceeds maximum length of", f"give it a shorter name: {_BYTES}"),
    (r"the models define two of this name", "give one of the two another name, or define it once"),
    (
        r"can't render element of type (?P<name>\w+)",
        'use a type of PostgreSQL: ....with_variant(..., "postgresql")',
    ),
    (
        r"has no default operator class for access|operator class .* does not accept",
        "name an operator class, or an access method, that knows its type",
    ),
    (
        r"^(?:type|function|collation|schema|access method|operator class) .* does not exist",
        "make it before the models' tables: in a migration, or in `prepare`",
    ),
    (r"^column .* does not exist", "name a column by its name in the database"),
    (r"is not (?:associated with|bound to) any table", "name its columns, or take it away"),
    (r"asks the database", "let it only execute DDL, or take what it makes into a migration"),
    (r"[Cc]ircular dependency", "give one of the foreign keys use_alter=True and a name"),
)
_NEEDS = re.compile(r'(?P<kind>relation|type|table) "(?P<name>.+)" does not exist')
_NEEDS_COLUMN = re.compile(r'column "(?P<name>.+?)" .*does not exist')


def refusals(comparison: Comparison, models: Models) -> Iterator[Finding]:
    """Each object at fault; what falls with it is told with it, and is not compared either."""
    causes = {name: _cause(name, comparison.refused) for name in comparison.refused}
    for name, why in comparison.refused.items():
        if causes[name] is not None:
            continue
        fallen = [other for other, cause in causes.items() if cause == name]
        place = models.places.get(name) or models.places.get(name[:2])
        by = "SQLAlchemy" if models.unrendered.get(name) == why else "PostgreSQL"
        yield Finding(
            code="drift.refused",
            severity=Severity.ERROR,
            subject=".".join(name),
            message=f"{where(place, name)}, but {by} does not make it: {why}\n{_lost(fallen)}",
            fix=_fix(name, why, models),
            path=place.path if place else None,
            line=place.line if place else None,
        )


def where(place: Place | None, name: Name) -> str:
    """`in the model User.mail (app/models.py:8)`: the attribute where it is not the column's."""
    if place is None:
        return "in the models"
    who = f"in the model {place.model}" if place.model else "in the table's model"
    if place.model and place.attribute not in {None, name[-1]}:
        who += f".{place.attribute}"
    return f"{who} ({place.path}:{place.line})"


def _lost(fallen: list[Name]) -> str:
    if not fallen:
        return "it is not compared"
    shown = ", ".join(".".join(one) for one in fallen[:_SHOWN])
    more = f" and {len(fallen) - _SHOWN} more" if len(fallen) > _SHOWN else ""
    return f"it is not compared, nor what needs it: {shown}{more}"


def _cause(name: Name, refused: Mapping[Name, str]) -> Name | None:
    """What else of the models has to be mended first; None: the fault is its own."""
    seen = [name]
    while (needed := _needed(seen[-1], refused)) is not None:
        if needed in seen:  # each needs the other
            return None
        seen.append(needed)
    return seen[-1] if len(seen) > 1 else None


def _needed(name: Name, refused: Mapping[Name, str]) -> Name | None:
    if len(name) > len(name[:2]) and name[:2] in refused:
        return name[:2]
    why = refused[name]
    thing, column = _NEEDS.search(why), _NEEDS_COLUMN.search(why)
    for other in refused:
        if other == name:
            continue
        if thing is not None and thing["name"] in _spellings(other):
            return other
        if column is not None and other == (*name[:2], unquoted(column["name"])):
            return other
        together = other[-1].startswith("(metadata") or other[:2] == name[:2]
        if together and refused[other] == why and [*refused].index(other) < [*refused].index(name):
            return other
    return None


def _spellings(name: Name) -> set[str]:
    """As PostgreSQL's messages name it."""
    kept = [cut(part) for part in name]
    return {kept[-1], quoted(*kept), ".".join(kept)}


def _fix(name: Name, why: str, models: Models) -> str:
    statement = next((one.sql for one in models.ddl if one.name == name), "")
    if re.search(r"\(\s*\)$", statement) and "INDEX" in statement:
        return "name its columns, or take it away"
    for pattern, fix in _FIXES:
        found = re.search(pattern, why)
        if found is None:
            continue
        needed = found.groupdict().get("name") or ""
        if " two columns " in fix and len(name[-1].encode()) > LONGEST_NAME:
            fix = f"{fix}: {_BYTES}"  # noqa: PLW2901 - the same words, and why
        return fix.format(name=needed, unimported=_unimported(needed, models))
    return "mend the model, or make what it needs in a migration or in `prepare`"


def _unimported(table: str, models: Models) -> str:
    names = {table, table.rpartition(".")[2]}
    found = [module for module, tables in models.unimported.items() if names & {*tables}]
    return f": {', '.join(found)}" if found else ""
