"""A command of the project's, once: its migration runner as the project runs it.

Arguments: `subject`, `root`, `command` (its words), `version` (what `{version}` in them stands for,
or None) and `timeout_s`. The answer: `{"exit_code" (null: it was ended when its time was up;
negative: that signal ended it), "seconds", "output" (its last lines, without secrets)}`.
Raises ProjectError: no such command, one that cannot be started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project import command_words
from pytest_schemaguard.project.child.inside import here, known_passwords
from pytest_schemaguard.project.output import bounded
from pytest_schemaguard.project.tasks import programs
from pytest_schemaguard.project.tasks.telling import told
from pytest_schemaguard.redaction import redacted

TAIL_LINES = 30
ORPHANS_S = 5.0
"""How long processes that outlive the command may take to end."""
_TAIL_BYTES = 1 << 16
_PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h"""


def run(arguments: dict[str, Any]) -> dict[str, Any]:
    words = command_words.filled(
        arguments["command"],
        here().address,
        str(here().folder),
        version=arguments["version"],
    )
    began = time.perf_counter()
    # Not a pipe: what the command leaves behind could keep it open for ever.
    with told(f"running {words[0]}"), tempfile.TemporaryFile() as output, bounded(output.fileno()):
        _adopt_orphans()
        process = _start(words, output, subject=arguments["subject"], root=Path(arguments["root"]))
        try:
            code = process.wait(arguments["timeout_s"])
        except subprocess.TimeoutExpired:
            code = None
        finally:
            # Whatever it has started goes with it: a session that stays would hold its locks.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _end_orphans()
        return {
            "exit_code": code,
            "seconds": time.perf_counter() - began,
            "output": _tail(output),
        }


def _start(
    words: list[str], output: IO[bytes], *, subject: str, root: Path
) -> subprocess.Popen[bytes]:
    program = programs.locate(words[0], subject=subject, root=root)
    try:
        return subprocess.Popen(
            [program, *words[1:]],
            cwd=root,
            env={**os.environ, "PATH": programs.search_path(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        fact = f"{program} cannot be started: {error.strerror}"
        fix = "make it executable, and let its first line name its interpreter: #!/bin/sh"
        raise ProjectError(subject, fact, fix=fix) from None


def _adopt_orphans() -> None:
    """Linux: what leaves the command's session becomes a child of this process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    deadline = time.monotonic() + ORPHANS_S
    with contextlib.suppress(OSError):  # elsewhere nobody's orphans are ours
        while (left := children.read_text().split()) and time.monotonic() < deadline:
            for pid in map(int, left):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _tail(output: IO[bytes]) -> str:
    size = os.fstat(output.fileno()).st_size
    start = max(0, size - _TAIL_BYTES)
    # pread: what still writes does so through the same offset.
    text = os.pread(output.fileno(), size - start, start).decode(errors="replace")
    lines = text.rstrip().splitlines()[-TAIL_LINES:]
    return redacted("\n".join(lines), known_passwords())
