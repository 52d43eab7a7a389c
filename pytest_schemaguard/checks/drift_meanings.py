"""What a difference of two catalogs means to the application: how bad, and in which words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE
from pytest_schemaguard.findings import Severity

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.diff import Difference


@dataclass(frozen=True)
class Meaning:
    """What a kind of difference means to the application."""

    severity: Severity
    fact: str
    consequence: str


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_MISSING = "{where}, missing in the database"
_MISSING_PART = "{where} {expected}, missing in the database"
_EXTRA = "in the database ({actual}), but in no model"
_CHANGED = "{where} {expected}, in the database {actual}"
_RENAMED = "{where} called {expected}, in the database {actual}"
_REFUSED = "rows that the model allows are refused"
_DOUBLED = "doubled rows are let in"
_REORDERED = "the same rows are refused; queries by its first column may scan the whole table"
_REFUSED_VALUE = "an INSERT that gives it a value fails (GeneratedAlways)"

_MEANINGS = {
    "missing-table": Meaning(_ERROR, _MISSING, "every query for {model} fails (UndefinedTable)"),
    "extra-table": Meaning(
        _WARNING, "in the database, but in no model", "is a module of the models not imported?"
    ),
    "relation-kind": Meaning(_ERROR, _CHANGED, "what the models describe cannot be there"),
    "unlogged": Meaning(_INFO, _CHANGED, "its rows outlive a crash"),
    "unlogged: gained": Meaning(_WARNING, _CHANGED, "it is empty after a crash"),
    "partitioning": Meaning(_WARNING, _CHANGED, "rows without a partition for them are refused"),
    "inheritance": Meaning(_WARNING, _CHANGED, "a SELECT of a parent sees other rows"),
    "storage": Meaning(_INFO, _CHANGED, "no query sees it"),
    "view": Meaning(_WARNING, _CHANGED, "a SELECT can return something else"),
    "missing-domain": Meaning(
        _ERROR, _MISSING_PART, "every query that names the type fails (UndefinedObject)"
    ),
    "extra-domain": Meaning(_INFO, _EXTRA, "no query of a model uses it"),
    "domain": Meaning(_ERROR, _CHANGED, "other values than the model's are let in"),
    "missing-sequence": Meaning(
        _ERROR, _MISSING, "an INSERT of {model} that draws from it fails (UndefinedTable)"
    ),
    "sequence": Meaning(_WARNING, _CHANGED, "it counts otherwise"),
    "sequence-owner": Meaning(
        _INFO, "{where} owned by {expected}, in the database by {actual}", "it goes with its owner"
    ),
    "comment": Meaning(_INFO, _CHANGED, "no query sees it"),
    "missing-column": Meaning(_ERROR, _MISSING, "every query for {model} fails (UndefinedColumn)"),
    "extra-column": Meaning(_INFO, _EXTRA, "an INSERT of {model} leaves it to its default"),
    "extra-column: required": Meaning(
        _ERROR,
        _EXTRA,
        "every INSERT of {model} fails (NotNullViolation): it is NOT NULL and has no default",
    ),
    "type": Meaning(
        _ERROR, _CHANGED, "values that {model} writes can be refused, cut or read as another type"
    ),
    "type: wider": Meaning(
        _WARNING, _CHANGED, "all values of the model fit; others that it would not allow do too"
    ),
    "nullability: lost": Meaning(_ERROR, _CHANGED, "rows without a value are let in"),
    "nullability: gained": Meaning(
        _ERROR, _CHANGED, "an INSERT without a value, which the model allows, fails"
    ),
    "default: lost": Meaning(_WARNING, _CHANGED, "an INSERT that leaves it out stores NULL"),
    "default: lost, required": Meaning(
        _ERROR, _CHANGED, "an INSERT that leaves it out fails (NotNullViolation)"
    ),
    "default: gained": Meaning(_WARNING, _CHANGED, "the model does not know of it"),
    "default: another": Meaning(_WARNING, _CHANGED, "rows that leave it out get another value"),
    "default: not owned": Meaning(
        _INFO, _CHANGED, "the same to every INSERT; the sequence stays when the table is dropped"
    ),
    "serial-or-identity": Meaning(_INFO, _CHANGED, "both draw the value from an own sequence"),
    "serial-or-identity: strict": Meaning(_WARNING, _CHANGED, _REFUSED_VALUE),
    "identity": Meaning(_WARNING, _CHANGED, "the values that it draws are others"),
    "identity: lost": Meaning(_WARNING, _CHANGED, "an INSERT that leaves it out draws no value"),
    "identity: lost, required": Meaning(
        _ERROR, _CHANGED, "an INSERT that leaves it out fails (NotNullViolation)"
    ),
    "identity: gained": Meaning(_WARNING, _CHANGED, "the model does not know of it"),
    "identity: gained, strict": Meaning(_ERROR, _CHANGED, _REFUSED_VALUE),
    "identity: strict": Meaning(_WARNING, _CHANGED, _REFUSED_VALUE),
    "identity: lenient": Meaning(_INFO, _CHANGED, "an INSERT may give it a value too"),
    "generated": Meaning(_ERROR, _CHANGED, "its values are not those that the model says"),
    "generated: lost": Meaning(_ERROR, _CHANGED, "nothing fills it: {model} does not write it"),
    "generated: gained": Meaning(_ERROR, _CHANGED, _REFUSED_VALUE),
    "collation": Meaning(_WARNING, _CHANGED, "rows are ordered and compared otherwise"),
    "missing-primary-key": Meaning(
        _ERROR, _MISSING_PART, "two rows can have the key by which {model} finds one"
    ),
    "missing-foreign-key": Meaning(
        _ERROR, _MISSING_PART, "rows can refer to what is not there, and are left behind on delete"
    ),
    "missing-unique": Meaning(_ERROR, _MISSING_PART, _DOUBLED),
    "missing-check": Meaning(_ERROR, _MISSING_PART, "values that the model forbids are let in"),
    "missing-exclusion": Meaning(_ERROR, _MISSING_PART, "rows that the model forbids are let in"),
    "missing-index": Meaning(
        _WARNING, _MISSING_PART, "queries that it would serve scan the whole table"
    ),
    "missing-index: unique": Meaning(_ERROR, _MISSING_PART, _DOUBLED),
    "extra-primary-key": Meaning(_WARNING, _EXTRA, _REFUSED),
    "extra-foreign-key": Meaning(_WARNING, _EXTRA, _REFUSED),
    "extra-unique": Meaning(_ERROR, _EXTRA, _REFUSED + " as doubled (UniqueViolation)"),
    "extra-check": Meaning(_WARNING, _EXTRA, _REFUSED),
    "extra-exclusion": Meaning(_ERROR, _EXTRA, _REFUSED + " (ExclusionViolation)"),
    "extra-index": Meaning(_INFO, _EXTRA, "it costs each write a little"),
    "extra-index: unique": Meaning(_ERROR, _EXTRA, _REFUSED + " as doubled (UniqueViolation)"),
    "redundant-constraint": Meaning(
        _INFO, "in the database {actual}, in the models {expected}", "an equal one does the same"
    ),
    "redundant-index": Meaning(
        _INFO, "in the database {actual}, in the models {expected}", "an equal one does the same"
    ),
    "primary-key": Meaning(_ERROR, _CHANGED, "the key by which {model} finds a row is another"),
    "primary-key: reordered": Meaning(_WARNING, _CHANGED, _REORDERED),
    "foreign-key": Meaning(_ERROR, _CHANGED, "what an insert or a delete does is another thing"),
    "unique": Meaning(_ERROR, _CHANGED, "other rows than the model's are refused as doubled"),
    "unique: reordered": Meaning(_WARNING, _CHANGED, _REORDERED),
    "check": Meaning(_ERROR, _CHANGED, "other values than the model's are let in"),
    "exclusion": Meaning(_ERROR, _CHANGED, "other rows than the model's are let in"),
    "index": Meaning(_WARNING, _CHANGED, "queries that it would serve may scan the whole table"),
    "index: unique": Meaning(
        _ERROR, _CHANGED, "other rows than the model's are refused as doubled"
    ),
    "invalid-index": Meaning(
        _ERROR,
        "in the database, but invalid",
        "no query uses it; if it is unique, doubled rows may be there",
    ),
    "renamed-constraint": Meaning(_INFO, _RENAMED, "only the name differs"),
    "renamed-index": Meaning(_INFO, _RENAMED, "only the name differs"),
    "unique-index-for-constraint": Meaning(
        _INFO, "{where} a constraint, in the database an equal index", "both refuse the same rows"
    ),
    "unique-constraint-for-index": Meaning(
        _INFO, "{where} an index, in the database an equal constraint", "both refuse the same rows"
    ),
    "missing-enum": Meaning(
        _ERROR, _MISSING_PART, "every query that names the type fails (UndefinedObject)"
    ),
    "extra-enum": Meaning(_INFO, _EXTRA, "no query of a model uses it"),
    "enum-labels": Meaning(
        _ERROR, _CHANGED, "labels that the database lacks cannot be written: {labels}"
    ),
    "enum-labels: gained": Meaning(
        _WARNING, _CHANGED, "rows with labels that the model lacks cannot be read: {labels}"
    ),
    "enum-order": Meaning(_WARNING, _CHANGED, "ORDER BY and < compare labels by this order"),
}


def meaning_of(one: Difference, *, fills_itself: bool) -> Meaning:
    """The meaning; `fills_itself`: an INSERT that leaves the database's column out succeeds."""
    variant = _variant(one, fills_itself=fills_itself)
    return _MEANINGS[f"{one.kind}: {variant}" if variant else one.kind]


