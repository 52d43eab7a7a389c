"""Prints what `schema-guard check --schemas` costs over many tenants, beside one pass over them.

    python -m tests.benchmarks.tenants [--tenants 250 1000 2000] [--tables 20] [--differing N]

All tenants are schemas of one database; every Nth lacks a column of its own (0: none does). "One
pass" connects, executes the catalog's queries once and fetches their rows. Nothing here fails on a
number: read them.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.fetch import fetch
from pytest_schemaguard.catalog.transaction import Limits, read_only
from pytest_schemaguard.live.expected import LiveExpected
from pytest_schemaguard.live.fleet import Fleet
from pytest_schemaguard.live.targets import Target
from pytest_schemaguard.servers.sessions import connect
from tests.benchmarks.live import TABLE, guard_of, project, timed
from tests.guarded import run_databases

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address
    from pytest_schemaguard.servers.databases import Databases

LIMITS = Limits(statement_ms=600_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, nargs="+", default=[250, 1000, 2000])
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--differing", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, run_databases() as databases:
        root = project(Path(name), options.tables)
        print(
            f"Python {platform.python_version()}, PostgreSQL {databases.server.version}, "
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: tenants of {options.tables} "
            f"tables, one of {options.differing} differs, least of {options.rounds} rounds"
        )
        guard = guard_of(root, databases)
        expected = LiveExpected(guard, schemas="public", strict=False)
        for count in options.tenants:
            address = made(databases, count, options.tables, options.differing)
            passes, checks = [], []
            for _ in range(options.rounds):
                passes.append(timed(lambda: one_pass(address)))  # noqa: B023 - called at once
                checks.append(timed(lambda: check(expected, address, count)))  # noqa: B023 - likewise
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(
                f"  {count:>5} tenants{min(checks):9.3f} s / {min(passes):8.3f} s = "
                f"{min(checks) / min(passes):.2f}   (target 1.5), {memory} MB at the most"
            )
        guard.close()


def made(databases: Databases, count: int, tables: int, differing: int) -> Address:
    name = f"tenants-{count}"
    databases.create(name)
    columns = ", ".join(f"c{place} numeric(10,2)" for place in range(11))
    text = "".join(
        TABLE.format(number=number, parent=max(number - 1, 0), columns=columns)
        for number in range(tables)
    )
    with databases.session(name, as_admin=True) as owner, owner.cursor() as cursor:
        for number in range(count):
            schema = f"tenant_{number}"
            cursor.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}; {text}")
            if differing and number % differing == 0:
                cursor.execute(f"ALTER TABLE t0001 DROP COLUMN c{number // differing % 11}")
        cursor.execute("ANALYZE")
    return databases.address(name)


def one_pass(address: Address) -> None:
    with closing(connect(address)) as connection, read_only(connection, limits=LIMITS) as cursor:
        for _, rows in fetch(cursor, limits=LIMITS):
            for _ in rows:
                pass


def check(expected: LiveExpected, address: Address, count: int) -> None:
    fleet = Fleet(expected=expected, limits=LIMITS, jobs=4, schemas="tenant_*")
    results = list(fleet.look([Target(address=address)]))
    assert len(results) == count
    assert all(one.looked for one in results)


if __name__ == "__main__":
    main()
