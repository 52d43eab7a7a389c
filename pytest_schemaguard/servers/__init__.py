"""Where a throwaway PostgreSQL comes from: one file a provider, one protocol."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING

from pytest_schemaguard.config import PROVIDERS
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers.databases import Databases
from pytest_schemaguard.servers.provider import Candidate, Missing, Provider, Server, Wanted

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_schemaguard.run import Run

__all__ = [
    "Candidate",
    "Databases",
    "Missing",
    "Provider",
    "Server",
    "Wanted",
    "obtain",
    "release_at_end",
    "used",
]


def obtain(wanted: Wanted, run: Run, *, candidate: Candidate | None = None) -> Server:
    """The run's server: started by the first process in need, read from a file by the others.

    `candidate` is what `find` found already.
    Raises ServerError: no provider has one, or it does not start.
    """
    release_at_end(wanted, run)
    file = _file(wanted, run)
    with run.lock(file.stem):
        if not file.exists():
            server = (candidate or find(wanted)).start(wanted, run)
            new = file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(server.to_json())
            new.rename(file)
            return server
        server = _read(file, wanted, run)
    if server.provider == "existing":
        from pytest_schemaguard.servers import existing

        existing.alive(server.admin, run)
    return server


def find(wanted: Wanted) -> Candidate:
    """The first candidate of the providers asked for; nothing is started.

    Raises ServerError that says what each provider found, and the command that would give it.
    """
    names = ("existing",) if wanted.is_url else PROVIDERS
    if wanted.provider in PROVIDERS:
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


def used(wanted: Wanted, run: Run) -> dict[str, str] | None:
    """`provider` and `version` of this server, or of another that the run uses; None: none is."""
    for file in (_file(wanted, run), *run.folder.glob("server-*.json")):
        if file.exists():
            values = json.loads(file.read_text())
            return {name: values[name] for name in ("provider", "version")}
    return None


def release_at_end(wanted: Wanted, run: Run) -> None:
    """Has the run's owner drop what the run made on an existing server; its keeper stops others.

    The owner may be a controller that never connects there itself. At the end it raises ServerError
    when that fails.
    """

    def release() -> None:
        from pytest_schemaguard.servers import existing

        file = _file(wanted, run)
        if file.exists():
            existing.clear(_read(file, wanted, run), run.id)

    if wanted.is_url:
        run.at_end(wanted, release)
    else:
        run.at_end_without_keeper("containers", lambda: _remove_containers(run))


def _file(wanted: Wanted, run: Run) -> Path:
    """Where the run's processes tell each other of the server.

    Not a plain hash of what is wanted: from one somebody could find out a URL's weak password.
    """
    return run.folder / f"server-{run.derived(repr(wanted))}.json"


def _read(file: Path, wanted: Wanted, run: Run) -> Server:
    from pytest_schemaguard.servers.url import parse_url

    url = parse_url(wanted.provider) if wanted.is_url else None
    return Server.from_json(file.read_text(), password=run.password, url=url)


def _remove_containers(run: Run) -> None:
    """Remove the containers of the run's servers, which its keeper does where it lives."""
    for file in run.folder.glob("server-*.json"):
        container = json.loads(file.read_text())["container"]
        if container is not None:
            from pytest_schemaguard.servers import docker

            docker.remove(container)


def _provider(name: str) -> Provider:
    """Each is imported only when it is asked."""
    module = import_module(f"{__name__}.{name}")
    provider: Provider = getattr(module, name.capitalize())()
    return provider
