"""The rows that a judged migration meets, where `seed` has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.checks import applies, idempotent, reversible
from pytest_schemaguard.findings import Outcome
from pytest_schemaguard.guard import Guard
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_schemaguard.findings import Verdict

USERS = "CREATE TABLE users (id serial PRIMARY KEY, name text, amount text);"


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Callable[..., Guard]]:
    """Makes a project of this schema and these migrations, which are all judged."""
    tmp_path.chmod(0o755)
    opened = []

    def make(
        schema: str, *migrations: str, down: str = "", more: str = "", seed: str = ""
    ) -> Guard:
        (tmp_path / "pyproject.toml").write_text(
            '[tool.schema-guard]\nmodels = "models:meta"\nmigrations = "m"\n'
            f'baseline = "schema.sql"\nserver = "{OWN["provider"]}"\n{more}\n'
            + ('seed = "seed.sql"\n' if seed else "")
        )
        (tmp_path / "models.py").write_text("from sqlalchemy import MetaData\nmeta = MetaData()\n")
        (tmp_path / "schema.sql").write_text(schema)
        (tmp_path / "seed.sql").write_text(seed)
        (tmp_path / "m").mkdir()
        for number, text in enumerate(migrations, 1):
            (tmp_path / f"m/{number}.sql").write_text(text)
        if down:
            (tmp_path / f"m/{len(migrations)}.down.sql").write_text(down)
        context = Guard.of(tmp_path)
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def last(guard: Guard, check: Callable[..., Verdict]) -> Verdict:
    return check(guard, guard.judging.judged[-1])


def test_a_column_that_no_row_has_a_value_for_fails(guard: Callable[..., Guard]) -> None:
    found = last(guard(USERS, "ALTER TABLE users ADD tenant text NOT NULL;"), applies.judge)
    (one,) = found.findings
    assert found.outcome is Outcome.FAILED
    assert (one.code, one.actual) == ("applies.error", "23502")
    assert one.message == (
        'column "tenant" of relation "users" contains null values (SQLSTATE 23502)\n'
        "statement:\n"
        "  ALTER TABLE users ADD tenant text NOT NULL\n"
        "public.users has 20 rows there, made by the guard since `seed` has none for it; no row "
        "can pass"
    )
    assert one.fix == (
        "give the column a DEFAULT, or add it without NOT NULL, fill it, and SET NOT NULL after "
        "that"
    )


@pytest.mark.parametrize(
    ("migration", "sqlstate"),
    [
        ("ALTER TABLE users ALTER name SET NOT NULL;", "23502"),
        ("ALTER TABLE users ADD CHECK (name IN ('new', 'old'));", "23514"),
        ("ALTER TABLE users ALTER name TYPE integer USING name::integer;", "22P02"),
        ("ALTER TABLE users ALTER name TYPE date USING name::date;", "22"),
        ("DO $$BEGIN IF EXISTS (SELECT FROM users) THEN RAISE 'no'; END IF; END$$;", "P0001"),
    ],
)
def test_what_depends_on_the_values_is_a_warning_and_what_follows_is_judged(
    guard: Callable[..., Guard], migration: str, sqlstate: str
) -> None:
    made = guard(USERS, migration)
    found = last(made, applies.judge)
    assert found.outcome is Outcome.PASSED
    (one,) = found.findings
    assert (one.code, one.severity.value) == ("applies.depends-on-rows", "warning")
    assert one.actual is not None
    assert one.actual.startswith(sqlstate)
    assert one.message.startswith(
        "on rows that the guard made it fails, and without them it applies: "
    )
    assert last(made, idempotent.judge).outcome is not Outcome.UNPROVEN


def test_rows_of_seed_decide(guard: Callable[..., Guard]) -> None:
    made = guard(
        USERS,
        "ALTER TABLE users ALTER name SET NOT NULL;",
        seed="INSERT INTO users (name) VALUES ('Ada');",
    )
    assert last(made, applies.judge).findings == ()


def test_without_rows_nothing_is_made(guard: Callable[..., Guard]) -> None:
    made = guard(USERS, "ALTER TABLE users ADD tenant text NOT NULL;", more="rows = 0")
    assert last(made, applies.judge).findings == ()
    assert made.states.migrated().made == {}


def test_each_table_has_rows_as_soon_as_a_judged_migration_meets_it(
    guard: Callable[..., Guard],
) -> None:
    made = guard(
        USERS, "CREATE TABLE a (id serial PRIMARY KEY);", "CREATE TABLE b (a_id int REFERENCES a);"
    )
    first, second = made.judging.judged
    assert made.states.before(first).made == {("public", "users"): 20}
    assert made.states.before(second).made == {("public", "users"): 20, ("public", "a"): 20}
    for state, count in ((made.states.migrated(), 20), (made.states.bare(), 0)):
        made.databases.create("look", template=state.name)
        with made.databases.looking("look") as owner, owner.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT count(*) FROM public.users), (SELECT count(*) FROM public.b)"
            )
            assert cursor.fetchone() == (count, count)
        made.databases.drop("look")


REFUSING = (
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'read only'; END$$;"
    "CREATE TABLE log (id int); CREATE TABLE other (id int);"
    "CREATE TRIGGER no BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION no();"
)


def test_a_check_on_rows_of_a_table_that_stays_empty_is_unproven(
    guard: Callable[..., Guard],
) -> None:
    made = guard(REFUSING, "DELETE FROM log;", down="SELECT 1; -- log\n")
    assert made.noted("unfilled") is None
    for check in (idempotent, reversible):
        found = last(made, check.judge)
        assert found.outcome is Outcome.UNPROVEN
        assert found.reason is not None
        assert found.reason.startswith(
            "public.log: no row was there to look at, and the guard could make none\npublic.log: "
        )
        assert "read only" in found.reason
        assert (made.noted("unfilled") or "").startswith(
            "the guard could make no row in public.log ("
        )
        assert found.reason.endswith(
            "\n  next: name a file with rows for it in `seed`, or in `exclude` what needs no look"
        )


def test_another_table_that_stays_empty_is_no_matter(guard: Callable[..., Guard]) -> None:
    made = guard(REFUSING, "DELETE FROM other;")
    found = last(made, idempotent.judge)
    assert found.outcome is Outcome.FAILED  # it deletes what the application has inserted
    assert [one.code for one in found.findings] == ["idempotent.rows"]


def test_a_migration_whose_own_rows_are_wrong_is_told_nothing_of_made_rows(
    guard: Callable[..., Guard],
) -> None:
    wrong = (
        "ALTER TABLE users ADD tenant text NOT NULL DEFAULT '';"
        "INSERT INTO users (tenant) VALUES (NULL);"
    )
    (one,) = last(guard(USERS, wrong), applies.judge).findings
    assert (one.code, one.actual) == ("applies.error", "23502")
    assert one.message.startswith(
        'null value in column "tenant" of relation "users" violates not-null constraint '
        "(SQLSTATE 23502)\nDETAIL: "
    )
    assert "made by the guard" not in one.message
    assert one.fix is None
