"""An exception of the project's code, in the words of a ProjectError."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.paths import is_own, relative

if TYPE_CHECKING:
    from pathlib import Path

IN_CONTEXT = "name a function in `setup` that makes the application and pushes its context"
FRAMES = 8
"""As many of the project's own frames are shown, the innermost ones."""


def words(error: BaseException, *, subject: str, root: Path) -> ProjectError:
    """The exception's last line, the project's own frames, and the innermost one's place."""
    frames: list[traceback.FrameSummary] = []
    # Where a library wraps what the project raised, the project's line is in the cause.
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and not frames and id(link) not in seen:
        seen.add(id(link))
        frames = [
            frame
            for frame in traceback.extract_tb(link.__traceback__)
            if is_own(frame.filename, root)
        ]
        link = link.__cause__ or link.__context__
    path, line = (frames[-1].filename, frames[-1].lineno) if frames else (None, None)
    if isinstance(error, SyntaxError) and error.filename and is_own(error.filename, root):
        path, line = error.filename, error.lineno
    if not frames:
        frames = list(traceback.extract_tb(error.__traceback__))[-2:]
    return ProjectError(
        subject,
        _last_line(error),
        fix=_step(error),
        detail="".join(traceback.format_list(frames[-FRAMES:])) or None,
        path=relative(path, root),
        line=line,
    )


def failure(error: BaseException, fact: str, *, subject: str, root: Path) -> ProjectError:
    """The project's own exception as a ProjectError: file, line, and the way there."""
    wrong = words(error, subject=subject, root=root)
    wrong.fact = f"{fact}: {wrong.fact}"
    if isinstance(error, ModuleNotFoundError):
        wrong.fix = f"install {error.name!r} where pytest runs, or mend the import"
    elif isinstance(error, RuntimeError) and "application context" in str(error):
        wrong.fix = IN_CONTEXT
    return wrong


def _last_line(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    lines = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()
    # A SyntaxError's last line is its message; the first one of others names the exception.
    return lines[-1] if isinstance(error, SyntaxError) else lines[0]


def _step(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "let it return: what the guard imports and calls must not end the process"
    if isinstance(error, KeyError):
        return f"if {error} is an environment variable, set it in `env`"
    if isinstance(error, OSError):
        return "the project runs without network; only the guard's own database can be reached"
    return "mend it there; the guard imports and calls it with the variables of `env`"
