from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.trust import MOST_LINKS, doubt

if TYPE_CHECKING:
    from collections.abc import Callable

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
NOBODY = 65534


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """a/b/c, in which only this user writes."""
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    return folder


def test_a_folder_of_ones_own_is_believed(place: Path) -> None:
    assert doubt(place) is None
    assert doubt(place / "not" / "there" / "yet") is None
    assert doubt(Path("/usr/bin/env")) is None, "root's"


def test_below_a_folder_like_tmp_one_is_safe_from_others_and_it_itself_is_not(place: Path) -> None:
    place.parent.chmod(0o1777)
    assert doubt(place) is None
    assert doubt(place.parent) == (
        f"{place.parent} can be written by other users (its mode is 1777)"
    )


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o775, 0o722, 0o703, 0o2770])
@pytest.mark.parametrize("above", [0, 1, 2])
def test_where_others_write_nothing_is_believed(place: Path, mode: int, above: int) -> None:
    if os.geteuid() != 0 and not mode & 0o002:
        pytest.skip("the group may be this user's own")
    open_to_others = (place, *place.parents)[above]
    open_to_others.chmod(mode)
    assert doubt(place) == (
        f"{open_to_others} can be written by other users (its mode is {mode:o})"
    )


@as_root
@pytest.mark.parametrize("above", [0, 1, 2])
def test_what_another_user_owns_is_not_believed(place: Path, above: int) -> None:
    foreign = (place, *place.parents)[above]
    os.chown(foreign, NOBODY, NOBODY)
    assert doubt(place) == f"{foreign} belongs to the user nobody"
    os.chown(foreign, 54321, 0)
    assert doubt(place) == f"{foreign} belongs to the user with the uid 54321"


@as_root
def test_a_link_counts_and_so_does_where_it_leads(place: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("a/b/../b/c")
    assert doubt(link) is None
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    assert doubt(link / "entry") == f"{link} belongs to the user nobody"
    link.unlink()
    link.symlink_to(place)
    place.parent.chmod(0o777)
    assert doubt(link / "entry") == (
        f"{place.parent} can be written by other users (its mode is 777)"
    )


@pytest.mark.parametrize("target", ["self", "two"])
def test_links_in_a_circle_end(tmp_path: Path, target: str) -> None:
    (tmp_path / "self").symlink_to(target)
    (tmp_path / "two").symlink_to("self")
    assert doubt(tmp_path / "self") == (
        f"{tmp_path / 'self'} leads through more than {MOST_LINKS} links"
    )


@as_root
def test_a_private_group_is_this_user_and_roots_group_is_not(
    place: Path, as_user: Callable[[Callable[[], str | None]], str]
) -> None:
    """`games` has a group of its name and no other member; that is where the umask is 002."""
    os.chown(place, 5, 60)
    place.chmod(0o775)
    assert as_user(lambda: doubt(place)) == "None"
    os.chown(place, 5, 0)
    assert as_user(lambda: doubt(place)).endswith("can be written by other users (its mode is 775)")


@pytest.fixture
def as_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], str | None]], str]:
    """What a function returns as the user `games` (uid 5, gid 60 on Debian)."""
    import pwd

    try:
        games = pwd.getpwnam("games")
    except KeyError:
        pytest.skip("no user games")
    if (games.pw_uid, games.pw_gid) != (5, 60):
        pytest.skip("games has other numbers")
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and folder not in {Path("/"), Path("/tmp")}:  # noqa: S108
            folder.chmod(0o755)
    tmp_path.chmod(0o755)

    def run(function: Callable[[], str | None]) -> str:
        monkeypatch.setattr(os, "geteuid", lambda: games.pw_uid)
        return str(function())

    return run
