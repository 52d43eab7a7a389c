"""queries: PostgreSQL plans everything that the ORM sends, for every mapped class.

The SELECT with all it loads, and the INSERT, UPDATE and DELETE of a flush, are prepared and
explained on the migrated database: names, types and grants are checked, no row is touched. With
`role` that is done with production's grants, and with `search-path` where production looks. A view
and other relations that lawfully refuse to be written are selected from only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.evidence.models import MODELS
from pytest_schemaguard.evidence.planning import DATABASE, REFUSALS
from pytest_schemaguard.findings import Finding, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.sqltext.identifiers import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_schemaguard.evidence.planning import Refusal
    from pytest_schemaguard.evidence.privileges import Lack
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.project.answers.models import Models, Place

_VERBS = ("select", "insert", "update", "delete")
_CLASSES_NAMED = 3


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on a statement that PostgreSQL refuses to plan."""
    models = guard.look(MODELS)
    role = guard.config.role
    refusals = guard.look(REFUSALS)
    found = tuple(findings(refusals, models, role=role))
    unstated = [f"{'.'.join(name)}: {why}" for name, why in models.unstated.items()]
    if unstated:
        unstated.append("  next: mend the model; the other classes were looked at")
    of_role = f" as {role}" if role is not None else ""
    return verdict(
        found,
        reason=f"{len(models.statements)} statements planned{of_role}",
        unproven="\n".join(unstated) or None,
    )


def findings(
    refusals: Iterable[Refusal], models: Models, *, role: str | None = None
) -> Iterator[Finding]:
    """One finding for each class and each thing that PostgreSQL says of its statements.

    One for each object where `role` lacks grants, whatever classes it stops.
    """
    grouped: dict[tuple[str, str, str], list[Refusal]] = {}
    ungranted: dict[tuple[str, tuple[str, ...]], list[tuple[Lack, Refusal]]] = {}
    for refusal in refusals:
        if role is not None and refusal.lacks:
            for lack in refusal.lacks:
                ungranted.setdefault((lack.kind, lack.name), []).append((lack, refusal))
        else:
            key = (refusal.entity, refusal.error, refusal.message)
            grouped.setdefault(key, []).append(refusal)
    for (kind, name), group in ungranted.items():
        yield _missing_grant(kind, name, group, models, role=str(role))
    for group_of_class in grouped.values():
        yield _refused(group_of_class, models)


def looked_at(guard: Guard, _: Migration | None) -> tuple[str, ...]:
    return (guard.states.migrated().name, DATABASE)


def _refused(group: list[Refusal], models: Models) -> Finding:
    first = group[0]
    place = models.places.get(first.table)
    lines = [f"{_stopped(group, place)} fails: {first.message} ({first.error})"]
    if first.elsewhere:
        there = ", ".join(quoted(*name) for name in first.elsewhere)
        lines.append(f"the search_path is {first.search_path}; there is {there}")
    return Finding(
        code=f"queries.{_kind(first.sqlstate)}",
        severity=Severity.ERROR,
        subject=".".join(first.table),
        message="\n".join([*lines, f"the statement: {_shortened(first.sql)}"]),
        actual=first.sqlstate,
        path=place.path if place else None,
        line=place.line if place else None,
    )


def _missing_grant(
    kind: str,
    name: tuple[str, ...],
    group: list[tuple[Lack, Refusal]],
    models: Models,
    *,
    role: str,
) -> Finding:
    """What is to be granted on one table, sequence or schema, for all the classes that need it."""
    wanted: dict[str, set[str]] = {}
    for lack, _ in sorted(group, key=lambda one: _PRIVILEGES.index(one[0].privilege)):
        wanted.setdefault(lack.privilege, set()).update(lack.columns or {""})
    columns = {column for named in wanted.values() for column in named}
    is_one_column = len(columns) == 1 and "" not in columns
    grants = [_privilege(privilege, named) for privilege, named in wanted.items()]
    what = _and(list(wanted) if is_one_column else grants)
    facts = {"table": what, "sequence": "draw from it (USAGE)", "schema": "use it (USAGE)"}
    by_class: dict[str, list[Refusal]] = {}
    for _, refusal in group:
        by_class.setdefault(refusal.entity, []).append(refusal)
    stopped = [
        _stopped(refusals, models.places.get(refusals[0].table)) for refusals in by_class.values()
    ]
    if len(stopped) > _CLASSES_NAMED:
        stopped[_CLASSES_NAMED:] = [f"more of {len(stopped) - _CLASSES_NAMED} others"]
    first = group[0][1]
    subject = (*name, *columns) if is_one_column else name
    place = models.places.get(subject) or models.places.get(first.table)
    on = "" if kind == "table" else f"{kind.upper()} "
    return Finding(
        code="queries.missing-grant",
        severity=Severity.ERROR,
        subject=".".join(subject),
        message=(
            f"role {role} may not {facts[kind]}\n"
            f"{_and(stopped)} fails: {first.message} ({first.error})"
        ),
        actual=first.sqlstate,
        fix=f"GRANT {', '.join(grants)} ON {on}{quoted(*name)} TO {quoted(role)};",
        path=place.path if place else None,
        line=place.line if place else None,
    )


_PRIVILEGES = ("USAGE", "SELECT", "INSERT", "UPDATE", "DELETE")


def _privilege(privilege: str, columns: set[str]) -> str:
    """`INSERT`, or `INSERT (price)` where the role has it on other columns."""
    if "" in columns:
        return privilege
    return f"{privilege} ({', '.join(quoted(column) for column in sorted(columns))})"


def _kind(sqlstate: str) -> str:
    known = {"42703": "missing-column", "42P01": "missing-table", "42501": "missing-grant"}
    return known.get(sqlstate, "refused")


def _stopped(group: list[Refusal], place: Place | None) -> str:
    """`every INSERT and UPDATE of User (app/models.py:9)`."""
    verbs = [verb.upper() for verb in _VERBS if any(one.verb == verb for one in group)]
    where = f" ({place.path}:{place.line})" if place else ""
    return f"every {_and(verbs)} of {group[0].entity}{where}"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _shortened(sql: str, limit: int = 300) -> str:
    flat = " ".join(sql.split())
    return flat if len(flat) <= limit else f"{flat[:limit]} ..."
