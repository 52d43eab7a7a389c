"""queries: PostgreSQL plans everything that the ORM sends, for every mapped class.

The SELECT with all it loads, and the INSERT, UPDATE and DELETE of a flush, are prepared and
explained on the migrated database: names, types and grants are checked, no row is touched. A view
and other relations that lawfully refuse to be written are selected from only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Finding, Outcome, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migration import Migration
    from pytest_schemaguard.models import Models
    from pytest_schemaguard.planning import Refusal

_VERBS = ("select", "insert", "update", "delete")


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on a statement that PostgreSQL refuses to plan."""
    models = guard.models
    found = tuple(findings(guard.refusals, models))
    if models.unstated and not found:
        lines = [f"{'.'.join(name)}: {why}" for name, why in models.unstated.items()]
        return Verdict(
            outcome=Outcome.UNPROVEN,
            reason="\n".join([*lines, "  next: mend the model; the other classes were looked at"]),
        )
    return verdict(found, reason=f"{len(models.statements)} statements planned")


def findings(refusals: Iterable[Refusal], models: Models) -> Iterator[Finding]:
    """One finding for each class and each thing that PostgreSQL says of its statements."""
    grouped: dict[tuple[str, str, str], list[Refusal]] = {}
    for refusal in refusals:
        key = (refusal.entity, refusal.error, refusal.message)
        grouped.setdefault(key, []).append(refusal)
    for (entity, error, message), group in grouped.items():
        first = group[0]
        verbs = [verb for verb in _VERBS if any(one.verb == verb for one in group)]
        place = models.places.get(first.table)
        where = f" ({place.path}:{place.line})" if place else ""
        yield Finding(
            code=f"queries.{_kind(first.sqlstate)}",
            severity=Severity.ERROR,
            subject=".".join(first.table),
            message=(
                f"{_listed(verbs)} of {entity}{where} fails: {message} ({error})\n"
                f"the statement: {_shortened(first.sql)}"
            ),
            actual=first.sqlstate,
            path=place.path if place else None,
            line=place.line if place else None,
        )


def _kind(sqlstate: str) -> str:
    known = {"42703": "missing-column", "42P01": "missing-table", "42501": "missing-grant"}
    return known.get(sqlstate, "refused")


def _listed(verbs: list[str]) -> str:
    words = [verb.upper() for verb in verbs]
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"every {listed}"


def _shortened(sql: str, limit: int = 300) -> str:
    flat = " ".join(sql.split())
    return flat if len(flat) <= limit else f"{flat[:limit]} ..."
