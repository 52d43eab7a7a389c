"""`docker`: a container, by testcontainers. Imported only when this provider is asked."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers.keeping import Kept
from pytest_schemaguard.servers.owner import OWNER, create_owner
from pytest_schemaguard.servers.private import LOG_LINES, SETTINGS
from pytest_schemaguard.servers.provider import (
    NEWEST_MAJOR,
    SUPERUSER,
    WAYS_OUT,
    Missing,
    Server,
)
from pytest_schemaguard.servers.removal import LABEL
from pytest_schemaguard.servers.scram import OWN_ITERATIONS, verifier
from pytest_schemaguard.servers.sessions import connect
from pytest_schemaguard.sqltext.identifiers import literal
from pytest_schemaguard.variables import needed_for_docker

if TYPE_CHECKING:
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers.provider import Candidate, Wanted

PORT = 5432
START_DEADLINE_S = 120.0
POLL_S = 0.1
ENGINE_DEADLINE_S = 10
REMOVAL = Path(__file__).with_name("removal.py")
RUN_LABEL, FOLDER_LABEL, HOST_LABEL = "schema-guard.run", "schema-guard.folder", "schema-guard.host"


class Docker:
    name = "docker"

    def find(self, wanted: Wanted) -> Candidate | Missing:
        """Whether an engine answers; the image is looked for, and pulled, by start()."""
        try:
            from testcontainers.core.docker_client import DockerClient
        except ImportError as error:
            return Missing(
                found=f"no testcontainers: {error}",
                command="pip install 'pytest-schemaguard[docker]'",
            )
        except RuntimeError as error:  # it looks for a home as it is imported
            return Missing(found=f"testcontainers: {error}", command="set HOME to a folder")
        from docker.errors import DockerException

        try:
            DockerClient(timeout=ENGINE_DEADLINE_S).client.ping()
        except (DockerException, OSError) as error:
            place = os.environ.get("DOCKER_HOST", "the default socket")
            reason = str(error).partition("\n")[0]
            return Missing(
                found=f"no engine answers at {place}: {reason}",
                command="start Docker, or set DOCKER_HOST to an engine",
            )
        return DockerServer(image=wanted.image or f"postgres:{wanted.major or NEWEST_MAJOR}")


@dataclass(frozen=True, kw_only=True)
class DockerServer:
    """A Candidate: an image."""

    image: str

    @property
    def words(self) -> str:
        return f"PostgreSQL of docker's image {self.image}"

    def start(self, wanted: Wanted, run: Run) -> Server:
        """Raises ServerError, with the tail of the container's log where there is one."""
        attempt, password = secrets.token_hex(8), secrets.token_hex(16)
        container = self._container(attempt, password, wanted, run)
        sweep(container.get_docker_client().client)
        removal = json.dumps({"path": sys.path, "attempt": attempt})
        request = {
            "do": "at-end",
            "argv": [sys.executable, "-I", str(REMOVAL), removal],
            # Taken after the client was made: testcontainers puts the engine it chose in there.
            "env": needed_for_docker(os.environ),
        }
        with contextlib.closing(Kept(run, request)) as kept:
            self._start(container)
            admin = self._wait_until_ready(container, password)
            server = self._server(admin, container.get_wrapped_container().id, wanted, run)
            kept.keep()
        return server

    def _container(self, attempt: str, password: str, wanted: Wanted, run: Run) -> Any:
        from testcontainers.core.container import DockerContainer

        labels = {
            LABEL: attempt,
            RUN_LABEL: run.id,
            FOLDER_LABEL: str(run.folder),
            HOST_LABEL: socket.gethostname(),
        }
        command = ["postgres"]
        for name, value in (*SETTINGS, *wanted.settings):
            command += ["-c", f"{name}={value}"]
        container: Any = (
            DockerContainer(self.image).with_kwargs(labels=labels).with_command(command)
        )
        container.with_exposed_ports(PORT)
        if _is_here(container.get_docker_client()):
            # Not for the whole network, as Docker would.
            container.ports[next(iter(container.ports))] = ("127.0.0.1",)
        for name, value in (
            ("POSTGRES_USER", SUPERUSER),
            ("POSTGRES_PASSWORD", password),
            ("POSTGRES_DB", "postgres"),
            ("POSTGRES_INITDB_ARGS", "--no-sync --encoding=UTF8 --locale=C"),
        ):
            container.with_env(name, value)
        return container

    def _start(self, container: Any) -> None:
        from docker.errors import DockerException
        from testcontainers.core.config import testcontainers_config

        # Ryuk would remove the container when the process that started it ends: that may be one
        # xdist worker of several, and the keeper does it better.
        before = testcontainers_config.ryuk_disabled
        testcontainers_config.ryuk_disabled = True
        try:
            container.start()
        except (DockerException, OSError) as error:
            raise ServerError(
                f"image {self.image}",
                "no container of it could be started",
                detail=str(error),
                fix=f"docker pull {self.image}, or `image` names one that can be had",
            ) from error
        finally:
            testcontainers_config.ryuk_disabled = before

    def _wait_until_ready(self, container: Any, password: str) -> Address:
        """The image's first server, which initialises, has no port: what answers is final."""
        from docker.errors import DockerException

        wrapped = container.get_wrapped_container()
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            wrapped.reload()
            if wrapped.status in {"exited", "dead"}:
                status = wrapped.attrs["State"]["ExitCode"]
                raise self._failure(f"it ended at once, with exit status {status}", wrapped)
            try:
                admin = _address(container, password)
                connect(admin).close()
            except (DockerException, ServerError, OSError) as error:
                refused = error  # no port yet, or nobody listens on it
            else:
                return admin
            if time.monotonic() > deadline:
                raise self._failure(
                    f"it did not answer within {START_DEADLINE_S:.0f} s ({refused})", wrapped
                )
            time.sleep(POLL_S)

    def _failure(self, state: str, wrapped: Any) -> ServerError:
        return ServerError(
            f"image {self.image}", f"{state}; its log says:", detail=_log(wrapped, LOG_LINES)
        )

    def _server(self, admin: Address, container: str, wanted: Wanted, run: Run) -> Server:
        connection = connect(admin)
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT current_setting('server_version_num')::int / 10000,"
                    " current_setting('server_version')"
                )
                major, version = cursor.fetchone()
            if not wanted.supports(major):
                raise ServerError(
                    f"image {self.image}",
                    f"it runs PostgreSQL {version.split()[0]}, but `postgres = {wanted.major}` is "
                    "configured",
                    fix=f"set `image` to one of PostgreSQL {wanted.major}, or take it away",
                )
            with connection.cursor() as cursor:
                # The one it started with stands in the container's environment.
                new = literal(verifier(run.password(SUPERUSER), iterations=OWN_ITERATIONS))
                cursor.execute(f"ALTER ROLE {SUPERUSER} PASSWORD {new}")
            token = create_owner(connection, OWNER, run)
        finally:
            connection.close()
        return Server(
            provider=Docker.name,
            version=version.split()[0],
            major=major,
            origin=f"image {self.image}",
            admin=admin.logged_in_as(SUPERUSER, run.password(SUPERUSER)),
            is_superuser=True,
            owner=admin.logged_in_as(OWNER, run.password(OWNER)),
            token=token,
            container=container,
            reach=f"the server has its container's network: {WAYS_OUT}",
        )


