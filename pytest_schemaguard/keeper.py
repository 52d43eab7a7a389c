"""The keeper: stops what a run started and removes its folder, however the run ended.

A program of its own (`python -I -S keeper.py FOLDER DESCRIPTOR PLACE ...`), standard library only,
in its own session so that Ctrl-C does not reach it. It also sweeps what dead runs left in the
places, which are the folders that runs have had their folders in. It is the parent of the run's servers. The processes of
the run ask it for things on the socket it listens on, one JSON line each:

`{"do": "start", "argv", "folder", "data", "uid", "gid", "env", "log", "alone"}` starts a server; the answer is
`{"pid", "left"}` or `{"error"}`, and `{"exit"}` follows if the server ends. With `alone` it has no network, where
the system permits that; `left` is a namespaces.Left. `{"do": "at-end", "argv", "env"}` is a
command to run at the end. Either is undone at once when the connection closes before the line
`keep`: then the process that asked died half-way.
"""  # noqa: E501 - one line a request

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable

sys.path.insert(0, str(Path(__file__).parents[1]))
from pytest_schemaguard import namespaces

del sys.path[0]

PREFIX = "schema-guard-"
NAME = re.compile(rf"{PREFIX}[0-9a-f]{{8}}")
OWNER_LOCK = "owner.lock"
IMMEDIATE_S = 2.5
"""How long PostgreSQL may take to shut down, and initdb to finish, before they are killed."""
DETACHED_S = 1.0
"""How long killed processes may take to let go of their shared memory."""
AT_END_S = 60.0
SWEEP_S = 2.0
"""How long a run that ends at once is waited for, so that it sweeps too."""
KEPT_POLL_S = 0.2
NEWBORN_S = 10.0
"""A folder this young may belong to a run that has not yet taken its lock."""


