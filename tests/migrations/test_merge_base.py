"""What is checked out of the merge base, and that nothing else is written anywhere."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_schemaguard.config import AlembicMigrations, Config, SqlMigrations
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.migrations import merge_base
from pytest_schemaguard.migrations.merge_base import export, folders_of, there
from pytest_schemaguard.migrations.since import changes_since
from tests.repository import Repository, without_configuration


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    without_configuration(monkeypatch)
    return Repository.with_feature(tmp_path / "repository")


def exported(repository: Repository, into: Path, *folders: str) -> set[str]:
    changes = changes_since("main", root=repository.folder, config_file="pyproject.toml")
    export(changes, [(repository.folder / one).resolve() for one in folders], into)
    return {str(one.relative_to(into)) for one in into.rglob("*") if not one.is_dir()}


def on_main(repository: Repository) -> None:
    """Has main hold what was written, and the branch begin there."""
    repository.commit()
    repository.git("branch", "--force", "main")


def test_the_files_are_those_of_the_merge_base(repository: Repository, tmp_path: Path) -> None:
    repository.write("one.sql", "SELECT 11;\n")
    repository.commit(three="SELECT 3;\n")
    (repository.folder / "two.sql").unlink()
    assert exported(repository, tmp_path / "into", ".") == {"one.sql", "two.sql"}
    assert (tmp_path / "into" / "one.sql").read_text() == "SELECT 1;\n"


def test_only_the_folders_asked_for_are_checked_out_each_once(
    repository: Repository, tmp_path: Path
) -> None:
    for name in ("a/b/1.sql", "a/2.sql", "c d/3.sql", "ab/4.sql", ":(glob)*/5.sql"):
        repository.write(name, "")
    on_main(repository)
    folders = ("a/b", "a", "c d", ":(glob)*", "not/there", "..")
    assert exported(repository, tmp_path / "into", *folders) == {
        *("a/b/1.sql", "a/2.sql", "c d/3.sql", ":(glob)*/5.sql"),
    }


def test_neither_the_repository_nor_its_index_is_written(
    repository: Repository, tmp_path: Path
) -> None:
    repository.write("staged.sql", "")
    repository.git("add", "staged.sql")
    repository.write("one.sql", "SELECT 11;\n")

    def state() -> dict[str, tuple[int, bytes]]:
        files = (one for one in repository.folder.rglob("*") if one.is_file())
        return {str(one): (one.stat().st_mtime_ns, one.read_bytes()) for one in files}

    before = state()
    exported(repository, tmp_path / "into", ".")
    assert state() == before


def test_a_link_of_the_commit_leads_nothing_out(repository: Repository, tmp_path: Path) -> None:
    """A commit that has a link in the place of a folder, as only git itself could have made it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    blob = repository.git("hash-object", "-w", "one.sql")
    link = subprocess.run(
        ["git", "-C", repository.folder, "hash-object", "-w", "--stdin"],
        input=str(outside), capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    inside = tree(repository, f"100644 blob {blob}\tx.sql\n")
    top = tree(repository, f"120000 blob {link}\ta\n040000 tree {inside}\ta\n")
    commit = repository.git("commit-tree", top, "-m", "both")
    repository.git("update-ref", "refs/heads/main", commit)
    repository.git("reset", "--quiet", "--soft", commit)
    with suppress(ConfigError):  # some gits refuse the commit
        exported(repository, tmp_path / "into", ".")
    assert list(outside.iterdir()) == []


def tree(repository: Repository, entries: str) -> str:
    done = subprocess.run(
        ["git", "-C", repository.folder, "mktree"],
        input=entries, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_name_that_leads_out_is_refused(repository: Repository, tmp_path: Path) -> None:
    blob = repository.git("hash-object", "-w", "one.sql")
    entry = b"100644 ../out.sql\0" + bytes.fromhex(blob)
    made = subprocess.run(
        ["git", "-C", repository.folder, "hash-object", "-t", "tree", "-w", "--literally",
         "--stdin"],
        input=entry, capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    commit = repository.git("commit-tree", made, "-m", "out")
    repository.git("update-ref", "refs/heads/main", commit)
    repository.git("reset", "--quiet", "--soft", commit)
    with pytest.raises(ConfigError):
        exported(repository, tmp_path / "into", ".")
    assert not (tmp_path / "out.sql").exists()


def test_a_submodule_is_an_empty_folder(repository: Repository, tmp_path: Path) -> None:
    other = Repository.init(tmp_path / "other")
    other.commit(one="")
    repository.git("submodule", "--quiet", "add", str(other.folder), "sub")
    on_main(repository)
    found = exported(repository, tmp_path / "into", ".")
    assert found == {".gitmodules", "one.sql", "two.sql"}
    assert list((tmp_path / "into" / "sub").iterdir()) == []


def test_what_is_too_big_is_not_checked_out(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_base, "MOST_BYTES", 1024 * 1024)
    repository.write("data/big", "x" * 1024 * 1024)
    on_main(repository)
    assert exported(repository, tmp_path / "less", "data") == {"data/big"}
    with pytest.raises(ConfigError) as caught:
        exported(repository, tmp_path / "into", ".")
    assert str(caught.value) == (
        f"pyproject.toml: since: {repository.folder} takes more than 1 MiB at the merge base\n"
        "  next: see the difference by hand"
    )
    assert not (tmp_path / "into").exists()


def test_a_sparse_checkout_is_exported_whole(repository: Repository, tmp_path: Path) -> None:
    repository.write("kept/1.sql", "")
    repository.write("left-out/2.sql", "")
    on_main(repository)
    repository.git("sparse-checkout", "set", "kept")
    assert not (repository.folder / "left-out").exists()
    assert "left-out/2.sql" in exported(repository, tmp_path / "into", ".")


def test_of_a_folder_of_sql_nothing_else_is_needed(tmp_path: Path) -> None:
    file, ini = tmp_path / "app" / "pyproject.toml", tmp_path / "db" / "alembic.ini"
    sql = Config(file=file, models=(), migrations=SqlMigrations(folder=tmp_path / "sql"))
    assert folders_of(sql) == {(tmp_path / "sql").resolve()}
    alembic = Config(file=file, models=(), migrations=AlembicMigrations(ini=ini))
    assert folders_of(alembic) == {(tmp_path / one).resolve() for one in ("app", "db")}

    def moved(path: Path) -> Path:
        return Path("/moved") / path.relative_to(tmp_path)

    then = there(sql, moved, name="then")
    assert (then.name, then.file) == ("then", Path("/moved/app/pyproject.toml"))
    assert then.migrations == SqlMigrations(folder=Path("/moved/sql"))
    assert there(alembic, moved, name="then").migrations == AlembicMigrations(
        ini=Path("/moved/db/alembic.ini")
    )
