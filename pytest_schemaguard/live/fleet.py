"""Many databases, several at a time; of those with an equal catalog, one is read and compared."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

from pytest_schemaguard.catalog.fingerprint import fingerprint
from pytest_schemaguard.catalog.read import read_by
from pytest_schemaguard.catalog.renaming import renamed
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.findings import Outcome
from pytest_schemaguard.live.look import CannotLookError, looking_at, newer_than_known

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.catalog.transaction import Limits
    from pytest_schemaguard.findings import Finding, Verdict
    from pytest_schemaguard.live.targets import Target

TRIES = 4
"""Fingerprints that recognised nothing, more than that did: then databases are read at once."""
SCHEMAS = """
SELECT nspname FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1
"""


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


class Expected(Protocol):
    """What a database is held against; asked from several threads."""

    schema: str | None
    """The schema that stands for each tenant's, where tenants are looked at."""

    @property
    def exclude(self) -> Sequence[str]: ...

    def verdict(self, actual: Snapshot) -> Verdict: ...

    def dumped(self, target: Target) -> Snapshot: ...


class Fleet:
    """The targets of one run. Threads look; whoever iterates hears of each as it is done."""

    def __init__(
        self, expected: Expected, *, limits: Limits, jobs: int, schemas: str | None = None
    ) -> None:
        self._expected = expected
        self._limits = limits
        self._jobs = jobs
        self._schemas = schemas
        """The pattern of the schemas, one for each tenant; None: databases are looked at whole."""
        self._known: dict[str, Future[Verdict]] = {}
        self._mutex = threading.Lock()
        self._recognised = 0
        self._single = False

    def look(self, targets: Sequence[Target]) -> Generator[Result, None, None]:
        """Each target's result, or with `schemas` one for each of its tenants, as they come."""
        self._single = len(targets) == 1 and self._schemas is None
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="schema-guard-look") as threads:
            waiting = {threads.submit(self._results, target) for target in targets}
            try:
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for one in done:
                        yield from one.result()
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    def _results(self, target: Target) -> list[Result]:
        try:
            if target.dump is not None:
                verdict = self._expected.verdict(self._expected.dumped(target))
                return [_result(target, verdict)]
            with looking_at(target, limits=self._limits) as cursor:
                said = newer_than_known(cursor)
                return [
                    _result(one, self._verdict(cursor, one), said=said)
                    for one in self._tenants(cursor, target)
                ]
        except GuardError as error:
            return [
                Result(
                    target=target,
                    outcome=Outcome.UNPROVEN,
                    reason=_words(error, target),
                    looked=False,
                )
            ]

    def _tenants(self, cursor: Any, target: Target) -> list[Target]:
        if self._schemas is None:
            return [target]
        cursor.execute(SCHEMAS)
        there = [name for (name,) in cursor.fetchall()]
        found = [replace(target, schema=name) for name in there if fnmatchcase(name, self._schemas)]
        if not found:
            raise CannotLookError(
                target.name,
                f"no schema matches {self._schemas}",
                fix=f"it has {', '.join(there[:8])}" + (" and more" if len(there) > 8 else ""),  # noqa: PLR2004 - what a line holds
            )
        return found

    def _verdict(self, cursor: Any, target: Target) -> Verdict:
        if self._single or not self._worth_a_fingerprint():
            return self._read(cursor, target)
        mark = fingerprint(cursor, schema=target.schema)
        while True:
            with self._mutex:
                other = self._known.get(mark)
                if other is None:
                    own = self._known[mark] = Future()
                    break
                self._recognised += 1
            if other.exception() is None:
                return other.result()
            # That database could not be read to its end; this one may be.
        try:
            verdict = self._read(cursor, target)
        except BaseException as error:
            with self._mutex:
                del self._known[mark]
            own.set_exception(error)
            raise
        own.set_result(verdict)
        return verdict

    def _worth_a_fingerprint(self) -> bool:
        """A fingerprint is cheaper than a read, and wasted where every catalog is another."""
        with self._mutex:
            return len(self._known) <= self._recognised + TRIES

    def _read(self, cursor: Any, target: Target) -> Verdict:
        snapshot = read_by(cursor, exclude=self._expected.exclude, schema=target.schema)
        if target.schema is not None:
            assert self._expected.schema is not None
            snapshot = renamed(snapshot, target.schema, self._expected.schema)
        return self._expected.verdict(snapshot)


def _result(target: Target, verdict: Verdict, *, said: str | None = None) -> Result:
    reasons = [one for one in (verdict.reason, said) if one]
    return Result(
        target=target,
        outcome=verdict.outcome,
        findings=verdict.findings,
        reason="\n".join(reasons) or None,
    )


def _words(error: GuardError, target: Target) -> str:
    """Without the target's name, which stands before it."""
    return str(error).removeprefix(f"{target.name}: ")
