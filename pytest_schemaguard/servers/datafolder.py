"""An initialised data folder: made once per version of the programs, copied for each server."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import cache
from pytest_schemaguard.servers.binaries import server_environment
from pytest_schemaguard.servers.owner import OWNER
from pytest_schemaguard.servers.provider import SUPERUSER
from pytest_schemaguard.servers.scram import NOBODY, OWN_ITERATIONS, verifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_schemaguard.servers.account import Account
    from pytest_schemaguard.servers.binaries import Binaries

INITDB = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
)
SINCE_18 = ("--no-data-checksums",)
"""They are on by default there, and set_password changes a page."""
INITDB_DEADLINE_S = 120.0
HBA = f"""\
# Who reaches the socket may be the owner, whose password the project has: the psql command that
# --schema-guard-keep prints asks for none. Everybody else needs a password.
local all {OWNER} trust
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
"""
"""https://www.postgresql.org/docs/current/auth-pg-hba-conf.html"""
PG_AUTHID = "global/1260"
"""The file of the catalog of roles: its number is the catalog's OID (pg_authid.h) as long as
nobody rewrites it, as VACUUM FULL does."""


def cached(binaries: Binaries) -> Path | None:
    """The folder that an earlier run initialised with these programs."""
    return cache.look(cache.user_cache(), _name(binaries))


def make(binaries: Binaries, programs: Path, data: Path, account: Account) -> None:
    """An initialised data folder at `data`, from the cache or by initdb.

    `programs` is where the account reaches the binaries' folder; data's parent belongs to this
    process and lets the account write. Raises ServerError: initdb failed, or the disk is full.
    """

    def initialise(folder: Path) -> None:
        initdb(binaries, programs, data, account)
        _copy_tree(data, folder, mode=0o755, own=None)

    try:
        entry = cached(binaries) or cache.obtain(cache.user_cache(), _name(binaries), initialise)
        if entry is None and not (data / "PG_VERSION").exists():
            initdb(binaries, programs, data, account)
        elif entry is not None and not data.exists():
            _copy_tree(entry, data, mode=0o700, own=account)
    except OSError as error:
        raise full_or_broken(data, error) from error


def initdb(binaries: Binaries, programs: Path, data: Path, account: Account) -> None:
    """The superuser cannot log in until set_password."""
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    account.for_initdb.own(data)
    nobody = data.with_name("verifier")
    nobody.write_text(NOBODY)
    nobody.chmod(0o644)
    try:
        done = subprocess.run(
            [
                programs / "initdb",
                *_arguments(binaries),
                f"--pwfile={nobody}",
                "-D",
                data,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=INITDB_DEADLINE_S,
            check=False,
            cwd=data,
            env=server_environment(os.environ),
            **account.for_initdb.spawn,
        )
    except subprocess.SubprocessError as error:
        raise ServerError("initdb", str(error)) from error
    if done.returncode != 0:
        raise ServerError(
            "initdb",
            f"{programs / 'initdb'} failed with exit status {done.returncode}",
            detail="\n".join(done.stdout.splitlines()[-20:]),
            fix=room(data) if os.strerror(errno.ENOSPC) in done.stdout else None,
        )
    nobody.unlink()
    (data / "pg_hba.conf").write_text(HBA)
    account.own_tree(data)


def set_password(data: Path, password: str) -> None:
    """The superuser's, into the folder of a server that does not run.

    There is no moment in which somebody else could log in, and it takes no time: a single-user
    session, the other way to do it before the start, takes 50 ms. NOBODY is replaced by a verifier
    of the same length in the file of pg_authid; if that were wrong, the guard could not log in.
    Raises ServerError when the file is not as initdb made it.
    """
    file = data / PG_AUTHID
    new = verifier(password, iterations=OWN_ITERATIONS)
    try:
        content = file.read_bytes()
        if content.count(NOBODY.encode()) != 1:
            raise ServerError(
                "data folder",
                f"{file} is not as initdb made it, so that the superuser cannot get a password",
                fix=f"rm -r {cache.user_cache() or 'the cache folder'}, from which it was copied",
            )
        with file.open("r+b") as opened:
            opened.write(content.replace(NOBODY.encode(), new.encode()))
    except OSError as error:
        raise full_or_broken(data, error) from error


def write_settings(data: Path, settings: Iterable[tuple[str, str]], account: Account) -> None:
    """Into postgresql.auto.conf, which wins over postgresql.conf; the last of a name wins."""
    file = data / "postgresql.auto.conf"
    lines = [f"{name} = '{_escaped(value)}'\n" for name, value in settings]
    try:
        file.write_text("".join(lines))
        file.chmod(0o600)
        account.own(file)
    except OSError as error:
        raise full_or_broken(data, error) from error


def full_or_broken(data: Path, error: OSError) -> ServerError:
    return ServerError(
        "data folder",
        f"{error.filename or data}: {error.strerror or error}",
        fix=room(data) if error.errno in {errno.ENOSPC, errno.EDQUOT} else None,
    )


def room(data: Path) -> str:
    place = data.parent.parent.parent
    return f"free at least 256 MB in {place}, or set TMPDIR to a folder with that much"


def _name(binaries: Binaries) -> str:
    return f"data-{binaries.version}-{cache.key(binaries.key, _arguments(binaries), HBA, NOBODY)}"


def _arguments(binaries: Binaries) -> tuple[str, ...]:
    return INITDB + (SINCE_18 if binaries.major >= 18 else ())  # noqa: PLR2004 - named by SINCE_18


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _copy_tree(source: Path, target: Path, *, mode: int, own: Account | None) -> None:
    """Much faster than shutil's: a thousand small files, no metadata but owner and mode."""
    owner = (own.uid, own.gid) if own is not None and own.dropped else None
    _copy_folder(str(source), str(target), mode, owner)


def _copy_folder(source: str, target: str, mode: int, owner: tuple[int, int] | None) -> None:
    if not Path(target).is_dir():
        os.mkdir(target, mode)  # noqa: PTH102 - strings are a third faster here
    if owner is not None:
        os.chown(target, *owner)
    with os.scandir(source) as entries:
        for entry in entries:
            copy = f"{target}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                _copy_folder(entry.path, copy, mode, owner)
            else:
                _copy_file(entry.path, copy, mode & 0o666, owner)


def _copy_file(source: str, target: str, mode: int, owner: tuple[int, int] | None) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            while content := os.read(reading, 1 << 20):
                os.write(writing, content)
            if owner is not None:
                os.fchown(writing, *owner)
        finally:
            os.close(writing)
    finally:
        os.close(reading)
