"""The project's processes of one guard: which there are, and on which database."""

from __future__ import annotations

import itertools
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import GuardError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.project import Project
    from pytest_schemaguard.servers.databases import Databases

NOWHERE = Address(host="/nowhere", port=5432, user="nobody", password="", database="nowhere")
"""For code that runs before there is a database, and must not look for one."""


class Processes:
    """Starts the project's processes, and ends them."""

    def __init__(
        self,
        config: Config,
        *,
        folder: Callable[[str], Path],
        run_folder: Path,
        databases: Callable[[], Databases],
        python_path: Sequence[Path],
        progress: Progress,
    ) -> None:
        self._config = config
        self._folder = folder
        """Makes a folder of this process in the run's."""
        self._run_folder = run_folder
        self._databases = databases
        self._python_path = python_path
        self._progress = progress
        self._all: list[Project] = []
        self._numbers = itertools.count()

    def close(self) -> None:
        """Ends them all."""
        for project in self._all:
            project.close()

    @cached_property
    def models(self) -> Project:
        """The process that reads the models, on the database `project`."""
        return self._project(lambda: self._databases().address("project"))

    def boot_models(self) -> None:
        """Has that process begin its imports, if it can; who needs it is told why it cannot."""
        with suppress(GuardError):
            self.models.boot()

    def application(self, database: str) -> Project:
        """A process in which the application runs, logged in as production's is."""
        return self._project(lambda: self.application_address(database))

    def application_address(self, database: str) -> Address:
        """The database as production's application logs in. Raises ConfigError, ServerError."""
        from pytest_schemaguard.servers.application_role import application_address

        return application_address(
            self._databases(),
            database,
            role=self._config.role,
            search_path=self._config.search_path,
        )

    def apart(
        self,
        task: str,
        arguments: dict[str, Any],
        *,
        database: str | None,
        timeout_s: float,
        shape: Any,
    ) -> Any:
        """Runs a task in a fresh process, on a database of the run or on none.

        Raises GuardError.
        """
        arguments = {"root": str(self._config.root), **arguments}
        tell = self._progress.tell
        if database is None:
            return self._forking.call_apart(
                *(task, arguments),
                address=NOWHERE,
                timeout_s=timeout_s,
                shape=shape,
                progress=tell,
            )
        databases, limit_s = self._databases(), self._config.statement_timeout_s
        address = databases.address(database)
        with databases.limited(database, statement_timeout_s=limit_s):
            return self._forking.call_apart(
                *(task, arguments),
                address=address,
                timeout_s=timeout_s,
                shape=shape,
                progress=tell,
            )

    @cached_property
    def _forking(self) -> Project:
        """It imports libraries alone, and is forked."""
        from pytest_schemaguard.project.process import LIBRARIES

        return self._project(NOWHERE, preload=LIBRARIES)

    def _project(self, address: Address | Callable[[], Address], **keywords: Any) -> Project:
        from pytest_schemaguard.project import Project

        project = Project(
            self._config,
            address,
            folder=self._folder(f"project-{next(self._numbers)}"),
            covered=self._run_folder,
            python_path=self._python_path,
            **keywords,
        )
        self._all.append(project)
        return project
