"""Long steps say what they are doing, on a terminal and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

SLOW = "CREATE TABLE slow ();\nSELECT pg_sleep(2.5);\n"
WORDS = "schema-guard: applying migrations/0001_max_reports.sql ... 1 s"


def test_a_slow_migration_is_told_on_a_terminal(project: Project) -> None:
    project.write("migrations/0001_max_reports.sql", SLOW)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "--schema-guard", "-k", "applies"],
        cwd=project.root,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux: nobody holds the other end any more
                break
            if not read:
                break
            shown += read
        assert process.wait(30) == 0, shown.decode()
    os.close(ours)
    assert WORDS in shown.decode()


def test_nothing_of_it_is_written_into_a_file(project: Project) -> None:
    project.write("migrations/0001_max_reports.sql", SLOW)
    result = project.guard("-k", "applies")
    assert result.ret == 0
    assert "schema-guard: applying" not in result.stdout.str()
