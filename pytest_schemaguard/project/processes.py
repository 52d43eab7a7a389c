"""The project's processes of one guard: which there are, and on which database."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.project.fence.watch import LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.project import Project
    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.wire.conductor import Order
    from pytest_schemaguard.wire.wire import Line, Wire

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
        wire: Callable[[], Wire],
        python_path: Sequence[Path],
        progress: Progress,
    ) -> None:
        self._config = config
        self._folder = folder
        """Makes a folder of this process in the run's."""
        self._run_folder = run_folder
        self._databases = databases
        self._wire = wire
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
        line: Line | None = None,
        timeout_s: float,
        shape: Any,
        reply: Callable[[str], bool] | None = None,
        beside_models: bool = False,
    ) -> Any:
        """Runs a task in a fresh process, on a database of the run or on none.

        It reaches it by `line`, or by one of its own, and waits while `reply` answers its
        questions. With `beside_models` it is a fork of the process of the models, which boots
        early, where that has imported nothing of them yet. Raises GuardError.
        """
        forking = self.models if beside_models and not self.models.is_entered else self._forking
        arguments = {"root": str(self._config.root), **arguments}
        with ExitStack() as stack:
            if database is not None:
                stack.enter_context(self._limited(database))
                line = line or stack.enter_context(self.line(database, is_read=False))
            return forking.call_apart(
                *(task, arguments),
                address=NOWHERE if line is None else line.address,
                timeout_s=timeout_s,
                shape=shape,
                progress=self._progress.tell,
                reply=reply,
            )

    def line(self, database: str, *, is_read: bool = True, orders: Sequence[Order] = ()) -> Line:
        """What leads to a database of the run, as its owner. Raises ServerError."""
        address = self._databases().address(database)
        return self._listen(address, self._forking.folder, is_read=is_read, orders=orders)

    def _limited(self, database: str) -> AbstractContextManager[None]:
        limit_s = self._config.statement_timeout_s
        return self._databases().limited(database, statement_timeout_s=limit_s)

    def _listen(self, address: Address, folder: Path, **keywords: Any) -> Line:
        return self._wire().listen(address, log=folder / LOG, **keywords)

    @cached_property
    def _forking(self) -> Project:
        """It imports libraries alone, and is forked."""
        from pytest_schemaguard.project.process import LIBRARIES

        return self._project(NOWHERE, preload=LIBRARIES)

    def _project(self, address: Address | Callable[[], Address], **keywords: Any) -> Project:
        from pytest_schemaguard.project import Project

        folder = self._folder(f"project-{next(self._numbers)}")
        project = Project(
            self._config,
            (lambda: self._listen(address(), folder)) if callable(address) else address,
            folder=folder,
            covered=self._run_folder,
            python_path=self._python_path,
            **keywords,
        )
        self._all.append(project)
        return project
