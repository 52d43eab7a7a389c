"""What every source of migrations is: the protocol, and what a source works with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.project.processes import Processes
    from pytest_schemaguard.servers.databases import Databases

    Between = Callable[[Migration | None], bool]
    """Called with whose step of a walk was taken (None: before the first); whether to go on."""

Way = Literal["up", "down"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far some migrations came."""

    run: FileRun
    """Of the last one that ran."""
    migration: Migration
    """That one: the one that failed, where one did."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a source works with."""

    config: Config
    databases: Callable[[], Databases]
    """The run's; asking starts the server."""
    processes: Processes
    """Where the project's code runs, and what leads to a database of the run."""
    once: Callable[[str, Any, Callable[[], Any]], Any]
    """Evidence: the value of a look, by whichever process of the run looked first."""
    progress: Progress


class Source(Protocol):
    """What migrates: a folder of SQL, Alembic, a command, a function."""

    @property
    def name(self) -> str:
        """What the user configured, for messages."""

    @property
    def repeats(self) -> str:
        """What its second run is, for people: `the file again`, `alembic upgrade heads again`."""

    @property
    def together(self) -> str | None:
        """What runs all pending migrations in one run, for people: `alembic upgrade heads`.

        None: each has a run of its own.
        """

    @property
    def environment(self) -> dict[str, Any] | None:
        """Where Alembic's env.py is, for the tasks that ask it; None where there is none."""

    @property
    def can_branch(self) -> bool:
        """Whether its migrations name what they follow, so that there can be several heads."""

    @property
    def branches_meant(self) -> bool:
        """Whether the user says that there are to be several."""

    @property
    def picks(self) -> bool:
        """Whether what runs finds out by itself what is pending.

        Then a run that writes nothing may have left the migration out.
        """

    def migrations(self) -> tuple[Migration, ...]:
        """All migrations in the order in which they run. Raises MigrationError, ProjectError."""

    def heads(self) -> tuple[Migration, ...]:
        """Those that no other follows: one, where the history is a line."""

    def until(self, migration: Migration) -> tuple[Migration, ...]:
        """It and those that run before it wherever it has run."""

    def state(self) -> bytes:
        """What else than its migrations' files decides what it does, for the states' keys."""

    def contains(self, database: str, migrations: Sequence[Migration]) -> None:
        """Has the tool believe that these, of the baseline's schema, were run by it."""

    def up(self, database: str, migrations: Sequence[Migration]) -> Step:
        """Runs these, which come next, on this database of the run, up to the first that fails.

        Raises GuardError where that could not be told.
        """

    def again(self, database: str, migration: Migration) -> FileRun:
        """The second run, on the state that the migration left. Raises GuardError."""

    def down(self, database: str, migration: Migration) -> FileRun:
        """Takes the migration, which is the last one that ran, back. Raises GuardError."""

    def walk(self, database: str, steps: Sequence[tuple[Way, Migration]], between: Between) -> None:
        """Takes these steps in one process, where that is possible; otherwise takes none.

        `between` is called before the first, and after each one that did not fail; the walk ends
        where it returns False. What cannot be done so, or was left undone, is done by `up` and
        `down`. Raises GuardError.
        """


class Linear(ABC):
    """The part of a Source that is the same wherever each migration follows the one before it."""

    environment = None
    together = None
    can_branch = False
    branches_meant = False
    picks = False

    @abstractmethod
    def migrations(self) -> tuple[Migration, ...]: ...

    def heads(self) -> tuple[Migration, ...]:
        return self.migrations()[-1:]

    def until(self, migration: Migration) -> tuple[Migration, ...]:
        every = self.migrations()
        return every[: every.index(migration) + 1]

    def state(self) -> bytes:
        """Nothing: the scripts hold all of it."""
        return b""

    def contains(  # noqa: B027 - nobody need do more
        self, database: str, migrations: Sequence[Migration]
    ) -> None:
        """Nothing to do: what has run is written nowhere, or comes with `seed`."""

    def walk(  # noqa: B027 - nobody need do more
        self, database: str, steps: Sequence[tuple[Way, Migration]], between: Between
    ) -> None:
        """None: each run is a process, or a session, of its own."""
