from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.evidence.record import Evidence
from pytest_schemaguard.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run.begin()
    yield run
    run.close()


@pytest.mark.parametrize("shared", [True, False])
def test_it_is_looked_at_once(run: Run, shared: bool) -> None:
    evidence = Evidence(run, shared=shared)
    looks = []

    def look() -> list[object]:
        looks.append(1)
        return [1, {"a": None}]

    for _ in range(3):
        assert evidence.once("x", list, look) == [1, {"a": None}]
    assert looks == [1]


def test_processes_of_a_run_share_what_one_has_seen(run: Run) -> None:
    first = Evidence(run, shared=True)
    second = Evidence(Run.join(run.invitation), shared=True)
    began, looks = threading.Event(), []

    def look() -> str:
        began.set()
        looks.append(1)
        return "seen"

    thread = threading.Thread(target=first.once, args=("x", str, look))
    thread.start()
    began.wait(10)
    assert second.once("x", str, look) == "seen"
    thread.join()
    assert looks == [1]


@pytest.mark.parametrize("shared", [True, False])
def test_what_hid_it_is_remembered_with_all_its_words(run: Run, shared: bool) -> None:
    looks = []

    def look() -> str:
        looks.append(1)
        raise GuardError("a.sql", "is broken", fix="mend it", detail="why", path="a.sql", line=3)

    words = "a.sql:3: a.sql: is broken\n    why\n  next: mend it"
    others = [Evidence(run, shared=shared)] * 2
    others += [Evidence(Run.join(run.invitation), shared=True)] if shared else []
    for evidence in others:
        with pytest.raises(GuardError) as caught:
            evidence.once("x", str, look)
        assert str(caught.value) == words
    assert looks == [1]


def test_a_bug_is_no_evidence(run: Run) -> None:
    evidence = Evidence(run, shared=True)
    with pytest.raises(ZeroDivisionError):
        evidence.once("x", int, lambda: 1 // 0)
    assert evidence.once("x", str, lambda: "seen") == "seen"
