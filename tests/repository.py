"""A real git repository, made by the program git and by nobody's configuration."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from pytest_schemaguard.migrations.since import changes_since

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PERSON = {
    f"GIT_{who}_{what}": said
    for who in ("AUTHOR", "COMMITTER")
    for what, said in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}
NOBODYS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
SETTINGS = ("-c", "protocol.file.allow=always", "-c", "commit.gpgSign=false")


def without_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested sees no variable of a hook and no configuration of this machine either."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in NOBODYS.items():
        monkeypatch.setenv(name, value)


class Repository:
    """A repository in a folder; its `changed` is what the tests are about."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def init(cls, folder: Path, *options: str) -> Repository:
        folder.mkdir(parents=True)
        repository = cls(folder)
        repository.git("init", "--quiet", "--initial-branch=main", *options)
        return repository

    @classmethod
    def with_feature(cls, folder: Path) -> Repository:
        """Two migrations on main, and the branch `feature` checked out."""
        repository = cls.init(folder)
        repository.commit(one="SELECT 1;\n", two="SELECT 2;\n")
        repository.git("switch", "--quiet", "--create", "feature")
        return repository

    def git(self, *arguments: str) -> str:
        plain = {name: said for name, said in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", "-C", self.folder, *SETTINGS, *arguments],
            env=plain | NOBODYS | PERSON,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def clone(self, folder: Path, *options: str) -> Repository:
        self.git("clone", "--quiet", *options, f"file://{self.folder}", str(folder))
        return Repository(folder)

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def commit(self, **files: str) -> str:
        """The id of a commit of all that is there, with these files: `one=` is one.sql."""
        for name, text in files.items():
            self.write(f"{name}.sql", text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def changed(self, ref: str = "main") -> set[str]:
        """What changes_since tells, relative to the repository."""
        told = changes_since(ref, root=self.folder, config_file="pyproject.toml").now
        return {str(path.relative_to(self.folder.resolve())) for path in told}
