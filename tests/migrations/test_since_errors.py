from __future__ import annotations

import os
import select
import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.migrations import git, since
from tests.repository import Repository, without_configuration

if TYPE_CHECKING:
    from pathlib import Path

ALL_BRANCHES = (
    "fetch all branches with their whole history: with actions/checkout `fetch-depth: 0`, "
    "elsewhere: git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'"
)


@pytest.fixture(autouse=True)
def _without_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    without_configuration(monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two migrations on main, and the branch `feature` checked out."""
    return Repository.with_feature(tmp_path / "repository")


def error(repository: Repository, ref: str) -> str:
    with pytest.raises(ConfigError) as caught:
        repository.changed(ref)
    return str(caught.value)


# The ref


def test_a_remotes_branch_is_suggested_for_one_that_is_not_local(
    repository: Repository, tmp_path: Path
) -> None:
    clone = repository.clone(tmp_path / "clone")
    assert error(clone, "main") == (
        f"pyproject.toml: since: 'main' is no branch, tag or commit in {clone.folder}\n"
        "  next: write origin/main (there is no local branch main)"
    )


@pytest.mark.parametrize(
    ("ref", "step"),
    [
        ("mian", "did you mean main?"),
        ("v1.00", "did you mean v1.0?"),
        ("origin/main", "did you mean main?"),
        ("other", "the refs here are feature, main, v1.0"),
        ("main..feature", "the refs here are feature, main, v1.0"),
        ("^main", "did you mean main?"),
        ("HEAD:one.sql", "the refs here are feature, main, v1.0"),
        ("0" * 40, "the refs here are feature, main, v1.0"),
    ],
)
def test_an_unknown_ref_is_answered_with_the_known_ones(
    repository: Repository, ref: str, step: str
) -> None:
    repository.git("tag", "v1.0")
    assert error(repository, ref) == (
        f"pyproject.toml: since: '{ref}' is no branch, tag or commit in {repository.folder}\n"
        f"  next: {step}"
    )


def test_of_many_refs_the_first_are_named(repository: Repository) -> None:
    for number in range(9):
        repository.git("tag", f"v{number}")
    assert error(repository, "other").endswith(
        "next: the refs here are feature, main, v0, v1, v2, v3, v4, v5 and 3 more"
    )


def test_a_branch_that_was_not_fetched_is_told_how_to_be(
    repository: Repository, tmp_path: Path
) -> None:
    clone = repository.clone(tmp_path / "clone", "--single-branch")
    assert error(clone, "origin/main") == (
        f"pyproject.toml: since: 'origin/main' is no branch, tag or commit in {clone.folder}\n"
        "  next: git fetch origin +refs/heads/main:refs/remotes/origin/main; "
        "the refs here are feature, origin/HEAD, origin/feature"
    )
    clone.git("fetch", "--quiet", "origin", "+refs/heads/main:refs/remotes/origin/main")
    assert clone.changed("origin/main") == set()


def test_what_git_says_of_a_ref_is_passed_on(repository: Repository) -> None:
    assert error(repository, "@{upstream}") == (
        f"pyproject.toml: since: '@{{upstream}}' is no branch, tag or commit in {repository.folder}"
        "\n    fatal: no upstream configured for branch 'feature'\n"
        "  next: the refs here are feature, main"
    )


def test_a_name_of_several_refs_is_not_guessed_at(repository: Repository) -> None:
    repository.commit(three="")
    repository.git("tag", "main")
    assert error(repository, "main") == (
        f"pyproject.toml: since: 'main' is ambiguous in {repository.folder}: "
        "several branches, tags or commits are so named\n"
        "  next: name the one in full, such as refs/heads/main or refs/remotes/main"
    )
    assert repository.changed("refs/heads/main") == {"three.sql"}


@pytest.mark.parametrize("ref", ["", " ", "-x", "--output=written", "main\0"])
def test_what_can_be_no_ref_is_not_given_to_git(repository: Repository, ref: str) -> None:
    assert error(repository, ref) == (
        f"pyproject.toml: since: {ref!r} is no git ref\n"
        "  next: name a branch, a tag or a commit, such as origin/main"
    )


# The history


def test_a_shallow_clone_without_the_ref(repository: Repository, tmp_path: Path) -> None:
    clone = repository.clone(tmp_path / "clone", "--depth=1")
    assert error(clone, "origin/main") == (
        "pyproject.toml: since: 'origin/main' is no branch, tag or commit in the shallow clone "
        f"{clone.folder}\n"
        f"  next: {ALL_BRANCHES}; the refs here are feature, origin/HEAD, origin/feature"
    )


def test_a_shallow_clone_without_the_merge_base(repository: Repository, tmp_path: Path) -> None:
    repository.commit(three="")
    repository.git("switch", "--quiet", "main")
    repository.commit(of_main="")
    repository.git("switch", "--quiet", "feature")
    clone = repository.clone(tmp_path / "clone", "--depth=1", "--no-single-branch")
    assert error(clone, "origin/main") == (
        f"pyproject.toml: since: the shallow clone {clone.folder} does not reach back to where "
        f"HEAD left 'origin/main'\n  next: {ALL_BRANCHES}"
    )
    clone.git("fetch", "--quiet", "--unshallow", "origin", "+refs/heads/*:refs/remotes/origin/*")
    assert clone.changed("origin/main") == {"three.sql"}


def test_a_shallow_clone_that_reaches_far_enough_will_do(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("switch", "--quiet", "main")
    repository.commit(of_main="")
    repository.git("switch", "--quiet", "--create", "later")
    repository.commit(three="")
    clone = repository.clone(tmp_path / "clone", "--depth=2")
    assert clone.changed("HEAD^1") == {"three.sql"}


def test_a_partial_clone_without_the_bases_files(repository: Repository, tmp_path: Path) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    base = repository.commit(three="")
    repository.git("switch", "--quiet", "--create", "later")
    repository.commit(three="SELECT 3;\n")
    blobless = repository.clone(tmp_path / "blobless", "--filter=blob:none")
    assert blobless.changed("origin/feature") == {"three.sql"}
    treeless = repository.clone(tmp_path / "treeless", "--filter=tree:0")
    told = error(treeless, "origin/feature")
    assert told.startswith("pyproject.toml: since: git diff failed\n    ")
    fix = f"next: fetch what this partial clone left out: git -C {treeless.folder} diff --raw "
    assert fix in told
    assert base in told
    treeless.git("diff", "--raw", base)
    assert treeless.changed("origin/feature") == {"three.sql"}


def test_no_common_history(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--orphan", "apart")
    repository.commit(three="")
    assert error(repository, "main") == (
        f"pyproject.toml: since: 'main' and HEAD have no commit in common in {repository.folder}\n"
        "  next: name the branch that HEAD was begun from"
    )


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    empty = Repository.init(tmp_path / "empty")
    assert error(empty, "main") == (
        f"pyproject.toml: since: 'main' is no branch, tag or commit in {empty.folder}\n"
        "  next: commit first, or leave `since` out"
    )


def test_a_branch_without_a_commit(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--orphan", "unborn")
    assert error(repository, "main") == (
        f"pyproject.toml: since: HEAD of {repository.folder} has no commit yet\n"
        "  next: commit first: what changed since 'main' is told from HEAD's history"
    )


# The repository


def test_a_folder_in_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LANGUAGE", "bg")  # git speaks it where its translations are installed
    assert error(Repository(tmp_path), "main") == (
        f"pyproject.toml: since: {tmp_path} is in no git repository\n"
        "    fatal: not a git repository (or any of the parent directories): .git\n"
        "  next: run where the repository is checked out with its .git, or leave `since` out"
    )


def test_a_folder_that_the_repository_ignores(repository: Repository) -> None:
    """All in it would be told as unchanged."""
    repository.write(".gitignore", "projects\n")
    folder = repository.write("projects/mine/three.sql", "").parent
    assert error(Repository(folder), "main") == (
        f"pyproject.toml: since: the git repository {repository.folder} ignores the folder {folder}"
        "\n  next: make the folder a repository of its own, or leave `since` out"
    )
    repository.git("add", "--force", "projects/mine/three.sql")
    told = since.changes_since("main", root=folder, config_file="pyproject.toml").now
    assert {path.name for path in told} == {".gitignore", "three.sql"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_owner(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["chown", "-R", "65534", repository.folder], check=True)
    advice = f"git config --global --add safe.directory {repository.folder}"
    assert error(repository, "main") == (
        "pyproject.toml: since: git rev-parse failed\n"
        f"    fatal: detected dubious ownership in repository at '{repository.folder}'\n"
        "    To add an exception for this directory, call:\n"
        "    \n"
        f"    \t{advice}\n"
        f"  next: if you trust this repository: {advice}"
    )
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(repository.folder))
    assert repository.changed() == set()


def test_a_repository_that_git_cannot_read(repository: Repository) -> None:
    (repository.folder / ".git" / "index").write_bytes(b"nonsense")
    told = error(repository, "main")
    assert told.startswith("pyproject.toml: since: git ls-files failed\n    ")
    assert "index file smaller than expected\n" in told
    assert told.endswith(
        "\n  next: mend what git says, or see it again: "
        f"git -C {repository.folder} ls-files -z --others --exclude-standard"
    )


def test_a_history_with_a_hole(repository: Repository) -> None:
    base = repository.git("rev-parse", "main")
    repository.commit(three="")
    repository.git("switch", "--quiet", "--create", "other", "main")
    repository.commit(four="")
    (repository.folder / ".git" / "objects" / base[:2] / base[2:]).unlink()
    told = error(repository, "feature")
    assert told.startswith("pyproject.toml: since: git merge-base failed\n    ")
    assert base in told


# The program


def test_without_git(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert error(repository, "main") == (
        "pyproject.toml: since: git cannot be started (No such file or directory)\n"
        "  next: install git where the tests run (slim images are without it), or leave `since` out"
    )


def test_git_that_does_not_end_is_ended_with_all_that_it_started(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clean filter, which git runs to compare a file, opens this pipe and waits."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    repository.git("config", "filter.slow.clean", f"exec sleep 60 >'{pipe}'")
    repository.write(".gitattributes", "*.sql filter=slow\n")
    repository.write("one.sql", "SELECT 7;\n")
    monkeypatch.setattr(git, "TIMEOUT_S", 1.0)
    told = error(repository, "main")
    assert told.startswith(
        "pyproject.toml: since: git diff did not end within 1 s\n"
        f"  next: see what it waits for: git -C {repository.folder} diff --raw "
    )
    assert select.select([reader], [], [], 10)[0] == [reader]
    assert os.read(reader, 1) == b""  # its last writer is gone
    os.close(reader)
