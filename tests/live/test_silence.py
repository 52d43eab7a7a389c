"""Servers that do not answer: each is told within its bound, and keeps no other waiting."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.transaction import Limits
from pytest_schemaguard.findings import Outcome
from pytest_schemaguard.live.fleet import Fleet, Result
from pytest_schemaguard.live.targets import Target
from tests.live.test_fleet import Counting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.address import Address
    from tests.live.conftest import Fleet as Project


@contextmanager
def silent_after(
    server: Address, *, bytes_: int, at_once: list[int] | None = None
) -> Iterator[Address]:
    """A relay to the server on 127.0.0.1 that passes nothing on after so many bytes of a client.

    At each connection, `at_once` gets how many are open.
    """
    stop = threading.Event()
    accepted: list[socket.socket] = []

    def serve(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as upstream, ExitStack() as stack:
            upstream.connect(f"{server.host}/.s.PGSQL.{server.port}")
            passed = 0

            def answers() -> None:
                while (found := upstream.recv(65536)) and passed < bytes_:
                    client.sendall(found)

            thread = threading.Thread(target=answers, daemon=True)
            stack.callback(thread.join)
            stack.callback(upstream.shutdown, socket.SHUT_RDWR)
            thread.start()
            while passed < bytes_ and (found := client.recv(65536)):
                passed += len(found)
                if passed < bytes_:
                    upstream.sendall(found)
            stop.wait()

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                accepted.append(client)
                if at_once is not None:
                    at_once.append(sum(map(is_open, accepted)))
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield replace(server, host="127.0.0.1", port=listening.getsockname()[1])
        stop.set()


def is_open(client: socket.socket) -> bool:
    """Whether the client has said no end of it, be that read here or not."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) not in {b"", b"X"}
    except BlockingIOError:
        return True
    except OSError:
        return False


@contextmanager
def never_answering(count: int) -> Iterator[list[Target]]:
    """Servers that accept a connection and say nothing."""
    with ExitStack() as stack:
        targets = []
        for number in range(count):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            targets.append(Target(address=_address(listening.getsockname()[1], f"d{number}")))
        yield targets


def _address(port: int, database: str) -> Address:
    from pytest_schemaguard.servers.url import parse_url

    return parse_url(f"postgresql://u:secret@127.0.0.1:{port}/{database}?connect_timeout=2")


def looked(targets: Sequence[Target], *, jobs: int = 4, **limits: int) -> list[Result]:
    return list(Fleet(expected=Counting(), limits=Limits(**limits), jobs=jobs).look(targets))


def test_a_server_that_falls_silent_after_the_login_is_cut(database: Address) -> None:
    with silent_after(database, bytes_=1000) as relayed:
        (one,) = looked([Target(address=relayed)], statement_ms=500, silence_ms=500)
    assert one.outcome is Outcome.UNPROVEN
    assert one.reason == (
        "the server did not answer for 1 s: its connection was cut\n"
        "  next: look at the server and at the network between, and run the check again"
    )


def test_the_other_databases_of_a_silent_server_are_told_at_once(database: Address) -> None:
    with silent_after(database, bytes_=1000) as relayed:
        targets = [Target(address=relayed.at(f"{database.database}")),
                   *(Target(address=relayed.at(f"d{n}")) for n in range(5))]  # fmt: skip
        results = looked(targets, jobs=1, statement_ms=500, silence_ms=500)
    reasons = [str(one.reason).splitlines()[0] for one in results]
    assert reasons == [
        "the server did not answer for 1 s: its connection was cut",
        *["its server did not answer another connection of this check in time"] * 5,
    ]


@pytest.mark.parametrize("jobs", [1, 4])
def test_dead_servers_are_waited_for_at_the_same_time(database: Address, jobs: int) -> None:
    """One after the other they would take 80 s."""
    with never_answering(40) as dead:
        began = time.monotonic()
        results = looked([*dead, Target(address=database)], jobs=jobs)
        assert time.monotonic() - began < 15
    by_outcome = [one.outcome for one in results]
    assert by_outcome.count(Outcome.UNPROVEN) == 40
    assert by_outcome.count(Outcome.PASSED) == 1
    assert all(
        "cannot connect" in str(one.reason) and "timeout expired" in str(one.reason)
        for one in results
        if one.outcome is Outcome.UNPROVEN
    )


def test_a_timeout_without_end_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_schemaguard.live import look

    monkeypatch.setattr(look, "CONNECT_TIMEOUT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        for timeout in ("0", "-1", "soon"):
            address = _address(listening.getsockname()[1], f"d{timeout}")
            target = Target(address=replace(address, options=(("connect_timeout", timeout),)))
            (one,) = looked([target])
            assert "cannot connect" in str(one.reason)


def test_no_more_connections_at_a_time_than_jobs(database: Address) -> None:
    """However many databases a server has."""
    at_once: list[int] = []
    # Counted where they come in: the server still lists some that were closed.
    with silent_after(database, bytes_=sys.maxsize, at_once=at_once) as relayed:
        named = [(("fallback_application_name", str(number)),) for number in range(30)]
        targets = [Target(address=replace(relayed, options=one)) for one in named]
        assert {one.outcome for one in looked(targets, jobs=3)} == {Outcome.PASSED}
    assert len(at_once) >= 30
    assert 1 <= max(at_once) <= 3


class Broken(Counting):
    """Fails as no one foresaw, for one database."""

    def verdict(self, actual: Any) -> Any:
        if ("public", "bad") in actual.relations:
            return None.unforeseen  # type: ignore[attr-defined]
        return super().verdict(actual)


def test_an_exception_that_nobody_foresaw_is_that_targets(project_databases: list[Address]) -> None:
    results = list(
        Fleet(expected=Broken(), limits=Limits(), jobs=2).look(
            [Target(address=one) for one in project_databases]
        )
    )
    assert sorted(one.outcome for one in results) == [Outcome.PASSED, Outcome.UNPROVEN]
    (bad,) = (one for one in results if one.outcome is Outcome.UNPROVEN)
    assert not bad.whole
    lines = str(bad.reason).splitlines()
    assert lines[0] == "schema-guard itself failed while it looked"
    assert lines[1] == "    AttributeError: 'NoneType' object has no attribute 'unforeseen'"
    assert lines[-2].startswith("    live/test_silence.py:")
    assert lines[-1].startswith("  next: report these lines as a bug of pytest-schemaguard ")


@pytest.fixture
def project_databases(fleet: Project) -> list[Address]:
    return [fleet.database("SELECT 1"), fleet.database("CREATE TABLE bad ()")]


def test_ctrl_c_ends_it_while_a_server_is_silent(fleet: Project, database: Address) -> None:
    good = fleet.database()
    with silent_after(database, bytes_=1000) as relayed:
        command = [str(Path(sys.executable).with_name("schema-guard")), "check"]
        process = subprocess.Popen(
            [*command, good.url(), relayed.url()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert lines[1].endswith(": holds\n"), lines
        time.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert time.monotonic() - began < 10
    assert (process.returncode, rest) == (130, "schema-guard: interrupted\n")
