"""Where production's search_path has the application find what its models name without a schema."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.snapshot import OF_A_SCHEMA, PARTS
from pytest_schemaguard.project.answers.models import Ddl
from pytest_schemaguard.sqltext.identifiers import in_quotes, quoted

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.project.answers.models import Models, Name

UNNAMED = "public"
"""The schema that the models' names carry where the model names none."""
_NAME = re.compile(r'"((?:[^"]|"")+)"|([^\s,"]+)')


def schemas_in(search_path: str, *, user: str | None) -> tuple[str, ...]:
    """The schemas of a search_path that PostgreSQL accepts, in their order.

    `$user` is this one, or nothing
    (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH).
    """
    named = [
        within.replace('""', '"') if within else plain.lower()
        for within, plain in _NAME.findall(search_path)
    ]
    return tuple((user or "") if one == "$user" else one for one in named if one != "$user" or user)


def located(models: Models, snapshot: Snapshot, *, search_path: str, role: str | None) -> Models:
    """The models as they are under this search_path, whose tables are those of the snapshot.

    What names no schema has that of the first table, type or sequence of its name; what is in none
    would be made in the first schema that there is. The DDL is run under the same search_path, and
    what belongs elsewhere is moved there.
    """
    path = schemas_in(search_path, user=role)
    parts = [name for name, part in PARTS.items() if part.width == OF_A_SCHEMA]
    there = {name for part in parts for name in getattr(snapshot, part)} | {*snapshot.excluded}
    schemas = {UNNAMED, *(schema for schema, *_ in there)}
    first = next((schema for schema in path if schema in schemas), UNNAMED)
    written_out = {
        one.name for one in models.ddl if _MAKES.get(one.kind) and quoted(*one.name) in one.sql
    }

    def moved(name: Name) -> Name:
        if len(name) == 1 or name[0] != UNNAMED or name[:2] in written_out:
            return name
        schema = next((schema for schema in path if (schema, name[1]) in there), first)
        return (schema, *name[1:])

    ddl = [
        replace(one, name=moved(one.name), subject=".".join(moved(one.name))) for one in models.ddl
    ]
    return replace(
        models,
        tables=tuple(map(moved, models.tables)),
        ddl=(
            _under((first, *path)),
            *ddl,
            *(
                _move(new, first)
                for old, new in zip(models.ddl, ddl, strict=True)
                if new.kind in _MAKES and old.name not in written_out and new.name[0] != first
            ),
        ),
        places={moved(name): place for name, place in models.places.items()},
        statements=tuple(replace(one, table=moved(one.table)) for one in models.statements),
        unrendered={moved(name): why for name, why in models.unrendered.items()},
        unstated={moved(name): why for name, why in models.unstated.items()},
    )


_MAKES = {"table": "TABLE IF EXISTS", "sequence": "SEQUENCE IF EXISTS", "type": "TYPE"}
"""What ALTER calls what a Ddl of this kind makes."""


def _under(schemas: tuple[str, ...]) -> Ddl:
    path = ", ".join(in_quotes(schema) for schema in dict.fromkeys(schemas))
    return Ddl(sql=f"SET search_path = {path}", kind="other", subject=path, name=("search_path",))


def _move(made: Ddl, first: str) -> Ddl:
    """Its name is not the object's: of that, this is no part, and nothing that mends it."""
    schema, name = made.name
    return Ddl(
        sql=f"ALTER {_MAKES[made.kind]} {in_quotes(first, name)} SET SCHEMA {in_quotes(schema)}",
        kind="other",
        subject=made.subject,
        name=("search_path", *made.name),
    )
