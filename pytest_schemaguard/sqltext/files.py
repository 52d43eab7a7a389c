"""A file's text, or in words why it is no SQL."""

from __future__ import annotations

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


def why_no_file(path: Path, name: str) -> tuple[str, str] | None:
    """What is wrong where no file can be read there, and the next step; None: it can be.

    `name` is how people call it. A pipe or a device is not waited for, nor read without an end.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
            return None
    except OSError as error:
        return f"cannot be read: {error.strerror}", "check its path and rights"
    if (path / TABLE_OF_CONTENTS).exists():
        return "is a dump in pg_dump's directory format, not SQL", _restored(path, name)
    return _KINDS.get(stat.S_IFMT(mode), "is no file"), "name the file itself"


def read(path: Path, *, shown: str | None = None) -> str:
    """The file's text, which is UTF-8; a byte-order mark is taken off, line ends stay as they are.

    `shown` is how messages name the file. Raises MigrationError: another encoding, a NUL byte, a
    dump in pg_dump's own formats, a compressed file, what is no file or cannot be read.
    """
    name = str(path) if shown is None else shown
    if why := why_no_file(path, name):
        raise _no_text(why[0], name, fix=why[1])
    raw = path.read_bytes()
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


def shown(path: Path, root: Path | None) -> str:
    """The path as people read it: relative to `root` where it is inside."""
    if root is not None and path.is_relative_to(root):
        return str(path.relative_to(root))
    return str(path)
