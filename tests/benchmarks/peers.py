"""The founding story's verdict by pytest-alembic, on a server of its peers, beside the guard's.

`peer_project` is what its user would have: the same models, an Alembic history of production's
schema and the four columns, and pytest-alembic's tests that the history has one head, that it
applies and that the models match. Both are green with the columns and red without, but the
verdict is the same for that story alone. Alembic's comparison, with all that it offers switched
on, stays green (each was tried on this project, with Alembic 1.20.1) when the primary key, a
check or a serial's default is dropped, and when a check or an index has another condition or an
enum another label; nor does it look at rows, SELECT anything by the ORM, or run the migration
twice. The guard does all this in the time that is compared.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parent / "peer_project"
LAST_REVISION = Path("migrations/versions/user_analysis_preferences.py")
COLUMNS = ("clear_previous_anomalies", "show_clear_warning", "max_reports", "max_templates")
# test_up_down_consistency is left out: the guard's run asks for no way down either.
TESTS = ("single_head_revision", "upgrade", "model_definitions_match_ddl")
INSTALLED = (
    "pytest<9",  # pytest-alembic 0.13.1 ends the collection under pytest 9.2
    "pytest-alembic",
    "pytest-postgresql",
    "psycopg[binary]",
    "testcontainers",
)
IMAGE = os.environ.get("SCHEMA_GUARD_TEST_IMAGE", "postgres:15")


@dataclass(frozen=True)
class Peer:
    """pytest-alembic in a folder and an environment of its own, on one kind of server."""

    python: Path
    folder: Path
    server: str

    @property
    def command(self) -> list[str]:
        plugins = ["pytest_alembic.plugin"]
        if self.server == "own_server":
            plugins.append("pytest_postgresql.plugin")
        return [
            *(as_postgres() if self.server == "own_server" else ()),
            *(str(self.python), "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(part for plugin in plugins for part in ("-p", plugin)),
            *("--basetemp", str(self.folder / "temporary")),
            *("--test-alembic", "--alembic-tests-path", "conftest.py"),
        ]

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "PYTHONPATH": str(PROJECT.parent.parent.parent),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PEER_IMAGE": IMAGE,
            # Its container would be one more to start; the fixture ends the server by itself.
            "TESTCONTAINERS_RYUK_DISABLED": "true",
        }

    def lay_out(self) -> None:
        """The project in `folder`, without the migration that adds the four columns."""
        ignored = shutil.ignore_patterns("__init__.py", "__pycache__", LAST_REVISION.name)
        shutil.copytree(PROJECT / "migrations", self.folder / "migrations", ignore=ignored)
        shutil.copy(PROJECT / f"{self.server}.py", self.folder / "conftest.py")
        (self.folder / "pytest.ini").write_text(
            f"[pytest]\npytest_alembic_include = {','.join(TESTS)}\n"
        )

    def must_say(self, outcome: str, words: tuple[str, ...] = ()) -> None:
        """Runs once. Ends the program unless the last line begins with `outcome`."""
        done = subprocess.run(
            self.command,
            cwd=self.folder,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines() or [""]
        if not lines[-1].startswith(outcome) or any(word not in done.stdout for word in words):
            sys.exit(f"{self.server}: not {outcome!r}\n{done.stdout}{done.stderr}")


def as_postgres() -> list[str]:
    """What lets pytest-postgresql start a server as root, which PostgreSQL refuses.

    In a user namespace root is called `postgres`, and may still read this Python and write its
    own folders: as the real user it could not where Python lives below /root.
    """
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"]


def install(folder: Path) -> Path:
    """The Python of a new environment with the peers and the SQLAlchemy that the guard has."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    wanted = [*INSTALLED, f"sqlalchemy=={version('sqlalchemy')}"]
    subprocess.run([*pip, "install", "--quiet", *wanted], check=True)
    listed = subprocess.check_output([*pip, "list", "--format=json"], text=True)
    versions = {each["name"].lower(): each["version"] for each in json.loads(listed)}
    names = ("pytest", "pytest-alembic", "pytest-postgresql", "testcontainers", "alembic")
    print(
        f"peers: {', '.join(f'{name} {versions[name]}' for name in names)}; "
        f"the guard: pytest {version('pytest')}; both: SQLAlchemy {version('sqlalchemy')}",
        flush=True,
    )
    return python


def engine_answers() -> bool:
    import docker

    try:
        docker.from_env(timeout=5).ping()
    except docker.errors.DockerException as error:
        print(f"with testcontainers: not measured, no Docker engine answers: {error}", flush=True)
        return False
    return True


def compare(rounds: int, scratch: Path) -> None:
    """Prints the seconds of each peer / of the guard. Needs pip, and programs of PostgreSQL.

    Ends the program when a peer is not red without the migration and green with it.
    """
    from tests.benchmarks import histories
    from tests.benchmarks.compare import STORY, Timed, told

    python = install(scratch / "peers-venv")
    servers = {"own_server": "pytest-alembic, pytest-postgresql / guard"}
    if engine_answers():
        servers["container"] = "pytest-alembic, testcontainers / guard"
    for server, title in servers.items():
        peer = Peer(python, scratch / f"peer-{server}", server)
        peer.lay_out()
        peer.must_say("1 failed, 2 passed", COLUMNS)
        shutil.copy(PROJECT / LAST_REVISION, peer.folder / LAST_REVISION)
        peer.must_say(f"{len(TESTS)} passed")
        timed = Timed(server, peer.command, folder=peer.folder, env=peer.env)
        told(title, rounds, timed, Timed("guard", STORY), "at least 4")
    histories.stairway(rounds, scratch, python)
