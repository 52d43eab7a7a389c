"""Nothing is left behind, however the processes of a run end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard import run as run_module
from pytest_schemaguard.keeper import shared_memory_segment, sweep
from tests.servers.conftest import OWN, assert_gone, processes_of, unlisted_uid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers import Server
    from tests.servers.conftest import Process

linux = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks into /proc")
pytestmark = linux


def test_nothing_is_left_after_an_orderly_end(process: Callable[..., Process]) -> None:
    owner = process("begin", wanted=OWN)
    folder = owner.folder
    assert processes_of(folder)
    owner.close()
    assert owner.child.returncode == 0
    assert not folder.exists()
    assert processes_of(folder) == []


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGHUP])
def test_nothing_is_left_after_a_signal_to_the_owner(
    process: Callable[..., Process], sent: signal.Signals
) -> None:
    owner = process("begin", wanted=OWN)
    folder = owner.folder
    owner.child.send_signal(sent)
    owner.child.wait(10)
    assert_gone(folder)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_after_a_signal_to_the_whole_group(
    process: Callable[..., Process], sent: signal.Signals
) -> None:
    owner = process("begin", wanted=OWN)
    folder = owner.folder
    os.killpg(owner.child.pid, sent)
    owner.child.wait(10)
    assert_gone(folder)


def test_nothing_is_left_of_a_run_without_a_server(process: Callable[..., Process]) -> None:
    owner = process("begin")
    folder = owner.folder
    assert folder.is_dir()
    owner.end()
    assert_gone(folder)


def test_nothing_is_left_when_the_server_is_frozen(process: Callable[..., Process]) -> None:
    owner = process("begin", wanted=OWN)
    server = owner.server
    segment = shared_memory_segment(data_of(server))
    assert segment in segments()
    connection = psycopg2.connect(server.admin.url())
    for pid in (postmaster(server), connection.get_backend_pid()):
        os.kill(pid, signal.SIGSTOP)
    owner.end()
    assert_gone(owner.folder)
    connection.close()
    assert segment not in segments(), "shared memory leaked"


@pytest.mark.parametrize("delay_ms", [0, 3, 10, 20, 30, 45, 60, 80, 100, 130])
def test_nothing_is_left_when_killed_at_any_moment_of_the_start(
    process: Callable[..., Process], delay_ms: int
) -> None:
    owner = process("begin")
    worker = process("join", wanted=OWN, invitation=owner.invitation)
    until(lambda: list(owner.folder.glob("server-*.lock")))
    time.sleep(delay_ms / 1000)
    owner.end()
    worker.end()
    assert_gone(owner.folder)


@pytest.mark.parametrize("delay_ms", [0, 3, 10, 20, 30, 45, 60, 80, 100, 130])
def test_nothing_is_left_of_a_worker_killed_at_any_moment_of_the_start(
    process: Callable[..., Process], delay_ms: int
) -> None:
    owner = process("begin")
    worker = process("join", wanted=OWN, invitation=owner.invitation)
    until(lambda: list(owner.folder.glob("server-*.lock")))
    time.sleep(delay_ms / 1000)
    worker.end()
    until(lambda: list(owner.folder.glob("server-*.json")) or not processes_in_it(owner.folder))
    owner.close()
    assert not owner.folder.exists()


@pytest.mark.parametrize("delay_ms", [20, 150, 300])
def test_nothing_is_left_when_killed_while_initdb_runs(
    process: Callable[..., Process], tmp_path: Path, delay_ms: int
) -> None:
    """Not even its shared memory, for which nobody answers but itself."""
    owner = process("begin")
    worker = process(
        "join",
        wanted=OWN,
        invitation=owner.invitation,
        environ={"XDG_CACHE_HOME": str(tmp_path)},
    )
    until(lambda: list(owner.folder.glob("s*/data")))
    time.sleep(delay_ms / 1000)
    for line in processes_in_it(owner.folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(line.split()[0]), signal.SIGSTOP)  # it would end by itself
    used, attached = shared_memory_used_in(owner.folder), segments_in(owner.folder)
    owner.end()
    worker.end()
    while owner.folder.exists():
        used |= shared_memory_used_in(owner.folder)
        attached |= segments_in(owner.folder)
    assert_gone(owner.folder)
    assert not {file for file in used if Path(file).exists()}
    assert not attached & segments(), "shared memory leaked"


def test_a_killed_worker_leaves_the_server_to_the_others(process: Callable[..., Process]) -> None:
    owner = process("begin")
    starter = process("join", wanted=OWN, invitation=owner.invitation)
    other = process("join", wanted=OWN, invitation=owner.invitation)
    assert starter.report["server"] == other.report["server"], "started once per run"
    starter.end()
    connection = psycopg2.connect(other.report["database"])
    connection.close()
    owner.end()
    assert_gone(owner.folder)


def test_a_worker_killed_while_it_starts_the_server_leaves_no_half_of_it(
    process: Callable[..., Process],
) -> None:
    owner = process("begin")
    settings = [["post_auth_delay", "2"]]  # holds up the starter's first connection
    slow = process("join", wanted={**OWN, "settings": settings}, invitation=owner.invitation)
    until(lambda: processes_in_it(owner.folder))
    slow.end()
    until(lambda: not processes_in_it(owner.folder))
    until(lambda: not list(owner.folder.glob("s*/data")))
    second = process("join", wanted=OWN, invitation=owner.invitation)
    assert "server" in second.report
    owner.close()
    assert_gone(owner.folder)


@pytest.fixture
def apart() -> Iterator[dict[str, Any]]:
    """Where no other run sweeps: arguments for `process`."""
    with tempfile.TemporaryDirectory(dir=run_module.OTHERS[0]) as folder:
        Path(folder).chmod(0o755)
        yield {"apart": True, "environ": {"TMPDIR": folder}}


def test_a_run_whose_keeper_died_too_is_swept_by_the_next(
    process: Callable[..., Process], apart: dict[str, Any]
) -> None:
    owner = process("begin", wanted=OWN, **apart)
    folder = owner.folder
    assert str(folder.parent) == apart["environ"]["TMPDIR"]
    kill_keeper(folder)
    owner.end()
    long_ago = 1_000_000_000
    os.utime(folder, (long_ago, long_ago))
    assert processes_of(folder), "the server lost its keeper and lives on"
    process("begin", **apart).close()
    assert_gone(folder)


def test_a_run_whose_keeper_died_ends_its_server_itself_and_says_so(
    process: Callable[..., Process],
) -> None:
    owner = process("begin", wanted=OWN)
    folder, segment = owner.folder, None
    segment = shared_memory_segment(data_of(owner.server))
    keeper = kill_keeper(folder)
    assert processes_of(folder), "the server lost its keeper and lives on"
    (note,) = owner.close()
    assert note == (
        f"the run's keeper (pid {keeper}), which ends its servers, was killed by SIGKILL before "
        f"the run's end; the run ended them itself and removed {folder}; next: look for the "
        "out-of-memory killer in the kernel's log (dmesg), then run it again"
    )
    assert not folder.exists()
    assert_gone(folder)
    assert segment not in segments(), "shared memory leaked"


def test_what_wants_a_server_when_the_keeper_has_died_is_told(
    process: Callable[..., Process],
) -> None:
    owner = process("begin")
    kill_keeper(owner.folder)
    worker = process("join", wanted=OWN, invitation=owner.invitation)
    assert worker.report["error"] == (
        "keeper: the process that starts and ends the run's servers has died: Connection refused\n"
        "  next: look for the out-of-memory killer in the kernel's log (dmesg), then run it again"
    )
    assert len(owner.close()) == 1
    assert_gone(owner.folder)


NO_KEEPER = "keeper: the process that ends the run's servers cannot be started: "
RAISE_FILES = "\n  next: raise `ulimit -n`, the number of files that a process may have open"


@pytest.mark.parametrize(
    ("more", "begins", "ends"),
    [
        ({"files": 4}, "keeper: ", RAISE_FILES),
        ({"files": 5}, f"{NO_KEEPER}[Errno 24] Too many open files", RAISE_FILES),
        ({"files": 7}, f"{NO_KEEPER}[Errno 24] Too many open files", RAISE_FILES),
        (
            {"python": "/dev/null/python"},
            f"{NO_KEEPER}[Errno 20] Not a directory: '/dev/null/python'",
            "",
        ),
    ],
)
def test_nothing_stays_of_a_run_whose_keeper_cannot_be_started(
    process: Callable[..., Process],
    apart: dict[str, Any],
    more: dict[str, Any],
    begins: str,
    ends: str,
) -> None:
    one = process("begin", wanted=OWN, **apart, **more)
    assert one.report["error"].startswith(begins)
    assert one.report["error"].endswith(ends)
    assert list(Path(apart["environ"]["TMPDIR"]).iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_nothing_stays_of_a_run_whose_user_may_start_no_more_processes(
    process: Callable[..., Process], apart: dict[str, Any]
) -> None:
    place = Path(apart["environ"]["TMPDIR"])
    place.chmod(0o777)
    for limit in (1, 2):
        prefix = (*unlisted_uid(), "prlimit", f"--nproc={limit}")
        one = process("begin", wanted=OWN, prefix=prefix, **apart)
        words = one.report["error"]
        assert "Resource temporarily unavailable" in words or "can't start new thread" in words
        assert "TMPDIR" not in words
        if limit == 1:
            assert words == (
                f"{NO_KEEPER}[Errno 11] Resource temporarily unavailable\n"
                "  next: the system starts no more processes or threads of this user: end some, or "
                "raise `ulimit -u` (of a container: its pids limit)"
            )
        one.close()
        assert list(place.iterdir()) == []


def test_what_dead_runs_left_is_swept_wherever_runs_have_been(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    """Also below a TMPDIR of another run, and below no folder that is no run's."""
    with contextlib.ExitStack() as folders:
        other, usual = (
            Path(folders.enter_context(tempfile.TemporaryDirectory(dir="/tmp"))) for _ in range(2)
        )
        environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
        owner = process("begin", wanted=OWN, apart=True, environ={**environ, "TMPDIR": str(other)})
        for folder in (other, usual):
            folder.chmod(0o755)
        assert owner.folder.parent == other
        kill_keeper(owner.folder)
        owner.end()
        left = make_old(owner.folder)
        spared = [
            make_like(other / name) for name in ("schema-guard-notes", "schema-guard-1234567")
        ]
        if os.geteuid() == 0:
            foreign = make_like(other / "schema-guard-0000aaaa")
            os.chown(foreign, 65534, 65534)
            spared.append(foreign)
        link = other / "schema-guard-00000001"
        link.symlink_to(make_like(other / "elsewhere"))
        begun = other / "schema-guard-00000002"  # killed before it had its lock
        begun.mkdir()
        make_old(begun)
        for number in range(3000):
            (other / f"file{number}").touch()
        process("begin", apart=True, environ={**environ, "TMPDIR": str(usual)}).close()
        assert_gone(left)
        assert not begun.exists()
        assert [one for one in (*spared, link / "x") if not one.exists()] == []


