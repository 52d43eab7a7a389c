"""What a server wrote into its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_schemaguard.servers.provider import Server


def log_tail(server: Server, lines: int = 20) -> str:
    """The last lines of the server's log; empty for an existing server, whose log is not ours."""
    if server.container is not None:
        from pytest_schemaguard.servers import docker

        return docker.log_tail(server.container, lines)
    if server.log is None:
        return ""
    from pytest_schemaguard.servers.private import tail

    return tail(server.log, lines)
