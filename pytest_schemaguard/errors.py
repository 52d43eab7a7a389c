"""What stops the guard from looking: one exception with the words a person needs at 2 a.m."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def advice(code: int | None, place: Path) -> str | None:
    """The next step after an error of the system with this errno, met in or below `place`."""
    if code in {errno.ENOSPC, errno.EDQUOT}:
        return f"free at least 256 MB in {place}, or set TMPDIR to a folder with that much"
    if code == errno.EAGAIN:
        return (
            "the system starts no more processes or threads of this user: end some, or raise "
            "`ulimit -u` (of a container: its pids limit)"
        )
    if code == errno.ENOMEM:
        return "the system has no memory left: end other processes, or add memory"
    if code in {errno.EMFILE, errno.ENFILE}:
        return "raise `ulimit -n`, the number of files that a process may have open"
    if code in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR}:
        return "set TMPDIR to a folder that can be written and has 256 MB free"
    return None


class GuardError(Exception):
    """The guard could not look.

    It reads `path:line: subject: fact`, then the detail (a log's tail, a statement) indented, then
    `next: ` and the next step. A check that meets one is `unproven`, which fails.
    """

    def __init__(
        self,
        subject: str,
        fact: str,
        *,
        fix: str | None = None,
        detail: str | None = None,
        path: str | Path | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(subject, fact)
        self.subject = subject
        self.fact = fact
        self.fix = fix
        self.detail = detail
        self.path = None if path is None else str(path)
        self.line = line

    def fields(self) -> dict[str, Any]:
        """What another process makes it anew of."""
        names = ("subject", "fact", "fix", "detail", "path", "line")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        where = (
            ""
            if self.path is None
            else f"{self.path}:{self.line}: "
            if self.line
            else f"{self.path}: "
        )
        lines = [f"{where}{self.subject}: {self.fact}"]
        if self.detail:
            lines += [f"    {line}" for line in self.detail.rstrip().splitlines()]
        if self.fix:
            lines.append(f"  next: {self.fix}")
        return "\n".join(lines)


class ConfigError(GuardError):
    """`[tool.schema-guard]` or an option is wrong: pytest's usage error, before anything starts."""


class ServerError(GuardError):
    """No throwaway server, or it went away."""


class MigrationError(GuardError):
    """The migrations' folder, a file of it, or the baseline cannot be used."""


class ProjectError(GuardError):
    """The project's side (models, application) failed in its child process."""
