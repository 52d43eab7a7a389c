"""What an xdist controller hands its workers: the run, so that they share one server."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.configuration.settings import find, start
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.plugin.session import RUN, guards_of, run_of

if TYPE_CHECKING:
    import pytest


def share_run(node: Any) -> None:
    """Hands xdist's WorkerController a run to join.

    A worker on another host begins its own: it cannot reach this one's socket. A project without
    our table pays for no run.
    """
    if not node.gateway.spec.popen:
        return
    config: pytest.Config = node.config
    try:
        find(start(config))
    except ConfigError:
        return
    node.workerinput[RUN] = run_of(config).invitation
    with suppress(ConfigError):  # the tests that need it say so
        # What the workers make on a server that a URL names, this process takes away at the end.
        for guard in guards_of(config):
            guard.release_at_end()
