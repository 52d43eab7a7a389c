"""What a difference from the migrations means that no model could tell of. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.checks.drift.meanings import Meaning, is_told, meaning_of
from pytest_schemaguard.findings import Severity

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.diff import Difference

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_GRANTS = "a role is refused what the migrations let it do (InsufficientPrivilege)"
_MISSING = {
    "schema": (_ERROR, "every query of what is in it fails (UndefinedTable)"),
    "row-security": (_ERROR, "rows are seen that its policies hide"),
    "policy": (_ERROR, "rows are hidden that it lets through, or seen that it keeps away"),
    "trigger": (_ERROR, "a write does not do what it is there to do"),
    "rule": (_ERROR, "a query does not do what it is there to do"),
    "function": (_ERROR, "a call of it fails (UndefinedFunction)"),
    "composite-type": (_ERROR, "every query that names the type fails (UndefinedObject)"),
    "extension": (_ERROR, "its types and functions are not there"),
    "privileges": (_ERROR, _GRANTS),
    "statistics": (_WARNING, "queries that it would serve may be planned badly"),
    "publication": (_WARNING, "those who subscribe to it get nothing"),
    "event-trigger": (_WARNING, "DDL does not do what it is there to do"),
    "replica-identity": (_WARNING, "those who subscribe to the table get other keys"),
    "unpopulated": (_INFO, "it can be selected from"),
}
_CHANGED = {
    "row-security": (_ERROR, "its policies hold for others than the migrations say"),
    "policy": (_ERROR, "other rows are seen, or let in"),
    "trigger": (_ERROR, "a write does something else"),
    "rule": (_ERROR, "a query does something else"),
    "function": (_WARNING, "a call of it does something else"),
    "composite-type": (_ERROR, "its values have other parts"),
    "extension": (_INFO, "another version of it"),
    "privileges": (_ERROR, _GRANTS),
}
_EXTRA = {
    "unpopulated": (_ERROR, "a SELECT of it fails until REFRESH MATERIALIZED VIEW has run"),
    "privileges": (_INFO, "roles may do more than the migrations let them"),
    "row-security": (_ERROR, "rows can be hidden that the migrations show"),
    "policy": (_WARNING, "other rows can be seen, or let in"),
    "trigger": (_WARNING, "a write does more than the migrations say"),
    "rule": (_WARNING, "a query does something else than the migrations say"),
    "replica-identity": (_WARNING, "those who subscribe to the table get other keys"),
}
_UNSEEN = frozenset({"comment", "clustered", "column-storage", "not-null"})
"""What has no effect on any query's result."""
_SHORT = frozenset({"privileges", "extension", "replica-identity"})
"""Those whose text is worth a place on the line."""
_ANY_MISSING = (_ERROR, "what uses it fails")
_ANY_CHANGED = (_WARNING, "what uses it can do something else")
_ANY_EXTRA = (_INFO, "nothing of the migrations uses it")


def meaning_of_migrated(one: Difference, *, fills_itself: bool) -> Meaning:
    """The meaning of a difference between what the migrations make and a database in use."""
    bare = one.kind.removeprefix("missing-").removeprefix("extra-")
    if is_told(one) and bare not in {*_MISSING, *_UNSEEN}:
        known = meaning_of(one, fills_itself=fills_itself)
        return Meaning(
            known.severity, known.fact.replace("in no model", "in no migration"), known.consequence
        )
    if bare in _UNSEEN:
        fact = "{where} {expected}, in the database {actual}"
        return Meaning(_INFO, f"{bare.replace('-', ' ')} {fact}", "no query sees it")
    what = bare.replace("-", " ")
    said = f"{what} {{expected}}" if bare in _SHORT else what
    if one.kind.startswith("missing-"):
        severity, consequence = _MISSING.get(bare, _ANY_MISSING)
        return Meaning(severity, f"{said} {{where}}, missing in the database", consequence)
    if one.kind.startswith("extra-"):
        severity, consequence = _EXTRA.get(bare, _ANY_EXTRA)
        said = said.replace("expected", "actual")
        return Meaning(severity, f"{said} in the database, but in no migration", consequence)
    severity, consequence = _CHANGED.get(bare, _ANY_CHANGED)
    if bare == "privileges" and _granted(one.expected) <= _granted(one.actual):
        severity, consequence = _EXTRA[bare]
    fact = f"the {what} {{where}}: {{expected}}; in the database: {{actual}}"
    if "\n" in f"{one.expected}{one.actual}":  # a body: the report has it
        fact = f"another {what} than {{where}}"
    return Meaning(severity, fact, consequence)


def _granted(items: str | None) -> set[str]:
    """`reader=r` for each letter of `reader=rw`."""
    found = set()
    for item in (items or "").split(" "):
        grantee, _, privileges = item.rpartition("=")
        found |= {f"{grantee}={one}" for one in privileges}
    return found
