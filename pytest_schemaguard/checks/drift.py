"""drift: the migrated database is what the models describe.

The models' DDL is run in a scratch database beside the migrated one, and the two catalogs are
compared: tables, columns, types, nullability, defaults, keys, constraints, indexes, enums. How bad
a difference is follows from what the application would see: a query that fails, or data that should
not have been let in, is an error; what costs time a warning; a difference of name only is told as
such. Version tables of migration tools, tables of extensions and partitions are not drift.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.checks.drift_fixes import fix_of
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.comparison import Comparison
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migration import Migration
    from pytest_schemaguard.models import Models, Name, Place

_VERSION_TABLES = re.compile(
    r"alembic_version\w*|schema_migrations|schema_version|flyway_schema_history|goose_db_version"
    r"|django_migrations|yoyo_\w+|_yoyo_\w+|databasechangelog\w*|pgmigrations|_sqlx_migrations"
    r"|gorp_migrations|atlas_schema_revisions|_prisma_migrations"
)


@dataclass(frozen=True)
class _Meaning:
    """What a kind of difference means to the application."""

    severity: Severity
    fact: str
    consequence: str


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_MISSING = "{where}, missing in the database"
_EXTRA = "in the database ({actual}), but in no model"
_CHANGED = "{where} {expected}, in the database {actual}"
_MEANINGS = {
    "missing-table": _Meaning(_ERROR, _MISSING, "every query for {model} fails (UndefinedTable)"),
    "extra-table": _Meaning(
        _WARNING, "in the database, but in no model", "is a module of the models not imported?"
    ),
    "relation-kind": _Meaning(_ERROR, _CHANGED, "what the models describe cannot be there"),
    "unlogged": _Meaning(_WARNING, _CHANGED, "an unlogged table is empty after a crash"),
    "partitioning": _Meaning(_WARNING, _CHANGED, "rows are stored otherwise"),
    "comment": _Meaning(_INFO, _CHANGED, "no query sees it"),
    "missing-column": _Meaning(_ERROR, _MISSING, "every query for {model} fails (UndefinedColumn)"),
    "type": _Meaning(
        _ERROR, _CHANGED, "values that {model} writes can be refused, cut or read as another type"
    ),
    "extra-filled": _Meaning(_INFO, _EXTRA, "an INSERT of the model leaves it to its default"),
    "extra-required": _Meaning(
        _ERROR, _EXTRA, "every INSERT of {model} fails: it is NOT NULL and has no default"
    ),
    "nullability: lost": _Meaning(_ERROR, _CHANGED, "rows without a value are let in"),
    "nullability: gained": _Meaning(
        _ERROR, _CHANGED, "rows that the model allows without a value are refused"
    ),
    "default: lost": _Meaning(_ERROR, _CHANGED, "an INSERT that relies on the default gets none"),
    "default: gained": _Meaning(_WARNING, _CHANGED, "the model does not know of it"),
    "default: another": _Meaning(_WARNING, _CHANGED, "rows that leave it out get another value"),
    "identity": _Meaning(_WARNING, _CHANGED, "who may give the value differs"),
    "generated": _Meaning(_ERROR, _CHANGED, "its values are not what the model says"),
    "collation": _Meaning(_WARNING, _CHANGED, "rows are ordered and compared otherwise"),
    "missing-primary-key": _Meaning(
        _ERROR, _MISSING, "two rows can have the key by which {model} finds one"
    ),
    "missing-foreign-key": _Meaning(
        _ERROR, _MISSING, "rows can refer to what is not there, and are left behind on delete"
    ),
    "missing-unique": _Meaning(_ERROR, _MISSING, "doubled rows are let in"),
    "missing-check": _Meaning(_ERROR, _MISSING, "values that the model forbids are let in"),
    "missing-exclusion": _Meaning(_ERROR, _MISSING, "rows that the model forbids are let in"),
    "missing-index": _Meaning(_WARNING, _MISSING, "queries that need it scan the whole table"),
    "extra-primary-key": _Meaning(_WARNING, _EXTRA, "rows that the model allows are refused"),
    "extra-foreign-key": _Meaning(_WARNING, _EXTRA, "rows that the model allows are refused"),
    "extra-unique": _Meaning(_ERROR, _EXTRA, "rows that the model allows are refused"),
    "extra-check": _Meaning(_WARNING, _EXTRA, "rows that the model allows are refused"),
    "extra-exclusion": _Meaning(_WARNING, _EXTRA, "rows that the model allows are refused"),
    "extra-index": _Meaning(_INFO, _EXTRA, "it costs each write a little"),
    "primary-key": _Meaning(_ERROR, _CHANGED, "the key by which {model} finds a row is another"),
    "foreign-key": _Meaning(_ERROR, _CHANGED, "what a delete or an insert does differs"),
    "unique": _Meaning(_ERROR, _CHANGED, "other rows than the model's are refused as doubled"),
    "check": _Meaning(_ERROR, _CHANGED, "other values than the model's are let in"),
    "exclusion": _Meaning(_ERROR, _CHANGED, "other rows than the model's are let in"),
    "index": _Meaning(_WARNING, _CHANGED, "queries that need it may scan the whole table"),
    "invalid-index": _Meaning(
        _ERROR, "in the database, but invalid", "no query uses it, and it keeps no row out"
    ),
    "renamed-constraint": _Meaning(
        _INFO, "the constraint that {where} {expected} is called {actual}", "only the name differs"
    ),
    "renamed-index": _Meaning(
        _INFO, "the index that {where} {expected} is called {actual}", "only the name differs"
    ),
    "unique-index-for-constraint": _Meaning(
        _INFO,
        "{where} a constraint, in the database the equal unique index",
        "both refuse the same",
    ),
    "unique-constraint-for-index": _Meaning(
        _INFO,
        "{where} a unique index, in the database the equal constraint",
        "both refuse the same",
    ),
    "missing-enum": _Meaning(_ERROR, _MISSING, "every query that names the type fails"),
    "extra-enum": _Meaning(
        _INFO, "in the database, but in no model", "no query of a model uses it"
    ),
    "enum-labels": _Meaning(
        _ERROR, _CHANGED, "labels that only one side has cannot be written, or cannot be read"
    ),
    "enum-order": _Meaning(_WARNING, _CHANGED, "ORDER BY and < compare labels by this order"),
}


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on a difference of severity error; with `strict`, on any warning too."""
    models, comparison = guard.models, guard.comparison
    found = tuple(findings(comparison, models))
    judged = verdict(found, strict=guard.config.strict, reason=f"{len(models.tables)} tables")
    if comparison.refused and judged.outcome is Outcome.PASSED:
        return Verdict(outcome=Outcome.UNPROVEN, findings=found, reason=_refused(comparison))
    if comparison.refused:
        return Verdict(outcome=judged.outcome, findings=found, reason=_refused(comparison))
    return judged


