"""The program `git`, in one folder: what it is asked, and why it did not answer, in words.

Nothing that it is asked writes to the repository or runs a hook, a pager, an external diff or a
fetch. What git itself runs to read or compare a file (a filter, such as git-lfs) it runs here too.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.project.programs import Program

TIMEOUT_S = 60.0
"""How long one git command may take: a file system that is gone, a filter that waits."""
KEPT = ("GIT_CONFIG", "GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
"""Beginnings of the variables that say how git works (safe.directory comes by GIT_CONFIG_COUNT in
containers), not which repository it works on, as a hook's GIT_DIR and GIT_INDEX_FILE do."""
OWN = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",  # unknown to git before 2.39.4
    "LC_ALL": "C",  # what git says is read here
}
SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.splitIndex=false",
    "diff.autoRefreshIndex=true",  # false would tell of files that were touched and not changed
)


@dataclass(frozen=True)
class Git:
    """The program git in one folder."""

    folder: Path
    config_file: str

    def run(self, *arguments: str, index: Path | None = None) -> tuple[int, str, str]:
        """The exit status, what git wrote, and what it wrote to stderr. Raises ConfigError."""
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        command = ("git", "-C", str(self.folder), *settings, *arguments)
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or name.startswith(KEPT)
        } | OWN
        if index is not None:
            variables["GIT_INDEX_FILE"] = str(index)
        try:
            with Program(command, env=variables, apart=True) as program:
                ended = program.ended(within_s=TIMEOUT_S)
                status, (out, err) = program.code, program.read()
        except OSError as error:
            raise self.wrong(
                f"git cannot be started ({error.strerror})",
                fix="install git where the tests run (slim images are without it), or leave `since`"
                " out",
            ) from error
        if status is None or not ended:
            raise self.wrong(
                f"git {arguments[0]} did not end within {TIMEOUT_S:g} s",
                fix=f"see what it waits for: {self.by_hand(arguments)}",
            )
        return status, os.fsdecode(out), err.decode(errors="backslashreplace")

    def read(self, *arguments: str, index: Path | None = None) -> str:
        """What git wrote. Raises ConfigError where it failed."""
        status, out, err = self.run(*arguments, index=index)
        if status:
            raise self.failed(arguments, err)
        return out

    def top(self) -> Path:
        """The top folder of the work tree. Raises ConfigError."""
        arguments = ("rev-parse", "--show-toplevel")
        status, out, err = self.run(*arguments)
        if "not a git repository" in err:
            raise self.wrong(
                f"{self.folder} is in no git repository",
                detail=err,
                fix="run where the repository is checked out with its .git, or leave `since` out",
            )
        if status:
            raise self.failed(arguments, err)
        top = out.removesuffix("\n")
        # What is ignored is never told as changed, so all would pass unjudged.
        if self.run("check-ignore", "--quiet", "--", ".")[0] == 0:
            raise self.wrong(
                f"the git repository {top} ignores the folder {self.folder}",
                fix="make the folder a repository of its own, or leave `since` out",
            )
        return Path(top)

    def by_hand(self, arguments: tuple[str, ...]) -> str:
        return shlex.join(("git", "-C", str(self.folder), *arguments))

    def failed(self, arguments: tuple[str, ...], err: str) -> ConfigError:
        fix = f"mend what git says, or see it again: {self.by_hand(arguments)}"
        advice = re.search(r"git config --global --add safe\.directory .+", err)
        if advice:
            fix = f"if you trust this repository: {advice[0]}"
        elif "lazy fetching disabled" in err or "promisor" in err:
            fix = f"fetch what this partial clone left out: {self.by_hand(arguments)}"
        return self.wrong(f"git {arguments[0]} failed", detail=err, fix=fix)

    def wrong(self, fact: str, *, fix: str, detail: str | None = None) -> ConfigError:
        return ConfigError("since", fact, fix=fix, detail=detail, path=self.config_file)
