"""What a project was at the merge base: its files, and its configuration there."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_schemaguard.config import AlembicMigrations, SqlMigrations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.since import Changes

MOST_BYTES = 64 * 1024 * 1024
"""How much is checked out: the run's folder may lie in memory, beside the server's."""


def export(changes: Changes, folders: Iterable[Path], into: Path) -> None:
    """Writes these folders, as the merge base has them, below the folder `into`.

    `folders` are real; one that is not of the repository, or that the merge base has not, is left
    out. Git checks out the files by an index of its own: neither the repository nor its index is
    written, and no name and no link of the commit leads out of `into`. A submodule is an empty
    folder. Raises ConfigError.
    """
    git = changes.git
    names = {
        one.relative_to(git.folder).as_posix() for one in folders if one.is_relative_to(git.folder)
    }
    apart = sorted(one for one in names if names.isdisjoint(_above(one)))
    with tempfile.TemporaryDirectory(prefix="schema-guard-") as folder:
        index = Path(folder) / "index"
        for name in apart:
            tree = f"{changes.base}:{'' if name == '.' else name}"
            if git.run("cat-file", "-e", tree)[0]:
                continue
            listed = git.read("ls-tree", "-r", "-l", "-z", tree).split("\0")[:-1]
            # `100644 blob <id> <size>`, a tab and the path, for each
            sizes = [one.split("\t", 1)[0].split()[3] for one in listed]
            if sum(int(one) for one in sizes if one.isdecimal()) > MOST_BYTES:
                raise git.wrong(
                    f"{git.folder / name} takes more than {MOST_BYTES >> 20} MiB at the merge base",
                    fix="see the difference by hand",
                )
            prefix = () if name == "." else (f"--prefix={name}/",)
            git.read("read-tree", *prefix, tree, index=index)
        if index.exists():
            git.read("checkout-index", "--all", f"--prefix={into}/", index=index)


def _above(name: str) -> set[str]:
    return {parent.as_posix() for parent in PurePosixPath(name).parents}


def folders_of(config: Config) -> set[Path]:
    """The real folders that a run of the configuration's migrations needs."""
    found = {config.root}
    if isinstance(config.migrations, SqlMigrations):
        found = {config.migrations.folder}  # nothing of the project's runs besides
    if isinstance(config.migrations, AlembicMigrations) and config.migrations.ini is not None:
        found.add(config.migrations.ini.parent)
    return {one.resolve() for one in found}


def there(config: Config, moved: Callable[[Path], Path], *, name: str) -> Config:
    """The configuration on the files that `moved` tells the place of; `name` is its own.

    What is there before the migrations stays what it is now, without rows: only catalogs are
    compared.
    """
    migrations = config.migrations
    if isinstance(migrations, SqlMigrations):
        migrations = replace(migrations, folder=moved(migrations.folder))
    if isinstance(migrations, AlembicMigrations) and migrations.ini is not None:
        migrations = replace(migrations, ini=moved(migrations.ini))
    return replace(
        config,
        file=moved(config.file),
        migrations=migrations,
        name=name,
        since=None,
        seed=(),
        rows=0,
    )
