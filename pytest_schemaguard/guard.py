"""The pipeline: server -> baseline -> migrations -> evidence. Each computed once, on demand."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.evidence.record import Evidence
from pytest_schemaguard.migrations import source_of
from pytest_schemaguard.migrations.judging import Judging
from pytest_schemaguard.migrations.source import Reach
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.redaction import secrets_in
from pytest_schemaguard.servers import Wanted, find, obtain, release_at_end, used
from pytest_schemaguard.servers.log import log_tail
from pytest_schemaguard.wire.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.source import Source
    from pytest_schemaguard.project.processes import Processes
    from pytest_schemaguard.rows.fill import Known
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.scenarios.look import Look
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
        self._shared = shared
        self._python_path = python_path
        """pytest's `pythonpath`: what the project's tests can import, its models may."""
        self._prefix = f"{config.name}-" if config.name else ""
        """Of everything that this configuration makes in the run, where there are several."""
        self._evidence = Evidence(run, shared=shared, prefix=self._prefix)

    @classmethod
    @contextmanager
    def of(
        cls,
        path: str | Path = ".",
        *,
        database: str | None = None,
        url: str | None = None,
        models_alone: bool = False,
        rows: int | None = None,
        progress: Progress | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Guard]:
        """The Guard of a pyproject.toml, or of the nearest one above a folder, in a run of its own.

        With the block everything ends that it has started; `say` is called with what there is to
        say of that. `database` names one of several, `url` the server, and with `models_alone` the
        configuration may be without migrations. `rows` goes before the table's. Raises ConfigError,
        ServerError.
        """
        from pytest_schemaguard.configuration.settings import load_one
        from pytest_schemaguard.run import Run

        config = load_one(Path(path).resolve(), database, models_alone=models_alone)
        config = config if rows is None else replace(config, rows=rows)
        run = Run.begin()
        try:
            guard = cls(config, run=run, url=url, shared=False, progress=progress or Progress())
            try:
                yield guard
            finally:
                guard.close()
        finally:
            try:
                run.close()
            finally:
                for note in run.notes:
                    say(note)

    def close(self) -> None:
        """Ends what this process started, and lets go of the server."""
        if "processes" in self.__dict__:
            self.processes.close()
        if "wire" in self.__dict__:
            self.wire.close()
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
        _ = self.wire  # it starts meanwhile
        with self.progress.step("starting PostgreSQL"):
            return obtain(self.wanted, self._run, candidate=self.candidate)

    @cached_property
    def databases(self) -> Databases:
        """This run's databases on it. Raises ServerError."""
        from pytest_schemaguard.servers.databases import Databases

        return Databases(self.server, self._run, prefix=self._prefix)

    @cached_property
    def wire(self) -> Wire:
        """What leads the project, and the migrations, to the server. Raises ServerError."""
        return Wire(Path(mkdtemp(prefix="w", dir=self._run.folder)))

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
                processes=self.processes,
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
            known=lambda: self.known,
            note=self.note,
        )

    @property
    def known(self) -> Known:
        """Values that the application's models accept, where the column's type does not say."""
        from pytest_schemaguard.evidence.known_values import KNOWN_VALUES

        return self.look(KNOWN_VALUES).of

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
            wire=lambda: self.wire,
            python_path=self._python_path,
            progress=self.progress,
        )

    def _own_folder(self, name: str) -> Path:
        """A new folder of this process in the run's."""
        folder = self._run.folder / f"{self._prefix}{name}-{os.getpid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    # Evidence

    @contextmanager
    def beside(self, config: Config, moved: Callable[[Path], Path]) -> Iterator[Guard]:
        """Another configuration's Guard in this run, on its server, until the block ends.

        Its `name` is that of no other in the run; `moved` tells where the folders of pytest's
        `pythonpath` are.
        """
        guard = Guard(
            config,
            run=self._run,
            url=self._url,
            shared=self._shared,
            progress=self.progress,
            python_path=[moved(one) for one in self._python_path],
        )
        try:
            yield guard
        finally:
            guard.close()

    def look(self, look: Look[T]) -> T:
        """This piece of evidence, made once in a run. Raises GuardError."""
        return self._once(look.name, look.shape, lambda: look.see(self))

    def _once(self, name: str, shape: Any, look: Callable[[], T]) -> T:
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

        found: T = self._evidence.once(name, shape, look_carefully)
        return found

    def note(self, name: str, text: str) -> None:
        """Keeps a line for the end of the run, in place of an earlier one of this name."""
        self._note(name).write_text(text, encoding="utf-8")

    def noted(self, name: str) -> str | None:
        """The line that this process, or another of the run, has kept; None: there is none."""
        try:
            return self._note(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _note(self, name: str) -> Path:
        return self._run.folder / f"{self._prefix}{name}"

    # The user's own tests

    @cached_property
    def _clones(self) -> Clones:
        from pytest_schemaguard.servers.clones import Clones
        from pytest_schemaguard.servers.databases import Databases

        return Clones(
            Databases(self.server, self._run, prefix=self._prefix),
            template=self.states.bare().name,
            prefix=f"test-{os.getpid()}",
        )

    @contextmanager
    def clone(self) -> Iterator[Address]:
        """A database of the migrated state for one test. Raises GuardError."""
        with self._clones.take() as name:
            yield self.databases.address(name)
