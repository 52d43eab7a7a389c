"""A file's text, or in words why it is no SQL."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import MigrationError

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "is a folder, not a file",
    stat.S_IFIFO: "is a named pipe, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
    stat.S_IFCHR: "is a device, not a file",
    stat.S_IFBLK: "is a device, not a file",
}
_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gzip -dc"),
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"\xfd7zXZ\0": ("xz", "xz -dc"),
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -dc"),
    b"\x04\x22\x4d\x18": ("lz4", "lz4 -dc"),
    b"PK\x03\x04": ("zip", "unzip -p"),
}
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
TABLE_OF_CONTENTS = "toc.dat"
"""What the folder of `pg_dump --format=directory` holds, and its tar file begins with.
https://www.postgresql.org/docs/current/app-pgdump.html"""


def kind(path: Path) -> str | None:
    """What it is, where it is there and no file: "is a named pipe, not a file".

    Raises OSError where that cannot be told.
    """
    return _KINDS.get(stat.S_IFMT(path.stat().st_mode))


def read(path: Path, *, shown: str | None = None) -> str:
    """The file's text, which is UTF-8; a byte-order mark is taken off, line ends stay as they are.

    `shown` is how messages name the file. Raises MigrationError: another encoding, a NUL byte, a
    dump in pg_dump's own formats, a compressed file, what is no file or cannot be read.
    """
    name = str(path) if shown is None else shown
    raw = _bytes(path, name)
    _refuse_other_formats(raw, path, name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start + (3 if raw.startswith(b"\xef\xbb\xbf") else 0)
        column = at - raw.rfind(b"\n", 0, at)
        raise _no_text(
            f"is not UTF-8: byte 0x{raw[at]:02x} cannot stand here (byte {column} of the line)",
            name,
            line=raw.count(b"\n", 0, at) + 1,
            fix=f"if it is Latin-1: iconv -f LATIN1 -t UTF-8 {name}",
        ) from None
    nul = text.find("\0")
    if nul >= 0:
        raise _no_text(
            "holds a NUL byte, which PostgreSQL cannot read",
            name,
            line=text.count("\n", 0, nul) + 1,
            fix="save it as UTF-8 text",
        )
    return text


def _bytes(path: Path, name: str) -> bytes:
    try:
        # Whatever it is, opening does not wait for it, nor does reading go on for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            what = _KINDS.get(stat.S_IFMT(os.fstat(descriptor).st_mode))
            if what is None:
                return file.read()
    except OSError as error:
        what = _unreadable(path, error)
    fix = "name the file itself"
    if what.startswith("cannot be read"):
        fix = "check its path and rights"
    elif (path / TABLE_OF_CONTENTS).exists():
        what = "is a dump in pg_dump's directory format, not SQL"
        fix = _restored(path, name)
    raise _no_text(what, name, fix=fix)


def _unreadable(path: Path, error: OSError) -> str:
    try:
        what = kind(path)  # a folder or a socket, which cannot be opened so
    except OSError:
        what = None
    return what or f"cannot be read: {error.strerror}"


def _refuse_other_formats(raw: bytes, path: Path, name: str) -> None:
    for start, format_ in ((b"PGDMP", "custom"), (TABLE_OF_CONTENTS.encode() + b"\0", "tar")):
        if raw.startswith(start):
            fact = f"is a dump in pg_dump's {format_} format, not SQL"
            raise _no_text(fact, name, fix=_restored(path, name))
    for start, (format_, program) in _COMPRESSED.items():
        if raw.startswith(start):
            raise _no_text(
                f"is compressed ({format_})", name, fix=f"{program} {name} > {path.stem}-plain.sql"
            )
    encoding = _MARKS.get(raw[:2])
    if encoding is not None:
        raise _no_text(
            f"is {encoding}, as its byte-order mark says, and PostgreSQL reads UTF-8",
            name,
            fix=f"iconv -f {encoding} -t UTF-8 {name}",
        )


def _restored(path: Path, name: str) -> str:
    return f"pg_restore --schema-only --file={path.stem}-schema.sql {name}"


def _no_text(fact: str, name: str, *, fix: str, line: int | None = None) -> MigrationError:
    return MigrationError("this file", fact, path=name, line=line, fix=fix)
