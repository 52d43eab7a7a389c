"""Servers of our own: how they start, as whom, where, and what is said when they do not."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from pytest_schemaguard import cache
from pytest_schemaguard import run as run_module
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import Databases, Server, Wanted, obtain
from pytest_schemaguard.servers.account import Account
from pytest_schemaguard.servers.binaries import Binaries, probe, within_reach
from pytest_schemaguard.servers.log import log_tail
from tests.servers.conftest import OWN, PRIVATE, assert_gone, unlisted_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.run import Run
    from tests.servers.conftest import Process

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")


def setting(server: Server, name: str) -> str:
    connection = psycopg2.connect(server.admin.url())
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", (name,))
        value = str(cursor.fetchone()[0])
    connection.close()
    return value


def test_a_server_says_what_it_is(shared_server: Server, shared_run: Run) -> None:
    assert shared_server.provider == PRIVATE
    assert shared_server.version.startswith(f"{shared_server.major}.")
    if PRIVATE == "local":
        assert Path(shared_server.origin, "postgres").exists()
    assert shared_server.is_superuser
    assert shared_server.admin.user == "schema_guard_superuser"
    copy = Server.from_json(shared_server.to_json(), password=shared_run.password)
    assert copy == shared_server
    assert shared_server.owner.password not in repr(shared_server)
    assert shared_server.token not in repr(shared_server)


def test_it_is_started_once_per_run(shared_server: Server, shared_run: Run) -> None:
    assert obtain(Wanted(provider=PRIVATE), shared_run) == shared_server


def test_it_has_no_tcp_port(shared_server: Server) -> None:
    assert setting(shared_server, "listen_addresses") == ""
    assert shared_server.owner.is_socket


def test_its_folders_are_closed_to_others(shared_server: Server, shared_run: Run) -> None:
    assert shared_server.log is not None
    for folder in (shared_run.folder, shared_server.log.parent):
        assert not folder.stat().st_mode & stat.S_IRWXO
    for file in shared_run.folder.glob("server-*.json"):
        assert file.stat().st_mode & 0o777 == 0o600


def test_with_tcp_the_owner_logs_in_on_loopback_and_the_superuser_cannot(run: Run) -> None:
    server = obtain(Wanted(provider=PRIVATE, tcp=True), run)
    assert server.owner.host == "127.0.0.1"
    assert setting(server, "listen_addresses") == "127.0.0.1"
    databases = Databases(server, run)
    databases.create("a")
    databases.connect("a").close()
    databases.close()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(databases.address("a").logged_in_as(server.owner.user, "x").url())
    superuser = server.owner.logged_in_as(server.admin.user, "x")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(superuser.at("postgres").url())


def test_settings_asked_for_win(run: Run) -> None:
    asked = (("log_statement", "all"), ("work_mem", "7MB"), ("cluster_name", "it's \\ here"))
    server = obtain(Wanted(provider=PRIVATE, settings=asked), run)
    for name, value in asked:
        assert setting(server, name) == value
    assert "SELECT current_setting" in log_tail(server)


def test_a_server_that_ends_as_it_starts_shows_its_log(run: Run) -> None:
    with pytest.raises(ServerError) as caught:
        obtain(Wanted(provider=PRIVATE, settings=(("shared_buffers", "a lot"),)), run)
    words = str(caught.value)
    assert words.startswith("server: it ended as it started, with exit status 1; its log says:\n")
    assert 'invalid value for parameter "shared_buffers": "a lot"' in words
    assert not list(run.folder.glob("s*/data"))
    assert obtain(Wanted(provider=PRIVATE), run).provider == PRIVATE


def test_a_server_that_ends_in_the_middle_shows_its_log(run: Run) -> None:
    server = obtain(Wanted(provider=PRIVATE), run)
    databases = Databases(server, run)
    databases.create("a")
    assert server.log is not None
    postmaster = (server.log.parent / "data" / "postmaster.pid").read_text().split()[0]
    os.kill(int(postmaster), signal.SIGQUIT)
    deadline = time.monotonic() + 10
    while Path("/proc", postmaster).exists():
        assert time.monotonic() < deadline
    for use in (lambda: databases.create("b"), lambda: databases.connect("a")):
        with pytest.raises(ServerError) as caught:
            use()
        assert "received immediate shutdown request" in str(caught.value)
    databases.close()


def test_it_works_with_a_tmpdir_of_200_characters(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 100)
    long /= "y" * (200 - len(str(long)) - 1)
    long.mkdir(parents=True)
    assert len(str(long)) == 200
    # No room is enough: /dev/shm is passed over as when it is small.
    one = process("begin", wanted=OWN, environ={"TMPDIR": str(long)}, room=1 << 60)
    psycopg2.connect(one.report["database"]).close()
    one.close()
    assert_gone(one.folder)


def in_a_mount_namespace(mounts: str) -> tuple[str, ...]:
    """A prefix that runs a command with other file systems mounted, or a skip."""
    probe = ["unshare", "--mount", "sh", "-c", mounts]
    if shutil.which("unshare") is None or subprocess.run(probe, check=False).returncode != 0:
        pytest.skip("cannot mount file systems here")
    return ("unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh")


@as_root
def test_a_small_dev_shm_is_passed_over(process: Callable[..., Process]) -> None:
    prefix = in_a_mount_namespace("mount -t tmpfs -o size=64m tmpfs /dev/shm")
    one = process("begin", wanted=OWN, prefix=prefix)
    assert "database" in one.report, one.report
    assert not one.folder.is_relative_to(run_module.MEMORY)
    one.close()


@as_root
def test_a_full_disk_is_said_with_the_place_and_what_it_takes(
    process: Callable[..., Process],
) -> None:
    prefix = in_a_mount_namespace("mount -t tmpfs -o size=9m,mode=1777 tmpfs /dev/shm")
    one = process("begin", wanted=OWN, prefix=prefix, room=0)
    words = one.report["error"]
    assert words.startswith("data folder: /dev/shm/schema-guard-")
    assert words.endswith(
        ": No space left on device\n"
        "  next: free at least 256 MB in /dev/shm, or set TMPDIR to a folder with that much"
    )
    one.close()


@as_root
def test_a_disk_that_is_full_for_initdb_is_said_too(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    prefix = in_a_mount_namespace("mount -t tmpfs -o size=9m,mode=1777 tmpfs /dev/shm")
    one = process(
        "begin", wanted=OWN, prefix=prefix, room=0, environ={"XDG_CACHE_HOME": str(tmp_path)}
    )
    words = one.report["error"]
    assert words.startswith("initdb: ")
    assert "No space left on device" in words
    assert words.endswith(
        "  next: free at least 256 MB in /dev/shm, or set TMPDIR to a folder with that much"
    )
    one.close()


@as_root
def test_a_uid_without_a_passwd_entry_and_no_cache_is_told_so(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    one = process(
        "begin",
        wanted=OWN,
        prefix=unlisted_uid(),
        environ={"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "home")},
    )
    words = one.report["error"]
    assert (
        ", but uid 54321 has no entry in the user database, and initdb refuses to run without one; "
        "no folder initialised earlier is in the cache\n"
    ) in words
    assert (
        " echo 'guard:x:54321:54321::/:/bin/sh' >> /etc/passwd, or start the guard once as root "
        "with the same cache folder (XDG_CACHE_HOME), which is root's"
    ) in words
    one.close()


@as_root
def test_a_uid_without_a_passwd_entry_starts_a_cached_folder(
    process: Callable[..., Process], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    for parent in (cache, *cache.parents[:2]):
        parent.chmod(0o755)
    environ = {"XDG_CACHE_HOME": str(cache)}
    first = process("begin", wanted=OWN, environ=environ)
    assert "database" in first.report
    first.close()
    one = process("begin", wanted=OWN, environ=environ, prefix=unlisted_uid())
    assert "error" not in one.report, one.report["error"]
    assert one.folder.stat().st_uid == 54321
    psycopg2.connect(one.report["database"]).close()
    one.close()
    assert_gone(one.folder)


@as_root
def test_root_becomes_another_user_to_start_it(shared_server: Server) -> None:
    assert shared_server.log is not None
    pid = (shared_server.log.parent / "data" / "postmaster.pid").read_text().split()[0]
    status = Path(f"/proc/{pid}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert "0" not in uids


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@as_root
def test_the_account_of_the_server_cannot_command_the_keeper(
    shared_server: Server, shared_run: Run
) -> None:
    assert shared_server.log is not None
    owner = (shared_server.log.parent / "data").stat()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
        try:
            socket.socket(socket.AF_UNIX).connect(str(shared_run.folder / "keeper"))
        except PermissionError:
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


@as_root
def test_root_without_capabilities_over_others_reaches_the_socket(
    databases: Databases,
) -> None:
    """As in a user namespace, where the project's side runs."""
    databases.create("reached")
    script = "import psycopg2, sys; psycopg2.connect(sys.argv[1]).close()"
    if subprocess.run(["unshare", "--user", "--net", "-r", "true"], check=False).returncode != 0:
        pytest.skip("no user namespaces here")
    subprocess.run(
        [
            *("unshare", "--user", "--net", "-r", sys.executable, "-c"),
            script,
            databases.address("reached").url(),
        ],
        check=True,
    )


