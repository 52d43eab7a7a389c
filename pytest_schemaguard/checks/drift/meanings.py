"""What a difference of two catalogs means to the application. Pure."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE
from pytest_schemaguard.checks.drift.consequences import MEANINGS, Meaning
from pytest_schemaguard.checks.drift.types import fit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_schemaguard.catalog.diff import Difference

__all__ = ["Meaning", "foreign_labels", "is_told", "key_of", "labels_of", "meaning_of"]

_NONE: Mapping[str, str] = MappingProxyType({})
_ALWAYS = "GENERATED ALWAYS"


def meaning_of(one: Difference, *, fills_itself: bool, types: Mapping[str, str] = _NONE) -> Meaning:
    """The meaning of a difference that a model can express.

    `fills_itself`: an INSERT that leaves the database's column out succeeds. `types`: what the
    models' own types are, `enum` or `domain`, by their names as format_type spells them.
    """
    return MEANINGS[key_of(one, fills_itself=fills_itself, types=types)]


def key_of(one: Difference, *, fills_itself: bool, types: Mapping[str, str] = _NONE) -> str:
    """Its key in MEANINGS."""
    if one.kind == "type":
        variant = _type(one, types)
    elif one.kind == "extra-column":
        variant = _extra_column(one, fills_itself=fills_itself)
    elif one.kind in {"default", "identity"}:
        variant = _filling(one, fills_itself=fills_itself)
    else:
        find = _VARIANTS.get(one.kind)
        variant = find(one.expected or "", one.actual or "") if find else None
    return f"{one.kind}: {variant}" if variant else one.kind


def is_told(one: Difference) -> bool:
    """Whether it is a difference that a model can express."""
    return one.kind in _KINDS


_KINDS = {key.partition(":")[0] for key in MEANINGS}


def labels_of(listed: str | None) -> list[str]:
    """The SQL literals of an enum's labels, in order."""
    return re.findall(r"'(?:[^']|'')*'", listed or "")


def foreign_labels(one: Difference) -> list[str]:
    """Those that the database lacks; where it lacks none, those that the model lacks."""
    expected, actual = labels_of(one.expected), labels_of(one.actual)
    missing = [label for label in expected if label not in actual]
    return missing or [label for label in actual if label not in expected]


def _type(one: Difference, types: Mapping[str, str]) -> str | None:
    expected, actual = one.expected or "", one.actual or ""
    kinds = [types.get(expected), types.get(actual)]
    if kinds[0] == "domain":
        return "domain"
    built_in = "." not in expected or "." not in actual
    if kinds == ["enum", "enum"] or ("enum" in kinds and built_in):
        return "incomparable"
    return fit_of(expected, actual)


def _extra_column(one: Difference, *, fills_itself: bool) -> str | None:
    if not fills_itself:
        return "required"
    filled = re.search(r" (?:DEFAULT|GENERATED) ", one.actual or "")
    return "filled" if filled else None


def _filling(one: Difference, *, fills_itself: bool) -> str | None:
    """Of a default or an identity: lost, gained, or another."""
    expected, actual = one.expected or "", one.actual or ""
    strict = one.kind == "identity" and actual.startswith(_ALWAYS)
    if not actual:
        return "lost" if fills_itself else "lost, required"
    if not expected:
        return "gained, strict" if strict else "gained"
    if one.kind == "default":
        not_owned = expected == OWN_SEQUENCE and actual.startswith("nextval(")
        return "not owned" if not_owned else "another"
    if strict != expected.startswith(_ALWAYS):
        return "strict" if strict else "lenient"
    return None


_GENERATED_END = re.compile(r" (?:STORED|VIRTUAL)$")


def _generated(expected: str, actual: str) -> str | None:
    if not expected or not actual:
        return "gained" if actual else "lost"
    same = _GENERATED_END.sub("", expected) == _GENERATED_END.sub("", actual)
    return "stored" if same else None


_MARK = re.compile(
    r"(?: NOT VALID| DEFERRABLE| INITIALLY DEFERRED| NO INHERIT"
    r"| ON (?:UPDATE|DELETE) (?:CASCADE|RESTRICT|SET (?:NULL|DEFAULT)(?: \([^()]*\))?))$"
)
"""What can stand at the end of pg_get_constraintdef's text, one after the other."""
_INCLUDE = re.compile(r" INCLUDE \([^()]*\)")


def _marked(definition: str) -> tuple[str, frozenset[str]]:
    """The constraint without the marks at its end, and these."""
    marks = set()
    while (found := _MARK.search(definition)) is not None:
        marks.add(found[0].strip())
        definition = definition[: found.start()]
    return definition, frozenset(marks)


def _constraint(expected: str, actual: str) -> str | None:
    (bare, marks), (other, other_marks) = _marked(expected), _marked(actual)
    changed = marks ^ other_marks
    if bare != other:
        return _key(bare, other) if not changed else None
    if changed == {"NOT VALID"}:
        return "not valid" if changed <= other_marks else "valid"
    if changed == {"NO INHERIT"}:
        return "inherited"
    if changed <= {"DEFERRABLE", "INITIALLY DEFERRED"}:
        return "deferred" if changed <= other_marks else "not deferred"
    return "action" if all(one.startswith("ON ") for one in changed) else None


_KEY = re.compile(r"((?:PRIMARY KEY|UNIQUE)[^(]*)\(([^()]*)\)(.*)", re.DOTALL)


def _key(expected: str, actual: str) -> str | None:
    keys = [_KEY.fullmatch(one) for one in (expected, actual)]
    parts = [(key[1], sorted(key[2].split(", ")), key[3]) for key in keys if key]
    if len(parts) != len(keys):
        return None
    if parts[0] == parts[1]:
        return "reordered"
    if _INCLUDE.sub("", expected) == _INCLUDE.sub("", actual):
        return "not covering" if "INCLUDE" in expected else "covering"
    return None


_WITH = re.compile(r" WITH \([^()]*\)")
_ORDER = re.compile(r"(?: DESC)?(?: NULLS (?:FIRST|LAST))?(?=[,)])")


def _index(expected: str, actual: str) -> str | None:
    if _WITH.sub("", expected) == _WITH.sub("", actual):
        return "storage"
    unique = [one.startswith("UNIQUE ") for one in (expected, actual)]
    if unique == [True, False]:
        return "unique, lost"
    if unique == [False, True]:
        return "unique, gained"
    return "unique" if all(unique) and _refusing(expected) != _refusing(actual) else None


def _refusing(definition: str) -> str:
    """What of a unique index decides which rows it refuses."""
    return _ORDER.sub("", _INCLUDE.sub("", _WITH.sub("", definition)))


def _alone(expected: str, actual: str) -> str | None:
    return "unique" if (expected or actual).startswith("UNIQUE ") else None


def _enum_labels(expected: str, actual: str) -> str | None:
    return None if {*labels_of(expected)} - {*labels_of(actual)} else "gained"


def _nullability(expected: str, _: str) -> str:
    return "lost" if expected == "NOT NULL" else "gained"


_VARIANTS: Mapping[str, Callable[[str, str], str | None]] = {
    "nullability": _nullability,
    "unlogged": lambda _, actual: "gained" if actual == "UNLOGGED" else None,
    "partitioning": lambda _, actual: None if actual else "lost",
    "generated": _generated,
    "serial-or-identity": lambda _, actual: "strict" if actual.startswith(_ALWAYS) else None,
    **dict.fromkeys(("primary-key", "unique", "foreign-key", "check"), _constraint),
    "index": _index,
    "missing-index": _alone,
    "extra-index": _alone,
    "enum-labels": _enum_labels,
}