def make_like(folder: Path) -> Path:
    """What looks like a dead run's folder."""
    folder.mkdir()
    (folder / "owner.lock").touch()
    (folder / "x").touch()
    return make_old(folder)


def make_old(folder: Path) -> Path:
    os.utime(folder, (1_000_000_000, 1_000_000_000))
    return folder


def test_a_sweep_that_is_killed_leaves_what_the_next_one_sees(tmp_path: Path) -> None:
    folder = tmp_path / "schema-guard-0000bbbb"
    make_like(folder)
    (folder / "data").mkdir()
    script = (
        "import shutil, sys, os; from pathlib import Path; from pytest_schemaguard import "
        "keeper\nkeeper.shutil.rmtree = lambda *_, **__: os._exit(9)\n"
        "keeper.remove(Path(sys.argv[1]))"
    )
    killed = subprocess.run([sys.executable, "-c", script, folder], check=False)
    assert killed.returncode == 9
    assert (folder / "owner.lock").exists()
    make_old(folder)
    sweep(tmp_path / "schema-guard-ffffffff", [str(tmp_path)])
    assert not folder.exists()


def test_a_living_run_is_not_swept_by_the_next(
    process: Callable[..., Process], apart: dict[str, Any]
) -> None:
    owner = process("begin", wanted=OWN, **apart)
    long_ago = 1_000_000_000
    os.utime(owner.folder, (long_ago, long_ago))
    process("begin", **apart).close()
    psycopg2.connect(owner.report["database"]).close()


