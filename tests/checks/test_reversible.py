"""Up, down and up again on a real server, and the words of reversible for what that did."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.checks.on_rows import names_in
from pytest_schemaguard.checks.reversible import findings, there_and_again
from pytest_schemaguard.config import Config, SqlMigrations
from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.scenarios.states import State
from tests.guarded import Guarded, run_databases, source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_schemaguard.servers.databases import Databases

USERS = """
CREATE TABLE users (id integer PRIMARY KEY, name text, seen timestamptz);
INSERT INTO users VALUES (1, 'ada', '2020-01-01'), (2, 'grace', '2020-01-02');
"""
UP = "ALTER TABLE users ADD COLUMN limits integer NOT NULL DEFAULT 5;"
DOWN = "ALTER TABLE users DROP COLUMN limits;"


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    with run_databases() as found:
        yield found


@pytest.fixture
def back(databases: Databases, tmp_path: Path) -> Callable[[str, str], list[tuple[str, str]]]:
    """Runs a migration up, down and up on USERS; the code and the words of each finding."""
    numbers = itertools.count()
    config = Config(
        file=tmp_path / "pyproject.toml", models=(), migrations=SqlMigrations(folder=tmp_path)
    )

    def there_and_back(up: str, down: str) -> list[tuple[str, str]]:
        (tmp_path / "m.sql").write_text(up, encoding="utf-8")
        (tmp_path / "m.down.sql").write_text(down, encoding="utf-8")
        name = f"{tmp_path.name}-{next(numbers)}"
        databases.create(name)
        with databases.session(name) as owner, owner.cursor() as cursor:
            cursor.execute(USERS)
        databases.freeze(name)
        guarded = Guarded(config=config, databases=databases, source=source(config, databases))
        (migration,) = guarded.source.migrations()
        before = State(name=name, snapshot=None, run=None)
        ending = guarded.ending(there_and_again(before, migration, config))
        return [
            (one.code, f"{one.subject}: {one.message}")
            for one in findings(ending, "m.sql", "m.down.sql", names_in(migration))
        ]

    return there_and_back


def test_a_downgrade_that_restores_everything_leaves_nothing_to_tell(
    back: Callable[[str, str], list[tuple[str, str]]],
) -> None:
    assert back(UP, DOWN) == []


def test_what_is_not_taken_back_is_told(
    back: Callable[[str, str], list[tuple[str, str]]],
) -> None:
    up = f"{UP} CREATE INDEX IF NOT EXISTS by_name ON users (name);"
    assert back(up, DOWN) == [
        (
            "reversible.left",
            (
                "public.users.by_name: m.down.sql does not restore it (extra-index): nothing "
                "before, ON public.users USING btree (name) afterwards"
            ),
        )
    ]


def test_what_is_taken_back_too_far_is_told(
    back: Callable[[str, str], list[tuple[str, str]]],
) -> None:
    codes = [code for code, _ in back(UP, DOWN + " ALTER TABLE users DROP COLUMN seen;")]
    assert codes == ["reversible.left"]


def test_rows_that_are_lost_are_told(
    back: Callable[[str, str], list[tuple[str, str]]],
) -> None:
    assert back(UP, f"{DOWN} DELETE FROM users WHERE id = 2;") == [
        (
            "reversible.rows",
            (
                "public.users: up and down change rows: 2 before, 1 after\n"
                "m.down.sql does not bring back the rows that were there"
            ),
        )
    ]
    ((code, words),) = back(UP, f"{DOWN} UPDATE users SET name = upper(name);")
    assert code == "reversible.rows"
    assert "2 before, 2 after, values of name" in words


def test_a_downgrade_that_fails_is_told(
    back: Callable[[str, str], list[tuple[str, str]]],
) -> None:
    ((code, words),) = back(UP, "ALTER TABLE users DROP COLUMN limit;")
    assert code == "reversible.down-fails"
    assert words.startswith('m.down.sql: the downgrade fails: syntax error at or near "limit"')


def test_a_second_way_up_that_fails_or_ends_otherwise_is_told(
    back: Callable[[str, str], list[tuple[str, str]]],
) -> None:
    up = "CREATE TABLE marks (id integer); CREATE TABLE users_marks (id integer);"
    codes = [code for code, _ in back(up, "DROP TABLE marks;")]
    assert codes == ["reversible.left", "reversible.up-again-fails"]
    up = (
        "DO $$ BEGIN IF to_regclass('public.done') IS NULL THEN "
        "CREATE TABLE done (id integer); ALTER TABLE users ADD COLUMN first integer; ELSE "
        "ALTER TABLE users ADD COLUMN second integer; END IF; END $$;"
    )
    down = "ALTER TABLE users DROP COLUMN IF EXISTS first, DROP COLUMN IF EXISTS second;"
    found = back(up, down)
    assert [code for code, _ in found] == [
        "reversible.left",
        "reversible.differs",
        "reversible.differs",
    ]
    assert "m.sql makes it otherwise the second time (" in found[-1][1]


def test_a_migration_that_does_not_apply_says_nothing_of_its_downgrade(
    back: Callable[[str, str], list[tuple[str, str]]],
) -> None:
    with pytest.raises(MigrationError) as caught:
        back("ALTER TABLE nobody ADD COLUMN x integer;", DOWN)
    assert caught.value.fact == "it did not apply, so there was nothing to downgrade"
