"""Where a throwaway PostgreSQL comes from: one file a provider, one protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import cache
from pytest_schemaguard.servers.databases import Databases
from pytest_schemaguard.servers.provider import Candidate, Missing, Provider, Server, Wanted

if TYPE_CHECKING:
    from pytest_schemaguard.run import Run

__all__ = [
    "Candidate",
    "Databases",
    "Missing",
    "Provider",
    "Server",
    "Wanted",
    "log_tail",
    "obtain",
    "release",
    "running",
]

AUTO = ("local", "embedded", "docker")
"""What `auto` tries, in this order."""


def obtain(wanted: Wanted, run: Run, *, candidate: Candidate | None = None) -> Server:
    """The run's server: started by the first process in need, read from a file by the others.

    `candidate` is what `find` found already.
    Raises ServerError: no provider has one, or it does not start.
    """
    name = f"server-{cache.key(wanted)}"
    file = run.folder / f"{name}.json"
    with run.lock(name):
        if not file.exists():
            server = (candidate or find(wanted)).start(wanted, run)
            new = file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(server.to_json())
            new.rename(file)
            return server
        server = Server.from_json(file.read_text())
    if server.provider == "existing":
        from pytest_schemaguard.servers import existing

        existing.alive(server.admin, run)
    return server


def find(wanted: Wanted) -> Candidate:
    """The first candidate of the providers asked for; nothing is started.

    Raises ServerError that says what each provider found, and the command that would give it.
    """
    names = ("existing",) if wanted.is_url else AUTO
    if wanted.provider in AUTO:
        names = (wanted.provider,)
    missing: list[tuple[str, Missing]] = []
    for name in names:
        found = _provider(name).find(wanted)
        if not isinstance(found, Missing):
            return found
        missing.append((name, found))
    what = f"PostgreSQL {wanted.major}" if wanted.major is not None else "supported PostgreSQL"
    raise ServerError(
        "server",
        f"no {what} for `server = {wanted.provider}`",
        detail="\n".join(f"{name}: {reason.found}\n  {reason.command}" for name, reason in missing),
        fix="run one of these commands, or name a server by --schema-guard-url",
    )


def running(run: Run) -> Server | None:
    """The server of this run that some process of it has started, if one has."""
    for file in run.folder.glob("server-*.json"):
        return Server.from_json(file.read_text())
    return None


def log_tail(server: Server, lines: int = 20) -> str:
    """The last lines of the server's log; empty for an existing server, whose log is not ours."""
    if server.container is not None:
        from pytest_schemaguard.servers import docker

        return docker.log_tail(server.container, lines)
    if server.log is None:
        return ""
    from pytest_schemaguard.servers.private import tail

    return tail(server.log, lines)


def release(run: Run) -> None:
    """Drop what the run made on existing servers; what it started, its keeper stops.

    Raises ServerError when that fails.
    """
    for file in run.folder.glob("server-*.json"):
        server = Server.from_json(file.read_text())
        if server.provider == "existing":
            from pytest_schemaguard.servers import existing

            existing.clear(server, run.id)


def _provider(name: str) -> Provider:
    """One line a provider; each is imported only when it is asked."""
    if name == "local":
        from pytest_schemaguard.servers.local import Local

        return Local()
    if name == "embedded":
        from pytest_schemaguard.servers.embedded import Embedded

        return Embedded()
    if name == "docker":
        from pytest_schemaguard.servers.docker import Docker

        return Docker()
    from pytest_schemaguard.servers.existing import Existing

    return Existing()
