"""pytest's hooks: no logic, no heavy import, since every project pays for this file."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_schemaguard.plugin.fixtures import (
    schema_guard_engine,
    schema_guard_session,
    schema_guard_url,
)
from pytest_schemaguard.reports import FORMATS

__all__ = ["schema_guard_engine", "schema_guard_session", "schema_guard_url"]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("schema-guard", "schema-guard: migrations and models, proven")
    group.addoption(
        "--schema-guard",
        action="store_true",
        help="add the checks of [tool.schema-guard] to the run",
    )
    group.addoption(
        "--schema-guard-url",
        metavar="URL",
        help="put the throwaway databases on this server (or SCHEMA_GUARD_URL)",
    )
    for one in FORMATS:
        group.addoption(one.option, metavar="PATH", help=one.help)
    group.addoption(
        "--schema-guard-keep",
        action="store_true",
        help="keep the databases of failed checks, and print how to connect",
    )
    group.addoption(
        "--schema-guard-since",
        metavar="REF",
        help="judge the migrations added or changed since the merge base with this git ref",
    )
    group.addoption("--schema-guard-html", metavar="PATH", help="not yet served")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "schema_guard: a check of pytest --schema-guard")
    names = [f"--schema-guard{name}" for name in ("", "-keep", "-since", "-html")]
    if any(map(config.getoption, (*names, *(one.option for one in FORMATS)))):
        from pytest_schemaguard.plugin.gate import Gate

        config.pluginmanager.register(Gate(config), "schema-guard-gate")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Where xdist is installed: each worker of this machine shares the controller's server."""
    from pytest_schemaguard.plugin.workers import share_run

    share_run(node)
