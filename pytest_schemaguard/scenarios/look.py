"""A look: one piece of evidence, made once in a run; and what it works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.judging import Judging
    from pytest_schemaguard.migrations.source import Source
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.project.processes import Processes
    from pytest_schemaguard.rows.fill import Known
    from pytest_schemaguard.scenarios.states import States
    from pytest_schemaguard.servers.databases import Databases

T = TypeVar("T")


@dataclass(frozen=True)
class Look(Generic[T]):
    """`Guard.look` makes it, or has it from whichever process of the run made it first."""

    name: str
    """In a run no other look has it."""
    shape: Any
    """The type of what it makes (codec.py)."""
    see: Callable[[Sight], T]
    """Makes it. Raises GuardError, and psycopg2.Error."""


class Sight(Protocol):
    """What a look may ask of the Guard. Its attributes raise GuardError."""

    @property
    def config(self) -> Config: ...
    @property
    def databases(self) -> Databases: ...
    @property
    def source(self) -> Source: ...
    @property
    def judging(self) -> Judging: ...
    @property
    def states(self) -> States: ...
    @property
    def processes(self) -> Processes: ...
    @property
    def progress(self) -> Progress: ...
    @property
    def known(self) -> Known:
        """Values that the application's models accept, where the column's type does not say."""

    def look(self, look: Look[T]) -> T:
        """Another piece of evidence."""

    def beside(
        self, config: Config, moved: Callable[[Path], Path]
    ) -> AbstractContextManager[Sight]:
        """Sight of another configuration, on this run's server, until the block ends.

        Its `name` is that of no other in the run; `moved` tells where the folders are that the
        project's tests import from.
        """

    def note(self, name: str, text: str) -> None:
        """A line for the end of the run, from whichever process of it; `name` is FENCE ..."""


FENCE = "fence"
"""The note that says how the project's code, and the server, were kept from other databases."""
LEFT_OUT = "left-out"
"""The note that counts what was not compared."""
