"""What an xdist controller hands its workers: the run, so that they share one server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_schemaguard.configuration.settings import find, start
from pytest_schemaguard.errors import ConfigError

if TYPE_CHECKING:
    import pytest

RUN = "schema_guard_run"
"""The key of `workerinput`; its value is the run's folder."""


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
    from pytest_schemaguard.guarding import run_of

    node.workerinput[RUN] = str(run_of(config).folder)
