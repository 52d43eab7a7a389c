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
from pytest_schemaguard.servers.provider import SUPERUSER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_schemaguard.servers.account import Account
    from pytest_schemaguard.servers.binaries import Binaries

INITDB = (
    f"--username={SUPERUSER}",
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
)
INITDB_DEADLINE_S = 120.0


def cached(binaries: Binaries) -> Path | None:
    """The folder that an earlier run initialised with these programs."""
    return cache.look(cache.user_cache(), _name(binaries))


def make(binaries: Binaries, programs: Path, data: Path, account: Account) -> None:
    """An initialised data folder at `data`, from the cache or by initdb.

    `programs` is where the account reaches the binaries' folder; data's parent belongs to this
    process and lets the account write. Raises ServerError: initdb failed, or the disk is full.
    """

    def initialise(folder: Path) -> None:
        initdb(programs, data, account)
        _copy_tree(data, folder, mode=0o755, own=None)

    try:
        entry = cached(binaries) or cache.obtain(cache.user_cache(), _name(binaries), initialise)
        if entry is None and not (data / "PG_VERSION").exists():
            initdb(programs, data, account)
        elif entry is not None and not data.exists():
            _copy_tree(entry, data, mode=0o700, own=account)
    except OSError as error:
        raise full_or_broken(data, error) from error


def initdb(programs: Path, data: Path, account: Account) -> None:
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    account.own(data)
    try:
        done = subprocess.run(
            [programs / "initdb", *INITDB, "-D", data],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=INITDB_DEADLINE_S,
            check=False,
            cwd=data,
            env=server_environment(os.environ),
            **account.spawn,
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
    return f"data-{binaries.version}-{cache.key(binaries.key, INITDB)}"


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
