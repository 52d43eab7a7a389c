"""Which migration `baseline.at` names, and what is pending and judged for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.config import Baseline, Config, SqlMigrations
from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations import source_of
from pytest_schemaguard.migrations.judging import Judging, named
from pytest_schemaguard.migrations.source import Reach
from pytest_schemaguard.progress import Progress
from tests.guarded import processes

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("0001_init", "0002_users", "0003_orders")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.up.sql").write_text("SELECT 1;")
        (folder / f"{name}.down.sql").write_text("SELECT 1;")
    return folder


def judging(folder: Path, baseline: Baseline) -> Judging:
    config = Config(
        file=folder.parent / "pyproject.toml",
        models=(),
        migrations=SqlMigrations(folder=folder),
        baseline=baseline,
    )

    def unused(*_: Any, **__: Any) -> Any:
        raise AssertionError

    reach = Reach(
        config=config,
        databases=unused,
        processes=processes(config, databases=unused, wire=unused),
        once=unused,
        progress=Progress(),
    )
    return Judging(config, source_of(reach), since=None)


@pytest.mark.parametrize(
    "at", ["0002_users", "0002_users.up.sql", "0002_users.up", "migrations/0002_users.up.sql"]
)
def test_what_follows_at_is_pending_and_judged(folder: Path, at: str) -> None:
    found = judging(folder, Baseline(at=at))
    assert [one.revision for one in found.contained] == ["0001_init", "0002_users"]
    assert [one.revision for one in found.pending] == ["0003_orders"]
    assert found.judged == found.pending
    assert found.because == f"after the baseline at {at}"


def test_without_a_baseline_all_are_pending_and_the_newest_is_judged(folder: Path) -> None:
    found = judging(folder, Baseline())
    assert found.contained == ()
    assert [one.revision for one in found.pending] == list(NAMES)
    assert [one.revision for one in found.judged] == ["0003_orders"]
    assert found.because == "the newest, since no `baseline` is configured"


def test_with_a_schema_all_are_judged(folder: Path) -> None:
    found = judging(folder, Baseline(schema=folder.parent / "production.sql"))
    assert [one.revision for one in found.judged] == list(NAMES)
    assert found.because == "after the baseline production.sql"


def test_where_nothing_follows_at_nothing_is_judged(folder: Path) -> None:
    for baseline in (
        Baseline(at="0003_orders"),
        Baseline(schema=folder.parent / "production.sql", at="0003_orders"),
    ):
        found = judging(folder, baseline)
        assert len(found.contained) == len(NAMES)
        assert (found.pending, found.judged) == ((), ())
        assert found.because == "none comes after the baseline at 0003_orders"


def test_with_a_schema_what_it_contains_is_not_read(folder: Path) -> None:
    (folder / "0001_init.up.sql").write_bytes(b"\xff\xfe \\if :unknown")
    (folder / "0001_init.down.sql").unlink()
    (folder / "0001_init.down.sql").symlink_to("gone")
    (folder / "0001_more.sql").write_text("-- +goose Up")
    (folder / "0002_users.up.sql").write_text("-- +goose Up")
    found = judging(folder, Baseline(schema=folder.parent / "production.sql", at="0002_users"))
    assert [one.up.sql for one in found.migrations] == [None, None, None, "SELECT 1;"]
    assert [one.revision for one in found.judged] == ["0003_orders"]
    with pytest.raises(MigrationError, match="0001_"):  # without the schema they run
        _ = judging(folder, Baseline(at="0002_users")).judged


def test_two_of_one_version_after_the_baseline_are_refused(folder: Path) -> None:
    baseline = Baseline(schema=folder.parent / "production.sql", at="0002_users")
    (folder / "0002_zebras.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationError) as caught:
        _ = judging(folder, baseline).judged
    assert str(caught.value) == (
        "migrations/0002_zebras.sql: is the same version number as 0002_users.up.sql\n"
        "  next: keep one of the two, or give each a version of its own"
    )


def test_with_a_schema_there_need_be_no_migration(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "README.md").write_text("all in production.sql")
    for at in None, "0003_orders":
        found = judging(folder, Baseline(schema=folder.parent / "production.sql", at=at))
        assert (found.migrations, found.contained, found.judged) == ((), (), ())
        assert found.because == "there is none in migrations"
    with pytest.raises(MigrationError, match="no migration files"):
        _ = judging(folder, Baseline()).judged
    (folder / "old").mkdir()
    (folder / "old" / "1.SQL").write_text("")
    with pytest.raises(MigrationError, match="sub-folders"):
        _ = judging(folder, Baseline(schema=folder.parent / "production.sql")).judged


def test_a_migration_that_is_not_there_lists_the_nearest_names(folder: Path) -> None:
    every = judging(folder, Baseline()).migrations
    file = folder.parent / "pyproject.toml"
    with pytest.raises(MigrationError) as caught:
        named(every, "0002_user", file=file)
    assert str(caught.value).startswith(
        "pyproject.toml: baseline: no migration is called '0002_user', which `at` names\n"
        "  next: name the last one that production has: 0002_users.up.sql"
    )
    with pytest.raises(MigrationError) as caught:
        named(every, "zzz", file=file)
    assert "0001_init.up.sql, 0002_users.up.sql, 0003_orders.up.sql" in str(caught.value)