def test_what_was_started_for_a_process_that_died_before_the_answer_is_stopped(run: Run) -> None:
    data = run.folder / "s0" / "data"
    data.mkdir(parents=True)
    request = {
        "do": "start",
        "argv": ["sleep", "600"],
        "folder": str(data.parent),
        "data": str(data),
        "uid": None,
        "gid": None,
        "env": dict(os.environ),
        "log": str(data.parent / "log"),
        "alone": True,
    }
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(run.folder / "keeper"))
        asking.sendall(json.dumps(request).encode() + b"\n")
        select.select([asking], [], [], 10)  # the answer is there, and is never read
    until(lambda: not processes_in_it(run.folder))
    until(lambda: not data.parent.exists())


def test_the_keeper_told_to_end_stops_the_server(process: Callable[..., Process]) -> None:
    owner = process("begin", wanted=OWN)
    kill_keeper(owner.folder, signal.SIGTERM)
    assert_gone(owner.folder)


def processes_in_it(folder: Path) -> list[str]:
    return [line for line in processes_of(folder) if "keeper.py" not in line]


def segments_in(folder: Path) -> set[tuple[str, ...]]:
    """Key and id of the System V segments of what runs in there."""
    found = {shared_memory_segment(data) for data in folder.glob("*/data")}
    return {segment for segment in found if segment is not None}


def shared_memory_used_in(folder: Path) -> set[str]:
    used = set()
    for line in processes_of(folder):
        with contextlib.suppress(OSError):  # it ended
            maps = Path("/proc", line.split()[0], "maps").read_text()
            used |= set(re.findall(rf"{run_module.MEMORY}/PostgreSQL\.\d+", maps))
    return used


def kill_keeper(folder: Path, sent: signal.Signals = signal.SIGKILL) -> int:
    """Its pid."""
    line = next(line for line in processes_of(folder) if "keeper.py" in line)
    keeper = int(line.split()[0])
    os.kill(keeper, sent)
    if sent == signal.SIGKILL:
        stat, threads = Path(f"/proc/{keeper}/stat"), Path(f"/proc/{keeper}/task")
        # Its first thread alone is no end that its parent sees.
        until(lambda: stat.read_text().split()[2] == "Z" and len(list(threads.iterdir())) == 1)
    return keeper


def data_of(server: Server) -> Path:
    assert server.log is not None
    return server.log.parent / "data"


def postmaster(server: Server) -> int:
    return int((data_of(server) / "postmaster.pid").read_text().split()[0])


def segments() -> set[tuple[str, ...]]:
    """Key and id of the System V segments of this machine."""
    listed = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {tuple(line.split()[:2]) for line in listed}


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)
