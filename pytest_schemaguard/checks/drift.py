"""drift: the migrated database is what the models describe.

The models' DDL is run in a scratch database beside the migrated one, and the two catalogs are
compared: tables, columns, types, nullability, defaults, keys, constraints, indexes, enums. How bad
a difference is follows from what the application would see: a query that fails, or data that should
not have been let in, is an error; what costs time a warning; a difference of name only is told as
such. Version tables of migration tools, tables of extensions and partitions are not drift. What a
filter of Alembic's env.py hides (`include_object`, `include_name`, `include_schemas`) is told, and
fails nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_schemaguard.checks.drift_fixes import fix_of
from pytest_schemaguard.checks.drift_meanings import foreign_labels, meaning_of
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.version_tables import is_version_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.comparison import Comparison
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migration import Migration
    from pytest_schemaguard.models import Models, Place


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on a difference of severity error; with `strict`, on any warning too."""
    models, comparison = guard.models, guard.comparison
    if {*models.tables} <= {*comparison.excluded}:
        return Verdict(
            outcome=Outcome.UNPROVEN,
            reason="`exclude` leaves out every table of the models\n"
            "  next: narrow its patterns, or take `drift` out of `checks`",
        )
    differences = tuple(findings(comparison, models))
    refused = tuple(_refused(comparison, models))
    judged = verdict(
        (*refused, *differences),
        strict=guard.config.strict,
        reason=f"{len(models.tables)} tables{_hidden(comparison, models)}",
    )
    if refused and verdict(differences, strict=guard.config.strict).outcome is Outcome.PASSED:
        return Verdict(
            outcome=Outcome.UNPROVEN,
            findings=judged.findings,
            reason="what the models describe could not be made whole; the rest was compared",
        )
    return judged


def findings(comparison: Comparison, models: Models) -> Iterator[Finding]:
    """Each difference, with its consequence for the application and what mends it."""
    for difference in comparison.differences:
        refused = difference.name in comparison.refused
        if refused and difference.kind.startswith("extra"):
            continue  # the models would have made it: told among the refused
        if not _is_foreign(difference, models):
            yield _finding(difference, comparison, models)


def _hidden(comparison: Comparison, models: Models) -> str:
    """`, 3 differences hidden by include_object`; nothing where nothing is hidden."""
    counted = Counter(
        by.partition(" in ")[0]
        for one, by in comparison.hidden.items()
        if not _is_foreign(one, models)
    )
    return "".join(
        f", {number} difference{'' if number == 1 else 's'} hidden by {by}"
        for by, number in sorted(counted.items())
    )


def _is_foreign(one: Difference, models: Models) -> bool:
    """Whether no model could express it, or it belongs to a migration tool: that is not drift."""
    return one.kind == "extra-table" and (
        one.actual in {"view", "materialized view", "foreign table"}
        or is_version_table(one.name[1])
        or any(
            name == one.name[1] and schema in {None, one.name[0]}
            for schema, name in models.facts.version_tables
        )
    )


def _finding(one: Difference, comparison: Comparison, models: Models) -> Finding:
    place = models.places.get(one.name) or models.places.get(one.name[:2])
    meaning = meaning_of(one, fills_itself=comparison.fills_itself.get(one.name, True))
    words = {
        "where": _where(place),
        "model": (place and place.model) or f"the table {'.'.join(one.name[:2])}",
        "expected": one.expected or "none",
        "actual": one.actual or "none",
        "labels": ", ".join(foreign_labels(one)) if one.kind == "enum-labels" else "",
    }
    by = comparison.hidden.get(one)
    severity = meaning.severity if by is None else Severity.INFO
    consequence = meaning.consequence.format(**words) if by is None else f"hidden by {by}"
    return Finding(
        code=f"drift.{one.kind}",
        severity=severity,
        subject=".".join(one.name),
        message=f"{meaning.fact.format(**words)}\n{consequence}",
        expected=one.expected,
        actual=one.actual,
        fix=fix_of(one, models) if severity is not Severity.INFO else None,
        path=place.path if place else None,
        line=place.line if place else None,
    )


def _where(place: Place | None) -> str:
    if place is None:
        return "in the models"
    who = f"in the model {place.model}" if place.model else "in the table's model"
    return f"{who} ({place.path}:{place.line})"


def _refused(comparison: Comparison, models: Models) -> Iterator[Finding]:
    for name, why in comparison.refused.items():
        place = models.places.get(name) or models.places.get(name[:2])
        yield Finding(
            code="drift.refused",
            severity=Severity.ERROR,
            subject=".".join(name),
            message=f"{_where(place)}, but PostgreSQL does not make it: {why}\nit is not compared",
            fix="mend the model",
            path=place.path if place else None,
            line=place.line if place else None,
        )
