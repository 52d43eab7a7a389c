"""Small migrations whose harm psql shows, judged through SQL files, Alembic and a command."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Wanted, obtain
from pytest_schemaguard.servers.sessions import connect
from tests.e2e.matrix import truth
from tests.e2e.matrix.first_runs import FIRST_RUNS
from tests.e2e.matrix.projects import alembic, command, sql_files, verdicts
from tests.e2e.matrix.second_runs import SECOND_RUNS
from tests.e2e.matrix.ways_back import WAYS_BACK
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.e2e.conftest import Project
    from tests.e2e.matrix import Case
    from tests.e2e.matrix.projects import Key

    Truths = Mapping[Key, str | None]

KINDS = {
    "idempotent": (SECOND_RUNS, truth.of_a_second_run),
    "reversible": (WAYS_BACK, truth.of_a_way_back),
    "applies": (FIRST_RUNS, truth.of_a_first_run),
}
CASES = {(check, case.name): case for check, (cases, _) in KINDS.items() for case in cases}
DISAGREES = {
    ("applies", "rolled-back-and-done-in-other-words"): "failed",
    ("idempotent", "array-element-added-once"): "failed",
    ("idempotent", "json-key-removed"): "passed",
    ("idempotent", "rows-deleted-by-a-condition"): "passed",
    ("idempotent", "text-in-capitals"): "passed",
    ("idempotent", "time-of-a-column-anew"): "passed",
    ("reversible", "statistics-of-an-index-left"): "passed",
}
"""Where the guard says something else than psql shows, and what."""
EACH = 1 if "SCHEMA_GUARD_TEST_WHOLE_MATRIX" in os.environ else 8
"""A process for each migration takes long: of Alembic and a command, every eighth case."""


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> Truths:
    """The harm that psql shows, by case."""
    if shutil.which("psql") is None or shutil.which("pg_dump") is None:
        pytest.skip("psql and pg_dump are what the guard is held against")
    run, folder, numbers = Run.begin(), tmp_path_factory.mktemp("cases"), count()
    try:
        server = obtain(Wanted(**OWN), run)
        admin = connect(server.admin)
        with admin.cursor() as cursor:
            cursor.execute("SELECT name::text FROM pg_available_extensions")
            extensions = {None, *(name for (name,) in cursor.fetchall())}

        def new(case: Case) -> truth.Database:
            name = f"case_{next(numbers)}"
            with admin.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name} OWNER {server.owner.user}")
            (folder / name).mkdir()
            return truth.Database(server.owner.at(name).url(), case, folder / name)

        def shown(key: Key) -> str | None:
            return KINDS[key[0]][1](partial(new, CASES[key]))

        there = [key for key, case in CASES.items() if case.extension in extensions]
        with ThreadPoolExecutor(2) as pool:
            found = dict(zip(there, pool.map(shown, there), strict=True))
        admin.close()
    finally:
        run.close(wait=True)
    return found


def test_psql_shows_what_each_case_is_meant_to_be(truths: Truths) -> None:
    assert len(CASES) == sum(len(cases) for cases, _ in KINDS.values())
    assert {key: harm for key, harm in truths.items() if bool(harm) != CASES[key].harmful} == {}


def held_against(truths: Truths, found: Mapping[Key, tuple[str, str]]) -> None:
    others = {
        key: (truths[key], outcome, told)
        for key, (outcome, told) in found.items()
        if outcome != ("failed" if truths[key] else "passed")
    }
    known = {key: DISAGREES[key] for key in found if key in DISAGREES}
    assert {key: outcome for key, (_, outcome, _) in others.items()} == known, others


def test_sql_files_are_judged_as_psql_shows(project: Project, truths: Truths) -> None:
    found = verdicts(project, [(check, CASES[check, name]) for check, name in truths], sql_files)
    assert found.keys() == truths.keys()
    held_against(truths, found)
    for key, (_, told) in found.items():
        if CASES[key].columns:
            columns = f"values of {', '.join(CASES[key].columns)}"
            assert truths[key] == f"lost: {columns}"
            assert f" {columns}\n" in told


def test_a_command_without_a_table_of_versions_is_judged_as_psql_shows(
    project: Project, truths: Truths
) -> None:
    cases = [(check, CASES[check, name]) for check, name in truths if check == "idempotent"]
    found = verdicts(project, cases[::EACH], command)
    assert len(found) == len(cases[::EACH])
    held_against(truths, found)


def test_revisions_of_alembic_are_judged_as_psql_shows(project: Project, truths: Truths) -> None:
    cases = [
        (check, CASES[check, name])
        for check, name in truths
        if check != "idempotent" and CASES[check, name].revision
    ]
    found = verdicts(project, cases[::EACH], alembic)
    assert len(found) == len(cases[::EACH])
    held_against(truths, found)


def test_alembic_runs_no_revision_a_second_time(project: Project) -> None:
    cases = [("idempotent", one) for one in SECOND_RUNS if one.harmful and one.revision]
    found = verdicts(project, [one for one in cases if not one[1].extension][::10], alembic)
    assert set(found.values()) == {("passed", "alembic upgrade heads again: 0 statements")}
