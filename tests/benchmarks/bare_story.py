"""The yardstick: what drift, queries, applies and idempotent need, in one plain process.

No pytest, no plugin, no child process but the server. It prints each phase's seconds, and exits
with 1 when the migration does not do what it should.

    python tests/benchmarks/bare_story.py [--initialised FOLDER]

FOLDER is what initdb made; without it, initdb runs. As root, PostgreSQL runs as `postgres`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
SETTINGS = (
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "jit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=128MB",
    "shared_buffers=16MB",
)
INITDB = ("--username=super", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
AS_POSTGRES: dict[str, Any] = (
    {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
)
COLUMNS = """
SELECT n.nspname, c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod),
       a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname !~ '^pg_|^information_schema$'
 ORDER BY 1, 2, 4
"""
CONSTRAINTS = """
SELECT n.nspname, conrelid::regclass::text, conname, pg_get_constraintdef(c.oid)
  FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
 WHERE conrelid <> 0 AND n.nspname !~ '^pg_|^information_schema$' ORDER BY 1, 2, 3
"""
INDEXES = """
SELECT schemaname, tablename, indexname, indexdef
  FROM pg_indexes WHERE schemaname !~ '^pg_|^information_schema$' ORDER BY 1, 2, 3
"""
ENUMS = """
SELECT n.nspname, t.typname, array_agg(e.enumlabel ORDER BY e.enumsortorder)
  FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
 GROUP BY 1, 2 ORDER BY 1, 2
"""

seconds: dict[str, float] = {}


@contextmanager
def phase(name: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - begin


def binaries() -> Path:
    return Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())


def initialise(programs: Path, data: Path) -> None:
    subprocess.run(
        [programs / "initdb", "-D", data, *INITDB],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=data.parent,
        **AS_POSTGRES,
    )


def copy(source: Path, target: Path) -> None:
    # `cp` is quicker at a thousand small files than anything in Python.
    subprocess.run(["cp", "-R", source, target], check=True)
    target.chmod(0o700)
    if AS_POSTGRES:
        subprocess.run(["chown", "-R", "postgres:postgres", target], check=True)


@contextmanager
def server(programs: Path, folder: Path) -> Iterator[None]:
    settings = [part for setting in SETTINGS for part in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, *settings],
            stderr=log,
            cwd=folder,
            **AS_POSTGRES,
        )
    ready = folder / "data" / "postmaster.pid"
    deadline = time.monotonic() + 30
    while not (ready.exists() and "ready" in ready.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit((folder / "log").read_text())
        time.sleep(0.002)
    seconds["start"] = time.perf_counter() - seconds.pop("starting")
    try:
        yield
    finally:
        begin = time.perf_counter()
        process.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed again
        process.wait(30)
        seconds["stop"] = time.perf_counter() - begin


def catalog(cursor: Any) -> list[list[tuple[Any, ...]]]:
    # Without a search_path every name is written with its schema, on both sides alike.
    cursor.execute("SET search_path = ''")
    answers = []
    for sql in (COLUMNS, CONSTRAINTS, INDEXES, ENUMS):
        cursor.execute(sql)
        answers.append(cursor.fetchall())
    cursor.execute("RESET search_path")
    return answers


def rows(cursor: Any, tables: list[str]) -> list[tuple[Any, ...]]:
    sums = []
    for table in tables:
        cursor.execute(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} AS t")
        sums.append(cursor.fetchone())
    return sums


def story(folder: Path) -> bool:
    with phase("import"):
        import psycopg2
        import sqlalchemy
        from sqlalchemy.orm import Session

        sys.path.insert(0, str(ROOT))
        from tests.app.models import Base

    def connect(database: str, user: str = "app_owner") -> Any:
        connection = psycopg2.connect(host=str(folder), dbname=database, user=user)
        connection.autocommit = True
        return closing(connection)

    tables = [table.fullname for table in Base.metadata.sorted_tables]
    quoted = [f'"public"."{table}"' for table in tables]
    migration = (ROOT / "migrations/add_user_analysis_preferences.sql").read_text()
    with phase("baseline"):
        with connect("postgres", "super") as connection, connection.cursor() as cursor:
            cursor.execute("CREATE ROLE app_owner LOGIN; CREATE ROLE app_reader")
            cursor.execute("CREATE DATABASE production OWNER app_owner")
            cursor.execute("CREATE DATABASE scratch OWNER app_owner")
        with connect("production") as connection, connection.cursor() as cursor:
            dump = (ROOT / "tests/app/production.sql").read_text().splitlines()
            cursor.execute("\n".join(line for line in dump if not line.startswith("\\")))
            cursor.execute((ROOT / "tests/app/rows.sql").read_text())
    with connect("production") as connection, connection.cursor() as cursor:
        with phase("applies"):
            cursor.execute(migration)
        with phase("snapshot"):
            first = catalog(cursor), rows(cursor, quoted)
    url = f"postgresql+psycopg2://app_owner@/{{}}?host={folder}"
    with phase("create_all"):
        engine = sqlalchemy.create_engine(url.format("scratch"))
        Base.metadata.create_all(engine)
        engine.dispose()
    with phase("drift"), connect("scratch") as connection, connection.cursor() as cursor:
        drift = catalog(cursor) != first[0]
    with phase("queries"):
        engine = sqlalchemy.create_engine(url.format("production"))
        with Session(engine) as session:
            for mapper in Base.registry.mappers:
                session.scalars(sqlalchemy.select(mapper.class_).limit(1)).all()
        engine.dispose()
    with phase("idempotent"), connect("production") as connection, connection.cursor() as cursor:
        cursor.execute(migration)
        same = (catalog(cursor), rows(cursor, quoted)) == first
    return same and not drift


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--initialised", type=Path, help="a folder that initdb made")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    programs = binaries()
    shared = Path("/dev/shm")  # noqa: S108 - a new folder of ours is made in it
    folder = Path(tempfile.mkdtemp(prefix="bare-", dir=shared if shared.is_dir() else None))
    try:
        if AS_POSTGRES:
            shutil.chown(folder, "postgres", "postgres")
        with phase("initialise"):
            if arguments.initialised is None:
                initialise(programs, folder / "data")
            else:
                copy(arguments.initialised, folder / "data")
        seconds["starting"] = time.perf_counter()
        with server(programs, folder):
            holds = story(folder)
    finally:
        with phase("remove"):
            shutil.rmtree(folder)
    seconds["whole"] = time.perf_counter() - begin
    print("  ".join(f"{name} {value:.3f}" for name, value in seconds.items()))
    print("holds" if holds else "does not hold")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
