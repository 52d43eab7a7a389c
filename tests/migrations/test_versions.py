"""The files that `versions` name, as migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.config import Config
from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations import versions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A project with migrations in the folders `a` and `b`."""
    for name in ("a/2_b.up.sql", "a/2_b.down.sql", "a/10_c.sql", "a/__init__.py", "b/2_b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return Config(file=tmp_path / "pyproject.toml", models=(), migrations=None)


def test_files_are_migrations_in_natural_order_without_ways_back(config: Config) -> None:
    found = versions.each(["a/*"], config)
    assert [(one.revision, config.relative(one.path)) for one in found] == [
        ("2_b", "a/2_b.up.sql"),
        ("10_c", "a/10_c.sql"),
    ]


def test_all_of_them_are_one_migration_named_by_the_newest(config: Config) -> None:
    for patterns, path in ((["a/*", "b/*"], "a/10_c.sql"), ([], "pyproject.toml")):
        one = versions.whole(patterns, config)
        assert (one.revision, config.relative(one.path)) == ("head", path)


@pytest.mark.parametrize("pattern", ["c/*.sql", "/a/*", ""])
def test_a_pattern_that_matches_nothing(config: Config, pattern: str) -> None:
    with pytest.raises(MigrationError) as error:
        versions.whole([pattern], config)
    assert str(error.value) == (
        f"pyproject.toml: migrations.versions: {pattern!r} matches no file\n"
        f'  next: name files below {config.root}, such as versions = "migrations/*.sql"'
    )


def test_two_versions_of_one_name(config: Config) -> None:
    with pytest.raises(MigrationError) as error:
        versions.each(["a/*", "b/*"], config)
    assert str(error.value) == (
        "b/2_b.py: has the name of a/2_b.up.sql, so that {version} would name both\n"
        "  next: narrow `versions` to the files of one of them"
    )


def test_a_version_without_versions(config: Config) -> None:
    with pytest.raises(MigrationError) as error:
        versions.each([], config)
    assert str(error.value) == (
        "pyproject.toml: migrations.versions: it is missing, and one run a version is configured\n"
        '  next: name the migrations\' files, such as versions = "migrations/*.sql"'
    )
