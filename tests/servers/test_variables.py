"""The processes of a run that are none of the project's get no secret of the environment."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest

from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Wanted, obtain
from pytest_schemaguard.variables import needed, needed_for_docker
from pytest_schemaguard.wire.wire import Wire
from tests.servers.conftest import OWN

CANARY = "canary-of-the-environment"


def test_what_is_needed_stays_and_nothing_else() -> None:
    environ = {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/opt/lib",
        "DATABASE_URL": CANARY,
        "PGPASSWORD": CANARY,
        "AWS_SECRET_ACCESS_KEY": CANARY,
        "LANG": "de_DE.UTF-8",
        "TZ": "Asia/Tokyo",
        "DOCKER_HOST": "tcp://engine:2375",
        "https_proxy": "http://proxy:3128",
    }
    server = {"PATH": "/bin", "LD_LIBRARY_PATH": "/opt/lib", "LC_ALL": "C"}
    assert needed(environ) == server
    assert needed_for_docker(environ) == {
        **server,
        "DOCKER_HOST": "tcp://engine:2375",
        "https_proxy": "http://proxy:3128",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_servers_keeper_and_wire_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "SCHEMA_GUARD_URL"):
        monkeypatch.setenv(name, CANARY)
    run = Run.begin()
    try:
        server = obtain(Wanted(**OWN), run)
        wire = Wire(run.folder)
        assert server.log is not None
        postmaster = int((server.log.parent / "data/postmaster.pid").read_text().split()[0])
        assert run._keeper is not None
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        seen = 0
        for pid in map(int, children):
            # The process of a session that just ended may be gone by now.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                assert CANARY not in os.fsdecode(Path(f"/proc/{pid}/environ").read_bytes())
                seen += 1
        assert seen, "PostgreSQL's background processes are there for as long as the server is"
        for pid in (postmaster, run._keeper.pid, wire._process.pid):
            variables = Path(f"/proc/{pid}/environ").read_bytes()
            assert CANARY not in os.fsdecode(variables)
            assert b"PATH=" in variables or pid != postmaster
        wire.close()
    finally:
        run.close(wait=True)
