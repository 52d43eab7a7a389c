"""The relay ends with whoever started it, whatever ends that, and leaves nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.wire.conftest import connected

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address

HOLDER = """
import json, os, sys, time
from pathlib import Path
from pytest_schemaguard.address import Address
from pytest_schemaguard.wire.wire import Wire

values = json.loads(sys.argv[1])
values["options"] = ()
wire = Wire(Path(sys.argv[2]))
line = wire.listen(Address(**values))
if sys.argv[3] == "copy":
    if os.fork() == 0:
        time.sleep(30)
print(wire._process.pid, line.address.port, flush=True)
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    """Whether it is there, and not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("copies", ["none", "copy"])
def test_nothing_is_left_when_its_parent_is_killed(
    database: Address, folder: Path, *, number: signal.Signals, copies: str
) -> None:
    values = json.dumps(vars(database))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, values, str(folder), copies],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert holder.stdout is not None
    pid, port = map(int, holder.stdout.readline().split())
    here = dataclasses.replace(database, host=str(folder), port=port)
    try:
        with connected(here) as connection:
            connection.cursor().execute("SELECT 1")
            os.kill(holder.pid, number)
            holder.wait(10)
            deadline = time.monotonic() + 5
            while is_running(pid):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert list(folder.iterdir()) == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(holder.pid, signal.SIGKILL)


def test_ctrl_c_does_not_reach_it(database: Address, folder: Path) -> None:
    """A terminal sends SIGINT to the whole group; pytest then still asks what was seen."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + HOLDER,
            json.dumps(vars(database)),
            str(folder),
            "none",
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert holder.stdout is not None
    pid, _ = map(int, holder.stdout.readline().split())
    os.killpg(holder.pid, signal.SIGINT)
    time.sleep(0.2)
    assert is_running(pid)
    holder.kill()
    holder.wait()


PATCHED = """
import socket, threading, json, sys
from pathlib import Path

class Blocked(socket.socket):
    def __new__(cls, *arguments, **keywords):
        raise RuntimeError("no sockets here")

socket.socket = Blocked
socket.setdefaulttimeout(0.001)
from pytest_schemaguard.address import Address
from pytest_schemaguard.wire.wire import Wire

wire = Wire(Path(sys.argv[2]))
values = json.loads(sys.argv[1])
line = wire.listen(Address(**{**values, "options": ()}))
import psycopg2

connection = psycopg2.connect(line.address.url())
connection.cursor().execute("SELECT pg_sleep(0.2)")
connection.close()
print(line.seen().statements[-1].tags)
wire.close()
"""


def test_patched_sockets_do_not_reach_it(database: Address, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PATCHED, json.dumps(vars(database)), str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("('SELECT 1',)\n", 0), done.stderr
