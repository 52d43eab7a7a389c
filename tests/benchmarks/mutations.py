"""Prints how many changes of one property each the guard sees, and how many alembic sees.

    python -m tests.benchmarks.mutations [--unseen]

The changes are those of tests/catalog/mutations. Alembic gets the tables as SQLAlchemy reflects
them from the schema before the change, and compares types and server defaults too; what it tells of
the unchanged schema does not count. `--unseen` lists what each does not see.
https://alembic.sqlalchemy.org/en/latest/api/autogenerate.html
"""

from __future__ import annotations

import argparse
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.expected.settle import settled_differences
from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Wanted, obtain
from tests.catalog.databases import connected, execute, fresh
from tests.catalog.mutations import CASES, SCHEMA

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot

SCHEMAS = ("public", "Shop")
CRASHED = "crashed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unseen", action="store_true", help="list what is not seen")
    arguments = parser.parse_args()
    run = Run.begin()
    try:
        ours, alembics, changes = counted(obtain(Wanted(), run).admin)
    finally:
        run.close()
    crashes = sum(one == CRASHED for one in alembics.values())
    seen = [sum(one is True for one in found.values()) for found in (ours, alembics)]
    print(f"{changes} changes of one property: the guard sees {seen[0]}, alembic sees {seen[1]}")
    print(f"alembic crashes on {crashes}")
    for name, found in (("the guard", ours), ("alembic", alembics)) if arguments.unseen else ():
        print(f"\n{name} does not see:")
        print(*(f"  {change}" for change, one in found.items() if one is not True), sep="\n")


def counted(postgres: Address) -> tuple[dict[str, bool], dict[str, bool | str], int]:
    """Of each change, whether the guard sees it and whether alembic does; how many there are."""
    ours, alembics = {}, {}
    with fresh(postgres) as base:
        with closing(connected(base)) as connection:
            execute(connection, SCHEMA)
            version = connection.server_version
        changes = [change for since, change, _ in CASES if since <= version]
        tables = reflected(base)
        before = told_by_alembic(base, tables)
        with (
            fresh(postgres, template=base.database) as described,
            closing(connected(described)) as scratch,
        ):
            expected = read(scratch)
            for change in changes:
                with fresh(postgres, template=base.database) as mutant:
                    with closing(connected(mutant)) as connection:
                        execute(connection, change)
                        ours[change] = is_seen(scratch, expected, connection)
                    told = told_by_alembic(mutant, tables)
                    alembics[change] = told if told == CRASHED else told != before
    return ours, alembics, len(changes)


def is_seen(scratch: Any, expected: Snapshot, connection: Any) -> bool:
    return settled_differences(scratch, expected, read(connection)) != ()


def reflected(address: Address) -> sa.MetaData:
    metadata = sa.MetaData()
    engine = sa.create_engine(address.url("psycopg2"), poolclass=sa.NullPool)
    for schema in SCHEMAS:
        metadata.reflect(engine, schema=None if schema == "public" else schema)
    return metadata


def told_by_alembic(address: Address, tables: sa.MetaData) -> list[str] | str:
    """What it would write into a migration, as text; CRASHED where it raises."""
    options = {"compare_type": True, "compare_server_default": True, "include_schemas": True}
    engine = sa.create_engine(address.url("psycopg2"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        try:
            told = compare_metadata(context, tables)
        except Exception:  # noqa: BLE001 - whatever it is, the user gets no comparison
            return CRASHED
    return sorted(re.sub(r"0x[0-9a-f]+", "", repr(one)) for one in told)


if __name__ == "__main__":
    main()
