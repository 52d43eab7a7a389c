from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import cache

if TYPE_CHECKING:
    from pathlib import Path


def test_an_entry_is_made_once_by_all_who_want_it(tmp_path: Path) -> None:
    made: list[Path] = []
    found: list[Path | None] = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.1)
        (folder / "x").write_text("whole")
        assert not (tmp_path / "entry").exists(), "nobody sees half of it"

    threads = [
        threading.Thread(target=lambda: found.append(cache.obtain(tmp_path, "entry", make)))
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
        cache.obtain(tmp_path, "entry", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["entry.lock"]


def test_a_full_or_forbidden_cache_is_no_entry(tmp_path: Path) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    assert cache.obtain(tmp_path, "entry", full) is None
    assert cache.obtain(None, "entry", full) is None
    (tmp_path / "file").write_text("")
    assert cache.obtain(tmp_path / "file", "entry", full) is None


def test_an_entry_unused_for_long_goes_when_another_is_made(tmp_path: Path) -> None:
    for name in ("old", "used"):
        cache.obtain(tmp_path, name, lambda _: None)
        long_ago = time.time() - cache.KEPT_S - 60
        os.utime(tmp_path / name, (long_ago, long_ago))
    assert cache.look(tmp_path, "used") == tmp_path / "used"
    cache.obtain(tmp_path, "new", lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["new", "used"]


def test_a_lock_held_too_long_says_who_to_look_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def second(_: Path) -> None:
        monkeypatch.setattr(cache, "MAKING_DEADLINE_S", 0.0)
        cache.obtain(tmp_path, "entry", lambda _: None)

    with pytest.raises(ServerError) as caught:
        cache.obtain(tmp_path, "entry", second)
    assert str(caught.value) == (
        f"{tmp_path}/entry.lock: another process has been making this cache entry for 0 s\n"
        f"  next: end it; it holds the lock: fuser {tmp_path}/entry.lock"
    )


def test_a_program_is_asked_again_only_when_its_file_has_changed(tmp_path: Path) -> None:
    program, answers = tmp_path / "program", iter(["one", "two"])
    program.write_text("1")
    for _ in range(2):
        assert cache.remembered(tmp_path / "cache", program, lambda: next(answers)) == "one"
    program.write_text("22")
    assert cache.remembered(tmp_path / "cache", program, lambda: next(answers)) == "two"


def test_a_program_that_did_not_run_is_asked_the_next_time(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("1")

    def fail() -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.remembered(tmp_path / "cache", program, fail)
    assert cache.remembered(tmp_path / "cache", program, lambda: "said") == "said"
    assert cache.remembered(None, program, lambda: "asked") == "asked"
