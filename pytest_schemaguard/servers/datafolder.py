"""An initialised data folder: made once per version of the programs, copied for each server."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from pytest_schemaguard import cache
from pytest_schemaguard.errors import ServerError, advice
from pytest_schemaguard.servers.owner import OWNER
from pytest_schemaguard.servers.provider import SUPERUSER
from pytest_schemaguard.servers.scram import NOBODY, OWN_ITERATIONS, verifier
from pytest_schemaguard.variables import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

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


def cached(binaries: Binaries) -> bytes | None:
    """The folder that an earlier run initialised with these programs, packed."""
    return cache.get(cache.user_cache(), _name(binaries))


def make(
    binaries: Binaries,
    programs: Path,
    data: Path,
    account: Account,
    *,
    tell: Callable[[str], None],
) -> list[Path]:
    """An initialised data folder at `data`; the entry of the cache that it was made from, if any.

    `programs` is where the account reaches the binaries' folder; data's parent belongs to this
    process and lets the account write. `tell` is given what is wrong with the cache, in words.
    Raises ServerError: initdb failed, or the disk is full.
    """
    folder = cache.user_cache()
    try:
        packed = cached(binaries)
        if packed is None:
            packed = _initialised(binaries, programs, data, account, tell)
            if packed is None:
                return []
        _unpack(packed, data, account)
    except OSError as error:
        raise full_or_broken(data, error) from error
    finally:
        cache.tidy(folder)
    return [] if folder is None else [folder / _name(binaries)]


def _initialised(
    binaries: Binaries,
    programs: Path,
    data: Path,
    account: Account,
    tell: Callable[[str], None],
) -> bytes | None:
    """Initialises `data` and keeps it in the cache; or what another process kept meanwhile."""
    folder, name = cache.user_cache(), _name(binaries)
    with contextlib.ExitStack() as locks:
        is_locked = False
        if folder is not None:
            try:
                is_locked = locks.enter_context(cache.locked(folder, name))
            except OSError as error:
                tell(cache.not_kept(folder / name, error))
            else:
                packed = cache.get(folder, name)
                if packed is not None:
                    return packed
                if not is_locked:
                    tell(cache.held(folder, name))
        initdb(binaries, programs, data, account)
        if folder is not None and is_locked:
            try:
                cache.put(folder, name, _pack(data))
            except OSError as error:
                tell(cache.not_kept(folder / name, error))
    return None


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
            env=needed(os.environ),
            **account.for_initdb.spawn,
        )
    except subprocess.SubprocessError as error:
        raise ServerError("initdb", str(error)) from error
    if done.returncode != 0:
        raise ServerError(
            "initdb",
            f"{programs / 'initdb'} failed with exit status {done.returncode}",
            detail="\n".join(done.stdout.splitlines()[-20:]),
            fix=_advice(done.stdout, place_of(data)),
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
                fix="choose another `server`",
            )
        with file.open("r+b") as opened:
            opened.write(content.replace(NOBODY.encode(), new.encode()))
    except OSError as error:
        raise full_or_broken(data, error) from error


def _advice(said: str, place: Path) -> str | None:
    """The next step after the error of the system that a program names in its output."""
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EAGAIN, errno.EMFILE)
    return next((advice(code, place) for code in codes if os.strerror(code) in said), None)


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
        fix=advice(error.errno, place_of(data)),
    )


def place_of(data: Path) -> Path:
    """The folder in which the run folder lies that has this data folder."""
    return data.parent.parent.parent


def _name(binaries: Binaries) -> str:
    return f"data-{binaries.version}-{cache.key(binaries.key, _arguments(binaries), HBA, NOBODY)}"


def _arguments(binaries: Binaries) -> tuple[str, ...]:
    return INITDB + (SINCE_18 if binaries.major >= 18 else ())  # noqa: PLR2004 - named by SINCE_18


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _pack(data: Path) -> bytes:
    """The folder in one piece: each content once, without the zeros at its end.

    (A third of the bytes: the three databases of a new cluster are alike, and the WAL is empty.)
    Its header, a line of JSON, has the folders, each before what is in it, and for each file
    its path, its size, and where its content stands behind the header and how long it is.
    """
    folders: list[str] = []
    files: list[tuple[str, int, int, int]] = []
    places: dict[bytes, int] = {}
    length = 0
    for path in sorted(data.rglob("*")):
        name = str(path.relative_to(data))
        if path.is_dir():
            folders.append(name)
            continue
        whole = path.read_bytes()
        content = whole.rstrip(b"\0")
        if content not in places:
            places[content] = length
            length += len(content)
        files.append((name, len(whole), places[content], len(content)))
    header = json.dumps({"folders": folders, "files": files}).encode()
    return b"".join([header, b"\n", *places])


def _unpack(packed: bytes, data: Path, account: Account) -> None:
    """What `_pack` was given, as the account's own. Raises OSError."""
    start = packed.index(b"\n") + 1
    header, contents = json.loads(packed[:start]), memoryview(packed)[start:]
    owner = (account.uid, account.gid) if account.dropped else None
    target = str(data)  # strings are a third faster here
    for name in ("", *header["folders"]):
        os.mkdir(f"{target}/{name}", 0o700)  # noqa: PTH102
        if owner is not None:
            os.chown(f"{target}/{name}", *owner)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    for name, size, place, length in header["files"]:
        file = os.open(f"{target}/{name}", flags, 0o600)
        try:
            left = contents[place : place + length]
            while left:
                left = left[os.write(file, left) :]
            if size > length:
                os.ftruncate(file, size)
            if owner is not None:
                os.fchown(file, *owner)
        finally:
            os.close(file)
