"""A run's databases and its states, made as the guard makes them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.migrations import source_of
from pytest_schemaguard.migrations.migration import Script
from pytest_schemaguard.migrations.session import run_script
from pytest_schemaguard.migrations.source import Reach
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.project.processes import Processes
from pytest_schemaguard.run import Run
from pytest_schemaguard.scenarios.engine import Ending, ending_of
from pytest_schemaguard.scenarios.states import State
from pytest_schemaguard.servers import Wanted, obtain
from pytest_schemaguard.servers.databases import Databases
from pytest_schemaguard.servers.settings import Settings
from pytest_schemaguard.sqltext.files import read as read_sql
from pytest_schemaguard.wire.wire import Wire
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.source import Source
    from pytest_schemaguard.rows.fill import Known
    from pytest_schemaguard.scenarios.engine import Scenario
    from pytest_schemaguard.scenarios.look import Sight


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """As much of a Guard as a scenario asks."""

    config: Config
    databases: Databases
    source: Source
    progress: Progress = field(default_factory=Progress)
    known: Known = field(default_factory=dict)

    def ending(self, scenario: Scenario) -> Ending:
        ending = ending_of(scenario).see(cast("Sight", self))
        assert through_json(ending) == ending
        return ending


@cache
def _wire() -> Wire:
    folder = tempfile.mkdtemp(prefix="wire-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    one = Wire(Path(folder))
    atexit.register(one.close)
    return one


def processes(
    config: Config, *, databases: Callable[[], Databases], wire: Callable[[], Wire]
) -> Processes:
    """Of a configuration whose own code is not run."""
    return Processes(
        config,
        folder=lambda name: Path(tempfile.gettempdir(), name),
        run_folder=Path(tempfile.gettempdir()),
        databases=databases,
        wire=wire,
        python_path=(),
        progress=Progress(),
    )


def source(config: Config, databases: Databases) -> Source:
    """What the configuration says migrates."""
    return source_of(
        Reach(
            config=config,
            databases=lambda: databases,
            processes=processes(config, databases=lambda: databases, wire=_wire),
            once=lambda _name, _shape, look: look(),
            progress=Progress(),
        )
    )


@contextmanager
def run_databases(major: int | None = None) -> Iterator[Databases]:
    run = Run.begin()
    try:
        databases = Databases(obtain(Wanted(major=major), run), run)
        yield databases
        databases.close()
    finally:
        run.close(wait=True)


def state_of(
    config: Config, databases: Databases, name: str, before: str, path: Path, *, prepare: str = ""
) -> State:
    """The state that this file leaves on a database made by the SQL `before`.

    `prepare` is run first, by the superuser.
    """
    databases.create(name)
    if prepare:
        with databases.session(name, as_admin=True, settings=Settings.OWN) as admin:
            admin.cursor().execute(prepare)
    with databases.session(name) as owner:
        with owner.cursor() as cursor:
            if before.strip():
                cursor.execute(before)
        script = Script(path=path, sql=read_sql(path))
        run = run_script(
            owner, script, statement_timeout_s=config.statement_timeout_s, root=config.root
        )
    assert run.applied, run.words
    with databases.looking(name) as guard:
        snapshot = read(guard, exclude=config.exclude)
    databases.freeze(name)
    return State(name=name, snapshot=snapshot, run=run)
