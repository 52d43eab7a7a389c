from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard import cache
from pytest_schemaguard.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def nothing(_: str) -> None:
    pytest.fail("nothing was wrong")


def make(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "postgres").write_text("program")
    (folder / "bin" / "link").symlink_to("postgres")
    (folder / "empty").write_text("")


def test_an_entry_is_made_once_by_all_who_want_it(tmp_path: Path) -> None:
    made: list[Path] = []
    found: list[Path | None] = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.1)
        (folder / "x").write_text("whole")
        assert not (tmp_path / "entry").exists(), "nobody sees half of it"

    threads = [
        threading.Thread(
            target=lambda: found.append(cache.obtain(tmp_path, "entry", make, nothing))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == [tmp_path / "entry"] * 3
    assert (tmp_path / "entry" / "x").read_text() == "whole"


def test_what_fails_leaves_no_entry(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "x").write_text("half")
        raise ServerError("initdb", "it failed")

    with pytest.raises(ServerError, match="it failed"):
        cache.obtain(tmp_path, "entry", fail, nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["entry.lock"]


def test_a_full_or_forbidden_cache_is_no_entry_and_the_reason_is_told(tmp_path: Path) -> None:
    def full(folder: Path) -> None:
        (folder / "x").write_text("half")
        raise OSError(28, "No space left on device")

    told: list[str] = []
    assert cache.obtain(tmp_path, "entry", full, told.append) is None
    assert [path.name for path in tmp_path.iterdir()] == ["entry.lock"]
    assert cache.obtain(None, "entry", full, nothing) is None
    (tmp_path / "file").write_text("")
    assert cache.obtain(tmp_path / "file", "entry", full, told.append) is None
    assert told == [
        f"the cache entry {tmp_path}/entry could not be written: No space left on device",
        f"the cache entry {tmp_path}/file/entry could not be written: Not a directory",
    ]


def write(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def harm(path: Path) -> None:
        cache.discard(path)
        make(path)

    return harm


HARM: dict[str, Callable[[Path], object]] = {
    "empty": write(b""),
    "one byte": write(b"x"),
    "cut in its sum": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "zeros": lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
    "zeros at its end": lambda path: path.write_bytes(path.read_bytes()[:-4] + bytes(4)),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "no UTF-8": write(bytes(range(256))),
    "gone": lambda path: path.unlink(),
    "a folder": instead(lambda path: path.mkdir()),
    "a full folder": instead(lambda path: (path / "x").mkdir(parents=True)),
    "a pipe": instead(os.mkfifo),
    "a link to a file": instead(lambda path: path.symlink_to("/etc/passwd")),
    "a link to a folder": instead(lambda path: path.symlink_to("/etc")),
    "a link to itself": instead(lambda path: path.symlink_to(path)),
    "a link to nothing": instead(lambda path: path.symlink_to("nothing")),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_file_that_is_not_whole_is_made_anew(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    cache.put(tmp_path, "entry", b"content")
    assert cache.get(tmp_path, "entry") == b"content"
    harm(tmp_path / "entry")
    assert cache.get(tmp_path, "entry") is None
    cache.put(tmp_path, "entry", b"content")
    assert cache.get(tmp_path, "entry") == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]


def test_a_file_under_another_name_is_not_believed(tmp_path: Path) -> None:
    cache.put(tmp_path, "one", b"content")
    shutil.copy(tmp_path / "one", tmp_path / "other")
    assert cache.get(tmp_path, "other") is None


@pytest.mark.parametrize("place", ["bin/postgres", "empty", cache._LISTED])
@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_folder_that_is_not_whole_is_made_anew(
    tmp_path: Path, harm: Callable[[Path], object], place: str
) -> None:
    assert cache.obtain(tmp_path, "entry", make, nothing) == tmp_path / "entry"
    assert cache.look(tmp_path, "entry") == tmp_path / "entry"
    file = tmp_path / "entry" / place
    size = file.stat().st_size
    harm(file)
    is_as_large = file.is_file() and not file.is_symlink() and file.stat().st_size == size
    if is_as_large and place != cache._LISTED:
        return  # only its size is looked at: the server does not start, and it is made anew then
    assert cache.look(tmp_path, "entry") is None
    assert cache.obtain(tmp_path, "entry", make, nothing) == tmp_path / "entry"
    assert (tmp_path / "entry" / "bin" / "link").read_text() == "program"
    assert cache.look(tmp_path, "entry") == tmp_path / "entry"


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_what_lies_where_a_folder_should_be_goes(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    (tmp_path / "entry").write_text("a file")
    harm(tmp_path / "entry")
    assert cache.look(tmp_path, "entry") is None
    assert cache.obtain(tmp_path, "entry", make, nothing) == tmp_path / "entry"
    assert cache.look(tmp_path, "entry") == tmp_path / "entry"


def test_an_entry_unused_for_long_goes(tmp_path: Path) -> None:
    for name in ("old", "used"):
        cache.obtain(tmp_path, name, make, nothing)
        cache.put(tmp_path, f"{name}-file", b"")
    for path in tmp_path.iterdir():
        long_ago = time.time() - cache.KEPT_S - 60
        os.utime(path, (long_ago, long_ago))
    assert cache.look(tmp_path, "used") == tmp_path / "used"
    assert cache.get(tmp_path, "used-file") == b""
    cache.tidy(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"used", "used-file", "used.lock", "old.lock"}


MAKING = """
import signal, sys, time
from pathlib import Path
from pytest_schemaguard import cache

folder = Path(sys.argv[1])
if sys.argv[2] == "file":
    cache._sum = lambda *_: (print("making", flush=True), time.sleep(60))
    cache.put(folder, "entry", b"content")
cache.obtain(
    folder,
    "entry",
    lambda made: ((made / "x").write_text("half"), print("making", flush=True), time.sleep(60)),
    print,
)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_half_made_goes_and_a_living_ones_stays(
    tmp_path: Path, kind: str
) -> None:
    def age() -> list[Path]:
        making = [*tmp_path.glob("entry.making-*")]
        for path in making:
            os.utime(path, (1_000_000_000, time.time() - cache.NEWBORN_S - 1))
        return making

    with subprocess.Popen(
        [sys.executable, "-c", MAKING, tmp_path, kind], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert len(age()) == 1
        cache.tidy(tmp_path)
        assert len(age()) == 1, "its process is alive"
        child.kill()
    cache.tidy(tmp_path)
    assert age() == []


def test_what_was_begun_a_moment_ago_stays(tmp_path: Path) -> None:
    (tmp_path / "entry.making-x").mkdir()
    cache.tidy(tmp_path)
    assert (tmp_path / "entry.making-x").is_dir()


def test_a_lock_that_is_held_is_waited_for_and_then_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WAIT_S", 0.2)
    told: list[str] = []
    with (tmp_path / "entry.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert cache.obtain(tmp_path, "entry", make, told.append) is None
    words = (
        f"another process has held {tmp_path}/entry.lock for 0 s, so this run went on without the "
        f"cache; next: end that process; fuser {tmp_path}/entry.lock names it"
    )
    assert told == [words]
    assert cache.obtain(tmp_path, "entry", make, nothing) == tmp_path / "entry"


def test_a_program_is_asked_again_only_when_its_file_has_changed(tmp_path: Path) -> None:
    program, answers = tmp_path / "program", iter(["one", "two\udc80"])
    program.write_text("1")
    for _ in range(2):
        assert cache.remembered(tmp_path / "cache", program, lambda: next(answers)) == "one"
    program.write_text("22")
    for _ in range(2):
        said = cache.remembered(tmp_path / "cache", program, lambda: next(answers))
        assert said == "two\udc80", "a folder's name may be any bytes"


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_program_is_asked_again_when_its_answer_is_not_whole(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    program = tmp_path / "program"
    program.write_text("1")
    for answer in ("15", "16"):
        assert cache.remembered(tmp_path / "cache", program, lambda: answer) == answer  # noqa: B023
        (entry,) = (tmp_path / "cache").iterdir()
        harm(entry)


def test_a_program_that_did_not_run_is_asked_the_next_time(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("1")

    def fail() -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.remembered(tmp_path / "cache", program, fail)
    assert cache.remembered(tmp_path / "cache", program, lambda: "said") == "said"
    assert cache.remembered(None, program, lambda: "asked") == "asked"
