"""Where the project's commands are: beside its interpreter, on PATH, in its folder."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from pytest_schemaguard.errors import ProjectError


def search_path() -> str:
    """The interpreter's folder has the project's commands; PATH need not name it."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def locate(name: str, *, subject: str, root: Path) -> str:
    """The program of a command. Raises ProjectError."""
    program = shutil.which(name, path=search_path())
    if program is None and (root / name).is_file():
        program = str(root / name)
    if program is None:
        raise ProjectError(
            subject,
            f"no command {name!r}",
            fix=f"install it where pytest runs ({Path(sys.executable).parent})",
        )
    return program