def labels_of(listed: str | None) -> list[str]:
    """The SQL literals of an enum's labels, in order."""
    return re.findall(r"'(?:[^']|'')*'", listed or "")


def foreign_labels(one: Difference) -> list[str]:
    """Those that the database lacks; where it lacks none, those that the model lacks."""
    expected, actual = labels_of(one.expected), labels_of(one.actual)
    missing = [label for label in expected if label not in actual]
    return missing or [label for label in actual if label not in expected]


def _variant(one: Difference, *, fills_itself: bool) -> str | None:  # noqa: PLR0911 - one a kind
    expected, actual = one.expected or "", one.actual or ""
    if one.kind == "extra-column":
        return None if fills_itself else "required"
    if one.kind == "type":
        return "wider" if _fits(expected, actual) else None
    if one.kind == "nullability":
        return "lost" if expected == "NOT NULL" else "gained"
    if one.kind == "unlogged":
        return "gained" if actual == "UNLOGGED" else None
    if one.kind in {"default", "identity", "generated"}:
        return _filling(one, fills_itself=fills_itself)
    if one.kind == "serial-or-identity":
        return "strict" if actual.startswith(_ALWAYS) else None
    if one.kind in {"primary-key", "unique"}:
        return "reordered" if _same_columns(expected, actual) else None
    if one.kind.endswith("index") and "UNIQUE ON" in expected + actual:
        return "unique" if f"{one.kind}: unique" in _MEANINGS else None
    if one.kind == "enum-labels":
        lacking = set(labels_of(expected)) - set(labels_of(actual))
        return None if lacking else "gained"
    return None


