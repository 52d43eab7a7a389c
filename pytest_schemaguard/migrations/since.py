"""What a branch does to the files of its merge base, as git says: the migrations that it brings.

Commits, the index and the work tree count. The repository is only read (git.py).
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.migrations.git import Git

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.errors import ConfigError

GITLINK = "160000"
"""The mode of a submodule (https://git-scm.com/docs/gitdatamodel)."""
NOTHING = "000000"
"""The mode of what is not there."""
FILES = "100"
"""How the modes of files begin that are neither links nor submodules."""
MOST_NAMES = 8
"""How many refs an error lists."""
NEAR = 0.75
"""How alike (difflib's ratio) a name is to be suggested: main for mian, not for feature."""


@dataclass(frozen=True, kw_only=True)
class Was:
    """A file of the merge base that the branch has otherwise, or no more."""

    path: Path
    """Where it was: absolute, and real but for the file itself where that is gone."""
    is_there: bool
    """Whether there is a file now."""
    git: Git
    """Of the repository that has it, `base` is a commit or tree of it, and `name` is its path."""
    base: str
    name: str

    @cached_property
    def text(self) -> bytes:
        """What a checkout of it holds. Raises ConfigError."""
        return os.fsencode(self.git.read("cat-file", "--filters", f"{self.base}:{self.name}"))


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What is other than at the merge base; paths are absolute and real."""

    now: frozenset[Path]
    """Files added or changed."""
    added: frozenset[Path]
    """Those of them that the merge base has not."""
    was: tuple[Was, ...]
    """Files changed or deleted, each once."""
    git: Git
    """Of the repository."""
    base: str
    """The merge base's commit; of several, one."""


def changes_since(ref: str, *, root: Path, config_file: str) -> Changes:
    """What differs from where HEAD left `ref`, their merge base.

    Commits, the index and the work tree count, and files that git does not know unless it is told
    to ignore them; a file that is again what it was at the merge base does not. A renamed file
    counts by its new name, whatever its content. The whole repository that holds `root` is looked
    at, with its submodules. `config_file` is how errors name the place of `since`.

    Raises ConfigError.
    """
    git = Git(root, config_file)
    git = Git(git.top(), config_file)
    bases = _merge_bases(git, ref)
    # Several merge bases come from merges in both directions. What differs from any of them counts:
    # a change that was merged and then undone equals one base, and still undoes what `ref` has.
    changed = [tuple(_changed(git, base)) for base in bases]
    added = [frozenset(one.path for one in each if one.is_new) for each in changed]
    was = {one.was.path: one.was for each in reversed(changed) for one in each if one.was}
    if len(bases) > 1:
        # One of them may lack what `ref` has by now, and the branch has from it.
        otherwise = {one.path for one in _changed(git, _commit(git, ref))}
        was = {path: one for path, one in was.items() if path in otherwise}
    return Changes(
        now=frozenset(one.path for each in changed for one in each if one.is_there),
        added=frozenset.intersection(*added),
        was=tuple(was.values()),
        git=git,
        base=bases[0],
    )


# Where the branch began


def _merge_bases(git: Git, ref: str) -> list[str]:
    """The best common ancestors of `ref` and HEAD; one, but for merges in both directions."""
    commit = _commit(git, ref)
    if git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")[0]:
        raise git.wrong(
            f"HEAD of {git.folder} has no commit yet",
            fix=f"commit first: what changed since {ref!r} is told from HEAD's history",
        )
    arguments = ("merge-base", "--all", commit, "HEAD")
    status, out, err = git.run(*arguments)
    # 1 is "none", and with some gits also a history with a hole, which only stderr tells of.
    if status not in {0, 1} or re.search(r"^(error|fatal): ", err, re.MULTILINE):
        raise git.failed(arguments, err)
    if status == 0:
        return out.split()
    if _is_shallow(git):
        raise git.wrong(
            f"the shallow clone {git.folder} does not reach back to where HEAD left {ref!r}",
            fix=_whole_history(git, ref),
        )
    raise git.wrong(
        f"{ref!r} and HEAD have no commit in common in {git.folder}",
        fix="name the branch that HEAD was begun from",
    )


def _commit(git: Git, ref: str) -> str:
    """The id of the commit that `ref` means. Raises ConfigError."""
    if not ref.strip() or ref.startswith("-") or "\0" in ref:
        raise git.wrong(
            f"{ref!r} is no git ref", fix="name a branch, a tag or a commit, such as origin/main"
        )
    status, out, err = git.run("rev-parse", "--verify", f"{ref}^{{commit}}")
    if status or not re.fullmatch(r"[0-9a-f]+\n", out):
        raise _unknown(git, ref, err)
    if "is ambiguous" in err:
        raise git.wrong(
            f"{ref!r} is ambiguous in {git.folder}: several branches, tags or commits are so named",
            fix=f"name the one in full, such as refs/heads/{ref} or refs/remotes/{ref}",
        )
    return out.strip()


def _unknown(git: Git, ref: str, err: str) -> ConfigError:
    _, out, _ = git.run(
        "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", "refs/remotes", "refs/tags"
    )
    names = [*dict.fromkeys(out.split())]
    remotes = _remotes(git)
    remote, _, branch = ref.partition("/")
    tracked = [f"{one}/{ref}" for one in remotes if f"{one}/{ref}" in names]
    near = difflib.get_close_matches(ref, names, n=3, cutoff=NEAR)
    if not near and remote not in remotes and branch in names:
        near = [branch]
    shallow = _is_shallow(git)
    steps = []
    if tracked:
        steps.append(f"write {' or '.join(tracked)} (there is no local branch {ref})")
    elif near:
        steps.append(f"did you mean {' or '.join(near)}?")
    if shallow:
        steps.append(_whole_history(git, ref))
    elif branch and remote in remotes and not near:
        refspec = shlex.quote(f"+refs/heads/{branch}:refs/remotes/{ref}")
        steps.append(f"git fetch {remote} {refspec}")
    if names and not tracked and not near:
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        steps.append(f"the refs here are {', '.join(names[:MOST_NAMES])}{more}")
    return git.wrong(
        f"{ref!r} is no branch, tag or commit in "
        f"{'the shallow clone ' if shallow else ''}{git.folder}",
        detail=None if "Needed a single revision" in err else err,
        fix="; ".join(steps) or "commit first, or leave `since` out",
    )


def _is_shallow(git: Git) -> bool:
    return git.read("rev-parse", "--is-shallow-repository").strip() == "true"


def _remotes(git: Git) -> list[str]:
    return git.read("remote").split()


def _whole_history(git: Git, ref: str) -> str:
    """How to get every branch with all its commits; a shallow clone follows only one branch."""
    remotes = _remotes(git) or ["origin"]
    named = ref.partition("/")[0]
    remote = named if named in remotes else remotes[0]
    return (
        "fetch all branches with their whole history: with actions/checkout `fetch-depth: 0`, "
        f"elsewhere: git fetch --unshallow {remote} '+refs/heads/*:refs/remotes/{remote}/*'"
    )


# What is different now


@dataclass(frozen=True, kw_only=True)
class _Changed:
    path: Path
    is_there: bool = True
    is_new: bool = False
    was: Was | None = None
    """None: it was not there, or no file of its own (a link to another)."""


def _changed(git: Git, base: str) -> Iterator[_Changed]:
    """What in the work tree `git.folder` differs from `base`, a commit or tree."""
    unknown_to_git = git.read("ls-files", "-z", "--others", "--exclude-standard")
    for name in unknown_to_git.split("\0")[:-1]:
        yield _Changed(path=_real(git.folder / name), is_new=True)
    told = _compared(git, base).split("\0")
    # `:100644 100644 <id> <id> M` and a path, for each
    # (https://git-scm.com/docs/git-diff#_raw_output_format)
    for change, name in zip(told[::2], told[1::2], strict=False):
        old_mode, mode, old, _, status = change.removeprefix(":").split(" ")
        path = git.folder / name
        is_there = status != "D"
        was = None
        if old_mode.startswith(FILES):
            was = Was(path=_real(path), is_there=is_there, git=git, base=base, name=name)
        is_new = old_mode == NOTHING
        yield _Changed(path=_real(path), is_there=is_there, is_new=is_new, was=was)
        if mode == GITLINK and (path / ".git").exists():  # else it is not checked out
            submodule = Git(path, git.config_file)
            yield from _changed(submodule, _base_there(submodule, old))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _compared(git: Git, base: str) -> str:
    """What `git diff --raw` says of `base` and the work tree, additions and deletions for renames.

    It is given a copy of the index, since it writes down there which files it found unchanged, also
    with GIT_OPTIONAL_LOCKS=0. The copy keeps the time of the index: git trusts no file's size and
    time that are as new as the index (https://git-scm.com/docs/racy-git).
    """
    index = git.folder / git.read("rev-parse", "--git-path", "index").removesuffix("\n")
    with tempfile.TemporaryDirectory(prefix="schema-guard-") as folder:
        copy = Path(folder) / "index"
        if index.exists():
            shutil.copy2(index, copy)
        return git.read(
            *("diff", "--raw", "-z", "--no-abbrev", "--no-renames"),
            *("--no-ext-diff", "--no-textconv", "--ignore-submodules=none"),
            *(base, "--"),
            index=copy,
        )


def _base_there(submodule: Git, old: str) -> str:
    """The commit that a submodule was at; the empty tree where it is new or its clone is shallow.

    Then all its files count: more is judged than need be, never less.
    """
    if submodule.run("cat-file", "-e", f"{old}^{{commit}}")[0] == 0:
        return old
    return submodule.read("hash-object", "-t", "tree", "--stdin").strip()
