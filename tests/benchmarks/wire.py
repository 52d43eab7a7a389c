"""Prints what the wire costs beside a plain connection: medians of one run, in turns.

    python -m tests.benchmarks.wire [--rounds N]

Each round does the same plainly and over the wire, so that a busy machine slows both. Nothing here
fails on a number: read them.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Databases, Wanted, obtain
from pytest_schemaguard.wire.conductor import Order
from pytest_schemaguard.wire.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address

EACH = 200
ROWS = 200_000
LOOK = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks"


def connected(address: Address) -> Any:
    connection = psycopg2.connect(address.url())
    connection.autocommit = True
    return connection


def per_statement(connection: Any, sql: str) -> float:
    """The median of one statement, in milliseconds."""
    taken = []
    with connection.cursor() as cursor:
        for _ in range(EACH):
            begin = time.perf_counter()
            cursor.execute(sql)
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1000


def copying(connection: Any) -> float:
    with connection.cursor() as cursor:
        begin = time.perf_counter()
        cursor.copy_expert("COPY item FROM STDIN", io.StringIO("1\n" * ROWS))
        cursor.copy_expert("COPY item TO STDOUT", io.StringIO())
        cursor.execute("TRUNCATE item")
        return (time.perf_counter() - begin) * 1000


def connecting(address: Address) -> float:
    begin = time.perf_counter()
    connected(address).close()
    return (time.perf_counter() - begin) * 1000


def starting(folder: Path, address: Address) -> float:
    begin = time.perf_counter()
    wire = Wire(Path(tempfile.mkdtemp(dir=folder)))
    with wire.listen(address):
        passed = (time.perf_counter() - begin) * 1000
    wire.close()
    return passed


def compare(name: str, rounds: int, *ways: tuple[str, Callable[[], float]]) -> None:
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for (_, way), times in zip(ways, taken, strict=True):
            times.append(way())
    plain, *others = [statistics.median(times) for times in taken]
    print(f"{name:<34}{ways[0][0]:>8} {plain:9.3f} ms")
    for (what, _), found in zip(ways[1:], others, strict=True):
        print(f"{'':<34}{what:>8} {found:9.3f} ms  {found - plain:+9.3f} ms  x{found / plain:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    run = Run.begin()
    databases = Databases(obtain(Wanted(), run), run)
    databases.create("wire")
    address = databases.address("wire")
    print(f"load {os.getloadavg()[0]:.1f}, {rounds} rounds of {EACH} statements")
    with tempfile.TemporaryDirectory(prefix="wire-") as name:
        folder = Path(name)
        wire = Wire(folder)
        line = wire.listen(address)
        looking = wire.listen(address, orders=[Order("look", "after", None, LOOK)])
        plain, over, looked = map(connected, (address, line.address, looking.address))
        for what, sql in {
            "SELECT 1": "SELECT 1",
            "ALTER TABLE": "ALTER TABLE item ALTER x SET STATISTICS 10",
            "1,000 rows": "SELECT * FROM generate_series(1, 1000)",
        }.items():
            plain.cursor().execute("CREATE TABLE IF NOT EXISTS item (x int)")
            compare(
                what,
                rounds,
                ("plain", lambda sql=sql: per_statement(plain, sql)),  # type: ignore[misc]
                ("wire", lambda sql=sql: per_statement(over, sql)),  # type: ignore[misc]
                ("looking", lambda sql=sql: per_statement(looked, sql)),  # type: ignore[misc]
            )
        compare(
            f"COPY of {ROWS:,} rows in and out",
            rounds,
            ("plain", lambda: copying(plain)),
            ("wire", lambda: copying(over)),
        )
        compare(
            "a connection",
            rounds,
            ("plain", lambda: connecting(address)),
            ("wire", lambda: connecting(line.address)),
        )
        compare(
            "the relay's start, ready to listen", rounds, ("", lambda: starting(folder, address))
        )
        for one in (plain, over, looked):
            one.close()
        wire.close()
    databases.close()
    run.close(wait=True)


if __name__ == "__main__":
    main()
