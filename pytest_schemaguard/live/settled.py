"""Takes differences of views, policies, triggers and rules away that are of spelling only.

As catalog.settle does for what models express: PostgreSQL's own text of an expression, read again
as a dump is, can be another. It is fed to the scratch database until it stays, on both sides.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.diff import Depth
from pytest_schemaguard.catalog.pruned import pruned
from pytest_schemaguard.expected.feeding import stable, told_by
from pytest_schemaguard.expected.settle import settled_differences
from pytest_schemaguard.sqltext.identifiers import in_quotes, literal

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.catalog.snapshot import Name, Snapshot

_OWN = "schema_guard_settling"
_KINDS = frozenset({"view", "policy", "trigger", "rule"})
_POLICY = re.compile(r"(.*? USING )\((.*)\)( WITH CHECK )\((.*)\)", re.DOTALL)
_NAMED = re.compile(
    r'(CREATE (?:CONSTRAINT )?(?:TRIGGER|RULE) )("(?:[^"]|"")*"|\w+)(.*)', re.DOTALL
)


def differences_of_all(
    connection: Any, expected: Snapshot, actual: Snapshot
) -> tuple[Difference, ...]:
    """Every difference of two catalogs that stays when both sides' texts have settled.

    `connection` is of the owner of a database that has what is expected. Raises psycopg2.Error.
    """
    expected, actual = pruned(expected, actual)
    found = settled_differences(connection, expected, actual, depth=Depth.CATALOG)
    suspects = {(one.kind, one.name) for one in found if one.kind in _KINDS}
    if not suspects:
        return found
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; SET LOCAL search_path = pg_catalog, pg_temp")
        expected, actual = (_settled(cursor, one, suspects) for one in (expected, actual))
        cursor.execute("ROLLBACK")
    return settled_differences(connection, expected, actual, depth=Depth.CATALOG)


def _settled(cursor: Any, side: Snapshot, suspects: set[tuple[str, Name]]) -> Snapshot:
    relations, others = dict(side.relations), dict(side.others)
    for kind, name in suspects:
        feed = partial(_fed, cursor, kind, name)
        if kind == "view":
            one = relations[name]
            if one.definition is not None:
                relations[name] = replace(one, definition=stable(one.definition, feed))
        elif (key := (kind, *name)) in others:
            others[key] = stable(others[key], feed)
    return replace(side, relations=relations, others=others)


def _fed(cursor: Any, kind: str, name: Name, text: str) -> str | None:
    """What PostgreSQL makes of it; None when it refuses it, which is then a difference anyhow."""
    table = in_quotes(*name[:2])
    if kind == "view":
        view = in_quotes(name[0], _OWN)
        made = f"CREATE VIEW {view} AS {text}"
        asked = f"SELECT pg_get_viewdef({literal(view)}::regclass)"
        return told_by(cursor, made, asked)
    if kind == "policy":
        return _fed_policy(cursor, table, text)
    named = _NAMED.fullmatch(text)
    if named is None:
        return None
    catalog, deparse = (
        ("pg_trigger", "triggerdef") if kind == "trigger" else ("pg_rewrite", "ruledef")
    )
    body, state = re.fullmatch(r"(.*?)((?: \(\w\))?)", named[3], re.DOTALL).groups()  # type: ignore[union-attr]
    owner, column = ("tgrelid", "tgname") if kind == "trigger" else ("ev_class", "rulename")
    again = told_by(
        cursor,
        f"{named[1]}{_OWN}{body}",
        f"SELECT pg_get_{deparse}(oid) FROM {catalog}"  # noqa: S608 - constants and a literal
        f" WHERE {owner} = {literal(table)}::regclass AND {column} = '{_OWN}'",
    )
    return again and again.replace(_OWN, named[2], 1) + state


def _fed_policy(cursor: Any, table: str, text: str) -> str | None:
    parts = _POLICY.fullmatch(text)
    if parts is None:
        return None
    told = []
    for expression in (parts[2], parts[4]):
        again = expression and told_by(
            cursor,
            f"CREATE POLICY {_OWN} ON {table} USING ({expression})",
            "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy"  # noqa: S608 - constants and a literal
            f" WHERE polrelid = {literal(table)}::regclass AND polname = '{_OWN}'",
        )
        if again is None:
            return None
        told.append(again)
    return f"{parts[1]}({told[0]}){parts[3]}({told[1]})"
