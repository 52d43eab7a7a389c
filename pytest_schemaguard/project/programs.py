"""Runs a program: in a session of its own, with a deadline, and nothing of it stays running."""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.output import bounded, ending
from pytest_schemaguard.project.peer import signal_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from typing_extensions import Self

TAIL_LINES = 30
TERMINATE_S = 5.0
"""How long a program may take to end after SIGTERM, before SIGKILL."""
GONE_S = 1.0
"""How long killed processes may take to end; zombies that nobody reaps stay in their group."""
ORPHANS_S = 5.0
POLL_S = 0.02
_PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h"""


class Program:
    """A program, from its start to the end of its session; it has no terminal and no input.

    What it prints is in files without a name, not in pipes, which a process that it leaves behind
    could keep open for ever. `hide` cuts secrets out of what `tail` returns. With `apart`, what it
    writes to standard error is kept apart, and all of both. Raises OSError: it cannot be started.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        hide: Callable[[str], str] = str,
        folder: Path | None = None,
        apart: bool = False,
    ) -> None:
        self._hide = hide
        self._files = ExitStack()
        try:
            self._output, self._errors = (
                self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
                for _ in range(2)
            )
            self._process = subprocess.Popen(
                words,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._errors if apart else self._output,
                start_new_session=True,
            )
        except BaseException:
            self._files.close()
            raise
        if not apart:
            self._files.enter_context(bounded(self._output.fileno()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kills what still runs of it."""
        self.kill()
        self._files.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self, *, within_s: float = 0) -> bool:
        """Whether it has ended, at the latest after so many seconds."""
        if hasattr(os, "pidfd_open") and self._process.poll() is None and within_s:
            # Popen.wait would look only from time to time, at last each 50 ms.
            end = os.pidfd_open(self.pid)
            select.select([end], [], [], within_s)
            os.close(end)
            within_s = 0
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
            return True
        return False

    @property
    def code(self) -> int | None:
        """Its exit code; negative: that signal ended it; None: it runs."""
        return self._process.poll()

    @property
    def end(self) -> str:
        """How it ended, for people: `exit code 1`, `SIGKILL`."""
        code = self._process.poll()
        assert code is not None
        return f"exit code {code}" if code >= 0 else signal_name(-code)

    def stop(self) -> None:
        """Asks it to end, by SIGTERM to its session, and kills what still runs afterwards."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)
        self.ended(within_s=TERMINATE_S)
        self.kill()
        # The first is gone; what it has started must follow, and ends only after the signal.
        deadline = time.monotonic() + GONE_S
        with suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < deadline:
                os.killpg(self.pid, signal.SIGKILL)
                time.sleep(POLL_S)

    def kill(self) -> None:
        """Ends it and what it has started in its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def printed(self) -> int:
        """How many bytes it has printed so far."""
        return os.fstat(self._output.fileno()).st_size

    def tail(self, start: int = 0, end: int | None = None) -> str:
        """The last lines that it printed between two places, without secrets."""
        text = ending(self._output.fileno(), start, end)
        return self._hide("\n".join(text.rstrip().splitlines()[-TAIL_LINES:]))

    def read(self) -> tuple[bytes, bytes]:
        """All that it wrote, and what it wrote to standard error, where that is kept apart."""
        for file in (self._output, self._errors):
            file.seek(0)
        return self._output.read(), self._errors.read()


def of_the_project(
    words: Sequence[str], *, subject: str, root: Path, hide: Callable[[str], str]
) -> Program:
    """A command of the project's, started in its folder.

    Raises ProjectError: there is no such command, or it cannot be started.
    """
    folder = Path(sys.executable).parent
    # The interpreter's folder has the project's commands; PATH need not name it.
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    name = words[0]
    program = shutil.which(name, path=path)
    if program is None and (root / name).is_file():
        program = str(root / name)
    if program is None:
        fix = f"install it where pytest runs ({folder})"
        raise ProjectError(subject, f"no command {name!r}", fix=fix)
    env = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
    try:
        return Program([program, *words[1:]], env=env, hide=hide, folder=root)
    except OSError as error:
        fact = f"{program} cannot be started: {error.strerror}"
        fix = "make it executable, and let its first line name its interpreter: #!/bin/sh"
        raise ProjectError(subject, fact, fix=fix) from None


@contextmanager
def without_orphans() -> Iterator[None]:
    """Linux: what leaves the session of a program is this process's child, and ends with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        _end_children()


def _end_children() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    deadline = time.monotonic() + ORPHANS_S
    with suppress(OSError):  # elsewhere nobody's orphans are ours
        while (left := children.read_text().split()) and time.monotonic() < deadline:
            for pid in map(int, left):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
