"""What became of the merge base's migrations, by real commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.migrations.migration import Migration, Script
from pytest_schemaguard.migrations.released import touched
from pytest_schemaguard.migrations.since import changes_since
from tests.repository import Repository, without_configuration

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "migrations"
DOWN = "\n\ndef downgrade():\n    {}\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Migrations of both kinds on main, and the branch `feature` checked out."""
    without_configuration(monkeypatch)
    repository = Repository.init(tmp_path / "repository")
    for number in "123":
        repository.write(f"{FOLDER}/{number}.sql", f"SELECT {number};\n")
        repository.write(f"{FOLDER}/{number}.down.sql", f"SELECT -{number};\n")
        repository.write(f"versions/r{number}.py", revision(f"r{number}"))
    repository.commit()
    repository.git("switch", "--quiet", "--create", "feature")
    return repository


def revision(name: str, up: str = "pass", down: str = "pass") -> str:
    return f"revision = {name!r}\n\n\ndef upgrade():\n    {up}{DOWN.format(down)}"


def by_name(repository: Repository) -> list[tuple[str, str, str | None]]:
    files: dict[Path, Migration] = {}
    for path in sorted((repository.folder / FOLDER).glob("*.sql")):
        if not path.stem.endswith(".down"):
            down = path.with_suffix(".down.sql")
            one = Migration(
                revision=path.stem,
                up=Script(path=path),
                down=Script(path=down) if down.exists() else None,
            )
            files |= {each.resolve(): one for each in one.files}
    return told(repository, files, by_id=False)


def by_id(repository: Repository) -> list[tuple[str, str, str | None]]:
    files = {}
    for path in sorted((repository.folder / "versions").rglob("*.py")):
        name = path.read_text().split("'")[1]
        files[path.resolve()] = Migration(revision=name, up=Script(path=path))
    return told(repository, files, by_id=True)


def told(
    repository: Repository, files: dict[Path, Migration], *, by_id: bool
) -> list[tuple[str, str, str | None]]:
    changes = changes_since("main", root=repository.folder, config_file="pyproject.toml")
    folders = {path.parent for path in files} | {repository.folder.resolve() / FOLDER}
    found = touched(files, changes, folders=folders, by_id=by_id)
    for one in found:
        assert (one.migration is None) == (one.file is None)
    return sorted(
        (one.how.value, one.was.path.name, one.file.name if one.file else None) for one in found
    )


def test_what_nobody_touched_is_not_told(repository: Repository) -> None:
    repository.write(f"{FOLDER}/4.sql", "SELECT 4;")
    repository.write("versions/r4.py", revision("r4"))
    repository.write("app.py", "")
    assert by_name(repository) == by_id(repository) == []


def test_edits_are_told_committed_or_not(repository: Repository) -> None:
    repository.write(f"{FOLDER}/1.sql", "SELECT 11;")
    repository.write("versions/r1.py", revision("r1", "x()"))
    repository.commit()
    repository.write(f"{FOLDER}/2.sql", "SELECT 22;")
    repository.write("versions/r2.py", revision("r2", "x()"))
    assert by_name(repository) == [("edited", "1.sql", "1.sql"), ("edited", "2.sql", "2.sql")]
    assert by_id(repository) == [("edited", "r1.py", "r1.py"), ("edited", "r2.py", "r2.py")]


def test_the_text_that_it_was_is_that_of_a_checkout(repository: Repository) -> None:
    repository.write(".gitattributes", "*.sql text eol=crlf\n")
    repository.write(f"{FOLDER}/1.sql", "SELECT 11;")
    changes = changes_since("main", root=repository.folder, config_file="pyproject.toml")
    (was,) = (one for one in changes.was if one.path.name == "1.sql")
    assert was.text == b"SELECT 1;\r\n"


def test_comments_and_a_downgrade_are_told_apart(repository: Repository) -> None:
    repository.write(f"{FOLDER}/1.sql", "-- one\nselect 1 ;")
    repository.write(f"{FOLDER}/2.down.sql", "SELECT -22;")
    repository.write(f"{FOLDER}/3.down.sql", "-- three\nSELECT -3;")
    repository.write("versions/r1.py", "# one\n" + revision("r1"))
    repository.write("versions/r2.py", revision("r2", down="x()"))
    assert by_name(repository) == [
        ("comments", "1.sql", "1.sql"),
        ("comments", "3.down.sql", "3.down.sql"),
        ("downgrade", "2.down.sql", "2.down.sql"),
    ]
    assert by_id(repository) == [("comments", "r1.py", "r1.py"), ("downgrade", "r2.py", "r2.py")]


