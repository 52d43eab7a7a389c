"""Small Alembic projects on disk, and a process that runs the tasks on them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.address import Address
from pytest_schemaguard.codec import decode
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.revisions import History, RunReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

INI = """\
[alembic]
script_location = migrations
prepend_sys_path = .
sqlalchemy.url = driver://user:pass@localhost/dbname
"""
LOGGING = """
[loggers]
keys = root

[handlers]
keys = console

[formatters]
keys = plain

[logger_root]
level = DEBUG
handlers = console

[handler_console]
class = StreamHandler
args = (sys.stdout,)
formatter = plain

[formatter_plain]
format = %(message)s
"""
ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
"""As `alembic init` writes it, without the offline half."""

ASYNC = """\
import asyncio
from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import async_engine_from_config
config = context.config
def migrate(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
async def main():
    engine = async_engine_from_config(
        config.get_section(config.config_ini_section, {}),
        prefix="sqlalchemy.",
        poolclass=pool.NullPool,
    )
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()
asyncio.run(main())
"""

FIRST = "op.execute('CREATE TABLE account (id serial PRIMARY KEY)')"
UNDO_FIRST = "op.execute('DROP TABLE account')"


@dataclass(frozen=True, kw_only=True)
class AlembicProject:
    """A project's folder, and what the configuration says of it."""

    root: Path
    source: dict[str, Any]

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def add(
        self,
        revision: str,
        up: str = "pass",
        down: str | None = "pass",
        *,
        after: str | Sequence[str] | None = None,
        folder: str = "migrations/versions",
        file: str | None = None,
        **named: Any,
    ) -> Path:
        """Write a revision; `named` are depends_on and branch_labels."""
        lines = [
            f'"""The {revision} revision."""',
            "import sqlalchemy as sa",
            "from alembic import op",
            f"revision = {revision!r}",
            f"down_revision = {after!r}",
            *(f"{name} = {value!r}" for name, value in named.items()),
            "def upgrade():",
            indent(dedent(up), "    "),
        ]
        if down is not None:
            lines += ["def downgrade():", indent(dedent(down), "    ")]
        return self.write(f"{folder}/{file or revision}.py", "\n".join(lines) + "\n")


def make(
    root: Path, *, ini: str | None = INI, env: str | None = ENV, **source: Any
) -> AlembicProject:
    """An alembic.ini, migrations/env.py and an empty migrations/versions."""
    root.mkdir(parents=True, exist_ok=True)
    project = AlembicProject(
        root=root,
        source={
            "ini": str(root / "alembic.ini"),
            "function": None,
            "section": "alembic",
            "target": "heads",
            **source,
        },
    )
    if ini is not None:
        project.write("alembic.ini", ini)
    if env is not None:
        project.write("migrations/env.py", env)
    (root / "migrations" / "versions").mkdir(parents=True, exist_ok=True)
    return project


NOWHERE = Address(host="/nowhere", port=5432, user="app", password="secret", database="app")


class Tasks:
    """Runs the tasks, each in a fresh process."""

    def __init__(self, process: subprocess.Popen[str], answers: int) -> None:
        self._process = process
        self._answers = os.fdopen(answers)

    def run(
        self,
        project: AlembicProject,
        address: Address,
        *targets: str,
        action: str = "upgrade",
        env: dict[str, str] | None = None,
    ) -> RunReport:
        arguments = {"action": action, "targets": list(targets) or ["heads"]}
        found: RunReport = decode(
            RunReport, self.ask(project, "alembic/run", address, env, **arguments)
        )
        return found

    def walk(self, project: AlembicProject, address: Address, *steps: tuple[str, str]) -> RunReport:
        found: RunReport = decode(
            RunReport, self.ask(project, "alembic/walk", address, steps=list(steps))
        )
        return found

    def history(self, project: AlembicProject, **env: str) -> History:
        found: History = decode(History, self.ask(project, "alembic/history", NOWHERE, env))
        return found

    def failing(self, project: AlembicProject, address: Address = NOWHERE, **env: str) -> str:
        """Everything that the failure of the history, or on a database of the upgrade, says."""
        try:
            answer = (
                self.history(project, **env)
                if address is NOWHERE
                else self.run(project, address, env=env)
            )
        except ProjectError as error:
            return str(error)
        pytest.fail(f"it did not fail: {answer}")

    def ask(
        self,
        project: AlembicProject,
        task: str,
        address: Address,
        env: dict[str, str] | None = None,
        **arguments: Any,
    ) -> Any:
        order = {
            "root": str(project.root),
            "env": {"DATABASE_URL": address.url(), **(env or {})},
            "address": dataclasses.asdict(address),
            "task": task,
            "arguments": {
                "source": project.source,
                "root": str(project.root),
                **arguments,
            },
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._answers.readline())
        if "error" in answer:
            error = answer["error"]
            raise ProjectError(error.pop("subject"), error.pop("fact"), **error)
        assert "result" in answer, answer
        return answer["result"]


@pytest.fixture(scope="module", name="tasks")
def tasks_fixture() -> Iterator[Tasks]:
    read, write = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.project.tasks.forking", str(write)],
        stdin=subprocess.PIPE,
        pass_fds=[write],
        text=True,
    ) as process:
        os.close(write)
        yield Tasks(process, read)


@pytest.fixture(name="small")
def small_fixture(tmp_path: Path) -> AlembicProject:
    """An empty project as `alembic init` makes it, to which a test adds revisions."""
    return make(tmp_path)
