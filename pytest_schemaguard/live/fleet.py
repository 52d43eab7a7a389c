"""Many databases, several at a time; of those with an equal catalog, one is compared."""

from __future__ import annotations

import queue
import threading
import traceback
from collections import defaultdict
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_schemaguard.errors import GuardError, ServerError
from pytest_schemaguard.findings import Outcome
from pytest_schemaguard.live.deadlines import Deadlines
from pytest_schemaguard.live.look import CannotLookError, SilentError, catalogs_at

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.catalog.transaction import Limits
    from pytest_schemaguard.findings import Finding, Verdict
    from pytest_schemaguard.live.catalogs import Catalog
    from pytest_schemaguard.live.targets import Target

MOST_CONNECTING = 256
"""Targets that are connected to at a time: one that does not answer keeps no other waiting."""
FRAMES = 6
"""Of an exception that nobody foresaw, the innermost calls that are told."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one target."""

    target: Target
    outcome: Outcome
    """`passed`, `failed`, or `unproven`: it could not be looked at."""
    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    """Why it is unproven, or what is to be said of a look all the same."""
    looked: bool = True
    """Whether the database itself was looked at."""
    whole: bool = True
    """Whether all of it was compared."""


class Expected(Protocol):
    """What a database is held against; asked from several threads."""

    schema: str | None
    """The schema that stands for each tenant's, where tenants are looked at."""

    @property
    def exclude(self) -> Sequence[str]: ...

    def verdict(self, actual: Snapshot) -> Verdict: ...

    def dumped(self, target: Target) -> Snapshot: ...


@dataclass
class _Server:
    """One of those that the targets are on."""

    turns: threading.Semaphore
    """No more connections at a time than databases are looked at."""
    silent: bool = False
    """Whether it kept a connection waiting until the deadline: no other one waits again."""


@dataclass
class Fleet:
    """The targets of one run. Threads look; whoever iterates hears of each as it is done.

    They are daemons: one that hangs, as in looking up a host's name, does not keep the command.
    """

    expected: Expected
    limits: Limits
    jobs: int
    """How many databases are read or compared at a time."""
    schemas: str | None = None
    """The pattern of the schemas, one for each tenant; None: databases are looked at whole."""
    _known: dict[bytes, Future[Verdict]] = field(default_factory=dict, init=False)
    _mutex: threading.Lock = field(default_factory=threading.Lock, init=False)
    _deadlines: Deadlines = field(default_factory=Deadlines, init=False)

    def __post_init__(self) -> None:
        self._turns = threading.Semaphore(self.jobs)
        self._servers: dict[tuple[str, int], _Server] = defaultdict(
            lambda: _Server(threading.Semaphore(self.jobs))
        )
        self._single = False
        self._stopped = threading.Event()

    def look(self, targets: Sequence[Target]) -> Generator[Result, None, None]:
        """Each target's result, or with `schemas` one for each of its tenants, as they come."""
        self._single = len(targets) == 1 and self.schemas is None
        waiting: queue.SimpleQueue[Target | None] = queue.SimpleQueue()
        done: queue.SimpleQueue[list[Result]] = queue.SimpleQueue()

        def work() -> None:
            while (target := waiting.get()) is not None and not self._stopped.is_set():
                done.put(self._results(target))

        for target in targets:
            waiting.put(target)
        threads = min(len(targets), MOST_CONNECTING)
        for number in range(threads):
            waiting.put(None)
            threading.Thread(target=work, name=f"schema-guard-look-{number}", daemon=True).start()
        try:
            for _ in targets:
                yield from done.get()
        finally:
            self._stopped.set()
            self._deadlines.cut_all()

    def _results(self, target: Target) -> list[Result]:
        try:
            if target.dump is not None:
                with self._turn():
                    verdict = self.expected.verdict(self.expected.dumped(target))
                return [_result(target, verdict)]
            catalogs, said = self._catalogs(target)
        except Exception as error:  # noqa: BLE001 - the other targets are looked at
            return [_not_looked(target, error)]
        return [self._compared(one, catalog, said) for one, catalog in catalogs.items()]

    def _catalogs(self, target: Target) -> tuple[dict[Target, Catalog], str | None]:
        assert target.address is not None
        with self._mutex:
            server = self._servers[target.address.host, target.address.port]
        with server.turns:
            if server.silent:
                raise CannotLookError(
                    target.name,
                    "its server did not answer another connection of this check in time",
                    fix="look at the server and at the network between, and run the check again",
                )
            try:
                return catalogs_at(
                    target,
                    schemas=self.schemas,
                    called=self.expected.schema,
                    exclude=self.expected.exclude,
                    limits=self.limits,
                    deadlines=self._deadlines,
                    turn=self._turn,
                )
            except SilentError:
                server.silent = True
                raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._turns:
            if self._stopped.is_set():
                raise ServerError("schema-guard", "it was stopped")
            yield

    def _compared(self, target: Target, catalog: Catalog, said: str | None) -> Result:
        try:
            with self._turn():
                return _result(target, self._verdict(catalog), said=said)
        except Exception as error:  # noqa: BLE001 - the other targets are compared
            return _not_looked(target, error)

    def _verdict(self, catalog: Catalog) -> Verdict:
        if self._single:
            return self.expected.verdict(catalog.snapshot())
        mark = catalog.mark
        while True:
            with self._mutex:
                other = self._known.get(mark)
                if other is None:
                    own = self._known[mark] = Future()
                    break
            if other.exception() is None:
                return other.result()
            # That one could not be compared to its end; this one may be.
        try:
            verdict = self.expected.verdict(catalog.snapshot())
        except BaseException as error:
            with self._mutex:
                del self._known[mark]
            own.set_exception(error)
            raise
        own.set_result(verdict)
        return verdict


def _result(target: Target, verdict: Verdict, *, said: str | None = None) -> Result:
    reasons = [one for one in (verdict.reason, said) if one]
    return Result(
        target=target,
        outcome=verdict.outcome,
        findings=verdict.findings,
        reason="\n".join(reasons) or None,
        whole=verdict.unproven is None and verdict.outcome is not Outcome.UNPROVEN,
    )


def _not_looked(target: Target, error: Exception) -> Result:
    told = error if isinstance(error, GuardError) else _unforeseen(target, error)
    # Without the target's name, which stands before it.
    reason = str(told).removeprefix(f"{target.name}: ")
    return Result(target=target, outcome=Outcome.UNPROVEN, reason=reason, looked=False, whole=False)


def _unforeseen(target: Target, error: Exception) -> CannotLookError:
    calls = [
        f"{'/'.join(Path(one.filename).parts[-2:])}:{one.lineno} in {one.name}"
        for one in traceback.extract_tb(error.__traceback__)[-FRAMES:]
    ]
    return CannotLookError(
        target.name,
        "schema-guard itself failed while it looked",
        detail="\n".join([f"{type(error).__name__}: {error}", *calls]),
        fix="report these lines as a bug of pytest-schemaguard "
        f"{metadata.version('pytest-schemaguard')}, with the version of this PostgreSQL",
    )
