"""Servers that die, disks that are full, users without a home: what a run makes of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import FILE, report_in, text_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Project

REPOSITORY = Path(__file__).parents[2]
SLOW = "SELECT pg_sleep(60);\n"


def test_a_server_that_is_killed_under_workers_is_told_by_each_check(project: Project) -> None:
    project.write(FILE, SLOW)
    run = project.start("-n", "2", "--schema-guard-json=report.json")
    try:
        postmaster = 0

        def migrates() -> bool:
            nonlocal postmaster
            postmaster = sleeping_server(run.pid)
            return postmaster != 0

        wait_until(migrates, "the migration never ran")
        os.kill(postmaster, signal.SIGKILL)
        output, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 1, output
    outcomes = {check["check"]: check["outcome"] for check in report_in(project)["checks"]}
    assert outcomes == {
        "applies": "unproven",
        "idempotent": "unproven",
        "reversible": "unproven",
        "drift": "unproven",
        "queries": "unproven",
        "login": "skipped",
    }
    assert "Traceback" not in output


def sleeping_server(pytest_pid: int) -> int:
    """The pid of this run's postmaster when a session of it is inside a SELECT; else 0.

    PostgreSQL says it in its processes' titles; the server's parent is the keeper, and the
    keeper's is pytest.
    """
    listed = subprocess.run(
        ["ps", "-wweo", "pid,ppid,args"], check=True, capture_output=True, text=True
    )
    lines = [line.split(maxsplit=2) for line in listed.stdout.splitlines()[1:]]
    parents = {int(pid): int(parent) for pid, parent, _ in lines}
    for _, parent, title in lines:
        is_inside = title.startswith("postgres: schema_guard_owner ") and title.endswith("SELECT")
        if is_inside and parents.get(parents.get(int(parent), 0)) == pytest_pid:
            return int(parent)
    return 0


def small_disks(megabytes: int, *, writable: str) -> tuple[str, ...]:
    """A prefix that runs a command where only so much is free, wherever a server may live.

    Everything but `writable`, which lies in one of these places, is read-only or small there.
    """
    mounts = [
        f"mount -t tmpfs -o size={megabytes}m,mode=1777 tmpfs /dev/shm",
        f"mount --bind {writable} {writable}",
        "mount --rbind /tmp /tmp && mount -o remount,ro,bind /tmp",
        "mount --bind /var/tmp /var/tmp && mount -o remount,ro,bind /var/tmp",
    ]
    prefix = ("unshare", "--mount", "sh", "-c", " && ".join(mounts) + ' && exec "$@"', "sh")
    if os.geteuid() != 0 or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("only root mounts, where mounting is permitted")
    return prefix


@pytest.mark.parametrize("during", ["seed", "migration"])
def test_a_full_disk_is_no_verdict_on_the_migration(
    project: Project, monkeypatch: pytest.MonkeyPatch, during: str
) -> None:
    monkeypatch.setenv("TMPDIR", "/dev/shm")  # noqa: S108 - nothing else is writable there
    fill = (
        'CREATE TABLE "fill" AS SELECT repeat(md5(n::text), 60) FROM generate_series(1, 80000) n;\n'
    )
    if during == "seed":
        project.write("rows.sql", fill)
    else:
        project.write(FILE, fill)
    prefix = small_disks(120, writable=str(project.root))
    result = project.pytester.run(
        *prefix,
        sys.executable,
        *("-m", "pytest", "--schema-guard", "--schema-guard-json=report.json"),
        timeout=120,
    )
    assert result.ret == 1
    outcomes = {one["check"]: one["outcome"] for one in report_in(project)["checks"]}
    assert set(outcomes.values()) == {"unproven", "skipped"}, text_of(result)
    assert "No space left on device" in text_of(result)


@pytest.fixture
def lent(project: Project) -> Iterator[Path]:
    """The project where every user gets in."""
    folder = Path(tempfile.mkdtemp(prefix="lent-"))
    shutil.copytree(project.root, folder, dirs_exist_ok=True)
    for one in (folder, *folder.rglob("*")):
        one.chmod(0o777 if one.is_dir() else 0o666)
    yield folder
    shutil.rmtree(folder)


def run_as(uid: int, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """`pytest --schema-guard` by this user, who has no HOME."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    user: dict[str, Any] = {"user": uid, "group": uid, "extra_groups": []}
    paths = [str(REPOSITORY), *(path for path in sys.path if "site-packages" in path)]
    for name in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        try:
            subprocess.run([str(name), "-c", ""], check=True, cwd="/", **user)
        except (OSError, subprocess.CalledProcessError):
            continue
        return subprocess.run(
            [str(name), *("-m", "pytest", "--schema-guard", "-p", "no:cacheprovider")],
            check=False,
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=120,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(paths),
                "PYTHONDONTWRITEBYTECODE": "1",
                **environ,
            },
            **user,
        )
    pytest.skip(f"another user can run no {version}")


def test_nobody_runs_it_without_a_home(lent: Path) -> None:
    done = run_as(65534, lent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed, 1 skipped" in done.stdout


def test_a_uid_without_a_passwd_entry_is_told_what_it_lacks(lent: Path) -> None:
    done = run_as(54321, lent)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "uid 54321 has no entry in the user database, and initdb refuses to run" in said
    assert "echo 'guard:x:54321:54321::/:/bin/sh' >> /etc/passwd" in said


def test_a_uid_without_a_passwd_entry_uses_a_cache_that_root_filled(lent: Path) -> None:
    lent.chmod(0o755)
    cache = lent / ".cache"
    first = run_as(0, lent, XDG_CACHE_HOME=str(cache))
    assert first.returncode == 0, first.stdout + first.stderr
    done = run_as(54321, lent, XDG_CACHE_HOME=str(cache))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed, 1 skipped" in done.stdout


def test_a_cache_of_another_user_is_not_used_and_that_is_said(lent: Path) -> None:
    made = lent / ".cache"
    made.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(made, 65534, 65534)
    assert done_without(run_as(0, lent, XDG_CACHE_HOME=str(made))) == (
        f"{lent} can be written by other users (its mode is 777)"
    )
    lent.chmod(0o755)
    assert done_without(run_as(0, lent, XDG_CACHE_HOME=str(made))) == (
        f"{made} belongs to the user nobody"
    )
    home = {"HOME": str(made), "XDG_CACHE_HOME": ""}
    assert done_without(run_as(0, lent, **home)) == f"{made} belongs to the user nobody"


def test_without_a_home_that_exists_there_is_no_cache_and_none_is_made(lent: Path) -> None:
    nowhere = lent / "nowhere"
    for uid in (0, 65534):
        assert done_without(run_as(uid, lent, HOME=str(nowhere))) in {
            f"{lent} can be written by other users (its mode is 777)",
            f"{nowhere}: No such file or directory",
        }
        assert not nowhere.exists()
        lent.chmod(0o755)


def done_without(done: subprocess.CompletedProcess[str]) -> str:
    """Why the run, which passed, had no cache, as it says in its last line."""
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    before, _, after = last.partition("; so each run makes anew what it would keep")
    assert after.endswith("next: set XDG_CACHE_HOME to a folder that only you can write to"), last
    assert before.startswith("schema-guard: no cache: "), last
    return before.removeprefix("schema-guard: no cache: ")


def test_a_report_that_cannot_be_written_is_told(project: Project) -> None:
    project.write("file", "")
    result = project.guard("-k", "applies", "--schema-guard-json=file/report.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.outlines[-1] == (
        "schema-guard: --schema-guard-json=file/report.json: no report: File exists"
    )
