"""The pipeline: server -> baseline -> migrations -> evidence. Each computed once, on demand."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import GuardError, MigrationError, ServerError
from pytest_schemaguard.evidence import Evidence
from pytest_schemaguard.servers import Wanted, find, log_tail, obtain, running
from pytest_schemaguard.sources.sql import SqlFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.clones import Clones
    from pytest_schemaguard.comparison import Comparison
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.logins import LoginEvidence
    from pytest_schemaguard.migration import Migration
    from pytest_schemaguard.models import Models
    from pytest_schemaguard.planning import Refusal
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.project import Project
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.scenarios import SecondRun
    from pytest_schemaguard.servers import Candidate, Server
    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.states import States

MODELS_TIMEOUT_S = 120.0
"""How long the models may take to be imported."""


class Guard:
    """One configuration, looked at in one run of pytest."""

    def __init__(
        self,
        config: Config,
        *,
        run: Run,
        url: str | None,
        shared: bool,
        progress: Progress,
        python_path: Sequence[Path] = (),
    ) -> None:
        self.config = config
        self.progress = progress
        self._run = run
        self._url = url
        """The server that the command line or the environment names, before the table's."""
        self._python_path = python_path
        """pytest's `pythonpath`: what the project's tests can import, its models may."""
        self._evidence = Evidence(run, shared=shared)
        self._projects: list[Project] = []
        self._numbers = itertools.count()

    def close(self) -> None:
        """Ends what this process started, and lets go of the server."""
        for project in self._projects:
            project.close()
        if "_clones" in self.__dict__:
            self._clones.close()
        if "databases" in self.__dict__:
            self.databases.close()

    def relative(self, path: Path) -> str:
        return self.config.relative(path)

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

        return Databases(self.server, self._run)

    @cached_property
    def candidate(self) -> Candidate:
        """The server that would do; nothing is started. Raises ServerError."""
        return find(self.wanted)

    def server_used(self) -> dict[str, str] | None:
        """The server that the run has used, whichever process started it; None: none was."""
        server: Server | None = self.__dict__.get("server") or running(self._run)
        if server is None:
            return None
        return {"provider": server.provider, "version": server.version}

    # Migrations

    @cached_property
    def migrations(self) -> tuple[Migration, ...]:
        """All migrations, in order. Raises MigrationError."""
        return SqlFolder(self.config.migrations, root=self.config.root).migrations()

    @cached_property
    def pending(self) -> tuple[Migration, ...]:
        """The migrations that the baseline does not contain. Raises MigrationError."""
        at = self.config.baseline.at
        if at is None:
            return self.migrations
        from pytest_schemaguard.sources.baseline import pending

        left = pending(self.migrations, at, path=self.config.file)
        if not left:
            raise MigrationError(
                "baseline",
                f"no migration comes after `at` = {at!r}, so nothing is to be judged",
                fix="name the last migration that production already has",
                path=self.relative(self.config.file),
            )
        return left

    @property
    def judged(self) -> tuple[Migration, ...]:
        """The pending migrations that get checks of their own. Raises MigrationError."""
        baseline = self.config.baseline
        return self.pending if baseline.schema or baseline.at else self.pending[-1:]

    @property
    def judged_because(self) -> str:
        """Why these are judged, for the header."""
        baseline = self.config.baseline
        if baseline.at:
            return f"after the baseline at {baseline.at}"
        if baseline.schema:
            return f"after the baseline {self.relative(baseline.schema)}"
        return "the newest, since no `baseline` is configured"

    @cached_property
    def states(self) -> States:
        """The baseline and what follows it, as template databases."""
        from pytest_schemaguard.states import States

        contained = self.migrations[: len(self.migrations) - len(self.pending)]
        return States(
            self.config,
            databases=self.databases,
            once=self._once,
            pending=self.pending,
            judged=self.judged,
            before=() if self.config.baseline.schema else contained,
            progress=self.progress,
        )

    # The project's side

    @cached_property
    def project(self) -> Project:
        """The process that reads the models."""
        return self.project_on("project")

    def boot_project(self) -> None:
        """Has that process begin its imports, if it can; who needs it is told why it cannot."""
        with suppress(GuardError):
            self.project.boot()

    def project_on(self, database: str) -> Project:
        """A process of the project's side whose `{url}` is this database."""
        from pytest_schemaguard.project import Project

        project = Project(
            self.config,
            lambda: self.databases.address(database),
            folder=self.own_folder(f"project-{next(self._numbers)}"),
            python_path=self._python_path,
        )
        self._projects.append(project)
        return project

    def own_folder(self, name: str) -> Path:
        """A new folder of this process in the run's."""
        folder = self._run.folder / f"{name}-{os.getpid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    # Evidence

    @cached_property
    def models(self) -> Models:
        """What the models say. Raises ProjectError."""
        from pytest_schemaguard.models import Models

        return Models.from_json(self._once("models", self._read_models))

    def _once(self, name: str, look: Callable[[], Any]) -> Any:
        """Evidence; what PostgreSQL refuses the guard itself, or a broken connection, hides it."""
        import psycopg2

        def look_carefully() -> Any:
            try:
                return look()
            except psycopg2.Error as error:
                detail = "\n".join([str(error).strip(), log_tail(self.server, 5)])
                raise ServerError(
                    "PostgreSQL",
                    f"it failed the guard itself, which was looking at {name}",
                    detail=detail,
                    fix="look at the server's log: a full disk or a killed server shows there",
                ) from error

        return self._evidence.once(name, look_carefully)

    def _read_models(self) -> Any:
        self.project.start()
        self.databases.create("project", template=self.states.migrated().name)
        with self.progress.step("reading the models"):
            models = self.project.call(
                "models",
                {
                    "subject": f"models {', '.join(self.config.models)}",
                    "models": list(self.config.models),
                    "root": str(self.config.root),
                    "server_version": [self.server.major, 0],
                },
                timeout_s=MODELS_TIMEOUT_S,
            )
        (self._run.folder / "fence").write_text(self.project.fence, encoding="utf-8")
        return models

    @property
    def fence(self) -> str | None:
        """How the project's code was kept from other databases; None where it did not run."""
        try:
            return (self._run.folder / "fence").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    @cached_property
    def comparison(self) -> Comparison:
        """The models' schema beside the migrated one. Raises GuardError."""
        from pytest_schemaguard.comparison import Comparison, compare

        def look() -> Any:
            models = self.models
            with self.progress.step("comparing the models with the database"):
                return compare(
                    self.config, self.databases, self.states.migrated(), models
                ).to_json()

        return Comparison.from_json(self._once("comparison", look))

    @cached_property
    def refusals(self) -> tuple[Refusal, ...]:
        """What PostgreSQL refuses to plan of what the ORM sends. Raises GuardError."""
        from pytest_schemaguard.planning import Refusal, refused

        def look() -> Any:
            models = self.models
            with self.progress.step("planning the ORM's statements"):
                self.databases.create("queries", template=self.states.migrated().name)
                with self.databases.session("queries") as owner:
                    return [one.to_json() for one in refused(owner, models.statements)]

        return tuple(Refusal.from_json(one) for one in self._once("queries", look))

    def second_run(self, migration: Migration) -> SecondRun:
        """What a second run of this judged migration did. Raises GuardError."""
        from pytest_schemaguard.scenarios import SecondRun, run_again

        def look() -> Any:
            state = self.states.after(migration)
            with self.progress.step(f"running {self.relative(migration.path)} again"):
                return run_again(self.config, self.databases, state, migration.path).to_json()

        name = f"again-{self.states.after(migration).name}"
        return SecondRun.from_json(self._once(name, look))

    @cached_property
    def login(self) -> LoginEvidence:
        """What became of the logins; a login is configured. Raises GuardError."""
        from pytest_schemaguard.logins import LoginEvidence, log_in

        def look() -> Any:
            login = self.config.login
            assert login is not None
            _ = self.models  # the process that logs in has a database to import the models on
            with self.progress.step("logging in"):
                return log_in(
                    self.config,
                    login,
                    databases=self.databases,
                    state=self.states.migrated(),
                    models_project=self.project,
                    application=self.project_on,
                    progress=self.progress.tell,
                ).to_json()

        return LoginEvidence.from_json(self._once("login", look))

    # What is kept of a failed check

    def keep(self, check: str, migration: Migration | None) -> list[str]:
        """Keeps the databases that this check looked at; returns commands that connect to them."""
        with suppress(GuardError):
            names = self._looked_at(check, migration)
            there = [name for name in names if self.databases.exists(name)]
            for name in there:
                self.databases.thaw(name)
            return [self._way_in(name) for name in there]
        return []  # there is no server to look into

    def _looked_at(self, check: str, migration: Migration | None) -> list[str]:
        if migration is not None:
            state = self.states.after(migration).name
            return [state] if check == "applies" else [f"again-{state}"]
        own = {"drift": "models", "queries": "queries", "login": "login"}[check]
        return [self.states.migrated().name, own]

    def _way_in(self, database: str) -> str:
        """A psql command without a password: the user knows it, a file does, or none is asked."""
        if self.server.provider == "existing":
            return f"psql '{self.server.admin.at(self.databases.full_name(database)).safe}'"
        address = self.databases.address(database)
        command = f"psql '{address.safe}'"
        if address.is_socket:
            return command
        # https://www.postgresql.org/docs/current/libpq-pgpass.html
        passwords = self._run.folder / "pgpass"
        passwords.touch(mode=0o600)
        passwords.write_text(f"*:*:*:{address.user}:{address.password}\n", encoding="utf-8")
        return f"PGPASSFILE={passwords} {command}"

    # The user's own tests

    @cached_property
    def _clones(self) -> Clones:
        from pytest_schemaguard.clones import Clones
        from pytest_schemaguard.servers.databases import Databases

        return Clones(
            Databases(self.server, self._run),
            template=self.states.migrated().name,
            prefix=f"test-{os.getpid()}",
        )

    @contextmanager
    def clone(self) -> Iterator[Address]:
        """A database of the migrated state for one test. Raises GuardError."""
        with self._clones.take() as name:
            yield self.databases.address(name)
