"""Many databases: read once where they are equal, all looked at where one cannot be."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.catalog.transaction import Limits
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.findings import Outcome, Verdict
from pytest_schemaguard.live.fleet import Fleet
from pytest_schemaguard.live.targets import Target
from tests.catalog.databases import connected, execute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot


class Counting:
    """An expectation that any database meets, and that counts those it is asked about."""

    exclude: Sequence[str] = ()
    schema: str | None = "public"

    def __init__(self, *, fails: int = 0) -> None:
        self.asked: list[Snapshot] = []
        self._fails = fails
        self._mutex = threading.Lock()

    def verdict(self, actual: Snapshot) -> Verdict:
        with self._mutex:
            self.asked.append(actual)
            if len(self.asked) <= self._fails:
                raise ServerError("scratch", "it went away")
        return Verdict(outcome=Outcome.PASSED)

    def dumped(self, target: Target) -> Snapshot:
        raise AssertionError(target)


@pytest.fixture
def made(postgres: Address) -> Iterator[Callable[..., list[Target]]]:
    """Makes databases, one for each text of SQL."""
    names: list[str] = []

    def make(*texts: str) -> list[Target]:
        targets = []
        with closing(connected(postgres)) as admin:
            for text in texts:
                name = f"fleet_{len(names)}"
                execute(admin, f"CREATE DATABASE {name}")
                names.append(name)
                with closing(connected(postgres.at(name))) as connection:
                    execute(connection, text)
                targets.append(Target(address=postgres.at(name)))
        return targets

    yield make
    with closing(connected(postgres)) as admin:
        for name in names:
            execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


SAME = "CREATE TABLE t (id integer PRIMARY KEY, at timestamptz DEFAULT now())"


def looked(expected: Counting, targets: list[Target], *, jobs: int = 4) -> list[Outcome]:
    results = list(Fleet(expected=expected, limits=Limits(), jobs=jobs).look(targets))
    assert {one.target for one in results} == set(targets)
    return [one.outcome for one in results]


def test_of_equal_databases_one_is_read(made: Callable[..., list[Target]]) -> None:
    expected = Counting()
    outcomes = looked(expected, made(*[SAME] * 6, f"{SAME}; CREATE TABLE u ()"))
    assert outcomes == [Outcome.PASSED] * 7
    assert len(expected.asked) == 2


def test_a_difference_that_only_the_owner_makes_is_read_for_itself(
    made: Callable[..., list[Target]],
) -> None:
    expected = Counting()
    targets = made(SAME, f"{SAME}; ALTER TABLE t OWNER TO pg_monitor")
    looked(expected, targets)
    assert len(expected.asked) == 2


def test_where_the_first_of_equal_ones_cannot_be_compared_another_is(
    made: Callable[..., list[Target]],
) -> None:
    outcomes = looked(Counting(fails=1), made(*[SAME] * 4))
    assert sorted(outcomes) == [Outcome.PASSED] * 3 + [Outcome.UNPROVEN]


def test_equal_tenants_of_different_databases_are_read_once(
    made: Callable[..., list[Target]],
) -> None:
    tenants = "".join(
        f"CREATE SCHEMA tenant_{n}; CREATE TABLE tenant_{n}.t (id integer PRIMARY KEY);"
        for n in range(3)
    )
    expected = Counting()
    targets = made(tenants, tenants)
    results = list(
        Fleet(expected=expected, limits=Limits(), jobs=1, schemas="tenant_*").look(targets)
    )
    assert [one.target.schema for one in results] == ["tenant_0", "tenant_1", "tenant_2"] * 2
    assert len(expected.asked) == 1
    assert list(expected.asked[0].relations) == [("public", "t")]


def test_whoever_stops_listening_stops_the_rest(made: Callable[..., list[Target]]) -> None:
    expected = Counting()
    targets = made(*[f"CREATE TABLE t{n} ()" for n in range(6)])
    with closing(Fleet(expected=expected, limits=Limits(), jobs=1).look(targets)) as looking:
        next(looking)
    deadline = time.monotonic() + 10
    while [one for one in threading.enumerate() if one.name.startswith("schema-guard-")]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(expected.asked) < 6
