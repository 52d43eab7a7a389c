"""Alembic's tasks in the process that they are written for, behind its fence, in forks of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.config import Config
from pytest_schemaguard.project import Project
from pytest_schemaguard.project.answers.revisions import History, RunReport
from tests.project.tasks.alembic_project import ENV, FIRST, INI, LOGGING, UNDO_FIRST, make
from tests.project.tasks.test_alembic_trouble import FLASK, FLASK_ENV

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address

LOGS = "from logging.config import fileConfig\nprint('noise')\n" + ENV.replace(
    "engine = ", "fileConfig(config.config_file_name)\nengine = "
)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users can enter: the fence may change the user."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        yield place


@pytest.mark.parametrize("env", [LOGS, FLASK_ENV])
def test_history_upgrade_and_walk_run_in_fresh_processes(
    place: Path, database: Address, connect: Callable[[Address], Any], env: str
) -> None:
    root = place / "root"
    small = make(root, ini=INI + LOGGING, env=env)
    small.write("web.py", FLASK)
    small.add("one", FIRST, UNDO_FIRST)
    config = Config(
        file=root / "pyproject.toml",
        models=("web:Base",),
        migrations=None,
        setup="web:set_up" if env is FLASK_ENV else None,
    )
    nowhere = database.at("nowhere")
    other = f"{database.database}_other"
    connect(database).cursor().execute(f'CREATE DATABASE "{other}"')
    with Project(
        config, nowhere, folder=place / "own", preload=("alembic.command", "psycopg2")
    ) as project:

        def call(task: str, address: Address, shape: Any = RunReport, **arguments: Any) -> Any:
            arguments = {"source": small.source, "root": str(root), **arguments}
            return project.call_apart(task, arguments, address=address, timeout_s=60, shape=shape)

        assert call("alembic/history", nowhere, History).heads == ("one",)
        for name in (database.database, other):
            report = call("alembic/run", database.at(name), action="upgrade", targets=["heads"])
            assert [one.revision for one in report.applied] == ["one"]
            assert [one.database for one in report.contexts] == [name]
        call("alembic/run", database, action="downgrade", targets=["base"])
        questions: list[str] = []
        report = project.call_apart(
            "alembic/walk",
            {"source": small.source, "root": str(root), "steps": [("up", "one"), ("down", "one")]},
            address=database,
            timeout_s=60,
            shape=RunReport,
            reply=lambda question: not questions.append(question),  # type: ignore[func-returns-value]
        )
        assert questions == ["begin", "up one", "down one"]
        assert [one.direction for one in report.applied] == ["upgrade", "downgrade"]
    connect(database).cursor().execute(f'DROP DATABASE "{other}" WITH (FORCE)')


@pytest.mark.parametrize("task", ["history", "run", "walk"])
def test_missing_alembic_is_told(task: str) -> None:
    code = f"""
import sys
sys.modules["alembic"] = None
from pytest_schemaguard.errors import ProjectError
try:
    import pytest_schemaguard.project.tasks.alembic.{task}
except ProjectError as error:
    print(error)
"""
    told = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert told == (
        "alembic: it is not installed where pytest runs\n"
        "  next: pip install 'pytest-schemaguard[alembic]'\n"
    )