def findings(comparison: Comparison, models: Models) -> Iterator[Finding]:
    """Each difference, with its consequence for the application and what mends it."""
    refused = {name[:2] for name in comparison.refused if name not in _refused_parts(comparison)}
    for difference in _told(comparison.differences):
        if difference.name[:2] in refused and difference.kind.startswith("extra"):
            continue  # what the models would have made is refused: told as such
        yield _finding(difference, comparison, models)


def _refused_parts(comparison: Comparison) -> set[Name]:
    return {name for name in comparison.refused if len(name) > 2}  # noqa: PLR2004 - of a table


def _told(differences: Iterable[Difference]) -> Iterator[Difference]:
    for one in differences:
        if one.kind == "extra-table":
            # What no model can express, or belongs to a migration tool, is not drift.
            if one.actual in {"view", "materialized view", "foreign table"}:
                continue
            if _VERSION_TABLES.fullmatch(one.name[1]):
                continue
        yield one


def _finding(one: Difference, comparison: Comparison, models: Models) -> Finding:
    place = models.places.get(one.name) or models.places.get(one.name[:2])
    meaning = _meaning(one, comparison)
    words = {
        "where": _where(place),
        "model": (place and place.model) or f"the table {'.'.join(one.name[:2])}",
        "expected": one.expected or "none",
        "actual": one.actual or "none",
    }
    return Finding(
        code=f"drift.{one.kind}",
        severity=meaning.severity,
        subject=".".join(one.name),
        message=f"{meaning.fact.format(**words)}\n{meaning.consequence.format(**words)}",
        expected=one.expected,
        actual=one.actual,
        fix=fix_of(one) if meaning.severity is not _INFO else None,
        path=place.path if place else None,
        line=place.line if place else None,
    )


def _meaning(one: Difference, comparison: Comparison) -> _Meaning:
    if one.kind == "extra-column":
        known = "extra-filled" if comparison.defaults.get(one.name, False) else "extra-required"
        return _MEANINGS[known]
    if one.kind in {"nullability", "default"}:
        return _MEANINGS[f"{one.kind}: {_gained(one)}"]
    return _MEANINGS[one.kind]


def _gained(one: Difference) -> str:
    """What the database has that the model has not: `lost`, `gained` or `another`."""
    if one.kind == "nullability":
        return "lost" if one.expected == "NOT NULL" else "gained"
    if one.actual is None:
        return "lost"
    return "gained" if one.expected is None else "another"


def _where(place: Place | None) -> str:
    if place is None:
        return "in the models"
    who = f"in the model {place.model}" if place.model else "in the table's model"
    return f"{who} ({place.path}:{place.line})"


def _refused(comparison: Comparison) -> str:
    lines = [
        f"{'.'.join(name)}: PostgreSQL does not make it as the models describe it: {message}"
        for name, message in comparison.refused.items()
    ]
    return "\n".join([*lines, "  next: mend the model; the rest was compared"])
