"""Where a database is: pure values, and the URLs made of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

_SECRET = ("sslpassword",)
"""Of libpq's parameters. https://www.postgresql.org/docs/current/libpq-connect.html"""


@dataclass(frozen=True, kw_only=True)
class Address:
    """A database on a server, and who logs in.

    `host` is a folder (it starts with `/`) for a unix socket, otherwise a name or an IP address.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further libpq parameters of the user's URL, such as `("sslmode", "require")`."""
    confined_to: str = ""
    """How the names of the run's databases and roles begin, on a server that has others too: those
    no project code may reach."""
    loopback: int | None = None
    """Where a socket does not do for the project: at which port of 127.0.0.1 it looks for it."""

    @property
    def is_socket(self) -> bool:
        return self.host.startswith("/")

    def at(self, database: str) -> Address:
        return replace(self, database=database)

    def logged_in_as(self, user: str, password: str) -> Address:
        return replace(self, user=user, password=password)

    def url(self, driver: str | None = None) -> str:
        """`postgresql://...`, or with a driver `postgresql+driver://...`.

        A socket reads `postgresql://u:p@localhost/db?host=/folder&port=N`: SQLAlchemy with
        psycopg2, psycopg and asyncpg understand it, and pydantic's PostgresDsn accepts it.
        """
        return self._url(self.password, driver)

    @property
    def safe(self) -> str:
        """The URL without its passwords, for people to read."""
        return self._url(None, None)

    def _url(self, password: str | None, driver: str | None) -> str:
        scheme = "postgresql" if driver is None else f"postgresql+{driver}"
        secret = "" if password is None else f":{quote(password, safe='')}"
        who = f"{quote(self.user, safe='')}{secret}"
        query: list[tuple[str, str]] = []
        if self.is_socket:
            place = "localhost"
            query = [("host", self.host), ("port", str(self.port))]
        else:
            host = f"[{self.host}]" if ":" in self.host else self.host
            place = f"{host}:{self.port}"
        query += [one for one in self.options if password is not None or one[0] not in _SECRET]
        # libpq does not read `+` as a space: https://www.postgresql.org/docs/current/libpq-connect.html
        tail = f"?{urlencode(query, safe='/', quote_via=quote)}" if query else ""
        return f"{scheme}://{who}@{place}/{quote(self.database, safe='')}{tail}"
