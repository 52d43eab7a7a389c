"""The pipeline: server -> baseline -> migrations -> evidence. Each computed once, on demand."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.evidence.record import Evidence
from pytest_schemaguard.migrations import source_of
from pytest_schemaguard.migrations.judging import Judging
from pytest_schemaguard.migrations.source import Reach
from pytest_schemaguard.redaction import secrets_in
from pytest_schemaguard.servers import Wanted, find, obtain, release_at_end, used
from pytest_schemaguard.servers.log import log_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.evidence.comparison import Comparison
    from pytest_schemaguard.evidence.logins import LoginEvidence
    from pytest_schemaguard.evidence.models_process import ModelsProcess
    from pytest_schemaguard.evidence.planning import Refusal
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Source
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.project.answers.models import Models
    from pytest_schemaguard.project.processes import Processes
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.scenarios.endings import SecondRun, WayBack
    from pytest_schemaguard.scenarios.states import States
    from pytest_schemaguard.servers import Candidate, Server
    from pytest_schemaguard.servers.clones import Clones
    from pytest_schemaguard.servers.databases import Databases

    T = TypeVar("T")

_SERVER_FAILS = ("53", "57P", "58")
"""SQLSTATEs of a server without resources, one that ends, one that the system fails.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""


class Guard:
    """One configuration, looked at in one run of pytest."""

    def __init__(
        self,
        config: Config,
        *,
        run: Run,
        url: str | None,
        shared: bool,
        since: str | None = None,
        progress: Progress,
        python_path: Sequence[Path] = (),
    ) -> None:
        self.config = config
        self.progress = progress
        self._run = run
        self._url = url
        """The server that the command line or the environment names, before the table's."""
        self._since = config.since if since is None else since
        self._python_path = python_path
        """pytest's `pythonpath`: what the project's tests can import, its models may."""
        self._prefix = f"{config.name}-" if config.name else ""
        """Of everything that this configuration makes in the run, where there are several."""
        self._evidence = Evidence(run, shared=shared, prefix=self._prefix)

    def close(self) -> None:
        """Ends what this process started, and lets go of the server."""
        if "processes" in self.__dict__:
            self.processes.close()
        if "_clones" in self.__dict__:
            self._clones.close()
        if "databases" in self.__dict__:
            self.databases.close()

    def relative(self, path: Path) -> str:
        return self.config.relative(path)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """What no report may show: passwords of the variables and of the server's URL."""
        own = {"server": self._url or self.config.server, **self.config.env}
        return secrets_in(os.environ) | secrets_in(own)

    # Server

    @property
    def wanted(self) -> Wanted:
        """Which server would do."""
        return Wanted(
            provider=self._url or self.config.server,
            major=self.config.postgres,
            image=self.config.image,
            tcp=self.config.tcp,
        )

    @cached_property
    def server(self) -> Server:
        """The throwaway server. Raises ServerError."""
        with self.progress.step("starting PostgreSQL"):
            return obtain(self.wanted, self._run, candidate=self.candidate)

    @cached_property
    def databases(self) -> Databases:
        """This run's databases on it. Raises ServerError."""
        from pytest_schemaguard.servers.databases import Databases

        return Databases(self.server, self._run, prefix=self._prefix)

    @cached_property
    def candidate(self) -> Candidate:
        """The server that would do; nothing is started. Raises ServerError."""
        return find(self.wanted)

    def release_at_end(self) -> None:
        """Has the run's owner take away what others of the run make on an existing server."""
        release_at_end(self.wanted, self._run)

    def server_used(self) -> dict[str, str] | None:
        """The server that the run has used, whichever process started it; None: none was."""
        return used(self.wanted, self._run)

    # Migrations

    @cached_property
    def source(self) -> Source:
        """What migrates."""
        return source_of(
            Reach(
                config=self.config,
                databases=lambda: self.databases,
                apart=self.processes.apart,
                once=self._once,
                progress=self.progress,
            )
        )

    @cached_property
    def judging(self) -> Judging:
        """Which migrations there are, and which are judged."""
        return Judging(self.config, self.source, since=self._since)

    @cached_property
    def states(self) -> States:
        """The baseline and what follows it, as template databases."""
        from pytest_schemaguard.scenarios.states import States

        return States(
            self.config,
            databases=self.databases,
            source=self.source,
            once=self._once,
            judging=self.judging,
            progress=self.progress,
        )

    # The project's side

    @cached_property
    def processes(self) -> Processes:
        """The processes in which the project's code runs."""
        from pytest_schemaguard.project.processes import Processes

        return Processes(
            self.config,
            folder=self._own_folder,
            run_folder=self._run.folder,
            databases=lambda: self.databases,
            python_path=self._python_path,
            progress=self.progress,
        )

    @cached_property
    def _models_process(self) -> ModelsProcess:
        from pytest_schemaguard.evidence.models_process import ModelsProcess

        return ModelsProcess(
            self.config, self.processes.models, environment=self.source.environment
        )

    def _own_folder(self, name: str) -> Path:
        """A new folder of this process in the run's."""
        folder = self._run.folder / f"{self._prefix}{name}-{os.getpid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    # Evidence

    @cached_property
    def models(self) -> Models:
        """What the models say. Raises ProjectError."""
        from pytest_schemaguard.project.answers.models import Models

        models = self._once("models", Models, self._read_models)
        if self.config.search_path is None:
            return models
        from pytest_schemaguard.evidence.search_path import located

        snapshot = self.states.migrated().snapshot
        assert snapshot is not None
        return located(models, snapshot, search_path=self.config.search_path, role=self.config.role)

    def _once(self, name: str, shape: type[T], look: Callable[[], T]) -> T:
        """Evidence; what PostgreSQL refuses the guard itself, or a broken connection, hides it."""
        import psycopg2

        def look_carefully() -> T:
            try:
                return look()
            except psycopg2.Error as error:
                detail = "\n".join([str(error).strip(), log_tail(self.server, 5)])
                raise ServerError(
                    "PostgreSQL",
                    f"it failed the guard itself, which was looking at {name}",
                    detail=detail,
                    fix="look at the server's log: a full disk or a killed server shows there"
                    if error.pgcode is None or error.pgcode.startswith(_SERVER_FAILS)
                    else "PostgreSQL's words tell why; where nothing that the migrations or the "
                    "settings of the database do explains it, report it to pytest-schemaguard",
                ) from error

        return self._evidence.once(name, shape, look_carefully)

    def _read_models(self) -> Models:
        self.processes.models.start()
        self.databases.create("project", template=self.states.migrated().name)
        with self.progress.step("reading the models"):
            models = self._models_process.read(major=self.server.major)
        fence = f"the project's code ran with {self.processes.models.fence}; {self.server.reach}"
        (self._run.folder / "fence").write_text(fence, encoding="utf-8")
        return models

    @property
    def fence(self) -> str | None:
        """How the project's code, and the server, were kept from other databases, in a line.

        None where the code did not run.
        """
        try:
            return (self._run.folder / "fence").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    @property
    def _left_out(self) -> Path:
        return self._run.folder / f"{self._prefix}left-out"

    @property
    def left_out(self) -> str | None:
        """What was not compared, counted; None where nothing was compared, or everything."""
        try:
            return self._left_out.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    @cached_property
    def comparison(self) -> Comparison:
        """The models' schema beside the migrated one. Raises GuardError."""
        from pytest_schemaguard.evidence.comparison import Comparison, compare

        def look() -> Comparison:
            models = self.models
            with self.progress.step("comparing the models with the database"):
                found = compare(self.config, self.databases, self.states.migrated(), models)
                found = replace(found, hidden=self.hidden(found.differences))
            left_out = found.left_out(self.config.exclude, models.facts.filters)
            if left_out is not None:
                self._left_out.write_text(left_out, encoding="utf-8")
            return found

        return self._once("comparison", Comparison, look)

    def models_beside(self, comparison: Comparison) -> Models:
        """The models; where a table is in none of them, with the modules that were not imported.

        Raises ProjectError.
        """
        models = self.models
        asking = any(one.kind == "extra-table" for one in comparison.differences)
        if not (asking or comparison.refused):
            return models
        look = self._models_process.unimported
        return replace(
            models, unimported=self._once("unimported", dict[str, tuple[str, ...]], look)
        )

    def hidden(self, differences: Sequence[Difference]) -> Mapping[Difference, str]:
        """Which of them a filter of env.py hides from Alembic, and which. Raises ProjectError."""
        return self._models_process.hidden(differences)

    @cached_property
    def refusals(self) -> tuple[Refusal, ...]:
        """What PostgreSQL refuses to plan of what the ORM sends. Raises GuardError."""
        from pytest_schemaguard.evidence.planning import Refusal, refused
        from pytest_schemaguard.servers.application_role import application_session

        def look() -> tuple[Refusal, ...]:
            models = self.models
            with self.progress.step("planning the ORM's statements"):
                self.databases.create("queries", template=self.states.migrated().name)
                with application_session(
                    self.databases,
                    "queries",
                    role=self.config.role,
                    search_path=self.config.search_path,
                ) as application:
                    return refused(application, models.statements)

        return self._once("queries", tuple[Refusal, ...], look)

    def second_run(self, migration: Migration) -> SecondRun:
        """What a second run of this judged migration did. Raises GuardError."""
        from pytest_schemaguard.scenarios.endings import SecondRun, run_again

        def look() -> SecondRun:
            state = self.states.after(migration)
            with self.progress.step(f"running {self.relative(migration.path)} again"):
                return run_again(
                    self.config,
                    self.databases,
                    state,
                    lambda database: self.source.again(database, migration),
                )

        return self._once(f"again-{self.states.after(migration).name}", SecondRun, look)

    def way_back(self, migration: Migration) -> WayBack | None:
        """What became of this judged migration up, down and up again; None: it left no trace.

        Raises GuardError.
        """
        from pytest_schemaguard.scenarios.endings import WayBack, go_back

        if migration.revision in self._clean_ways_back:
            return None

        def look() -> WayBack:
            before = self.states.before(migration)
            with self.progress.step(f"taking {self.relative(migration.path)} back"):
                return go_back(self.config, self.databases, before, self.source, migration)

        return self._once(f"back-{self.judging.pending.index(migration)}", WayBack, look)

    @cached_property
    def _clean_ways_back(self) -> frozenset[str]:
        """The revisions of which a quick look at them all tells that they leave no trace.

        Rows are not looked at there, so that it says nothing where there are any.
        """
        if self.config.seed:
            return frozenset()

        def look() -> frozenset[str]:
            pending, judged = self.judging.pending, self.judging.judged
            some = pending[pending.index(judged[0]) : pending.index(judged[-1]) + 1]
            self.databases.create("back", template=self.states.before(judged[0]).name)
            with self.progress.step("taking migrations back"):
                return frozenset(self.source.go_back("back", some))

        return self._once("ways-back", frozenset[str], look)

    @cached_property
    def login(self) -> LoginEvidence:
        """What became of the logins; a login is configured. Raises GuardError."""
        from pytest_schemaguard.evidence.logins import LoginEvidence, log_in

        def look() -> LoginEvidence:
            login = self.config.login
            assert login is not None
            _ = self.models  # the process that logs in has a database to import the models on
            with self.progress.step("logging in"):
                return log_in(
                    self.config,
                    login,
                    databases=self.databases,
                    state=self.states.migrated(),
                    models_project=self.processes.models,
                    application=self.processes.application,
                    address=self.processes.application_address,
                    source=self.source.environment,
                    progress=self.progress.tell,
                )

        return self._once("login", LoginEvidence, look)

    # The user's own tests

    @cached_property
    def _clones(self) -> Clones:
        from pytest_schemaguard.servers.clones import Clones
        from pytest_schemaguard.servers.databases import Databases

        return Clones(
            Databases(self.server, self._run, prefix=self._prefix),
            template=self.states.migrated().name,
            prefix=f"test-{os.getpid()}",
        )

    @contextmanager
    def clone(self) -> Iterator[Address]:
        """A database of the migrated state for one test. Raises GuardError."""
        with self._clones.take() as name:
            yield self.databases.address(name)
