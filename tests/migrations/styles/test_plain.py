"""Folders of SQL: their order, their pairs, and what is not plain."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.styles import plain
from pytest_schemaguard.migrations.styles.plain import order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.migrations.migration import Migration


def migrations(root: Path) -> tuple[Migration, ...]:
    return plain.migrations(root / "migrations", root=root, transaction=None, contained=lambda _: 0)


def names(root: Path) -> list[str]:
    return [migration.path.name for migration in migrations(root)]


def refusal(root: Path) -> str:
    with pytest.raises(MigrationError) as caught:
        migrations(root)
    return str(caught.value)


@pytest.mark.parametrize(
    "expected",
    [
        ["0001_a.sql", "0002_b.sql", "0010_c.sql"],
        ["V1__a.sql", "V1.1__b.sql", "V1_2__c.sql", "V2__d.sql", "V10__e.sql"],
        ["1_a.sql", "2_b.sql", "10_c.sql"],
        ["2024-01-05-b.sql", "2024-01-05-c.sql", "2024-02-01-a.sql"],
        ["20240105_b.sql", "20240105_c.sql", "20240105120000_a.sql"],
        ["add_2.sql", "add_10.sql", "Add_11.sql"],
        ["1_0_a.sql", "1_1_b.sql", "2fa.sql", "sign_up.sql", "slow_down.sql"],
        ["0001_x.postgres.sql", "0002_y.postgres.sql"],
    ],
)
def test_order_is_natural_and_by_version(
    write: Callable[..., Path], tmp_path: Path, expected: list[str]
) -> None:
    for name in sorted(expected, reverse=True):
        write(f"migrations/{name}")
    assert names(tmp_path) == expected


def test_ways_down_belong_to_their_ways_up(write: Callable[..., Path], tmp_path: Path) -> None:
    down, other = write("migrations/1_a.down.sql"), write("migrations/2_b.down.sql")
    up, also_up = write("migrations/1_a.sql"), write("migrations/2_b.up.sql")
    write("migrations/3_c.sql")
    write("migrations/README.md")
    write("migrations/.#3_c.sql", "{{")
    first, second, third = migrations(tmp_path)
    assert (first.revision, first.up.path, first.down and first.down.path) == ("1_a", up, down)
    assert (second.revision, second.path) == ("2_b", also_up)
    assert second.files == frozenset({also_up, other})
    assert (third.revision, third.down) == ("3_c", None)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["1_a.sql", "1_a.up.sql"], "is the same migration as 1_a"),
        (["1_a.sql", "1_b.sql"], "migrations/1_b.sql: is the same version number as 1_a.sql"),
        (["V1.0__a.sql", "V1__b.sql"], "is the same version number as"),
        (["0001_a.sql", "1_b.sql"], "is the same version number as"),
        (
            ["1_a.down.sql", "2_b.sql"],
            "migrations/1_a.down.sql: goes down, and neither 1_a.sql nor",
        ),
        (["1_a.mysql.sql", "1_a.postgres.sql"], "migrations/1_a.mysql.sql: is for mysql, so"),
        (
            ["1_a.sqlite.up.sql", "1_a.postgres.up.sql"],
            "migrations/1_a.sqlite.up.sql: is for sqlite",
        ),
        (["a.postgres.sql", "a.sql"], "is the same migration as"),
        (
            ["1_a.sql", "1_a.rollback.sql"],
            "migrations/1_a.rollback.sql: is a downgrade, as .rollback",
        ),
        (["1_a_up.sql", "1_a_down.sql"], "migrations/1_a_down.sql: is the downgrade of 1_a_up.sql"),
        (["V1__a.sql", "U1__a.sql"], "migrations/U1__a.sql: is an undo migration of Flyway"),
        (["V1__a.sql", "R__a.sql"], "migrations/R__a.sql: is a repeatable migration of Flyway"),
        (["1_a.sql", "old/2_b.sql"], "migrations: holds SQL in sub-folders (old/2_b.sql), whose"),
        (["a/1.sql", "b/c/2.SQL"], "migrations: holds SQL in sub-folders (a/1.sql and 1 more)"),
        (["env.py", "versions/1.py"], "migrations: no migration files: the folder holds env.py, v"),
    ],
)
def test_folders_that_are_not_plain_are_refused(
    write: Callable[..., Path], tmp_path: Path, files: list[str], words: str
) -> None:
    for name in files:
        write(f"migrations/{name}")
    said = refusal(tmp_path)
    assert words in said
    assert "\n  next: " in said


def test_empty_folder_says_that_it_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    assert refusal(tmp_path) == (
        "migrations: no migration files: the folder holds nothing and no .sql file\n"
        "  next: set `migrations` to the folder that holds the .sql files"
    )


def test_missing_folder_and_file_in_its_place(write: Callable[..., Path], tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("migrations: is not there\n  next: set `migrations`")
    write("migrations")
    assert refusal(tmp_path).startswith("migrations: is a file, not a folder")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "-- +goose Up\nSELECT 1;",
            ":1: -- +goose Up: is a mark of goose: the file holds both ways",
        ),
        ("\n--+goose StatementBegin\n", ":2: --+goose StatementBegin: is a mark of goose"),
        ("-- migrate:up\n", ":1: -- migrate:up: is a mark of dbmate"),
        ("-- migrate:down transaction:false\n", "is a mark of dbmate"),
        ("-- +migrate Up\n", "is a mark of sql-migrate"),
        ("---- create above / drop below ----\n", "is a mark of tern"),
        (
            "-- Up Migration\nSELECT 1;\n-- Down Migration\n",
            ":3: -- Down Migration: is a mark of no",
        ),
        ("-- //@UNDO\n", "is a mark of MyBatis"),
        ("# --- !Ups\n", "is a mark of Play"),
        ("--liquibase formatted sql\n", "is a mark of Liquibase"),
        ("SELECT 1;\nCREATE TABLE ${x} (a int);", ":2: ${x}: is filled in by a tool"),
        ("CREATE TABLE {{ name }} (a int);", ":1: {{ name }}: is filled in by a tool"),
        ("{% if x %} SELECT 1; {% endif %}", ":1: {% if x %}: is filled in"),
        ("{{- it's }}", ":1: {{- it's }}: is filled in"),
        ("CREATE TABLE <%= name %> (a int);", ":1: <%= name %>"),
        ("<% if x %>\nSELECT 1;", ":1: <% if x %>: is filled in"),
        ("CREATE TABLE <% name %> (a int);", ":1: <% name %>: is filled in"),
        ("\\i other.sql", ":1: \\i: is a command of psql"),
    ],
)
def test_files_that_a_tool_reads_first_are_refused(
    write: Callable[..., Path], tmp_path: Path, text: str, words: str
) -> None:
    write("migrations/1_a.sql")
    write("migrations/2_b.sql", text)
    said = refusal(tmp_path)
    assert said.startswith("migrations/2_b.sql:")
    assert words in said


def test_marks_in_a_way_down_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    write("migrations/1_a.sql")
    write("migrations/1_a.down.sql", "DROP TABLE {{ t }};")
    assert refusal(tmp_path).startswith("migrations/1_a.down.sql:1: {{ t }}: is filled in")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'template: {{ x }} ${y} <%= z %> {% a %}';",
        "DO $$ BEGIN PERFORM '{{ x }}'; -- +goose Up\n -- migrate:up\n END $$;",
        "SELECT $${{x}} ${y}$$, \"{{ odd }}\", '{1,2}'::int[], E'{{\\'${';",
        "-- uses {{ x }} and ${y} once; see -- +goose Up in the other tool\nSELECT 1;",
        "/* -- +goose Up\n-- migrate:up */ SELECT 1;",
        "SELECT 'word' <% name, name %> 'word', 'a' <<% b FROM t WHERE a <% b AND c %> d;",
        "CREATE OPERATOR <% (FUNCTION = f, LEFTARG = text, RIGHTARG = text, COMMUTATOR = %>);",
        "-- Down migration\nSELECT 1;",
        "SELECT 1; SELECT 2",
        "SELECT a$1, $1 FROM t; PREPARE p AS SELECT $1;",
        "COPY t FROM stdin;\n{{ x }}\t${y}\n-- +goose Up\n\\.\n",
    ],
)
def test_text_that_only_looks_like_a_mark_is_plain(
    write: Callable[..., Path], tmp_path: Path, text: str
) -> None:
    write("migrations/1_a.sql", text)
    assert names(tmp_path) == ["1_a.sql"]


@given(stems=st.lists(st.text("aAvV019._-é", min_size=1, max_size=8), max_size=6))
def test_any_names_can_be_ordered(stems: list[str]) -> None:
    assert sorted(sorted(stems), key=order) == sorted(sorted(stems, reverse=True), key=order)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not read")
@pytest.mark.parametrize("closed", ["migrations", "migrations/more"])
def test_a_folder_that_may_not_be_read_is_told(
    write: Callable[..., Path], tmp_path: Path, closed: str
) -> None:
    write("migrations/1.sql")
    write("migrations/more/2.sql")
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(above.stat().st_mode | 0o755)
    (tmp_path / closed).chmod(0)
    os.seteuid(65534)
    try:
        with pytest.raises(MigrationError) as caught:
            migrations(tmp_path)
    finally:
        os.seteuid(0)
    assert str(caught.value) == (
        f"{closed}: cannot be read: Permission denied\n  next: check its rights"
    )
