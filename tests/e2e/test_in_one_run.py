"""All pending revisions in one `alembic upgrade`, besides each by itself."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

from tests.e2e.test_alembic import (  # noqa: F401 - a fixture
    ENV,
    FIRST,
    INIT,
    alembic,
    checks,
    outcomes,
)

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

SECOND, THIRD = "alembic/versions/b2_more.py", "alembic/versions/c3_then.py"


def revision(name: str, down: str, *statements: str) -> str:
    body = "\n".join(f"op.execute({one!r})" for one in statements)
    return (
        dedent(
            f"""\
        from alembic import op

        revision = "{name}"
        down_revision = "{down}"


        def upgrade():
        """
        )
        + indent(body, "    ")
        + "\n\n\ndef downgrade():\n    pass\n"
    )


def write(project: Project, second: tuple[str, ...], third: tuple[str, ...]) -> None:
    project.append("pyproject.toml", 'baseline = { at = "a1" }\n')
    project.checks("applies")
    project.write(SECOND, revision("b2", "a1", *second))
    project.write(THIRD, revision("c3", "b2", *third))


VALUE = (
    ("CREATE TYPE mood AS ENUM ('sad')", 'ALTER TABLE "user" ADD COLUMN mood mood'),
    ("ALTER TYPE mood ADD VALUE 'ok'",),
    ("ALTER TABLE \"user\" ALTER COLUMN mood SET DEFAULT 'ok'",),
)
ROWS = (
    """CREATE TABLE part (id int PRIMARY KEY, whole int
       REFERENCES part DEFERRABLE INITIALLY DEFERRED)""",
    "INSERT INTO part VALUES (1, 1)",
)


def test_an_enum_s_value_that_the_next_revision_uses(alembic: Project) -> None:  # noqa: F811
    write(alembic, VALUE[1], VALUE[2])
    made = "".join(f"\n    op.execute({one!r})" for one in VALUE[0])
    alembic.write(FIRST, INIT.replace("\n\n\ndef down", f"{made}\n\n\ndef down"))
    found, text = checks(alembic)
    assert outcomes(found) == {f"{SECOND}::applies": "passed", f"{THIRD}::applies": "failed"}
    (finding,) = found[f"{THIRD}::applies"]["findings"]
    assert (finding["code"], finding["actual"]) == ("applies.fails-in-one-run", "55P04")
    assert (finding["path"], finding["line"]) == (THIRD, 8)
    assert (
        f"{THIRD}:8: in one `alembic upgrade heads` with b2 {THIRD} fails: unsafe use of new value "
        '"ok" of enum type mood (SQLSTATE 55P04)'
    ) in text
    assert (
        "by itself it applies: a deployment that has each revision before the next one is added "
        "does not fail, and one from the baseline does"
    ) in text
    assert (
        "fix: let each revision commit by itself, transaction_per_migration=True in env.py's "
        "context.configure(), or add the value in `with op.get_context().autocommit_block():`"
    ) in text
    each = "target_metadata=Base.metadata, transaction_per_migration=True"
    alembic.write("alembic/env.py", ENV.replace("target_metadata=Base.metadata", each))
    found, text = checks(alembic)
    assert set(outcomes(found).values()) == {"passed"}, text


def test_a_table_with_pending_trigger_events(alembic: Project) -> None:  # noqa: F811
    write(alembic, ROWS, ("ALTER TABLE part ADD COLUMN age int",))
    found, text = checks(alembic)
    assert outcomes(found) == {f"{SECOND}::applies": "passed", f"{THIRD}::applies": "failed"}
    (finding,) = found[f"{THIRD}::applies"]["findings"]
    assert finding["code"] == "applies.fails-in-one-run"
    assert "because it has pending trigger events (SQLSTATE 55006)" in text
    assert "or let the rows be written in a revision that commits before" in text


def test_a_set_that_the_next_revision_meets(alembic: Project) -> None:  # noqa: F811
    write(
        alembic,
        ("CREATE SCHEMA other", "SET search_path = other, public"),
        ("CREATE TABLE here (id int)",),
    )
    found, text = checks(alembic)
    assert outcomes(found) == {f"{SECOND}::applies": "passed", f"{THIRD}::applies": "failed"}
    assert {(one["code"], one["subject"]) for one in found[f"{THIRD}::applies"]["findings"]} == {
        ("applies.differs-in-one-run", "other.here"),
        ("applies.differs-in-one-run", "public.here"),
    }
    assert "one `alembic upgrade heads` of b2 to c3 makes it otherwise than each by itself" in text
    assert "such as a SET" in text


def test_what_applies_only_in_one_run_with_those_before_it(alembic: Project) -> None:  # noqa: F811
    write(
        alembic,
        ("CREATE TEMPORARY TABLE found AS SELECT 1 AS id",),
        ("CREATE TABLE kept AS SELECT id FROM found",),
    )
    found, text = checks(alembic)
    assert outcomes(found) == {f"{SECOND}::applies": "passed", f"{THIRD}::applies": "failed"}
    assert [one["code"] for one in found[f"{THIRD}::applies"]["findings"]] == [
        "applies.error",
        "applies.only-in-one-run",
    ]
    assert f"{THIRD}: in one `alembic upgrade heads` with b2 it applies" in text
    assert "a deployment that already has b2 fails, and one from the baseline does not" in text
