"""Prints what `schema-guard check` costs over many databases, beside their bare catalog queries.

    python -m tests.benchmarks.live [--databases 200] [--tables 50] [--rounds N]

All databases are on one server. Three cases: equal ones, one of ten that lacks a column, and ones
of which no two are equal. "Bare" connects to each, executes the catalog's queries and fetches their
rows, as many at a time as the command. Nothing here fails on a number: read them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.fetch import query
from pytest_schemaguard.catalog.snapshot import PARTS
from pytest_schemaguard.catalog.transaction import Limits, read_only
from pytest_schemaguard.cli.check import JOBS
from pytest_schemaguard.configuration.settings import load
from pytest_schemaguard.guard import Guard
from pytest_schemaguard.live.expected import LiveExpected
from pytest_schemaguard.live.fleet import Fleet
from pytest_schemaguard.live.targets import Target
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.servers.sessions import connect
from tests.guarded import run_databases

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.servers.databases import Databases

MODELS = """\
from sqlalchemy import *

Base = MetaData()
for number in range({tables}):
    Table(
        f"t{{number:04}}", Base,
        Column("id", Integer, primary_key=True),
        Column("parent_id", ForeignKey(f"t{{max(number - 1, 0):04}}.id")),
        Column("name", String(50), nullable=False, server_default="x", index=True),
        Column("email", String(255), index=True),
        *(Column(f"c{{place}}", Numeric(10, 2)) for place in range(11)),
    )
"""
TABLE = """\
CREATE TABLE t{number:04} (
  id serial PRIMARY KEY, parent_id integer REFERENCES t{parent:04} (id),
  name varchar(50) DEFAULT 'x' NOT NULL, email varchar(255), {columns}
);
CREATE INDEX ix_t{number:04}_name ON t{number:04} (name);
CREATE INDEX ix_t{number:04}_email ON t{number:04} (email);
"""
CASES: dict[str, Callable[[int], str]] = {
    "equal": lambda _: "",
    "one of ten lacks a column": lambda n: "" if n % 10 else "ALTER TABLE t0001 DROP COLUMN c1",
    "no two equal": lambda n: f"ALTER TABLE t0001 ADD COLUMN x{n} integer",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", type=int, default=200)
    parser.add_argument("--tables", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, run_databases() as databases:
        root = project(Path(name), options.tables)
        print(
            f"Python {platform.python_version()}, PostgreSQL {databases.server.version}, "
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: {options.databases} databases "
            f"of {options.tables} tables, {JOBS} at a time, median of {options.rounds} rounds"
        )
        began = time.monotonic()
        guard = guard_of(root, databases)
        expected = LiveExpected(guard, schemas=None, strict=False)
        print(f"  the expectation, once: {time.monotonic() - began:.3f} s")
        for case, change in CASES.items():
            addresses = made(databases, guard, options.databases, change)
            bare, checked = [], []
            for _ in range(options.rounds):
                bare.append(timed(lambda: read_bare(addresses)))  # noqa: B023 - called at once
                checked.append(timed(lambda: check(expected, addresses)))  # noqa: B023 - likewise
            one, other = statistics.median(checked), statistics.median(bare)
            print(f"  {case:<28}{one:7.3f} s / {other:7.3f} s = {one / other:.2f}   (target 1.5)")
        guard.close()


def guard_of(root: Path, databases: Databases) -> Guard:
    return Guard(
        load(root / "pyproject.toml")[0],
        run=databases.run,
        url=None,
        shared=False,
        progress=Progress(),
    )


def project(root: Path, tables: int) -> Path:
    (root / "migrations").mkdir()
    (root / "app.py").write_text(MODELS.format(tables=tables))
    columns = ", ".join(f"c{place} numeric(10,2)" for place in range(11))
    (root / "migrations" / "0001.sql").write_text(
        "".join(
            TABLE.format(number=number, parent=max(number - 1, 0), columns=columns)
            for number in range(tables)
        )
    )
    (root / "pyproject.toml").write_text(
        '[tool.schema-guard]\nmodels = "app:Base"\nmigrations = "migrations"\n'
    )
    return root


def made(
    databases: Databases, guard: Guard, count: int, change: Callable[[int], str]
) -> list[Address]:
    template = guard.states.migrated().name
    addresses = []
    for number in range(count):
        name = f"live-{number}"
        databases.drop(name)
        databases.create(name, template=template)
        addresses.append(databases.server.admin.at(databases.full_name(name)))
        if change(number):
            with databases.session(name) as owner, owner.cursor() as cursor:
                cursor.execute(change(number))
    return addresses


def read_bare(addresses: Sequence[Address]) -> None:
    texts = [query(part) for part in PARTS]

    def one(address: Address) -> None:
        with closing(connect(address)) as connection, read_only(connection) as cursor:
            for text in texts:
                cursor.execute(text)
                cursor.fetchall()

    with ThreadPoolExecutor(JOBS) as threads:
        list(threads.map(one, addresses))


def check(expected: LiveExpected, addresses: Sequence[Address]) -> None:
    fleet = Fleet(expected=expected, limits=Limits(), jobs=JOBS)
    results = list(fleet.look([Target(address=address) for address in addresses]))
    assert all(one.looked for one in results)


def timed(run: Callable[[], None]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
