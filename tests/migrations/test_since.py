from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_schemaguard.migrations.since import changes_since
from tests.repository import Repository, without_configuration


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Two migrations on main, and the branch `feature` checked out."""
    without_configuration(monkeypatch)
    return Repository.with_feature(tmp_path / "repository")


# What counts


def test_nothing_changed_is_the_empty_set(repository: Repository) -> None:
    assert repository.changed() == set()


def test_a_committed_addition_and_a_committed_change_count(repository: Repository) -> None:
    repository.commit(two="SELECT 22;\n")
    repository.commit(three="SELECT 3;\n")
    assert repository.changed() == {"two.sql", "three.sql"}


def test_paths_are_absolute_and_real(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository.folder)
    (repository.folder / "four.sql").symlink_to("two.sql")
    three = repository.write("three.sql", "")
    told = changes_since("main", root=tmp_path / "link", config_file="pyproject.toml").now
    assert told == {three.resolve(), (repository.folder / "two.sql").resolve()}


def test_uncommitted_files_count(repository: Repository) -> None:
    repository.write("staged.sql", "")
    repository.write("one.sql", "SELECT 11;\n")
    repository.git("add", "--all")
    repository.write("intended.sql", "")
    repository.git("add", "--intent-to-add", "intended.sql")
    repository.write("two.sql", "SELECT 22;\n")
    repository.write("new/untracked.sql", "")
    as_a_commit = repository.write(repository.git("rev-parse", "main"), "").name
    assert repository.changed() == {
        as_a_commit,
        "staged.sql",
        "one.sql",
        "intended.sql",
        "two.sql",
        "new/untracked.sql",
    }


def test_an_untracked_file_that_git_ignores_does_not_count(repository: Repository) -> None:
    repository.commit()
    repository.write(".gitignore", "scratch*\n")
    repository.write("scratch.sql", "")
    assert repository.changed() == {".gitignore"}


def test_deleted_files_do_not_count(repository: Repository) -> None:
    (repository.folder / "one.sql").unlink()
    repository.commit(three="")
    (repository.folder / "two.sql").unlink()
    (repository.folder / "three.sql").unlink()
    assert repository.changed() == set()


def test_a_renamed_file_counts_by_its_new_name_even_unedited(repository: Repository) -> None:
    repository.git("mv", "one.sql", "as-it-was.sql")
    repository.commit()
    (repository.folder / "two.sql").rename(repository.folder / "uncommitted.sql")
    repository.commit(three="a\nb\nc\nd\ne\n")
    repository.git("switch", "--quiet", "--create", "onward")
    repository.git("mv", "three.sql", "edited.sql")
    repository.commit(edited="a\nb\nc\nd\nf\n")
    assert repository.changed() == {"as-it-was.sql", "uncommitted.sql", "edited.sql"}
    assert repository.changed("feature") == {"edited.sql"}


def test_what_was_changed_back_does_not_count(repository: Repository) -> None:
    repository.commit(one="SELECT 11;\n", two="SELECT 22;\n")
    repository.commit(one="SELECT 1;\n")
    repository.write("two.sql", "SELECT 2;\n")
    assert repository.changed() == set()


def test_a_touched_file_does_not_count(repository: Repository) -> None:
    os.utime(repository.folder / "one.sql", (0, 0))
    assert repository.changed() == set()


def test_a_change_of_equal_size_in_the_instant_of_the_index_counts(repository: Repository) -> None:
    """For these, the time of the index tells git to compare the contents."""
    repository.git("config", "core.trustctime", "false")
    one = repository.folder / "one.sql"
    os.utime(one, (10**9, 10**9))
    repository.git("add", "one.sql")
    repository.write("one.sql", "SELECT 7;\n")
    os.utime(one, (10**9, 10**9))
    os.utime(repository.folder / ".git" / "index", (10**9, 10**9))
    assert repository.changed() == {"one.sql"}


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="/\0"),
    min_size=1,
    max_size=30,
).filter(lambda name: name.strip(".") and "git" not in name.casefold())


@settings(max_examples=5, deadline=None)
@given(names=st.lists(NAMES, min_size=10, max_size=20, unique_by=str.casefold))
@example(names=["a b'\"\\.sql", "-x", "täglich\r", "new\nline\t.sql", ":(glob)*", " "])
def test_any_file_name_is_told_as_it_is(names: list[str]) -> None:
    undecodable = [os.fsdecode(b"\xff.sql")] if sys.platform == "linux" else []
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.init(Path(folder) / "top\n")
        repository.commit()
        repository.git("switch", "--quiet", "--create", "feature")
        for name in names[::2]:
            (repository.folder / name).write_text("")
        repository.commit()
        for name in [*names[1::2], *undecodable]:
            (repository.folder / name).write_text("")
        assert repository.changed() == {*names, *undecodable}


# From where


def test_what_main_got_in_the_meantime_does_not_count(repository: Repository) -> None:
    repository.commit(three="")
    repository.git("switch", "--quiet", "main")
    repository.commit(of_main="")
    assert repository.changed("feature") == {"of_main.sql"}
    repository.git("switch", "--quiet", "feature")
    assert repository.changed("main") == {"three.sql"}


def test_a_ref_ahead_of_head_leaves_what_is_uncommitted(repository: Repository) -> None:
    repository.commit(three="")
    repository.git("switch", "--quiet", "main")
    repository.write("four.sql", "")
    assert repository.changed("feature") == {"four.sql"}
    assert repository.changed("HEAD") == {"four.sql"}


@pytest.mark.parametrize("ref", ["main~1", "light", "annotated", "refs/heads/main~1", "@{1}"])
def test_a_ref_is_all_that_names_a_commit(repository: Repository, ref: str) -> None:
    repository.git("switch", "--quiet", "main")
    repository.git("tag", "light")
    repository.git("tag", "--annotate", "--message", "told", "annotated")
    first = repository.git("rev-parse", "HEAD")
    repository.commit(three="")
    assert repository.changed(ref) == repository.changed(first[:10]) == {"three.sql"}


def test_a_pull_requests_merge_commit_on_a_detached_head(
    repository: Repository, tmp_path: Path
) -> None:
    """As actions/checkout leaves it: refs/pull/N/merge, and main as origin/main."""
    repository.commit(three="")
    repository.git("switch", "--quiet", "main")
    repository.commit(of_main="")
    clone = repository.clone(tmp_path / "clone")
    clone.git("checkout", "--quiet", "--detach", "origin/main")
    clone.git("merge", "--quiet", "--no-edit", "origin/feature")
    assert clone.changed("origin/main") == {"three.sql"}


def test_with_merges_in_both_directions_an_undone_change_counts(repository: Repository) -> None:
    repository.commit(three="")
    repository.git("switch", "--quiet", "main")
    repository.commit(one="SELECT 11;\n")
    repository.git("branch", "of-main")
    repository.git("merge", "--quiet", "--no-edit", "feature")
    repository.git("switch", "--quiet", "feature")
    repository.git("merge", "--quiet", "--no-edit", "of-main")
    assert len(repository.git("merge-base", "--all", "main", "HEAD").split()) == 2
    repository.commit(one="SELECT 1;\n", four="")
    # three.sql is more than need be: main has it by the other merge.
    assert repository.changed("main") == {"one.sql", "four.sql", "three.sql"}


# Where git looks


def test_a_root_inside_a_monorepo_sees_the_whole(repository: Repository) -> None:
    service = repository.folder / "services" / "b"
    repository.write("services/b/pyproject.toml", "")
    repository.commit()
    repository.write("services/b/new.sql", "")
    repository.write("shared/new.sql", "")
    top = repository.folder.resolve()
    assert changes_since("feature", root=service, config_file="pyproject.toml").now == {
        top / "services" / "b" / "new.sql",
        top / "shared" / "new.sql",
    }


def test_a_worktree_is_looked_at_and_not_its_main_one(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))
    repository.write("here.sql", "")
    worktree = Repository(tmp_path / "other")
    worktree.commit(three="")
    worktree.write("four.sql", "")
    worktree.git("add", "four.sql")
    assert worktree.changed() == {"three.sql", "four.sql"}


def test_a_submodules_files_count_since_the_commit_it_was_at(
    repository: Repository, tmp_path: Path
) -> None:
    schema = Repository.init(tmp_path / "schema")
    schema.commit(one="", two="")
    repository.git("submodule", "--quiet", "add", str(schema.folder), "schema")
    assert repository.changed() == {".gitmodules", "schema", "schema/one.sql", "schema/two.sql"}
    repository.commit()
    assert repository.changed("feature") == set()

    inner = Repository(repository.folder / "schema")
    inner.write("untracked.sql", "")
    assert repository.changed("feature") == {"schema", "schema/untracked.sql"}
    inner.commit(two="SELECT 2;\n")
    repository.git("switch", "--quiet", "--create", "onward")
    repository.commit()
    assert repository.changed("feature") == {"schema", "schema/untracked.sql", "schema/two.sql"}

    shutil.rmtree(inner.folder)
    inner.folder.mkdir()  # as a clone without --recurse-submodules
    assert repository.changed("feature") == {"schema"}


def test_a_submodule_without_its_old_commit_counts_whole(
    repository: Repository, tmp_path: Path
) -> None:
    schema = Repository.init(tmp_path / "schema")
    schema.commit(one="")
    repository.git("submodule", "--quiet", "add", f"file://{schema.folder}", "schema")
    repository.commit()
    repository.git("switch", "--quiet", "--create", "onward")
    schema.commit(two="")
    repository.git("-C", "schema", "pull", "--quiet")
    repository.commit()
    clone = repository.clone(
        tmp_path / "clone", "--branch=onward", "--recurse-submodules", "--shallow-submodules"
    )
    assert clone.changed("origin/feature") == {"schema", "schema/one.sql", "schema/two.sql"}


def test_a_clone_that_nothing_was_checked_out_from(repository: Repository, tmp_path: Path) -> None:
    clone = repository.clone(tmp_path / "clone", "--no-checkout")
    assert not (clone.folder / ".git" / "index").exists()
    clone.write("three.sql", "")
    assert clone.changed("origin/main") == {"three.sql"}


def test_the_variables_of_a_hook_do_not_lead_to_another_repository(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository.init(tmp_path / "other")
    other.commit(elsewhere="")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.folder))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / ".git" / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.folder / ".git" / "objects"))
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    monkeypatch.setenv("GIT_TRACE", "1")
    repository.write("three.sql", "")
    assert repository.changed() == {"three.sql"}


def test_in_a_pre_commit_hook_the_commit_in_the_making_counts(repository: Repository) -> None:
    hook = repository.write(
        ".git/hooks/pre-commit",
        f"#!{sys.executable}\n"
        "from pathlib import Path\n"
        "from pytest_schemaguard.migrations.since import changes_since\n"
        "told = changes_since('main', root=Path.cwd(), config_file='pyproject.toml').now\n"
        "Path('.git/told').write_text(' '.join(sorted(path.name for path in told)))\n",
    )
    hook.chmod(0o755)
    repository.write("three.sql", "")
    repository.write("one.sql", "SELECT 11;\n")
    repository.git("add", "three.sql")
    repository.git("commit", "--quiet", "--message", "both", "three.sql", "one.sql")
    assert (repository.folder / ".git" / "told").read_text() == "one.sql three.sql"


@pytest.mark.parametrize(
    "setting",
    [
        "color.ui=always",
        "diff.autoRefreshIndex=false",
        "diff.ignoreSubmodules=all",
        "diff.noprefix=true",
        "diff.renames=copies",
        "core.quotePath=true",
        "core.abbrev=4",
        "core.fsmonitor=exit 1",
        "status.showUntrackedFiles=no",
    ],
)
def test_a_persons_settings_change_nothing(repository: Repository, setting: str) -> None:
    repository.git("config", *setting.split("=", 1))
    repository.git("mv", "one.sql", "drei ö.sql")
    repository.write("inner/four.sql", "")
    os.utime(repository.folder / "two.sql", (0, 0))
    inner = repository.folder / "inner"
    told = changes_since("main", root=inner, config_file="pyproject.toml").now
    assert {path.name for path in told} == {"drei ö.sql", "four.sql"}


# git's own state


def _all_files(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("settings", [(), ("core.splitIndex=true",), ("index.version=4",)])
def test_nothing_is_written_and_nothing_of_the_repository_runs(
    repository: Repository, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    for setting in settings:
        repository.git("config", *setting.split("="))
    schema = Repository.init(tmp_path / "schema")
    schema.commit(inner="")
    repository.git("submodule", "--quiet", "add", str(schema.folder), "schema")
    ran = tmp_path / "ran"
    spy = repository.write(".git/spy", f"#!/bin/sh\ntouch '{ran}'\n")
    spy.chmod(0o755)
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        shutil.copy(spy, repository.folder / ".git" / "hooks" / hook)
    for setting in ("core.pager", "diff.external", "diff.spy.command", "diff.spy.textconv"):
        repository.git("config", setting, str(spy))
    repository.write(".gitattributes", "*.sql diff=spy\n")
    repository.commit(three="")
    repository.git("config", "core.fsmonitor", str(spy))
    repository.git("update-index", "--refresh")
    repository.write("two.sql", "SELECT 22;\n")
    for same in ("one.sql", "schema/inner.sql"):
        os.utime(repository.folder / same, (0, 0))  # git diff would write down that it is the same
    ran.unlink()
    before = _all_files(repository.folder)
    told = repository.changed()
    assert _all_files(repository.folder) == before
    assert not ran.exists()
    assert told == {
        *(".gitattributes", ".gitmodules", "schema", "schema/inner.sql", "two.sql", "three.sql")
    }


def test_a_read_only_repository_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.init(Path(folder) / "repository")
        repository.commit(one="")
        repository.write("two.sql", "")
        os.utime(repository.folder / "one.sql", (0, 0))
        subprocess.run(["chmod", "-R", "a-w,a+rX", folder], check=True)
        monkeypatch.setenv("HOME", folder)
        root = os.geteuid() == 0
        if root:  # whom no mode stops
            subprocess.run(["chown", "-R", "65534", folder], check=True)
            os.seteuid(65534)
        try:
            assert not os.access(repository.folder / ".git", os.W_OK, effective_ids=True)
            assert repository.changed("HEAD") == {"two.sql"}
        finally:
            if root:
                os.seteuid(0)
            subprocess.run(["chmod", "-R", "u+w", folder], check=True)
