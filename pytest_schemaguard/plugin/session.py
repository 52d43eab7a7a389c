"""One Guard for one pytest process: found or made when first asked for, closed with pytest."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.configuration.settings import find, load, start
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.guard import Guard
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.reports.terminal import last_line
from pytest_schemaguard.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = "schema_guard_run"
"""The key of `workerinput`; its value is Run.invitation."""
guards_key = pytest.StashKey[tuple[Guard, ...]]()
run_key = pytest.StashKey[Run]()


def guards_of(config: pytest.Config) -> tuple[Guard, ...]:
    """This process's Guards: one, or one for each `[[database]]`. Raises ConfigError."""
    if guards_key not in config.stash:
        databases = load(find(start(config)))
        run = run_of(config)
        progress = Progress(_terminal(config))
        guards = tuple(
            Guard(
                settings,
                run=run,
                url=config.getoption("--schema-guard-url") or os.environ.get("SCHEMA_GUARD_URL"),
                since=config.getoption("--schema-guard-since"),
                shared=is_shared(config),
                progress=progress,
                python_path=config.getini("pythonpath"),
            )
            for settings in databases
        )
        for guard in guards:
            config.add_cleanup(guard.close)
        config.stash[guards_key] = guards
    return config.stash[guards_key]


def guard_of(config: pytest.Config, database: str | None = None) -> Guard:
    """The Guard of the `[[database]]` of this name, or the first. Raises ConfigError."""
    guards = guards_of(config)
    if database is None:
        return guards[0]
    for guard in guards:
        if guard.config.name == database:
            return guard
    names = ", ".join(guard.config.name for guard in guards if guard.config.name) or "none"
    raise ConfigError(
        f"database {database}", "no [[database]] has this name", fix=f"the names are {names}"
    )


def run_of(config: pytest.Config) -> Run:
    """This process's run: an xdist worker joins its controller's, where it shares its machine."""
    if run_key not in config.stash:
        invitation = _workerinput(config).get(RUN)
        if invitation is None:
            run = Run.begin()
        else:
            run = Run.join(invitation)
            waiting = threading.Thread(target=_end_with_owner, args=(run,), daemon=True)
            waiting.start()
        config.add_cleanup(lambda: _close(config, run))
        config.stash[run_key] = run
    return config.stash[run_key]


def _close(config: pytest.Config, run: Run) -> None:
    """Ends the run, and says what its processes had to say that is no check's."""
    is_owner = run.is_owner
    try:
        run.close()
    finally:
        if is_owner:
            for note in run.notes:
                last_line(config, f"schema-guard: {note}")


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
