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
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_schemaguard.checks.drift.fixes import fix_of, is_mended
from pytest_schemaguard.checks.drift.meanings import foreign_labels, meaning_of
from pytest_schemaguard.checks.drift.refused import refusals, where
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.evidence.comparison import COMPARISON, make
from pytest_schemaguard.evidence.models import MODELS, models_beside
from pytest_schemaguard.expected.expectation import DATABASE
from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.sqltext.identifiers import quoted
from pytest_schemaguard.version_tables import is_version_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.checks.drift.meanings import Meaning
    from pytest_schemaguard.evidence.comparison import Comparison
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.project.answers.models import Models, Name


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on a difference of severity error; with `strict`, on any warning too."""
    comparison = guard.look(COMPARISON)
    models = models_beside(guard, comparison.differences, refused=bool(comparison.refused))
    if {*models.tables} <= {*comparison.excluded}:
        return Verdict(
            outcome=Outcome.UNPROVEN,
            reason="`exclude` leaves out every table of the models\n"
            "  next: narrow its patterns, or take `drift` out of `checks`",
        )
    differences = tuple(findings(comparison, models))
    refused = tuple(refusals(comparison, models))
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


def looked_at(guard: Guard, _: Migration | None) -> tuple[str, ...]:
    migrated = guard.states.migrated()
    # Where the cache knew the models' snapshot, their schema was not made.
    with suppress(GuardError):
        make(guard.config, guard.databases, migrated, guard.look(MODELS))
    return (migrated.name, DATABASE)


def findings(comparison: Comparison, models: Models) -> Iterator[Finding]:
    """Each difference, with its consequence for the application and what mends it."""
    return (one for _, one in told(comparison, models))


def told(comparison: Comparison, models: Models) -> Iterator[tuple[Difference, Finding]]:
    """Each difference with its finding."""
    types = _types(comparison, models)
    for difference in comparison.differences:
        # What could not be made of the models is told among the refused.
        if difference.name in comparison.refused or is_foreign(difference, models):
            continue
        fills_itself = comparison.fills_itself.get(difference.name, True)
        meaning = meaning_of(difference, fills_itself=fills_itself, types=types)
        hidden_by = comparison.hidden.get(difference)
        yield difference, finding(difference, models, meaning, hidden_by=hidden_by)


def _hidden(comparison: Comparison, models: Models) -> str:
    """`, 3 differences hidden by include_object`; nothing where nothing is hidden."""
    counted = Counter(
        by.partition(" in ")[0]
        for one, by in comparison.hidden.items()
        if not is_foreign(one, models)
    )
    return "".join(
        f", {number} difference{'' if number == 1 else 's'} hidden by {by}"
        for by, number in sorted(counted.items())
    )


def is_foreign(one: Difference, models: Models) -> bool:
    """Whether no model could express it, or it belongs to a migration tool: that is not drift."""
    return one.kind == "extra-table" and (
        one.actual in {"view", "materialized view", "foreign table"}
        or is_version_table(one.name[1])
        or any(
            name == one.name[1] and schema in {None, one.name[0]}
            for schema, name in models.facts.version_tables
        )
    )


def finding(
    one: Difference,
    models: Models,
    meaning: Meaning,
    *,
    said_by: str | None = None,
    hidden_by: str | None = None,
) -> Finding:
    """A difference in words; `said_by` says it instead of a model: `in the migrations`."""
    place = models.places.get(one.name) or models.places.get(one.name[:2])
    words = {
        "where": said_by or where(place, one.name),
        "model": (place and place.model) or f"the table {'.'.join(one.name[:2])}",
        "expected": one.expected or "none",
        "actual": one.actual or "none",
        "labels": ", ".join(foreign_labels(one)) if one.kind == "enum-labels" else "",
        "unimported": _unimported(one.name, models) if one.kind == "extra-table" else "",
    }
    severity = meaning.severity if hidden_by is None else Severity.INFO
    consequence = (
        meaning.consequence.format(**words) if hidden_by is None else f"hidden by {hidden_by}"
    )
    return Finding(
        code=f"drift.{one.kind}",
        severity=severity,
        subject=".".join(one.name),
        message=f"{meaning.fact.format(**words)}\n{consequence}",
        expected=one.expected,
        actual=one.actual,
        fix=fix_of(one, models) if hidden_by is None and is_mended(one, severity) else None,
        path=place.path if place else None,
        line=place.line if place else None,
    )


def _types(comparison: Comparison, models: Models) -> dict[str, str]:
    """Enums and domains, as far as they are known, by their names as format_type spells them."""
    known = {
        quoted(*one.name): "domain" if "CREATE DOMAIN " in one.sql else "enum"
        for one in models.ddl
        if one.kind == "type"
    }
    extra = {
        quoted(*one.name): "enum" for one in comparison.differences if one.kind == "extra-enum"
    }
    return extra | known


def _unimported(table: Name, models: Models) -> str:
    """Which modules could define this table."""
    certain = [module for module, names in models.unimported.items() if table[-1] in names]
    if certain:
        return f" {' and '.join(certain)} {'define' if len(certain) > 1 else 'defines'} it"
    unnamed = [module for module, names in models.unimported.items() if not names]
    return f" {', '.join(unnamed)} could define it" if unnamed else ""
