"""Prints what comparing models with a database costs, beside its bare catalog queries and alembic.

    python -m tests.benchmarks.drift [--tables 100 1000] [--rounds N] [--large]

Tables of 15 columns, 2 indexes and a foreign key, of which every hundredth differs in the database.
The guard and alembic have a process each and take turns; each line is the median of N rounds.
`--large` adds 5,000 tables, of which alembic alone takes minutes. Nothing here fails on a number:
read them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import MetaData

LARGE = 5000
TURNS = 6
"""Of what is done again and again in one process; the first warms it up."""
ACTUAL = "actual"
DRIFT = "ALTER TABLE {table} ALTER COLUMN name TYPE varchar(60), ADD COLUMN more integer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, nargs="+", default=[100, 1000], metavar="N")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true", help=f"{LARGE:,} tables too")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.tables[0], options.place)))
        return
    print(
        f"Python {platform.python_version()}, SQLAlchemy {version('sqlalchemy')}, "
        f"alembic {version('alembic')}, psycopg2 {version('psycopg2-binary')}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, median of {options.rounds} rounds"
    )
    for count in [*options.tables, *([LARGE] if options.large else [])]:
        compare(count, options.rounds)


def compare(count: int, rounds: int) -> None:
    """Lays a server out with the database of so many tables, and prints what each side takes."""
    from tests.guarded import run_databases

    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, run_databases() as databases:
        place = Path(name)
        (place / "run").write_text(" ".join(databases.run.invitation))
        (place / "server").write_text(databases.server.to_json())
        rendered = side("rendering", count, place)
        lay_out(databases, count, place)
        guard, alembic = [], []
        for _ in range(rounds):
            guard.append(side("guard", count, place))
            alembic.append(side("alembic", count, place))
    print(f"{count:,} tables, PostgreSQL {databases.server.version}")
    told(median(guard), median(alembic), rendered["seconds"])


def told(guard: dict[str, float], alembic: dict[str, float], rendering: float) -> None:
    bare, warm, cold = guard["bare"], guard["warm"], guard["cold"]

    def line(title: str, one: float, other: float, target: str = "") -> None:
        ratio = f"{one:8.3f} s / {other:8.3f} s = {one / other:6.2f}"
        print(f"  {title:<52}{ratio}   {target and f'({target})'}")

    line("comparing, models' snapshot cached / bare queries", warm, bare, "target 1.3")
    line("  the same where nothing differs / bare queries", guard["equal"], bare)
    line("  reading the catalog alone / bare queries", guard["read"], bare)
    line("alembic / comparing, cached", alembic["seconds"], warm, "target 10 at least")
    line("alembic / comparing, cold", alembic["seconds"], cold, "target 2 at least")
    line("  alembic / cold and rendering the DDL", alembic["seconds"], cold + rendering)
    print(f"  {'once a run, cached: the key, loading the snapshot':<52}{guard['loading']:8.3f} s")
    print(f"  {'peak memory: the guard':<52}{guard['peak_mb']:8.0f} MB")
    print(f"  {'peak memory: alembic':<52}{alembic['peak_mb']:8.0f} MB", flush=True)


def side(name: str, count: int, place: Path) -> dict[str, float]:
    """What one side measures, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.drift"]
    command += ["--side", name, "--tables", str(count), "--place", str(place)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def metadata(count: int) -> MetaData:
    from sqlalchemy import (
        Boolean,
        Column,
        DateTime,
        ForeignKey,
        Index,
        Integer,
        MetaData,
        Numeric,
        String,
        Table,
        Text,
        func,
        text,
    )

    types = (Integer(), Boolean(), Text(), DateTime(timezone=True), Numeric(10, 2))
    made = MetaData()
    for number in range(count):
        Table(
            f"t{number:04}",
            made,
            Column("id", Integer, primary_key=True),
            Column("parent_id", ForeignKey(f"t{max(number - 1, 0):04}.id")),
            Column("name", String(50), nullable=False, server_default="x"),
            Column("email", String(255), nullable=False),
            *(Column(f"c{place}", types[place % 5], nullable=place % 2 == 0) for place in range(9)),
            Column("at", DateTime, server_default=func.now()),
            Column("flag", Boolean, nullable=False, server_default=text("true")),
            Index(f"ix_t{number:04}_email", "email"),
            Index(f"ix_t{number:04}_name", "name", "c1"),
        )
    return made


def rendering(count: int, place: Path) -> dict[str, float]:
    """The models' DDL as the project's side renders it."""
    from pytest_schemaguard.codec import dumps
    from pytest_schemaguard.project.answers.models import Models
    from pytest_schemaguard.project.tasks.models.ddl import create_all
    from pytest_schemaguard.project.tasks.models.naming import dialect

    tables = metadata(count)
    begin = time.perf_counter()
    ddl, _ = create_all([tables], dialect((15, 0)))
    seconds = time.perf_counter() - begin
    (place / "models.json").write_text(dumps(Models(tables=(), ddl=ddl)))
    return {"seconds": seconds}


def lay_out(databases: Any, count: int, place: Path) -> None:
    """`actual`, in which every hundredth table differs from the models'; `equal`, where none does.

    Analysed, as a database in use is.
    """
    from pytest_schemaguard.expected.make import build

    models = models_of(place)
    databases.create("equal")
    with databases.session("equal") as owner:
        assert build(owner, models) == {}
    with databases.session("equal", as_admin=True) as admin:
        admin.cursor().execute("VACUUM ANALYZE")
    for name in (ACTUAL, "migrated"):
        databases.create(name, template="equal")
    databases.freeze("migrated")
    with databases.session(ACTUAL) as owner, owner.cursor() as cursor:
        for number in range(0, count, 100):
            cursor.execute(DRIFT.format(table=f"t{number:04}"))


def models_of(place: Path) -> Any:
    from pytest_schemaguard.codec import decode
    from pytest_schemaguard.project.answers.models import Models

    return decode(Models, json.loads((place / "models.json").read_text()))


def guard(count: int, place: Path) -> dict[str, float]:
    """Each of the guard's ways, in its own process."""
    from pytest_schemaguard.catalog.fetch import query
    from pytest_schemaguard.catalog.read import read
    from pytest_schemaguard.catalog.snapshot import PARTS
    from pytest_schemaguard.catalog.transaction import read_only
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.expected.expectation import Expectation
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.scenarios.states import State
    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.servers.provider import Server

    run = Run.join((place / "run").read_text().split())
    server = Server.from_json((place / "server").read_text(), password=run.password)
    databases = Databases(server, run)
    models = models_of(place)
    config = Config(file=place / "pyproject.toml", models=(), migrations=None)
    actual = databases.connect(ACTUAL, as_admin=True)
    state = State(name="migrated", snapshot=read(actual), run=None)

    def expectation() -> Expectation:
        return Expectation(config, databases, state, models, folder=place / "kept")

    def bare() -> None:
        with read_only(actual) as cursor:
            for name in PARTS:
                cursor.execute(query(name))
                cursor.fetchall()

    def cold() -> None:
        with closing(expectation()) as one:
            assert len(one.differences(read(actual))) == 2 * -(-count // 100)

    shutil.rmtree(place / "kept", ignore_errors=True)
    bare()
    taken = {"cold": seconds(cold)}
    databases.drop("models")
    with closing(expectation()) as one:
        taken["loading"] = seconds(lambda: one.snapshot)
        equal = databases.connect("equal", as_admin=True)
        ways = {
            "bare": bare,
            "read": lambda: read(actual),
            "warm": lambda: one.differences(read(actual)),
            "equal": lambda: one.differences(read(equal)),
        }
        turns = [{name: seconds(way) for name, way in ways.items()} for _ in range(TURNS)]
    databases.drop("models")
    databases.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**taken, **median(turns[1:]), "peak_mb": peak}


def alembic(count: int, place: Path) -> dict[str, float]:
    """The same by alembic, with everything switched on."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.servers.provider import Server

    run = Run.join((place / "run").read_text().split())
    server = Server.from_json((place / "server").read_text(), password=run.password)
    databases = Databases(server, run)
    tables = metadata(count)
    options = {"compare_type": True, "compare_server_default": True}
    with create_engine(databases.address(ACTUAL).url("psycopg2")).connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        taken = seconds(lambda: compare_metadata(context, tables))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": taken, "peak_mb": peak}


def seconds(way: Callable[[], object]) -> float:
    begin = time.perf_counter()
    way()
    return time.perf_counter() - begin


SIDES: dict[str, Callable[[int, Path], dict[str, float]]] = {
    "rendering": rendering,
    "guard": guard,
    "alembic": alembic,
}


if __name__ == "__main__":
    main()