def log_tail(container: str, lines: int) -> str:
    """The last lines of the container's log; why there are none, if so."""
    from docker.errors import DockerException
    from testcontainers.core.docker_client import DockerClient

    try:
        return _log(DockerClient(timeout=ENGINE_DEADLINE_S).client.containers.get(container), lines)
    except (DockerException, OSError) as error:
        return f"(no log: {error})"


def remove(container: str) -> None:
    """Remove it, if it is there and the engine answers."""
    from docker.errors import DockerException
    from testcontainers.core.docker_client import DockerClient

    with contextlib.suppress(DockerException, OSError):
        client = DockerClient(timeout=ENGINE_DEADLINE_S).client
        client.containers.get(container).remove(force=True, v=True)


def sweep(engine: Any) -> None:
    """Remove the containers of this machine's runs that are dead, their keeper too."""
    from docker.errors import DockerException

    labels = [f"{HOST_LABEL}={socket.gethostname()}", RUN_LABEL]
    for container in engine.containers.list(
        all=True, ignore_removed=True, filters={"label": labels}
    ):
        if Path(container.labels[FOLDER_LABEL]).exists():
            continue
        try:
            container.remove(force=True, v=True)
        except DockerException:
            continue  # another run removes it at this moment


def _address(container: Any, password: str) -> Address:
    client = container.get_docker_client()
    host = container.get_container_host_ip()
    mapped = client.get_connection_mode().use_mapped_port
    return Address(
        host="127.0.0.1" if host == "localhost" else host,
        # Not get_exposed_port(): it waits 120 s for a container that has ended.
        port=int(client.port(container.get_wrapped_container().id, PORT)) if mapped else PORT,
        user=SUPERUSER,
        password=password,
        database="postgres",
    )


def _log(container: Any, lines: int) -> str:
    return str(container.logs(tail=lines).decode(errors="replace")).rstrip()


def _is_here(client: Any) -> bool:
    """Whether the engine publishes ports on this machine's loopback address."""
    return (
        client.host() in {"localhost", "127.0.0.1"}
        and client.get_connection_mode().name == "docker_host"
    )