def test_the_initialised_folder_is_made_once(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    process("begin", wanted=OWN, environ=environ).close()
    (entry,) = (tmp_path / "pytest-schemaguard").glob("data-*[0-9a-f]")
    kept = entry.with_name("kept")
    kept.hardlink_to(entry)
    process("begin", wanted=OWN, environ=environ).close()
    assert entry.samefile(kept)


def test_other_programs_have_an_initialised_folder_of_their_own(tmp_path: Path) -> None:
    keys = set()
    for version in ("15.18", "15.18 (patched)", "15.19"):
        for program in ("postgres", "initdb"):
            (tmp_path / program).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
            (tmp_path / program).chmod(0o755)
        binaries = probe(tmp_path, origin="")
        assert isinstance(binaries, Binaries)
        keys.add(binaries.key)
    assert len(keys) == 3


def test_a_cache_that_cannot_be_written_is_done_without(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    one = process("begin", wanted=OWN, environ={"XDG_CACHE_HOME": str(blocked)})
    assert "database" in one.report, one.report
    one.close()


@pytest.mark.parametrize(
    "harm",
    [
        lambda entry: os.truncate(entry, 0),
        lambda entry: os.truncate(entry, 4_000_000),
        lambda entry: entry.write_bytes(bytes(entry.stat().st_size)),
        lambda entry: entry.write_bytes(entry.read_bytes().replace(b"pg_class", b"pg_glass")),
        lambda entry: (entry.unlink(), shutil.copytree("/etc/skel", entry)),
        lambda entry: (entry.unlink(), entry.symlink_to("/etc")),
    ],
    ids=["empty", "cut", "zeros", "other bytes", "folder", "link"],
)
def test_an_initialised_folder_that_is_not_whole_is_made_anew(
    process: Callable[..., Process], tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    process("begin", wanted=OWN, environ=environ).close()
    (entry,) = (tmp_path / "pytest-schemaguard").glob("data-*[0-9a-f]")
    whole = entry.stat().st_size
    harm(entry)
    one = process("begin", wanted=OWN, environ=environ)
    psycopg2.connect(one.report["database"]).close()
    assert one.report["notes"] == []
    assert abs(entry.lstat().st_size - whole) < 100_000
    one.close()


def test_a_whole_entry_that_starts_no_server_is_made_anew_once_and_that_is_told(
    process: Callable[..., Process], tmp_path: Path, run: Run
) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    process("begin", wanted=OWN, environ=environ).close()
    folder = tmp_path / "pytest-schemaguard"
    (entry,) = folder.glob("data-*[0-9a-f]")
    packed = cache.get(folder, entry.name)
    assert packed is not None
    assert b"base/1/PG_VERSION" in packed
    cache.put(folder, entry.name, packed.replace(b"global/pg_control", b"global/pg_CONTROL"))
    one = process("begin", wanted=OWN, environ=environ)
    psycopg2.connect(one.report["database"]).close()
    assert one.report["notes"] == [f"no server started from {entry} in the cache; it was made anew"]
    one.close()
    assert cache.get(folder, entry.name) is not None
    again = process("begin", wanted=OWN, environ=environ)
    assert again.report["notes"] == []
    again.close()


def test_what_cannot_start_is_tried_from_the_cache_and_anew_and_then_told(run: Run) -> None:
    with pytest.raises(ServerError) as caught:
        obtain(Wanted(provider=PRIVATE, settings=(("shared_buffers", "a lot"),)), run)
    assert 'invalid value for parameter "shared_buffers": "a lot"' in str(caught.value)
    assert caught.value.__cause__ is None
    assert run.notes == ()


@as_root
@pytest.mark.parametrize(("size", "inodes"), [("4m", 0), ("64m", 5)])
def test_a_cache_without_room_is_done_without_and_that_is_told(
    process: Callable[..., Process], tmp_path: Path, size: str, inodes: int
) -> None:
    small = f"mount -t tmpfs -o size={size},nr_inodes={inodes} tmpfs {tmp_path} && "
    prefix = in_a_mount_namespace(small + f"trap 'ls -R {tmp_path}' EXIT")
    one = process("begin", wanted=OWN, environ={"XDG_CACHE_HOME": str(tmp_path)}, prefix=prefix)
    psycopg2.connect(one.report["database"]).close()
    (note,) = one.report["notes"]
    assert note.startswith(f"the cache entry {tmp_path}/pytest-schemaguard/data-"), note
    assert note.endswith(" could not be written: No space left on device")
    inside = Path(f"/proc/{one.report['pid']}/root{tmp_path}/pytest-schemaguard")
    assert not [path.name for path in inside.iterdir() if "making" in path.name]
    one.close()


def test_a_lock_that_another_process_holds_is_done_without_and_that_is_told(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    process("begin", wanted=OWN, environ=environ).close()
    (entry,) = (tmp_path / "pytest-schemaguard").glob("data-*[0-9a-f]")
    entry.unlink()
    lock = entry.with_name(f"{entry.name}.lock")
    with lock.open() as holding:
        fcntl.flock(holding, fcntl.LOCK_EX)
        one = process("begin", wanted=OWN, environ=environ)
        psycopg2.connect(one.report["database"]).close()
    assert one.report["notes"] == [cache.held(entry.parent, entry.name)]
    one.close()


def test_two_processes_make_the_cached_folder_once(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    both = [process("begin", wanted=OWN, environ=environ) for _ in range(2)]
    for one in both:
        assert "database" in one.report, one.report
        one.close()
    entries = (tmp_path / "pytest-schemaguard").iterdir()
    names = sorted(path.name for path in entries if not path.name.startswith("said-"))
    assert len(names) == 2, names
    assert names[1] == f"{names[0]}.lock"


@as_root
def test_programs_that_the_account_cannot_reach_are_copied_once(
    run: Run, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")  # 0700
    reachable = tmp_path_factory.mktemp("reachable")
    for parent in (reachable, *reachable.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
    prefix = home / "pgsql"
    for name in ("bin", "lib", "share"):
        (prefix / name).mkdir(parents=True)
    for program in ("postgres", "initdb"):
        (prefix / "bin" / program).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.18'\n")
        (prefix / "bin" / program).chmod(0o755)
    home.chmod(0o700)
    binaries = probe(prefix / "bin", origin="here")
    assert isinstance(binaries, Binaries)
    nobody = pwd.getpwnam("nobody")
    account = Account(uid=nobody.pw_uid, gid=nobody.pw_gid, initdb_uid=None, dropped=True)
    assert not account.can_reach(prefix / "bin" / "postgres")
    monkeypatch.setenv("XDG_CACHE_HOME", str(reachable))
    copied = within_reach(binaries, account, run)
    assert copied.folder.is_relative_to(reachable)
    assert copied.origin == "here"
    subprocess.run(
        [copied.folder / "postgres", "-V"], check=True, user="nobody", capture_output=True
    )
    made = copied.folder.stat().st_ctime_ns
    assert within_reach(binaries, account, run).folder.stat().st_ctime_ns == made
    shutil.rmtree(prefix / "share")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    with pytest.raises(ServerError) as caught:
        within_reach(binaries, account, run)
    assert str(caught.value).startswith(
        f"{prefix}/bin: uid {nobody.pw_uid}, which the server runs as because root may not, "
        "cannot reach it\n"
    )


def test_programs_that_do_not_run_are_said_with_the_reason(tmp_path: Path) -> None:
    assert probe(tmp_path, origin="") == f"{tmp_path} has no postgres that can be executed"
    for program in ("postgres", "initdb"):
        (tmp_path / program).write_text(
            "#!/bin/sh\necho 'libicu.so.99: no such file' >&2; exit 127\n"
        )
        (tmp_path / program).chmod(0o755)
    assert probe(tmp_path, origin="") == (
        f"{tmp_path}/postgres does not run: libicu.so.99: no such file"
    )
