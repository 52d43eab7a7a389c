"""The migrations of a command or a function, as its `versions` name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.migration import Migration, Script
from pytest_schemaguard.migrations.styles.plain import order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_schemaguard.config import Config

HEAD = "head"
"""The revision of all migrations, where one run applies them all."""


def files(patterns: Sequence[str], config: Config) -> tuple[Path, ...]:
    """The files in natural order, without downgrades (`x.down.sql`) and `__init__.py`.

    Raises MigrationError for a pattern that matches none.
    """
    found: set[Path] = set()
    for pattern in patterns:
        try:
            matched = {path for path in config.root.glob(pattern) if _is_migration(path)}
        except (NotImplementedError, ValueError):
            matched = set()
        if not matched:
            raise MigrationError(
                "migrations.versions",
                f"{pattern!r} matches no file",
                fix=f'name files below {config.root}, such as versions = "migrations/*.sql"',
                path=config.relative(config.file),
            )
        found |= matched
    return tuple(sorted(found, key=lambda path: (order(_name(path)), str(path))))


def each(patterns: Sequence[str], config: Config) -> tuple[Migration, ...]:
    """Each file a migration, named by its stem. Raises MigrationError: none, or two of one name."""
    by_name: dict[str, Migration] = {}
    for path in files(patterns, config):
        name = _name(path)
        if name in by_name:
            raise MigrationError(
                config.relative(path),
                f"has the name of {config.relative(by_name[name].path)}, so that {{version}} would "
                "name both",
                fix="narrow `versions` to the files of one of them",
            )
        by_name[name] = Migration(revision=name, up=Script(path=path))
    if not by_name:
        raise MigrationError(
            "migrations.versions",
            "it is missing, and one run a version is configured",
            fix='name the migrations\' files, such as versions = "migrations/*.sql"',
            path=config.relative(config.file),
        )
    return tuple(by_name.values())


def whole(patterns: Sequence[str], config: Config) -> Migration:
    """All of them as one migration: by the newest's path, or by the configuration's.

    Raises MigrationError.
    """
    found = files(patterns, config)
    path = found[-1] if found else config.file
    return Migration(revision=HEAD, up=Script(path=path), others=found[:-1])


def _is_migration(path: Path) -> bool:
    hidden = path.name.startswith((".", "__"))
    return path.is_file() and not hidden and not path.stem.lower().endswith(".down")


def _name(path: Path) -> str:
    return path.stem.removesuffix(".up")