class Keeper:
    def __init__(self, folder: Path, way: int | None) -> None:
        self.folder = folder
        self.way = way
        """How a server is started without a network; None: it cannot be."""
        self.mutex = threading.Lock()
        self.ended = False
        self.servers: list[tuple[subprocess.Popen[bytes], Path]] = []
        self.commands: list[dict[str, Any]] = []

    def listen(self, listening: socket.socket) -> None:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("r") as lines:
            line = heard(lines)
            if not line:
                return
            request = json.loads(line)
            undo = (
                self.start(request, connection)
                if request["do"] == "start"
                else self.at_end(request, connection)
            )
            if heard(lines) != "keep":
                undo()

    def start(self, request: dict[str, Any], connection: socket.socket) -> Any:
        data = Path(request["data"])
        with self.mutex:
            if self.ended:
                say(connection, {"error": "the run has ended"})
                return lambda: None
            try:
                server, left = self.started(request)
            except (OSError, subprocess.SubprocessError) as error:
                say(connection, {"error": str(error), "errno": getattr(error, "errno", None)})
                return lambda: None
            entry = (server, data)
            self.servers.append(entry)
        say(connection, {"pid": server.pid, "left": left})
        threading.Thread(target=report_exit, args=(server, connection), daemon=True).start()

        def undo() -> None:
            with self.mutex:
                if entry in self.servers:
                    self.servers.remove(entry)
                    stop(server, data)
                    shutil.rmtree(request["folder"], ignore_errors=True)

        return undo

    def started(self, request: dict[str, Any]) -> tuple[subprocess.Popen[bytes], int]:
        """The server, and what it has left behind."""
        way = self.way if request["alone"] else None
        reading, writing = os.pipe()

        def prepare() -> None:
            """In the new process, which has one thread, before it is PostgreSQL."""
            as_user = way is not None and way & namespaces.CLONE_NEWUSER  # it knows one user alone
            if as_user and request["uid"] is not None:
                namespaces.become(request["uid"], request["gid"])
            left = namespaces.Left.NOTHING if way is None else namespaces.enter(way)
            if not as_user and request["uid"] is not None:
                namespaces.become(request["uid"], request["gid"])
            os.write(writing, bytes([left]))

        try:
            with Path(request["log"]).open("ab") as log:
                server = subprocess.Popen(
                    request["argv"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=request["data"],
                    env=request["env"],
                    preexec_fn=prepare,  # noqa: PLW1509 - it takes no lock that another thread may hold
                )
            return server, os.read(reading, 1)[0]
        except subprocess.SubprocessError:
            if way is None:
                raise
            self.way = None  # half-way in, against what was seen before
            return self.started(request)
        finally:
            os.close(reading)
            os.close(writing)

    def at_end(self, request: dict[str, Any], connection: socket.socket) -> Any:
        with self.mutex:
            if self.ended:
                say(connection, {"error": "the run has ended"})
                return lambda: None
            self.commands.append(request)
        say(connection, {"pid": os.getpid()})

        def undo() -> None:
            with self.mutex:
                if request in self.commands:
                    self.commands.remove(request)
                    run(request)

        return undo

    def end(self) -> None:
        with self.mutex:
            self.ended = True
            commands = [
                threading.Thread(target=run, args=(command,), daemon=True)
                for command in self.commands
            ]
            for thread in commands:
                thread.start()
            for server, data in self.servers:
                stop(server, data)
            for thread in commands:
                thread.join(AT_END_S)
        let_finish(self.folder)
        remove(self.folder)


def heard(lines: TextIO) -> str:
    """The next line; empty when the process that would say it is gone."""
    try:
        return lines.readline().strip()
    except OSError:  # reset: it died before it read our answer
        return ""


def say(connection: socket.socket, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # nobody is left to hear it
        connection.sendall(json.dumps(answer).encode() + b"\n")


def report_exit(server: subprocess.Popen[bytes], connection: socket.socket) -> None:
    say(connection, {"exit": server.wait()})


def run(command: dict[str, Any]) -> None:
    try:
        subprocess.run(
            command["argv"],
            env=command["env"],
            stdin=subprocess.DEVNULL,
            timeout=AT_END_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - keeper.log


def stop(server: subprocess.Popen[bytes], data: Path) -> None:
    """Immediate shutdown: nothing in there is worth a checkpoint."""
    # Read first: an orderly end removes the file.
    segment = shared_memory_segment(data)
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(IMMEDIATE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.returncode < 0:
        # A killed postmaster cleans nothing up: its backends may be stuck, its segment leaks.
        kill_those_working_in(data)
        remove_segment(segment)


def shared_memory_segment(data: Path) -> tuple[str, ...] | None:
    """Key and id of the System V segment: line 7 of postmaster.pid."""
    try:
        return tuple((data / "postmaster.pid").read_text().splitlines()[6].split())
    except (OSError, IndexError):
        return None


def remove_segment(segment: tuple[str, ...] | None) -> None:
    """Remove the segment that a killed postmaster leaks, once nobody is attached to it."""
    deadline = time.monotonic() + DETACHED_S
    while segment is not None and time.monotonic() < deadline:
        attached = attached_to(segment)
        if attached is None:
            return
        if attached == 0:
            import ctypes  # only here, and it is slow to load

            remove_id = 0
            ctypes.CDLL(None).shmctl(int(segment[1]), remove_id, None)
            return
        time.sleep(0.005)


def attached_to(segment: tuple[str, ...]) -> int | None:
    """How many processes use it; None if it is not there (or this is no Linux)."""
    try:
        listed = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    except OSError:
        return None
    for line in listed:
        key, number, _, _, _, _, attached, *_ = line.split()
        if (key, number) == segment:
            return int(attached)
    return None


def let_finish(folder: Path) -> None:
    """Wait for what still works in the folder, an initdb that lost its parent."""
    deadline = time.monotonic() + IMMEDIATE_S
    while working_in(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    kill_those_working_in(folder)


def kill_those_working_in(folder: Path) -> None:
    """Kill them, and remove the shared memory that a server or an initdb would leave for ever."""
    segments = segments_in(folder)
    deadline = time.monotonic() + DETACHED_S
    # More than once: an initdb may start another server between the look and the kill.
    while (pids := working_in(folder)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(OSError):
                shared = shared_memory_of(pid)
                os.kill(pid, signal.SIGKILL)
                for file in shared:
                    file.unlink(missing_ok=True)
        segments |= segments_in(folder)  # what is killed leaves its postmaster.pid
        time.sleep(0.005)
    for segment in segments:
        remove_segment(segment)


def segments_in(folder: Path) -> set[tuple[str, ...] | None]:
    files = (*folder.glob("postmaster.pid"), *folder.glob("*/data/postmaster.pid"))
    return {shared_memory_segment(file.parent) for file in files}


def shared_memory_of(pid: int) -> set[Path]:
    """PostgreSQL's own files in /dev/shm that this process uses (Linux).

    https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-DYNAMIC-SHARED-MEMORY-TYPE
    """
    lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    start = "/dev/shm/PostgreSQL."  # noqa: S108 - PostgreSQL's own place
    numbers = {line.partition(start)[2] for line in lines}
    return {Path(f"{start}{number}") for number in numbers if number.isdigit()}


def working_in(folder: Path) -> list[int]:
    """The processes whose working directory is in the folder (Linux; elsewhere none is seen).

    A pid in a file proves nothing: containers share folders, and numbers are used again.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place = os.readlink(process / "cwd").removesuffix(" (deleted)")  # noqa: PTH115 - not resolved further
        except OSError:
            continue
        if place == str(folder) or place.startswith(f"{folder}/"):
            found.append(int(process.name))
    return found


def remove(folder: Path) -> None:
    """Removes it, its lock last: what is left of it, should this be killed, can be swept."""
    # A worker that outlives its controller for a moment may still write.
    for _ in range(100):
        with contextlib.suppress(OSError):
            for entry in [*os.scandir(folder)]:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                elif entry.name != OWNER_LOCK:
                    Path(entry.path).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.03)


def clear(folder: Path) -> None:
    """Kills what works in the folder, whose run and keeper have both died, and removes it.

    Processes of another pid namespace are not seen, as those of a container that shares /dev/shm
    or /tmp with this one. A server there loses its folder here: PostgreSQL looks for its
    postmaster.pid once a minute, and ends when it is gone (RecheckDataDirLockFile in miscinit.c).
    """
    kill_those_working_in(folder)
    remove(folder)


def sweep(own: Path, places: Iterable[str]) -> None:
    """Removes what this user's dead runs left in these folders.

    Whether a run is dead says its lock alone, which processes of other containers see too: it is
    free once neither its owner nor its keeper lives.
    """
    for place in places:
        try:
            # Not pathlib's glob: there may be many thousand other files.
            with os.scandir(place) as entries:
                found = [Path(entry.path) for entry in entries if NAME.fullmatch(entry.name)]
        except OSError:
            continue
        for folder in found:
            if folder.name != own.name:
                sweep_one(folder)


def sweep_one(folder: Path) -> None:
    try:
        status = folder.lstat()
        is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if not is_own or time.time() - status.st_mtime < NEWBORN_S:
            return
        lock = os.open(folder / OWNER_LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        # Its run was killed before it made its lock: then it is empty, or it is no run's.
        with contextlib.suppress(OSError):
            folder.rmdir()
        return
    except OSError:
        return
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # alive
    else:
        clear(folder)
    finally:
        os.close(lock)


def main() -> None:
    folder, descriptor, places = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # Now, while nobody waits and there is one thread.
    keeper = Keeper(folder, namespaces.way_out() if sys.platform == "linux" else None)
    listening = socket.socket(fileno=descriptor)
    threading.Thread(target=keeper.listen, args=(listening,), daemon=True).start()
    sweeping = threading.Thread(target=sweep, args=(folder, places), daemon=True)
    sweeping.start()
    try:
        owner = os.open(folder / OWNER_LOCK, os.O_RDWR)
        fcntl.lockf(owner, fcntl.LOCK_EX)  # until the owner ends
        while (folder / "keep").exists():  # the owner asked for it; the lock says that it lives
            time.sleep(KEPT_POLL_S)
    finally:
        keeper.end()
        sweeping.join(SWEEP_S)


if __name__ == "__main__":
    main()
