from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard import run as run_module
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.run import LONGEST_NAME_BELOW, SOCKET_PATH_LIMIT, Run, place

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run.begin()
    yield run
    run.close(wait=True)


def test_the_folder_is_closed_to_others_and_short_enough_for_a_socket(run: Run) -> None:
    assert run.folder.stat().st_mode & 0o777 == 0o700
    assert run.folder.name == f"schema-guard-{run.id}"
    assert len(run.id) == 8
    assert len(str(run.folder / "s0123" / ".s.PGSQL.65535")) <= SOCKET_PATH_LIMIT


def test_close_removes_the_folder() -> None:
    run = Run.begin()
    assert run.folder.is_dir()
    assert run.is_owner
    run.close(wait=True)
    assert not run.folder.exists()
    assert not run.is_owner
    run.close(wait=True)


def test_a_joined_run_does_not_own_the_folder(run: Run) -> None:
    joined = Run.join(run.invitation)
    assert joined.id == run.id
    assert not joined.is_owner
    joined.close(wait=True)
    assert run.folder.is_dir()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_that_closes_does_not_end_the_run(run: Run, tmp_path: Path) -> None:
    run.hold("x", lambda: tmp_path / "closed", close=Path.touch)
    child = os.fork()
    if child == 0:
        run.close()
        os._exit(0)
    os.waitpid(child, 0)
    time.sleep(0.05)
    assert run.folder.is_dir()
    assert not (tmp_path / "closed").exists(), "what the parent holds is not the child's to close"


def test_a_lock_excludes_threads_and_the_processes_that_joined(run: Run) -> None:
    order = []
    script = (
        "import sys; from pytest_schemaguard.run import Run\n"
        "with Run.join([sys.argv[1], '']).lock('x'): print('third', flush=True)"
    )

    def second() -> None:
        with Run.join(run.invitation).lock("x"):
            order.append("second")

    with run.lock("x"):
        other = subprocess.Popen(
            [
                sys.executable,
                "-c",
                script,
                str(run.folder),
            ],
            stdout=subprocess.PIPE,
        )
        thread = threading.Thread(target=second)
        thread.start()
        with run.lock("y"):
            time.sleep(0.3)
        order.append("first")
        assert other.poll() is None
    thread.join()
    assert other.communicate(timeout=30)[0] == b"third\n"
    assert order == ["first", "second"]


def test_a_lock_of_a_dead_process_is_free(run: Run) -> None:
    script = (
        "import sys, time; from pytest_schemaguard.run import Run\n"
        "with Run.join([sys.argv[1], '']).lock('x'): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(run.folder)], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.communicate()
    with run.lock("x"):
        pass


def test_a_lock_held_too_long_says_who_to_look_for(run: Run) -> None:
    with run.lock("x"), pytest.raises(ServerError) as caught, run.lock("x", deadline_s=0):
        pass
    assert str(caught.value) == (
        "lock x: another process of this run has held it for 0 s\n"
        f"  next: end that process; `fuser` names it: fuser {run.folder}/x.lock"
    )


def test_a_run_that_has_ended_says_so() -> None:
    run = Run.begin()
    joined = Run.join(run.invitation)
    run.close(wait=True)
    with pytest.raises(ServerError) as caught, joined.lock("x"):
        pass
    assert str(caught.value) == f"run folder: {run.folder} is gone: the run that made it has ended"


def test_what_is_held_is_made_once_and_closed_last_made_first(run: Run) -> None:
    closed: list[str] = []
    joined = Run.join(run.invitation)
    assert joined.hold("a", lambda: "A", close=closed.append) == "A"
    assert joined.hold("b", lambda: "B", close=closed.append) == "B"
    assert joined.hold("a", lambda: "another", close=closed.append) == "A"
    joined.close()
    assert closed == ["B", "A"]


@pytest.mark.skipif(not Path(run_module.MEMORY).is_dir(), reason="no /dev/shm")
def test_the_run_is_in_memory_where_there_is_room() -> None:
    status = os.statvfs(run_module.MEMORY)
    if status.f_bavail * status.f_frsize < run_module.ROOM_BYTES:
        pytest.skip("less than 256 MB free in /dev/shm")
    assert str(place({})) == run_module.MEMORY


@pytest.fixture
def nowhere() -> Iterator[Path]:
    """A folder that is not there; its path is short enough for a socket, and its parent is."""
    with tempfile.TemporaryDirectory(dir=run_module.OTHERS[0]) as folder:
        yield Path(folder) / "x"


def test_without_room_in_memory_it_is_in_tmpdir(
    monkeypatch: pytest.MonkeyPatch, nowhere: Path
) -> None:
    monkeypatch.setattr(run_module, "MEMORY", str(nowhere))
    assert place({"TMPDIR": str(nowhere.parent)}) == nowhere.parent


def test_a_tmpdir_too_long_for_a_socket_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nowhere: Path
) -> None:
    monkeypatch.setattr(run_module, "MEMORY", str(nowhere))
    long = tmp_path / ("x" * 100) / ("y" * 99)
    long.mkdir(parents=True)
    found = place({"TMPDIR": str(long)})
    assert str(found) in run_module.OTHERS


def test_no_place_at_all_says_how_long_a_path_may_be(
    monkeypatch: pytest.MonkeyPatch, nowhere: Path
) -> None:
    monkeypatch.setattr(run_module, "MEMORY", str(nowhere))
    monkeypatch.setattr(run_module, "OTHERS", ())
    with pytest.raises(ServerError) as caught:
        place({"TMPDIR": str(nowhere)})
    longest = SOCKET_PATH_LIMIT - LONGEST_NAME_BELOW
    assert str(caught.value) == (
        f"run folder: neither TMPDIR ({nowhere}) nor /dev/shm, /tmp or /var/tmp can be written "
        "and has a path short enough for a socket\n"
        f"  next: set TMPDIR to a folder that can be written, with a path of at most {longest} "
        "characters"
    )


def test_without_256_mb_anywhere_the_roomiest_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "ROOM_BYTES", 1 << 60)
    names = (run_module.MEMORY, *run_module.OTHERS)
    places = [Path(name) for name in names if Path(name).is_dir()]

    def free(folder: Path) -> int:
        status = os.statvfs(folder)
        return status.f_bavail * status.f_frsize

    assert free(place({})) >= max(free(folder) for folder in places) * 0.9


def test_a_folder_that_cannot_be_made_is_an_error_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run_module, "place", lambda _: tmp_path / "gone")
    with pytest.raises(ServerError) as caught:
        Run.begin()
    words = str(caught.value)
    assert words.startswith(f"run folder: {tmp_path}/gone/schema-guard-")
    assert words.endswith(
        ": No such file or directory\n"
        "  next: set TMPDIR to a folder that can be written and has 256 MB free"
    )
