"""The run folder: what one pytest invocation and its xdist workers share, and what ends it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hmac
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard import cache
from pytest_schemaguard.errors import ServerError, advice
from pytest_schemaguard.locks import flocked_within
from pytest_schemaguard.variables import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

PREFIX = "schema-guard-"
ROOM_BYTES = 256 * 1024 * 1024
"""What a server with the databases of a small project takes; Docker gives /dev/shm 64 MB."""
SOCKET_PATH_LIMIT = 103
"""What fits into sockaddr_un on Linux (107) and macOS (103)."""
MEMORY = "/dev/shm"  # noqa: S108 - the run folder has a random name and mode 0700
OTHERS: tuple[str, ...] = ("/tmp", "/var/tmp")  # noqa: S108 - likewise
LONGEST_NAME_BELOW = len("/schema-guard-01234567/socket/.s.PGSQL.65535")
LOCK_DEADLINE_S = 240.0
DIED = "look for the out-of-memory killer in the kernel's log (dmesg), then run it again"
KEEPER = Path(__file__).with_name("keeper.py")


class Run:
    """The folder of one run, and the lock in it that says whether the run is alive.

    The owner (pytest, or under xdist its controller) holds a POSIX lock on `owner.lock`, which the
    system releases however the owner ends, and which its children do not inherit. The keeper, a
    process in a session of its own, waits for that lock and then stops what was started and removes
    the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        secret: bytes,
        owned: int | None,
        keeper: subprocess.Popen[bytes] | None,
    ) -> None:
        self.folder = folder
        self._secret = secret
        """In the memory of the run's processes alone, and in the pipe between them: never in a
        file, an environment or a command line."""
        self.id = folder.name.removeprefix(PREFIX)
        self._owned = owned
        self._keeper = keeper
        self._pid = os.getpid()
        self._held: dict[str, Any] = {}
        self._at_close: list[Callable[[], None]] = []
        self._at_end: dict[Any, Callable[[], None]] = {}
        self._without_keeper: dict[Any, Callable[[], None]] = {}
        self._last_notes: tuple[str, ...] = ()

    @classmethod
    def begin(cls) -> Run:
        """A new run, owned by this process; its keeper also sweeps the folders of dead runs.

        Raises ServerError when no folder or no keeper can be had; then nothing stays.
        """
        folder = place(os.environ) / f"{PREFIX}{secrets.token_hex(4)}"
        owned, subject = None, "run folder"
        try:
            folder.mkdir(mode=0o700)
            owned = os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.lockf(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
            subject = "keeper"
            keeper = _start_keeper(folder, _places_of_runs(folder.parent))
        except BaseException as error:
            if owned is not None:
                os.close(owned)
            with contextlib.suppress(OSError):
                # Not by rmtree, which opens folders: there may be no descriptor left to be had.
                for name in ("owner.lock", "keeper.log", "keeper"):
                    (folder / name).unlink(missing_ok=True)
                folder.rmdir()
            if not isinstance(error, OSError):
                raise
            raise ServerError(
                subject,
                f"{folder}: {error.strerror or error}"
                if subject == "run folder"
                else f"the process that ends the run's servers cannot be started: {error}",
                fix=advice(error.errno, folder.parent),
            ) from error
        return cls(folder, secret=secrets.token_bytes(32), owned=owned, keeper=keeper)

    @classmethod
    def join(cls, invitation: Sequence[str]) -> Run:
        """The run of another process (an xdist worker's controller), not owned by this one."""
        folder, secret = invitation
        return cls(Path(folder), secret=bytes.fromhex(secret), owned=None, keeper=None)

    @property
    def invitation(self) -> tuple[str, str]:
        """What `join` takes: folder and secret, to be handed over a pipe and written nowhere."""
        return str(self.folder), self._secret.hex()

    def derived(self, what: str) -> str:
        """The same 32 hex digits in each process of the run; nobody else can compute them."""
        return hmac.digest(self._secret, what.encode(), "sha256").hex()[:32]

    def password(self, role: str) -> str:
        """The password of a role that the run makes (hex: safe in any URL)."""
        return self.derived(f"password of {role}")

    @property
    def is_owner(self) -> bool:
        return self._owned is not None and self._pid == os.getpid()

    def note(self, words: str) -> None:
        """Something that whoever started the run is told at its end, by whichever process of it."""
        with contextlib.suppress(OSError), (self.folder / "notes").open("a") as file:
            file.write(" ".join(words.split()) + "\n")

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told, each once, and that there is no cache, if so."""
        refusal = cache.refusal()
        without = [] if refusal is None else [cache.WITHOUT.format(refusal)]
        try:
            lines = (self.folder / "notes").read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return tuple(dict.fromkeys([*without, *lines, *self._last_notes]))

    def without_keeper(self, error: OSError) -> ServerError:
        """Why the keeper did not answer; `error` is what the connection to it met."""
        if not self.folder.is_dir():
            return ServerError(
                "run folder", f"{self.folder} is gone: the run that made it has ended"
            )
        said, step = self._keepers_end()
        return ServerError(
            "keeper",
            f"the process that starts and ends the run's servers has died: {error.strerror}",
            detail=said,
            fix=step,
        )

    def _keepers_end(self) -> tuple[str, str]:
        """What the keeper said before it died, and the next step."""
        try:
            said = (self.folder / "keeper.log").read_text(errors="replace").strip()
        except OSError:
            said = ""
        lack = errno.EAGAIN if "can't start new thread" in said else None
        return said.rpartition("\n")[2], advice(lack, self.folder.parent) or DIED

    def make(self, name: str, make: Callable[[Path], None]) -> Path:
        """A folder of this name in the run's, made whole by the first process that needs it."""
        folder = self.folder / name
        with self.lock(name):
            if not folder.is_dir():
                new = folder.with_name(f"{name}.new")
                shutil.rmtree(new, ignore_errors=True)
                new.mkdir(mode=0o755)
                make(new)
                new.rename(folder)
        return folder

    def keep(self) -> Path | None:
        """Let everything stay after the end, until somebody removes the file that is returned.

        None where the keeper, who would see to that, has died.
        """
        if self._keeper is not None and self._keeper.poll() is not None:
            return None
        file = self.folder / "keep"
        file.touch()
        return file

    def close(self, *, wait: bool = False) -> None:
        """Let go: the owner's keeper stops every server of the run and removes the folder.

        With `wait`, return when it has (deadline 15 s, then ServerError). What `at_end` was given
        is done here, and raises what it raises.
        """
        if self._pid != os.getpid():
            return  # a forked child of the owner, whose run goes on
        try:
            with contextlib.ExitStack() as closing:
                for close in self._at_close:
                    closing.callback(close)
                self._at_close = []
                self._held = {}
                if self._owned is not None and not (self.folder / "keep").exists():
                    # Before what is held: that says the run is alive.
                    for end in self._at_end.values():
                        closing.callback(end)
        finally:
            self._last_notes = self.notes
            owned, self._owned = self._owned, None
            if owned is not None:
                self._stand_in()
                os.close(owned)
        if wait and self._keeper is not None:
            try:
                self._keeper.wait(15)
            except subprocess.TimeoutExpired as error:
                raise ServerError(
                    "run folder",
                    f"{self.folder} is still there 15 s after the run",
                    detail=(self.folder / "keeper.log").read_text(errors="replace"),
                ) from error

    def _stand_in(self) -> None:
        """Ends the servers and removes the folder where the keeper, who would, has died."""
        keeper = self._keeper
        status = None if keeper is None else keeper.poll()
        if keeper is None or status is None:
            return
        from pytest_schemaguard.keeper import clear

        said, step = self._keepers_end()
        for end in self._without_keeper.values():
            end()
        clear(self.folder)
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else "ended"
        how += f" ({said})" if said else ""
        words = (
            f"the run's keeper (pid {keeper.pid}), which ends its servers, {how} before the run's "
            f"end; the run ended them itself and removed {self.folder}; next: {step}"
        )
        self._last_notes += (words,)

    @contextlib.contextmanager
    def lock(self, name: str, *, deadline_s: float = LOCK_DEADLINE_S) -> Iterator[None]:
        """Exclude the run's other processes, and other threads; released if this process dies.

        Raises ServerError when it is not free by the deadline.
        """
        try:
            lock = os.open(
                self.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except FileNotFoundError as error:
            raise ServerError(
                "run folder", f"{self.folder} is gone: the run that made it has ended"
            ) from error
        try:
            if not flocked_within(lock, deadline_s, poll_s=0.002):
                raise ServerError(
                    f"lock {name}",
                    f"another process of this run has held it for {deadline_s:.0f} s",
                    fix="end that process; `fuser` names it: "
                    f"fuser {self.folder / (name + '.lock')}",
                )
            yield
        finally:
            os.close(lock)

    def at_end(self, key: Any, end: Callable[[], None]) -> None:
        """Has the owner do this, once for each key, when the run ends and nothing is kept."""
        self._at_end[key] = end

    def at_end_without_keeper(self, key: Any, end: Callable[[], None]) -> None:
        """Has the owner do this, once for each key, when the run ends and its keeper has died."""
        self._without_keeper[key] = end

    def hold(self, name: str, make: Callable[[], Any], *, close: Callable[[Any], None]) -> Any:
        """What this process holds once per run under `name`, made on first use, closed at the end.

        What is made first is closed last.
        """
        if name not in self._held:
            self._held[name] = held = make()
            self._at_close.append(lambda: close(held))
        return self._held[name]


def place(environ: Mapping[str, str]) -> Path:
    """The folder for run folders: /dev/shm where 256 MB are free there, else TMPDIR, /tmp, ...

    Unix sockets live below it, so its path must be short. Where none has the room, the one with
    the most. Raises ServerError when none can be written.
    """
    roomy: list[tuple[int, Path]] = []
    for candidate in _candidates(environ):
        if len(str(candidate)) + LONGEST_NAME_BELOW > SOCKET_PATH_LIMIT:
            continue
        if not (candidate.is_absolute() and candidate.is_dir() and os.access(candidate, os.W_OK)):
            continue
        status = os.statvfs(candidate)
        free = status.f_bavail * status.f_frsize
        if free >= ROOM_BYTES:
            return candidate
        roomy.append((free, candidate))
    if not roomy:
        raise ServerError(
            "run folder",
            f"neither TMPDIR ({_temporary(environ)}) nor /dev/shm, /tmp or /var/tmp can be written "
            "and has a path short enough for a socket",
            fix="set TMPDIR to a folder that can be written, with a path of at most "
            f"{SOCKET_PATH_LIMIT - LONGEST_NAME_BELOW} characters",
        )
    return max(roomy, key=lambda room: room[0])[1]


def _temporary(environ: Mapping[str, str]) -> str:
    return environ.get("TMPDIR") or tempfile.gettempdir()


def _candidates(environ: Mapping[str, str]) -> list[Path]:
    named = (MEMORY, _temporary(environ), *OTHERS, environ.get("XDG_RUNTIME_DIR", ""))
    return [Path(name) for name in named if name]


def _places_of_runs(own: Path) -> list[Path]:
    """Where this user's runs have had their folders: what a dead one left is looked for there.

    Another run's TMPDIR is known from the cache, where each run notes a place that is its own.
    """
    folder, usual = cache.user_cache(), [Path(name) for name in (MEMORY, *OTHERS) if name]
    noted = [Path(os.fsdecode(one)) for one in cache.all_of(folder, "place-")]
    if folder is not None and own not in {*usual, *noted}:
        with contextlib.suppress(OSError):
            cache.put(folder, f"place-{cache.key(str(own))}", os.fsencode(own))
    return list(dict.fromkeys([*_candidates(os.environ), *noted]))


def _start_keeper(folder: Path, places: Iterable[Path]) -> subprocess.Popen[bytes]:
    # Bound here and handed over, so that whoever connects next cannot come too early.
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listening, (folder / "keeper.log").open("ab") as log:
        listening.bind(str(folder / "keeper"))
        # The account that runs the server can reach the folder, and must not command the keeper.
        (folder / "keeper").chmod(0o600)
        listening.listen(64)
        return subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(KEEPER), str(folder), str(listening.fileno())),
                *map(str, places),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=needed(os.environ),
            start_new_session=True,
            pass_fds=[listening.fileno()],
        )
