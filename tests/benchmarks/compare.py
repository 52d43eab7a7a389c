"""Prints how long the guard takes beside a bare script, plain pytest and its peers: ratios.

    python -m tests.benchmarks.compare [--rounds N] [--peers]

Each line is the median of N rounds; what is compared takes turns in each round, so that a busy
machine slows both. `--peers` makes an environment with pytest-alembic and pytest-postgresql in a
temporary folder, and needs pip. Nothing here fails on a number: read them.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import bare_story, histories, peers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# Other plugins of this environment (hypothesis, anyio) would take longer than what is measured.
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
PLAIN = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
PYTEST = [*PLAIN, "-p", "pytest_schemaguard.plugin"]
STORY = [*PYTEST, "--schema-guard", "pyproject.toml", "--deselect", "pyproject.toml::login"]
ONE_TEST = "def test_it({fixture}):\n    pass\n"
TABLE = '[tool.schema-guard]\nmodels = "app:Base"\nmigrations = "migrations"\n'
MIGRATION = "CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL);\n"


@dataclass(frozen=True)
class Timed:
    """A command to time, and what makes its surroundings anew before each round."""

    name: str
    command: list[str]
    folder: Path = ROOT
    env: Mapping[str, str] | None = None
    before: Callable[[], object] = lambda: None
    fails: bool = False

    def seconds(self) -> float:
        self.before()
        begin = time.perf_counter()
        done = subprocess.run(
            self.command,
            cwd=self.folder,
            env={**os.environ, **(self.env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        passed = time.perf_counter() - begin
        if (done.returncode != 0) is not self.fails:
            sys.exit(f"{self.name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return passed


def take_turns(
    rounds: int, *timed: Timed, of: Callable[[list[float]], float] = statistics.median
) -> list[float]:
    """The median seconds of each, after one round that warms the caches."""
    taken: list[list[float]] = [[] for _ in timed]
    for turn in range(rounds + 1):
        for one, seconds in zip(timed, taken, strict=True):
            passed = one.seconds()
            if turn:
                seconds.append(passed)
    return [of(seconds) for seconds in taken]


def told(title: str, rounds: int, first: Timed, second: Timed, target: str) -> None:
    one, other = take_turns(rounds, first, second)
    print(
        f"{title:<46} {one:7.3f} s / {other:7.3f} s = {one / other:5.2f}   "
        f"(+{one - other:.3f} s; target {target})",
        flush=True,
    )


def story(rounds: int, scratch: Path) -> None:
    """drift, queries, applies and idempotent of the founding story against the bare script."""
    bare = [sys.executable, str(HERE / "bare_story.py")]
    initialised = scratch / "initialised"
    scratch.chmod(0o755)
    if bare_story.AS_POSTGRES:
        shutil.chown(scratch, "postgres")
    bare_story.initialise(bare_story.binaries(), initialised)
    told(
        "the story, initialised folder cached / bare",
        rounds,
        Timed("guard", STORY),
        Timed("bare", [*bare, "--initialised", str(initialised)]),
        "1.5",
    )
    cache = scratch / "cache"
    told(
        "the story, nothing cached / bare",
        rounds,
        Timed(
            "guard",
            STORY,
            env={"XDG_CACHE_HOME": str(cache)},
            before=lambda: shutil.rmtree(cache, ignore_errors=True),
        ),
        Timed("bare", bare),
        "1.5",
    )


def login(rounds: int) -> None:
    """The request's own process against the bare application's."""
    from pytest_schemaguard.configuration.settings import load
    from pytest_schemaguard.evidence.logins import EXISTING, request_arguments
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.run import Run

    run = Run.begin()
    guard = Guard(
        load(ROOT / "pyproject.toml")[0], run=run, url=None, shared=False, progress=Progress()
    )
    assert guard.config.login is not None
    request = request_arguments(guard.config, guard.config.login, [EXISTING])
    guard.databases.create("benchmark", template=guard.states.migrated().name)
    bare = [
        sys.executable,
        str(HERE / "bare_request.py"),
        guard.databases.address("benchmark").url(),
    ]
    taken: list[tuple[float, float]] = []
    for turn in range(rounds + 1):
        begin = time.perf_counter()
        project = guard.processes.application("benchmark")
        project.call("request/ask", request, timeout_s=60)
        passed = time.perf_counter() - begin
        project.close()
        seconds = Timed("bare", bare).seconds()
        if turn:
            taken.append((passed, seconds))
    guard.close()
    run.close()
    one, other = (statistics.median(column) for column in zip(*taken, strict=True))
    print(
        f"{'the request / the bare application':<46} {one:7.3f} s / {other:7.3f} s = "
        f"{one / other:5.2f}   (target 1.3)",
        flush=True,
    )


def fixtures(rounds: int, scratch: Path) -> None:
    """One trivial test with schema_guard_session above plain pytest, and each further one."""
    project = scratch / "project"
    (project / "migrations").mkdir(parents=True)
    (project / "migrations" / "0001.sql").write_text(MIGRATION)
    (project / "pyproject.toml").write_text(TABLE)
    for name, text in {
        "plain": ONE_TEST.format(fixture=""),
        "one": ONE_TEST.format(fixture="schema_guard_session"),
        "url": ONE_TEST.format(fixture="schema_guard_url"),
        "many": "import pytest\n\n\n@pytest.mark.parametrize('n', range(101))\n"
        "def test_it(schema_guard_session, n):\n    pass\n",
    }.items():
        (project / f"test_{name}.py").write_text(text)
    timed = [Timed("plain", [*PLAIN, "test_plain.py"], folder=project)]
    timed += [
        Timed(name, [*PYTEST, f"test_{name}.py"], folder=project) for name in ("one", "url", "many")
    ]
    plain, one, url, many = take_turns(rounds, *timed)
    clone = bare_clone_s(100)
    further = (many - one) / 100
    print(f"{'one test with schema_guard_session':<46} +{one - plain:.3f} s   (target +0.2)")
    print(f"{'  of which importing SQLAlchemy and the like':<46} +{one - url:.3f} s")
    print(
        f"{'each further test / a bare clone':<46} {further * 1000:.1f} ms / {clone * 1000:.1f} ms"
        f" = {further / clone:.2f}   (target 1.2)",
        flush=True,
    )


def bare_clone_s(count: int) -> float:
    """The seconds of one CREATE DATABASE ... TEMPLATE and its DROP, on a server of the guard's."""
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers import Wanted, obtain
    from pytest_schemaguard.servers.databases import Databases

    run = Run.begin()
    databases = Databases(obtain(Wanted(), run), run)
    databases.create("template")
    begin = time.perf_counter()
    for number in range(count):
        databases.create(f"clone{number}", template="template")
        databases.drop(f"clone{number}")
    passed = time.perf_counter() - begin
    databases.close()
    run.close()
    return passed / count


def unused(rounds: int, scratch: Path) -> None:
    """Installed and not asked for."""
    empty = scratch / "empty"
    empty.mkdir()
    with_it, without = take_turns(
        rounds * 3,
        Timed("with", [*PYTEST, "--collect-only"], folder=empty, fails=True),
        Timed("without", [*PLAIN, "--collect-only"], folder=empty, fails=True),
        of=min,  # a few milliseconds drown in what else the machine does
    )
    print(f"{'installed and unused':<46} +{(with_it - without) * 1000:.1f} ms   (target +5 ms)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="pytest-alembic, pytest-postgresql")
    arguments = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, median of {arguments.rounds} rounds"
    )
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        scratch = Path(name)
        unused(arguments.rounds, scratch)
        fixtures(arguments.rounds, scratch)
        story(arguments.rounds, scratch)
        login(arguments.rounds)
        histories.compare(arguments.rounds, scratch)
        if arguments.peers:
            peers.compare(arguments.rounds, scratch)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"{'peak memory of the largest process':<46} {peak / 1024:.0f} MB")


if __name__ == "__main__":
    main()
