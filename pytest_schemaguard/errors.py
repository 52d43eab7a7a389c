"""What stops the guard from looking: one exception with the words a person needs at 2 a.m."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


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
