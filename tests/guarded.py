"""A run's databases and its states, made as the guard makes them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.migrations.session import run_file
from pytest_schemaguard.run import Run
from pytest_schemaguard.scenarios.states import State
from pytest_schemaguard.servers import Wanted, obtain
from pytest_schemaguard.servers.databases import Databases
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_schemaguard.config import Config


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
        run = run_file(
            owner, path, statement_timeout_s=config.statement_timeout_s, root=config.root
        )
    assert run.applied, run.words
    with databases.looking(name) as guard:
        snapshot = read(guard, exclude=config.exclude)
    databases.freeze(name)
    return State(name=name, snapshot=snapshot, run=run)
