"""A server that logs each statement, and what psql makes of a file on it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.address import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENTRY = re.compile(r"^@(\d+)@(LOG|ERROR|STATEMENT|WARNING|FATAL):  ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class LoggingServer:
    """A PostgreSQL whose log is read back."""

    admin: Address
    log: Path

    def sent_by_psql(self, text: str, folder: Path) -> tuple[list[str], list[str]]:
        """What psql sent for a file of this text, and the errors it got, both from the log."""
        path = folder / "file.sql"
        path.write_bytes(text.encode())
        start = self.log.stat().st_size
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        subprocess.run(
            ["psql", "-X", "-q", "-o", os.devnull, "-f", str(path), "-d", self.admin.url()],
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        with self.log.open("rb") as log:
            log.seek(start)
            return _read(log.read().decode())


def _read(log: str) -> tuple[list[str], list[str]]:
    """A statement that parses is logged before it runs, one that does not with its error."""
    sent: list[str] = []
    parsed: set[str] = set()
    errors: list[str] = []
    starts = [*ENTRY.finditer(log)]
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        text = log[start.end() : following.start() if following else None]
        text = text.removesuffix("\n").replace("\n\t", "\n")
        if start[2] == "LOG" and text.startswith("statement: "):
            sent.append(text.removeprefix("statement: "))
            parsed.add(sent[-1])
        elif start[2] == "ERROR":
            errors.append(text)
        elif start[2] == "STATEMENT" and text not in parsed:
            sent.append(text)
    return sent, errors


@pytest.fixture(scope="session")
def logging_server() -> Iterator[LoggingServer]:
    if shutil.which("psql") is None:
        pytest.skip("psql is not on PATH, and it is what the splitter is held against")
    binaries = Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())
    folder = Path(tempfile.mkdtemp(prefix="sglog-", dir="/dev/shm"))
    user: dict[str, Any] = (
        {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    )
    if user:
        shutil.chown(folder, "postgres", "postgres")
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        folder / "data",
        "-U",
        "super",
        "--auth=trust",
    ]
    subprocess.run(
        [*initdb, "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **user,
    )
    settings = [
        "listen_addresses=",
        "fsync=off",
        "log_statement=all",
        "log_line_prefix=@%p@",
        "log_error_verbosity=terse",
        "statement_timeout=20s",
    ]
    with (folder / "log").open("wb") as log:
        command: list[str | Path] = [binaries / "postgres", "-D", folder / "data", "-k", folder]
        command += [word for setting in settings for word in ("-c", setting)]
        server = subprocess.Popen(command, stderr=log, cwd=folder, **user)
    address = Address(host=str(folder), port=5432, user="super", password="x", database="postgres")
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg2.connect(address.url()).close()
            break
        except psycopg2.OperationalError:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
    yield LoggingServer(admin=address, log=folder / "log")
    server.terminate()
    server.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files below the test's folder: `write("migrations/0001.sql", "SELECT 1")`."""

    def write_(name: str, text: str | bytes = "SELECT 1;\n") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A fresh database, its owner (no superuser) and the superuser."""

    owner: Address
    admin: Address
    connect: Callable[[Address], Any]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect(self.admin).cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())


@pytest.fixture
def sides(database: Address, connect: Callable[[Address], Any]) -> Iterator[Sides]:
    role = f"owner_{secrets.token_hex(4)}"
    with connect(database).cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
        cursor.execute(f'ALTER DATABASE "{database.database}" OWNER TO {role}')
    yield Sides(owner=database.logged_in_as(role, "secret"), admin=database, connect=connect)
    with connect(database).cursor() as cursor:
        cursor.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}")
        cursor.execute(f"DROP ROLE {role}")
