from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.project.output import KEPT_BYTES, MOST_BYTES, bounded

if TYPE_CHECKING:
    from pathlib import Path

PRINTING = """
import sys
sys.stdout.write("first\\n")
for number in range(200):
    sys.stdout.write(f"{number:7}" * 150_000 + "\\n")
sys.stdout.write("last\\n")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="makes holes in files")
def test_200_mb_take_little_of_the_disk_and_begin_and_end_as_they_were(tmp_path: Path) -> None:
    path, most = tmp_path / "output", 0
    with path.open("wb+") as file, bounded(file.fileno()):
        with subprocess.Popen(
            [sys.executable, "-c", PRINTING], stdout=file, stderr=file
        ) as process:
            while process.poll() is None:
                most = max(most, path.stat().st_blocks * 512)
                time.sleep(0.01)
        deadline = time.monotonic() + 10
        while path.stat().st_blocks * 512 > MOST_BYTES + 4 * KEPT_BYTES:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        size = path.stat().st_size
        assert size == 200 * (7 * 150_000 + 1) + len("first\nlast\n")
        first = os.pread(file.fileno(), KEPT_BYTES, 0)
        last = os.pread(file.fileno(), KEPT_BYTES, size - KEPT_BYTES)
    whole = "".join(f"{number:7}" * 150_000 + "\n" for number in (0, 199)).encode()
    assert first == (b"first\n" + whole)[:KEPT_BYTES]
    assert last == (whole + b"last\n")[-KEPT_BYTES:]


def test_what_is_short_is_whole(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb+") as file, bounded(file.fileno()):
        file.write(b"x" * MOST_BYTES)
        file.flush()
        time.sleep(0.3)
    assert (tmp_path / "output").read_bytes() == b"x" * MOST_BYTES
