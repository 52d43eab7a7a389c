"""One Guard for one pytest process: found or made when first asked for, closed with pytest."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.guard import Guard
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.run import Run
from pytest_schemaguard.settings import find, load, start
from pytest_schemaguard.sharing import RUN

if TYPE_CHECKING:
    from collections.abc import Callable

guard_key = pytest.StashKey[Guard]()
run_key = pytest.StashKey[Run]()


def guard_of(config: pytest.Config) -> Guard:
    """This process's Guard. Raises ConfigError."""
    if guard_key not in config.stash:
        settings = load(find(start(config)))
        run = run_of(config)
        guard = Guard(
            settings,
            run=run,
            url=config.getoption("--schema-guard-url") or os.environ.get("SCHEMA_GUARD_URL"),
            shared=is_shared(config),
            progress=Progress(_terminal(config)),
            python_path=config.getini("pythonpath"),
        )
        config.add_cleanup(guard.close)
        config.stash[guard_key] = guard
    return config.stash[guard_key]


def run_of(config: pytest.Config) -> Run:
    """This process's run: an xdist worker joins its controller's, where it shares its machine."""
    if run_key not in config.stash:
        folder = _workerinput(config).get(RUN)
        if folder is None:
            run = Run.begin()
        else:
            run = Run.join(Path(folder))
            waiting = threading.Thread(target=_end_with_owner, args=(run,), daemon=True)
            waiting.start()
        config.add_cleanup(run.close)
        config.stash[run_key] = run
    return config.stash[run_key]


def _end_with_owner(run: Run) -> None:
    """Ends this worker when its controller has ended, however that came about.

    execnet gives a worker that is inside a statement 15 s after its controller was killed; so long
    the run would count as alive, and what it left on an existing server would stay.
    """
    with contextlib.suppress(FileNotFoundError):  # the run has ended already
        owner = os.open(run.folder / "owner.lock", os.O_RDWR | os.O_CLOEXEC)
        fcntl.lockf(owner, fcntl.LOCK_SH)
    os._exit(1)


def is_worker(config: pytest.Config) -> bool:
    """Whether an xdist controller reports for this process."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether xdist's workers run the tests, and this process none."""
    return config.pluginmanager.has_plugin("dsession")


def runs_elsewhere(config: pytest.Config) -> bool:
    """Whether xdist has workers on other hosts, which look for a server of their own there."""
    specs: list[str] = config.getoption("tx", None) or []
    return any("popen" not in spec for spec in specs)


def is_shared(config: pytest.Config) -> bool:
    """Whether other processes of this machine take part in this run."""
    return RUN in _workerinput(config)


def _workerinput(config: pytest.Config) -> dict[str, Any]:
    found: dict[str, Any] = getattr(config, "workerinput", {})
    return found


def _terminal(config: pytest.Config) -> Callable[[str], None] | None:
    """Writes to the terminal past pytest's capture, where there is a terminal to write to."""
    if is_worker(config) or not sys.stdout.isatty():
        return None
    # pytest points the file descriptor elsewhere while a test runs; this copy stays.
    own = os.dup(sys.stdout.fileno())
    config.add_cleanup(lambda: os.close(own))

    def write(text: str) -> None:
        os.write(own, text.encode())

    return write
