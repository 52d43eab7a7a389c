"""What is read as SQL, and what is refused in words."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.sqltext.files import read

if TYPE_CHECKING:
    from pathlib import Path


def refusal(path: Path) -> str:
    with pytest.raises(MigrationError) as caught:
        read(path, shown=path.name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (
            "SELECT 'é';".encode("latin1"),
            (
                "x.sql:1: this file: is not UTF-8: byte 0xe9 cannot stand here "
                "(byte 9 of the line)\n"
                "  next: if it is Latin-1: iconv -f LATIN1 -t UTF-8 x.sql"
            ),
        ),
        (
            b"\n\n\xff",
            (
                "x.sql:3: this file: is not UTF-8: byte 0xff cannot stand here "
                "(byte 1 of the line)\n"
                "  next: if it is Latin-1: iconv -f LATIN1 -t UTF-8 x.sql"
            ),
        ),
        (
            b"\xef\xbb\xbf\na\xff",
            (
                "x.sql:2: this file: is not UTF-8: byte 0xff cannot stand here "
                "(byte 2 of the line)\n"
                "  next: if it is Latin-1: iconv -f LATIN1 -t UTF-8 x.sql"
            ),
        ),
        (
            "SELECT 1".encode("utf-16"),
            (
                "x.sql: this file: is UTF-16, as its byte-order mark says, and PostgreSQL "
                "reads UTF-8\n"
                "  next: iconv -f UTF-16 -t UTF-8 x.sql"
            ),
        ),
        (
            b"SELECT 1;\n\0",
            (
                "x.sql:2: this file: holds a NUL byte, which PostgreSQL cannot read\n"
                "  next: save it as UTF-8 text"
            ),
        ),
        (
            b"PGDMP\x01\x0e",
            (
                "x.sql: this file: is a dump in pg_dump's custom format, not SQL\n"
                "  next: pg_restore --schema-only --file=x-schema.sql x.sql"
            ),
        ),
        (
            b"toc.dat\0\0",
            (
                "x.sql: this file: is a dump in pg_dump's tar format, not SQL\n"
                "  next: pg_restore --schema-only --file=x-schema.sql x.sql"
            ),
        ),
        (
            b"\x1f\x8b\x08",
            "x.sql: this file: is compressed (gzip)\n  next: gzip -dc x.sql > x-plain.sql",
        ),
        (
            b"\x28\xb5\x2f\xfd\0",
            "x.sql: this file: is compressed (zstd)\n  next: zstd -dc x.sql > x-plain.sql",
        ),
        (
            b"PK\x03\x04",
            "x.sql: this file: is compressed (zip)\n  next: unzip -p x.sql > x-plain.sql",
        ),
    ],
)
def test_other_formats_are_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes(raw)
    assert refusal(path) == words


def test_text_is_read_as_it_stands_but_for_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes("\ufeffSELECT 'é';\r\n".encode())
    assert read(path) == "SELECT 'é';\r\n"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded from outside: a FIFO would block, and /dev/zero has no end."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    code = (
        "import sys, pathlib\n"
        "from pytest_schemaguard.sqltext.files import read\n"
        "try: read(pathlib.Path(sys.argv[1]), shown=sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(tmp_path)  # the path of a socket is short
        listening.bind("socket")
        for name, what in {
            "fifo": "is a named pipe, not a file",
            "zero": "is a device, not a file",
            "folder": "is a folder, not a file",
            "socket": "is a socket, not a file",
        }.items():
            said = subprocess.check_output(
                [sys.executable, "-c", code, name], text=True, timeout=20
            )
            assert said == (
                f"MigrationError {name}: this file: {what}\n  next: name the file itself\n"
            )


def test_a_dump_in_a_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "production"
    folder.mkdir()
    (folder / "toc.dat").write_bytes(b"PGDMP")
    assert refusal(folder) == (
        "production: this file: is a dump in pg_dump's directory format, not SQL\n"
        "  next: pg_restore --schema-only --file=production-schema.sql production"
    )


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop.sql").symlink_to("loop.sql")
    (tmp_path / "broken.sql").symlink_to("nowhere")
    for name, why in {
        "gone.sql": "No such file or directory",
        "broken.sql": "No such file or directory",
        "loop.sql": "Too many levels of symbolic links",
        f"{'x' * 300}.sql": "File name too long",
    }.items():
        assert refusal(tmp_path / name) == (
            f"{name}: this file: cannot be read: {why}\n  next: check its path and rights"
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not read")
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.sql"
    path.write_text("SELECT 1;")
    path.chmod(0)
    try:
        os.seteuid(65534)
        said = refusal(path)
    finally:
        os.seteuid(0)
    assert said == (
        "x.sql: this file: cannot be read: Permission denied\n  next: check its path and rights"
    )
