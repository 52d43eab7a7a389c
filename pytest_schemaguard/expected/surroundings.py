"""What the models' DDL meets in a database besides tables: extensions, schemas, functions, types.

Where it is equal, the same DDL makes the same schema; so a snapshot of the models' schema can be
taken from a cache, and made in a database that never had the tables of the migrated one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.catalog.fetch import query
from pytest_schemaguard.catalog.transaction import read_only
from pytest_schemaguard.sqltext.identifiers import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_schemaguard.project.answers.models import Models

_THINGS = Path(__file__).with_suffix(".sql")
_ORDER = ("schema", "extension", "enum", "domain", "sequence", "owner", "function")
"""Each kind may need those before it."""


@dataclass(frozen=True)
class Thing:
    """Something that is there."""

    text: str
    """All that it is."""
    statement: str | None
    """What makes it in a database where it is missing, so that it is whose it is run by; None:
    nothing would."""


def surroundings(connection: Any) -> dict[tuple[str, str], Thing]:
    """What is there for this role, by kind and name. Raises psycopg2.Error.

    A sequence that a column owns goes with its table, and is none of it.
    """
    found: dict[tuple[str, str], Thing] = {}
    with read_only(connection) as cursor:
        cursor.execute(_THINGS.read_text(encoding="utf-8"))
        for kind, name, text, statement in cursor.fetchall():
            # Several rows of a catalog can belong to one: an operator family's operators.
            before = found.get((kind, name))
            found[kind, name] = Thing(f"{before.text}\n{text}" if before else str(text), statement)
        cursor.execute(query("enums"))
        for schema, name, labels in cursor.fetchall():
            own = quoted(schema, name)
            values = cursor.mogrify(", ".join(["%s"] * len(labels)), labels).decode()
            found["enum", own] = Thing(values, f"CREATE TYPE {own} AS ENUM ({values})")
        cursor.execute(query("domains"))
        for schema, name, definition in cursor.fetchall():
            own = quoted(schema, name)
            found["domain", own] = Thing(definition, f"CREATE DOMAIN {own} AS {definition}")
        cursor.execute(query("sequences"))
        for schema, name, options, owner in cursor.fetchall():
            own = quoted(schema, name)
            if owner is None:
                found["sequence", own] = Thing(options, f"CREATE SEQUENCE {own} {options}")
    return found


def remade(
    owner: Any,
    there: Mapping[tuple[str, str], Thing],
    models: Models,
    *,
    by_owner: Any,
    by_admin: Any,
) -> bool:
    """Whether a new database, as it is or with what is missing made in it, is equal in all that.

    But for the types and sequences that the models make. All three are connected to it: `owner` as
    whoever read `there` in the other one; the other two make what is missing, with the guard's own
    settings, the superuser nothing but extensions. Raises psycopg2.Error where a connection fails.
    """
    own = {quoted(*one.name) for one in models.ddl if one.kind in {"type", "sequence"}}
    wanted = {
        key: one
        for key, one in there.items()
        if not (key[0] in {"enum", "domain", "sequence", "owner"} and key[1] in own)
    }
    here = surroundings(owner)
    missing = [(kind, one) for (kind, name), one in wanted.items() if here.get((kind, name)) != one]
    if any(one.statement is None for _, one in missing):
        return False
    missing.sort(key=lambda thing: _ORDER.index(thing[0]))
    try:
        with by_owner.cursor() as cursor, by_admin.cursor() as admins:
            cursor.execute("SET check_function_bodies = off")
            for kind, one in missing:
                (admins if kind == "extension" else cursor).execute(one.statement)
    except psycopg2.Error as error:
        if error.pgcode is None:  # the connection broke
            raise
        return False
    return surroundings(owner) == wanted
