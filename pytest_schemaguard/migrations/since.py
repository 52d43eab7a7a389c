"""Which files git says were added or changed since a ref: the migrations that a branch brings.

The program `git` is asked, and nothing that it is asked writes to the repository or runs a hook, a
pager, an external diff or a fetch. What git itself runs to compare a file (a clean filter, such as
git-lfs) it runs here too.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.project.programs import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 60.0
"""How long one git command may take: a file system that is gone, a filter that waits."""
KEPT = ("GIT_CONFIG", "GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
"""Beginnings of the variables that say how git works (safe.directory comes by GIT_CONFIG_COUNT in
containers), not which repository it works on, as a hook's GIT_DIR and GIT_INDEX_FILE do."""
OWN = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",  # unknown to git before 2.39.4
    "LC_ALL": "C",  # what git says is read here
}
SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.splitIndex=false",
    "diff.autoRefreshIndex=true",  # false would tell of files that were touched and not changed
)
GITLINK = "160000"
"""The mode of a submodule (https://git-scm.com/docs/gitdatamodel)."""
MOST_NAMES = 8
"""How many refs an error lists."""
NEAR = 0.75
"""How alike (difflib's ratio) a name is to be suggested: main for mian, not for feature."""


def changed_since(ref: str, *, root: Path, config_file: str) -> frozenset[Path]:
    """Files added or changed since HEAD left `ref` (their merge base), as absolute, real paths.

    Commits, the index and the work tree count, and files that git does not know unless it is told
    to ignore them; a file that is again what it was at the merge base does not. A renamed file
    counts by its new name, whatever its content. The whole repository that holds `root` is looked
    at, with its submodules. `config_file` is how errors name the place of `since`.

    Raises ConfigError.
    """
    git = _Git(root, config_file)
    git = _Git(git.top(), config_file)
    changed: set[Path] = set()
    # Several merge bases come from merges in both directions. What differs from any of them counts:
    # a change that was merged and then undone equals one base, and still undoes what `ref` has.
    for base in _merge_bases(git, ref):
        changed.update(_changed(git, base))
    return frozenset(Path(os.path.realpath(path)) for path in changed)


@dataclass(frozen=True)
class _Git:
    """The program git in one folder."""

    folder: Path
    config_file: str

    def run(self, *arguments: str, index: Path | None = None) -> tuple[int, str, str]:
        """The exit status, what git wrote, and what it wrote to stderr. Raises ConfigError."""
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        command = ("git", "-C", str(self.folder), *settings, *arguments)
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or name.startswith(KEPT)
        } | OWN
        if index is not None:
            variables["GIT_INDEX_FILE"] = str(index)
        try:
            with Program(command, env=variables, apart=True) as program:
                ended = program.ended(within_s=TIMEOUT_S)
                status, (out, err) = program.code, program.read()
        except OSError as error:
            raise self.wrong(
                f"git cannot be started ({error.strerror})",
                fix="install git where the tests run (slim images are without it), or leave `since`"
                " out",
            ) from error
        if status is None or not ended:
            raise self.wrong(
                f"git {arguments[0]} did not end within {TIMEOUT_S:g} s",
                fix=f"see what it waits for: {self.by_hand(arguments)}",
            )
        return status, os.fsdecode(out), err.decode(errors="backslashreplace")

    def read(self, *arguments: str, index: Path | None = None) -> str:
        """What git wrote. Raises ConfigError where it failed."""
        status, out, err = self.run(*arguments, index=index)
        if status:
            raise self.failed(arguments, err)
        return out

    def top(self) -> Path:
        """The top folder of the work tree. Raises ConfigError."""
        arguments = ("rev-parse", "--show-toplevel")
        status, out, err = self.run(*arguments)
        if "not a git repository" in err:
            raise self.wrong(
                f"{self.folder} is in no git repository",
                detail=err,
                fix="run where the repository is checked out with its .git, or leave `since` out",
            )
        if status:
            raise self.failed(arguments, err)
        top = out.removesuffix("\n")
        # What is ignored is never told as changed, so all would pass unjudged.
        if self.run("check-ignore", "--quiet", "--", ".")[0] == 0:
            raise self.wrong(
                f"the git repository {top} ignores the folder {self.folder}",
                fix="make the folder a repository of its own, or leave `since` out",
            )
        return Path(top)

    def by_hand(self, arguments: tuple[str, ...]) -> str:
        return shlex.join(("git", "-C", str(self.folder), *arguments))

    def failed(self, arguments: tuple[str, ...], err: str) -> ConfigError:
        fix = f"mend what git says, or see it again: {self.by_hand(arguments)}"
        advice = re.search(r"git config --global --add safe\.directory .+", err)
        if advice:
            fix = f"if you trust this repository: {advice[0]}"
        elif "lazy fetching disabled" in err or "promisor" in err:
            fix = f"fetch what this partial clone left out: {self.by_hand(arguments)}"
        return self.wrong(f"git {arguments[0]} failed", detail=err, fix=fix)

    def wrong(self, fact: str, *, fix: str, detail: str | None = None) -> ConfigError:
        return ConfigError("since", fact, fix=fix, detail=detail, path=self.config_file)


# Where the branch began


def _merge_bases(git: _Git, ref: str) -> list[str]:
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


def _commit(git: _Git, ref: str) -> str:
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


def _unknown(git: _Git, ref: str, err: str) -> ConfigError:
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


def _is_shallow(git: _Git) -> bool:
    return git.read("rev-parse", "--is-shallow-repository").strip() == "true"


def _remotes(git: _Git) -> list[str]:
    return git.read("remote").split()


def _whole_history(git: _Git, ref: str) -> str:
    """How to get every branch with all its commits; a shallow clone follows only one branch."""
    remotes = _remotes(git) or ["origin"]
    named = ref.partition("/")[0]
    remote = named if named in remotes else remotes[0]
    return (
        "fetch all branches with their whole history: with actions/checkout `fetch-depth: 0`, "
        f"elsewhere: git fetch --unshallow {remote} '+refs/heads/*:refs/remotes/{remote}/*'"
    )


# What is different now


def _changed(git: _Git, base: str) -> Iterator[Path]:
    """Paths in the work tree `git.folder` that differ from `base`, a commit or tree."""
    unknown_to_git = git.read("ls-files", "-z", "--others", "--exclude-standard")
    for name in unknown_to_git.split("\0")[:-1]:
        yield git.folder / name
    told = _compared(git, base).split("\0")
    # `:100644 100644 <id> <id> M` and a path, for each
    # (https://git-scm.com/docs/git-diff#_raw_output_format)
    for change, name in zip(told[::2], told[1::2], strict=False):
        _, mode, old, *_ = change.removeprefix(":").split(" ")
        path = git.folder / name
        yield path
        if mode == GITLINK and (path / ".git").exists():  # else it is not checked out
            submodule = _Git(path, git.config_file)
            yield from _changed(submodule, _base_there(submodule, old))


def _compared(git: _Git, base: str) -> str:
    """What `git diff --raw` says of `base` and the work tree, additions for renames.

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
            *("--no-ext-diff", "--no-textconv", "--diff-filter=d", "--ignore-submodules=none"),
            *(base, "--"),
            index=copy,
        )


def _base_there(submodule: _Git, old: str) -> str:
    """The commit that a submodule was at; the empty tree where it is new or its clone is shallow.

    Then all its files count: more is judged than need be, never less.
    """
    if submodule.run("cat-file", "-e", f"{old}^{{commit}}")[0] == 0:
        return old
    return submodule.read("hash-object", "-t", "tree", "--stdin").strip()