_KEY = re.compile(r"(.*?)\(([^()]*)\)(.*)", re.DOTALL)


def _same_columns(expected: str, actual: str) -> bool:
    """Whether the two keys differ by the order of their columns alone."""
    keys = [_KEY.fullmatch(one) for one in (expected, actual)]
    parts = [(key[1], sorted(key[2].split(", ")), key[3]) for key in keys if key]
    return len(parts) == len(keys) and parts[0] == parts[1]


_ALWAYS = "GENERATED ALWAYS"


def _filling(one: Difference, *, fills_itself: bool) -> str | None:
    """Of a default, an identity or a generated column: lost, gained, or another."""
    expected, actual = one.expected or "", one.actual or ""
    strict = one.kind == "identity" and actual.startswith(_ALWAYS)
    if not actual:
        required = one.kind != "generated" and not fills_itself
        return "lost, required" if required else "lost"
    if not expected:
        return "gained, strict" if strict else "gained"
    if one.kind == "default":
        not_owned = expected == OWN_SEQUENCE and actual.startswith("nextval(")
        return "not owned" if not_owned else "another"
    if one.kind == "identity" and strict != expected.startswith(_ALWAYS):
        return "strict" if strict else "lenient"
    return None


_MODIFIER = re.compile(r"\((\d+)(?:,(-?\d+))?\)")
_TEXTS = "character varying", "text"
_WIDENING = ("smallint", "integer", "bigint"), ("real", "double precision")
_PRECISE = "timestamp", "time", "interval", "bit varying"


def _fits(expected: str, actual: str) -> bool:
    """Whether every value of the model's type is one of the database's, and reads the same.

    https://www.postgresql.org/docs/current/datatype.html
    """
    for types in _WIDENING:
        if expected in types and actual in types:
            return types.index(actual) > types.index(expected)
    base, other = (_MODIFIER.sub("", one) for one in (expected, actual))
    if base.endswith("[]") or other.endswith("[]"):
        return False
    (length, scale), (room, other_scale) = _modifiers(expected), _modifiers(actual)
    if base == other == "numeric":
        if room is None or length is None:
            return room is None
        return other_scale >= scale and room - other_scale >= length - scale
    same = base == other and base.startswith(_PRECISE)
    if same or (base in _TEXTS and other in _TEXTS):
        return room is None or (length is not None and room >= length)
    return False


def _modifiers(type_: str) -> tuple[int | None, int]:
    found = _MODIFIER.search(type_)
    return (int(found[1]), int(found[2] or 0)) if found else (None, 0)
