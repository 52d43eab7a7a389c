"""Prints what rows for every table cost, and what they would cost if the guard had to know nothing.

    python -m tests.benchmarks.rows [--tables 300 1000] [--rows 20] [--rounds N]

Tables of 15 columns and a foreign key; in the second case each with four checks and a domain too,
in the third each refuses its rows. "Bare" inserts the same rows again, by one statement a table.
Nothing here fails on a number: read them.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.rows.fill import fill
from pytest_schemaguard.rows.tables import read
from pytest_schemaguard.servers.settings import Settings
from tests.benchmarks.live import TABLE
from tests.guarded import run_databases

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.servers.databases import Databases

CHECKS = """
    ALTER TABLE t{number:04} ADD state text CHECK (state IN ('new', 'old')), ADD small share,
      ADD first date, ADD last date, ADD CHECK (first < last), ADD CHECK (c1 >= 0),
      ADD code char(2) CHECK (code ~ '^[A-Z]+$');
"""
REFUSING = "CREATE TRIGGER no BEFORE INSERT ON t{number:04} EXECUTE FUNCTION no();"
CASES = {"plain": "", "with checks and a domain": CHECKS, "refused by a trigger": REFUSING}
BEFORE = """
    CREATE DOMAIN share AS numeric(5, 4) CHECK (VALUE BETWEEN 0 AND 1);
    CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, nargs="+", default=[300, 1000])
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with run_databases() as databases:
        print(
            f"Python {platform.python_version()}, PostgreSQL {databases.server.version}, "
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: {options.rows} rows in each "
            f"table, least of {options.rounds} rounds"
        )
        for tables in options.tables:
            for case, more in CASES.items():
                measure(databases, case, more, tables=tables, options=options)


def measure(
    databases: Databases, case: str, more: str, *, tables: int, options: argparse.Namespace
) -> None:
    name = f"rows-{tables}-{case}"
    databases.create(name)
    columns = ", ".join(f"c{place} numeric(10,2)" for place in range(11))
    texts = (
        (TABLE + more).format(number=number, parent=max(number - 1, 0), columns=columns)
        for number in range(tables)
    )
    with databases.session(name) as owner, owner.cursor() as cursor:
        cursor.execute(BEFORE + "".join(texts))
    whole, reading, bare = [], [], []
    for turn in range(options.rounds):
        copy = f"{name}-{turn}"
        databases.create(copy, template=name)
        with databases.session(copy, settings=Settings.STAND_IN) as owner:
            with owner.cursor() as cursor:
                reading.append(timed(lambda: read(cursor)))
            whole.append(timed(lambda: fill(owner, rows=options.rows)))
            bare.append(again(owner, tables))
        databases.drop(copy)
    made = min(whole)
    print(
        f"  {tables:>5} tables, {case:<26}{made:7.3f} s, {1000 * made / tables:.2f} ms a table; "
        f"of it the catalog {min(reading):.3f} s; bare {min(bare):.3f} s"
    )


def again(owner: Any, tables: int) -> float:
    """Seconds that inserting the rows once more takes."""
    with owner.cursor() as cursor:
        for number in range(tables):
            cursor.execute(
                f"CREATE TEMPORARY TABLE same{number} AS SELECT * FROM t{number:04};"
                f"ALTER TABLE t{number:04} DISABLE TRIGGER USER"
            )
            cursor.execute(f"UPDATE same{number} SET id = id + 1000")
        started = time.perf_counter()
        for number in range(tables):
            cursor.execute(f"INSERT INTO t{number:04} SELECT * FROM same{number}")
    return time.perf_counter() - started


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
