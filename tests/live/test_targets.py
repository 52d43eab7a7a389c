from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.live.targets import targets_of

if TYPE_CHECKING:
    from pathlib import Path

URL = "postgresql://app:se%20cret@db1:5433/shard_1"


def refusal(*arguments: str, files: tuple[str, ...] = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        targets_of(arguments, files)
    return str(caught.value)


def test_a_url_is_named_without_its_password_and_parameters() -> None:
    (one,) = targets_of([f"{URL}?sslmode=require&sslpassword=hidden"], [])
    assert one.name == "postgresql://app@db1:5433/shard_1"
    assert one.address is not None
    assert (one.address.password, dict(one.address.options)) == (
        "se cret",
        {"sslmode": "require", "sslpassword": "hidden"},
    )
    assert "se cret" not in repr(one)


def test_a_socket_is_named_with_its_folder() -> None:
    (one,) = targets_of(["postgresql+asyncpg://app@/shard_1?host=/run/pg&port=5433"], [])
    assert one.name == "postgresql://app@localhost/shard_1?host=/run/pg&port=5433"


def test_each_is_looked_at_once_in_the_order_in_which_it_was_named(tmp_path: Path) -> None:
    file = tmp_path / "urls.txt"
    other = URL.replace("shard_1", "shard_2")
    file.write_text(f"# production\n\n  {other}\r\n{URL}\n")
    found = targets_of([URL, URL], [str(file)])
    assert [one.address and one.address.database for one in found] == ["shard_1", "shard_2"]


def test_urls_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{URL}\n"))
    assert len(targets_of([], ["-"])) == 1


def test_a_file_is_a_dump(tmp_path: Path) -> None:
    dump = tmp_path / "production.sql"
    dump.touch()
    (one,) = targets_of([str(dump)], [])
    assert (one.name, one.dump, one.address) == (str(dump), dump, None)


def test_nothing_named_says_how_to_name_something() -> None:
    assert refusal() == (
        "URL: no database is named\n"
        "  next: name one or more: schema-guard check postgresql://user@host:5432/database, or "
        "--urls-file FILE"
    )


def test_a_url_of_another_server_is_refused() -> None:
    assert refusal(URL, "mysql://u:secret@h/d") == (
        "URL 2: the value is no provider and no PostgreSQL URL\n"
        "  next: write postgresql://user:password@host:5432/database"
    )


def test_what_is_neither_a_url_nor_a_file_is_told_by_its_name() -> None:
    assert refusal("production.dmp") == (
        "URL 1: 'production.dmp' is no postgresql:// URL and no file\n"
        "  next: name a database, postgresql://user@host:5432/database, or a file written by "
        "pg_dump --schema-only"
    )


def test_a_folder_is_no_dump(tmp_path: Path) -> None:
    assert refusal(str(tmp_path)).splitlines()[0] == f"URL 1: '{tmp_path}' is a folder"


def test_a_line_that_cannot_be_read_is_told_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "urls.txt"
    file.write_text(f"{URL}\napp:secret@db2/shard_2\n")
    said = refusal(files=(str(file),))
    assert said.splitlines()[0] == (
        f"{file}:2: --urls-file: it is no postgresql:// URL and no file"
    )


def test_a_file_that_names_nothing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "urls.txt"
    file.write_text("# none\n")
    assert refusal(files=(str(file),)).splitlines()[0] == (
        f"{file}: --urls-file: it names no database"
    )
    assert refusal(files=("nowhere.txt",)) == "nowhere.txt: --urls-file: No such file or directory"


@given(st.text(min_size=1).filter(str.strip))
def test_nothing_repeats_what_may_be_a_password(text: str) -> None:
    for written in (f"postgresql://u:{text}@h:x/d", f"mysql://u:{text}@h/d", f"u:{text}@h/d"):
        try:
            said = targets_of([written], [])[0].name
        except ConfigError as error:
            said = str(error).replace("user:password@host", "")
        assert f":{text}@" not in said
