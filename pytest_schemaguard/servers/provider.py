"""What every provider of servers speaks: what is wanted, what was found, what runs. Pure values."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_schemaguard.address import Address
from pytest_schemaguard.config import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.run import Run

OLDEST_MAJOR = 14
NEWEST_MAJOR = 18
"""The PostgreSQL versions that the guard supports (https://www.postgresql.org/support/versioning/)."""
SUPERUSER = "schema_guard_superuser"
"""Peculiar, so that no migration names it by accident."""
WAYS_OUT = "dblink and postgres_fdw in a migration reach other servers from there"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which server a run needs."""

    provider: str = "auto"
    """`auto`, `local`, `embedded`, `docker`, or a URL."""
    major: int | None = None
    """Production's major version, and then no other."""
    image: str | None = None
    """Docker's image; None: `postgres:<major>`."""
    tcp: bool = False
    """Listen on 127.0.0.1 too, and let the owner log in there."""
    settings: tuple[tuple[str, str], ...] = ()
    """Further settings of PostgreSQL, which win over the guard's; not for an existing server."""

    @property
    def is_url(self) -> bool:
        return self.provider not in {"auto", *PROVIDERS}

    def supports(self, major: int) -> bool:
        if self.major is not None:
            return major == self.major
        return major >= OLDEST_MAJOR


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running PostgreSQL that this run may use."""

    provider: str
    """`existing`, `local`, `embedded` or `docker`."""
    version: str
    """Such as `15.18`."""
    major: int
    origin: str
    """Where it came from, for people: a folder, a package, an image, a URL without its password."""
    admin: Address
    """A superuser, or the URL's user; its database is the one to connect to for CREATE DATABASE."""
    is_superuser: bool
    """Whether `admin` is one."""
    owner: Address
    """The role that migrations log in as; it may create no roles and no databases."""
    token: str = field(repr=False)
    """What only this server knows: it stands in the comment on the owner role."""
    log: Path | None = None
    """The server's log, where it is a file."""
    container: str | None = None
    """The id of its container."""
    reach: str
    """What SQL that runs in it reaches beyond it, for people."""

    def to_json(self) -> str:
        """Without passwords, and without the options of a URL, which may have one too."""
        values = asdict(self)
        for name in ("admin", "owner"):
            del values[name]["password"], values[name]["options"]
        return json.dumps(values, default=str)

    @classmethod
    def from_json(
        cls, text: str, *, password: Callable[[str], str], url: Address | None = None
    ) -> Server:
        """`password` is Run.password; `url` is the address that an existing server was named by."""
        values = json.loads(text)
        for name in ("admin", "owner"):
            options = () if url is None else url.options
            own = password(values[name]["user"])
            values[name] = Address(**values[name], password=own, options=options)
        values["admin"] = url or values["admin"]
        if values["log"] is not None:
            values["log"] = Path(values["log"])
        return cls(**values)


class Candidate(Protocol):
    """A server that can be started, or is there already."""

    @property
    def words(self) -> str:
        """Which, and where it comes from, for the header: `PostgreSQL 15.18, local (...)`."""

    def start(self, wanted: Wanted, run: Run) -> Server:
        """Start it for this run; it lives until the run ends. Raises ServerError."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Why a provider has nothing to offer."""

    found: str
    """What it found instead, a clause: `found 15.18 in /usr/lib/postgresql/15/bin`."""
    command: str
    """The command that would give it."""


class Provider(Protocol):
    """Where servers come from. One file each; find() starts nothing."""

    @property
    def name(self) -> str: ...

    def find(self, wanted: Wanted) -> Candidate | Missing: ...
