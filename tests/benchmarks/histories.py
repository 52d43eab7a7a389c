"""Long Alembic histories: the guard beside `alembic upgrade head`, and beside pytest-alembic."""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

from tests.benchmarks import peers

if TYPE_CHECKING:
    from pathlib import Path

ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

engine = context.config.attributes.get("connection") or engine_from_config(
    context.config.get_section(context.config.config_ini_section), poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """\
import sqlalchemy as sa
from alembic import op

revision = "r{number:03}"
down_revision = {down}


def upgrade():
    op.create_table("t{number}", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("t{number}", sa.Column("name", sa.String(50)))
    op.create_index("ix_t{number}", "t{number}", ["name"])


def downgrade():
    op.drop_table("t{number}")
"""
TABLE = """\
[tool.schema-guard]
migrations = "alembic.ini"
baseline = {{ at = "r{at:03}" }}
"""


def lay_out(folder: Path, *, revisions: int, judged: int) -> Path:
    """A project with this many revisions, the last ones of them after the baseline."""
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic" / "env.py").write_text(ENV)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = alembic\n")
    (folder / "pyproject.toml").write_text(TABLE.format(at=revisions - judged))
    for number in range(revisions + 1):
        down = f'"r{number - 1:03}"' if number else None
        text = REVISION.format(number=number, down=down)
        (versions / f"r{number:03}.py").write_text(text)
    return folder


def compare(rounds: int, scratch: Path) -> None:
    """300 revisions with 3 judged, and what one more run costs."""
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers import Wanted, obtain
    from pytest_schemaguard.servers.databases import Databases
    from tests.benchmarks.compare import PYTEST, Timed, take_turns

    long = lay_out(scratch / "long", revisions=300, judged=3)
    short = lay_out(scratch / "short", revisions=3, judged=3)
    guard = [*PYTEST, "--schema-guard", "-k", "applies or idempotent or reversible"]
    run = Run.begin()
    databases = Databases(obtain(Wanted(), run), run)

    def anew() -> None:
        databases.drop("bare")
        databases.create("bare")
        (long / "bare.ini").write_text(
            "[alembic]\nscript_location = alembic\nsqlalchemy.url = "
            + databases.address("bare").url("psycopg2")
        )

    command = [sys.executable, "-m", "alembic", "-c", "bare.ini", "upgrade", "head"]
    bare = Timed("alembic", command, folder=long, before=anew)
    whole, alembic, own = take_turns(
        rounds, Timed("guard", guard, folder=long), bare, Timed("own", guard, folder=short)
    )
    print(
        f"{'300 revisions, 3 judged / alembic and those 3':<46} {whole:7.3f} s / "
        f"({alembic:.3f} + {own:.3f}) s = {whole / (alembic + own):5.2f}   (target 1.3)"
    )
    databases.close()
    run.close()
    print(
        f"{'one more Alembic run, above its migration':<46} +{one_more_ms(short, 10):.0f} ms"
        "   (target +150 ms)",
        flush=True,
    )


def one_more_ms(folder: Path, count: int) -> float:
    """The milliseconds of a run that are not the migration's own."""
    from pytest_schemaguard.configuration.settings import load
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.run import Run

    run = Run.begin()
    guard = Guard(
        load(folder / "pyproject.toml")[0], run=run, url=None, shared=False, progress=Progress()
    )
    first, second = guard.judging.migrations[:2]
    guard.databases.create("first")
    guard.source.up("first", [first])
    guard.databases.freeze("first")
    above = []
    for number in range(count):
        guard.databases.create(f"more{number}", template="first")
        begin = time.perf_counter()
        step = guard.source.up(f"more{number}", [second])
        above.append(time.perf_counter() - begin - step.run.seconds)
    guard.close()
    run.close()
    return statistics.median(above) * 1000


def stairway(rounds: int, scratch: Path, python: Path) -> None:
    """100 revisions up, down and up beside pytest-alembic's tests, all and the one alone.

    Of its four one compares models, which this history has none of; none looks at the catalog on
    the way, as the guard does after each step.
    """
    from tests.benchmarks.compare import PYTEST, Timed, told

    folder = lay_out(scratch / "stairs", revisions=100, judged=100)
    checks = [*PYTEST, "--schema-guard", "-k", "reversible or single-head"]
    guard = Timed("guard", checks, folder=folder)
    for title, tests in {
        "pytest-alembic's tests, 100 revisions / guard": "single_head_revision,upgrade,",
        "  its up_down_consistency alone / guard": "",
    }.items():
        peer = peers.Peer(python, scratch / f"stairs-{len(tests)}", "own_server")
        lay_out(peer.folder, revisions=100, judged=100)
        (peer.folder / "conftest.py").write_text((peers.PROJECT / "own_server.py").read_text())
        (peer.folder / "pytest.ini").write_text(
            f"[pytest]\npytest_alembic_include = {tests}up_down_consistency\n"
        )
        timed = Timed("peer", peer.command, folder=peer.folder, env=peer.env)
        told(title, rounds, timed, guard, "at least 2")