def test_deleted_ones_are_told_and_a_downgrade_of_sql_alone_is_not(repository: Repository) -> None:
    (repository.folder / FOLDER / "1.sql").unlink()
    (repository.folder / FOLDER / "1.down.sql").unlink()
    (repository.folder / FOLDER / "2.down.sql").unlink()
    (repository.folder / "versions" / "r1.py").unlink()
    repository.commit()
    assert by_name(repository) == [("deleted", "1.sql", None)]
    assert by_id(repository) == [("deleted", "r1.py", None)]


def test_all_of_a_folder_may_be_deleted(repository: Repository) -> None:
    repository.git("rm", "-r", "--quiet", FOLDER)
    assert by_name(repository) == [("deleted", f"{one}.sql", None) for one in "123"]


def test_a_renamed_file_is_told_where_its_name_is_known(repository: Repository) -> None:
    repository.git("mv", f"{FOLDER}/3.sql", f"{FOLDER}/5.sql")
    repository.git("mv", "versions/r3.py", "versions/third.py")
    assert by_name(repository) == [("renamed", "3.sql", "5.sql")]
    assert by_id(repository) == [("moved", "r3.py", "third.py")]


def test_a_renamed_file_that_does_something_else_is_no_more(repository: Repository) -> None:
    repository.git("mv", f"{FOLDER}/3.sql", f"{FOLDER}/5.sql")
    repository.write(f"{FOLDER}/5.sql", "SELECT 5;")
    repository.git("mv", "versions/r3.py", "versions/third.py")
    repository.write("versions/third.py", revision("r3", "x()"))
    assert by_name(repository) == [("deleted", "3.sql", None)]
    assert by_id(repository) == [("edited", "r3.py", "third.py")]


def test_a_file_that_was_there_before_is_no_other_name_of_one(repository: Repository) -> None:
    repository.git("switch", "--quiet", "main")
    repository.write(f"{FOLDER}/9.sql", "SELECT 1;")
    repository.commit()
    repository.git("switch", "--quiet", "--force-create", "feature")
    (repository.folder / FOLDER / "1.sql").unlink()
    assert by_name(repository) == [("deleted", "1.sql", None)]


def test_a_folder_that_moved_is_found_by_its_files_names(repository: Repository) -> None:
    repository.git("mv", "versions", "before")
    (repository.folder / "versions").mkdir()
    repository.git("mv", "before", "versions/below")
    assert by_id(repository) == [("moved", f"r{one}.py", f"r{one}.py") for one in "123"]


def test_a_revision_that_gets_another_id_is_no_more(repository: Repository) -> None:
    repository.write("versions/r1.py", revision("other"))
    assert by_id(repository) == [("deleted", "r1.py", None)]


def test_two_revisions_that_change_their_files_are_what_they_were(repository: Repository) -> None:
    repository.write("versions/r1.py", revision("r2"))
    repository.write("versions/r2.py", revision("r1"))
    assert by_id(repository) == [("moved", "r1.py", "r2.py"), ("moved", "r2.py", "r1.py")]


def test_what_is_new_on_the_branch_may_change_and_go(repository: Repository) -> None:
    repository.write(f"{FOLDER}/4.sql", "SELECT 4;")
    repository.write(f"{FOLDER}/5.sql", "SELECT 5;")
    repository.commit()
    repository.write(f"{FOLDER}/4.sql", "SELECT 44;")
    (repository.folder / FOLDER / "5.sql").unlink()
    repository.commit()
    assert by_name(repository) == []


def test_what_the_branch_has_from_main_is_not_its_own_edit(repository: Repository) -> None:
    """Merges in both directions leave two merge bases, of which one has the edit."""
    repository.commit(other="")
    repository.git("switch", "--quiet", "main")
    repository.write(f"{FOLDER}/1.sql", "SELECT 11;")
    edit = repository.commit()
    repository.git("merge", "--quiet", "--no-edit", "feature")
    repository.git("switch", "--quiet", "feature")
    repository.git("merge", "--quiet", "--no-edit", edit)
    assert len(repository.git("merge-base", "--all", "main", "feature").split()) == 2
    assert by_name(repository) == []
    repository.write(f"{FOLDER}/1.sql", "SELECT 1;")  # as the other base has it
    assert by_name(repository) == [("edited", "1.sql", "1.sql")]


def test_other_files_of_the_commit_are_not_looked_into(repository: Repository) -> None:
    repository.git("switch", "--quiet", "main")
    repository.write("elsewhere/9.sql", "SELECT 9;")
    repository.write(f"{FOLDER}/notes.txt", "")
    repository.commit()
    repository.git("switch", "--quiet", "--force-create", "feature")
    (repository.folder / "elsewhere" / "9.sql").unlink()
    (repository.folder / FOLDER / "notes.txt").unlink()
    assert by_name(repository) == []
