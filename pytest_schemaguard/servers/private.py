"""Starting a server of our own from PostgreSQL's programs, for one run."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard import cache
from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.namespaces import Left
from pytest_schemaguard.servers import datafolder
from pytest_schemaguard.servers.account import server_account
from pytest_schemaguard.servers.binaries import within_reach
from pytest_schemaguard.servers.keeping import Kept
from pytest_schemaguard.servers.owner import OWNER, create_owner
from pytest_schemaguard.servers.provider import SUPERUSER, WAYS_OUT, Missing, Server
from pytest_schemaguard.servers.sessions import connect
from pytest_schemaguard.variables import needed

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers.account import Account
    from pytest_schemaguard.servers.binaries import Binaries
    from pytest_schemaguard.servers.provider import Wanted

START_DEADLINE_S = 60.0
POLL_S = 0.002
SOCKET_PORT = 5432
LOG_LINES = 20
TAIL_BYTES = 1 << 16

SETTINGS = (
    # Nothing in there outlives the run.
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "128MB"),
    ("restart_after_crash", "off"),
    # The guard looks at what statements do: nothing else may do it in the background.
    ("autovacuum", "off"),
    ("jit", "off"),
    ("max_parallel_maintenance_workers", "0"),
    ("max_parallel_workers_per_gather", "0"),
    # 64 is not enough for 1,000 tables in one transaction.
    ("max_locks_per_transaction", "256"),
    # Files in the data folder: nothing is left in /dev/shm, which may be small.
    ("dynamic_shared_memory_type", "mmap"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    # Not each WARNING, which a loop can raise until the disk is full.
    ("log_min_messages", "error"),
    ("lc_messages", "C"),
)
SINCE_18 = (("io_method", "sync"),)


class _CachedError(Exception):
    """A ServerError of a server that was made from these entries of the cache."""

    def __init__(self, cause: ServerError, entries: list[Path]) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.entries = entries


def _was_killed(error: ServerError) -> bool:
    """Whether the server was killed from outside, of which what it was made from is innocent."""
    return any(sign in str(error) for sign in (f"status {-signal.SIGKILL}", "by signal 9"))


def settings_for(major: int) -> tuple[tuple[str, str], ...]:
    return SETTINGS + (SINCE_18 if major >= 18 else ())  # noqa: PLR2004 - named by SINCE_18


@dataclass(frozen=True, kw_only=True)
class PrivateServer:
    """A Candidate: programs that can be started as a server of this run."""

    provider: str
    binaries: Binaries

    @property
    def words(self) -> str:
        return f"PostgreSQL {self.binaries.version}, {self.provider} ({self.binaries.origin})"

    def start(self, wanted: Wanted, run: Run) -> Server:
        """Raises ServerError, with the tail of the log where there is one.

        What is whole in the cache may still be of no use: a server that does not start from it is
        tried once more, from what is made anew.
        """
        try:
            return self._attempt(wanted, run)
        except _CachedError as error:
            for entry in error.entries:
                cache.discard(entry)
            try:
                server = self._attempt(wanted, run)
            except _CachedError as again:
                raise again.cause from None
            entries = " and ".join(map(str, error.entries))
            run.note(f"no server started from {entries} in the cache; it was made anew")
            return server

    def _attempt(self, wanted: Wanted, run: Run) -> Server:
        """Raises ServerError, and _CachedError where something of the cache was used."""
        account = server_account()
        programs = within_reach(self.binaries, account, run).folder
        entries = [] if programs == self.binaries.folder else [programs.parent]
        # 5 characters: a path to a socket must be short.
        folder = run.folder / f"s{secrets.token_hex(2)}"
        try:
            _make_folders(folder, account)
            entries += datafolder.make(
                self.binaries, programs, folder / "data", account, tell=run.note
            )
            return self._start_in(folder, programs, account, wanted, run)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, ServerError) and entries and not _was_killed(error):
                raise _CachedError(error, entries) from error
            raise

    def _start_in(
        self, folder: Path, programs: Path, account: Account, wanted: Wanted, run: Run
    ) -> Server:
        port = _free_port() if wanted.tcp else SOCKET_PORT
        data = folder / "data"
        settings = (
            *settings_for(self.binaries.major),
            *wanted.settings,
            ("unix_socket_directories", str(folder)),
            ("listen_addresses", "127.0.0.1" if wanted.tcp else ""),
            ("port", str(port)),
        )
        datafolder.write_settings(data, settings, account)
        datafolder.set_password(data, run.password(SUPERUSER))
        request = {
            "do": "start",
            "argv": [str(programs / "postgres"), "-D", str(data)],
            "folder": str(folder),
            "data": str(data),
            "uid": account.uid if account.dropped else None,
            "gid": account.gid,
            "env": needed(os.environ),
            "log": str(folder / "log"),
            # One that listens for the machine must be in the machine's network.
            "alone": not wanted.tcp,
        }
        with contextlib.closing(Kept(run, request)) as kept:
            import psycopg2  # noqa: F401 - 50 ms that the server needs to start anyway

            _wait_until_ready(kept, data, folder / "log")
            admin = Address(
                host=str(folder),
                port=port,
                user=SUPERUSER,
                password=run.password(SUPERUSER),
                database="postgres",
            )
            connection = connect(admin)
            try:
                token = create_owner(connection, OWNER, run)
            finally:
                connection.close()
            owner = admin.logged_in_as(OWNER, run.password(OWNER))
            if wanted.tcp:
                owner = Address(**{**vars(owner), "host": "127.0.0.1"})
            kept.keep()
        return Server(
            provider=self.provider,
            version=self.binaries.version,
            major=self.binaries.major,
            origin=self.binaries.origin,
            admin=admin,
            is_superuser=True,
            owner=owner,
            token=token,
            log=folder / "log",
            reach=_reach(Left(kept.answer["left"]), wanted),
        )


def _reach(left: Left, wanted: Wanted) -> str:
    if left is Left.NETWORK_AND_SOCKETS:
        return (
            "the server ran with no network (namespace), the sockets of PostgreSQL servers that "
            "ran here covered"
        )
    if left is Left.NETWORK:
        return (
            "the server ran with no network (namespace); by a socket dblink and postgres_fdw in a "
            "migration reach other servers of this machine"
        )
    why = "`tcp = true`" if wanted.tcp else "the system permits no namespace"
    return f"the server has the machine's network ({why}): {WAYS_OUT}"


def unusable(binaries: Binaries) -> Missing | None:
    """Why these programs cannot make a server for this user, if that is so."""
    account = server_account()
    if account.initdb_uid is not None or datafolder.cached(binaries) is not None:
        return None
    return Missing(
        found=f"found {binaries.version} in {binaries.folder}, but uid {account.uid} has no entry "
        "in the user database, and initdb refuses to run without one; no folder initialised "
        "earlier is in the cache",
        command=f"echo 'guard:x:{account.uid}:{account.gid}::/:/bin/sh' >> /etc/passwd, or start "
        "the guard once as root with the same cache folder (XDG_CACHE_HOME), which is root's",
    )


def _make_folders(folder: Path, account: Account) -> None:
    """This process owns the folder with the socket, so that it gets there without privileges.

    (Root in a user namespace is root over its own files alone.) The account comes in by its group.
    """
    folder.mkdir(mode=0o700)
    if account.dropped:
        os.chown(folder.parent, -1, account.gid)
        folder.parent.chmod(0o710)
        os.chown(folder, -1, account.gid)
        folder.chmod(0o770)


def _wait_until_ready(kept: Kept, data: Path, log: Path) -> None:
    """postmaster.pid says `ready` in its eighth line (src/include/utils/pidfile.h)."""
    deadline = time.monotonic() + START_DEADLINE_S
    while not _is_ready(data):
        status = kept.exit_status(wait_s=POLL_S)
        if status is not None:
            raise ServerError(
                "server",
                f"it ended as it started, with exit status {status}; its log says:",
                detail=tail(log, LOG_LINES),
            )
        if time.monotonic() > deadline:
            raise ServerError(
                "server",
                f"it was not ready after {START_DEADLINE_S:.0f} s; its log says:",
                detail=tail(log, LOG_LINES),
            )


def _is_ready(data: Path) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"  # noqa: PLR2004 - its place


def tail(log: Path, lines: int) -> str:
    """The last lines of a log; of a large one not more than TAIL_BYTES."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode(errors="replace")
    except OSError as error:
        return f"(no log: {error})"
    return "\n".join(text.splitlines()[-lines:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
