"""Several differences of one kind in one table: each is a finding of its own, in every report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.difference import Difference
from pytest_schemaguard.findings import Finding, Severity
from pytest_schemaguard.live.told_once import told_once
from tests.catalog.databases import dumped

if TYPE_CHECKING:
    from tests.live.conftest import Fleet

pytest_plugins = ["pytester"]

MODELS = """
from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class T(Base):
    __tablename__ = "t"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int]
    b: Mapped[int]
    c: Mapped[int]
    d: Mapped[int] = mapped_column(ForeignKey("t.id"))
    __table_args__ = (
        CheckConstraint("d > 0"), Index("i", "d"), Index("j", "d"),
    )
"""
WHOLE = """
CREATE TABLE t (id serial PRIMARY KEY, a integer NOT NULL, b integer NOT NULL, c integer NOT NULL,
  d integer NOT NULL REFERENCES t (id), CHECK (d > 0));
CREATE INDEX i ON t (d);
CREATE INDEX j ON t (d);
"""


@pytest.fixture
def alike(fleet: Fleet) -> Fleet:
    fleet.write("app/models.py", MODELS)
    Path("migrations/0001_users.sql").write_text(WHOLE)
    Path("migrations/0002_reports.sql").write_text("SELECT 1;")
    return fleet


def codes(report: dict[str, Any]) -> list[tuple[str, str, bool]]:
    (database,) = report["databases"]
    return sorted((one["code"], one["subject"], one["ignored"]) for one in database["findings"])


@pytest.mark.parametrize("columns", ["ab", "abc"])
def test_each_missing_column_is_told(alike: Fleet, columns: str) -> None:
    gone = "; ".join(f"ALTER TABLE t DROP COLUMN {one}" for one in columns)
    one = alike.database(WHOLE, gone)
    code, said = alike.check(one)
    assert code == 1
    assert said.splitlines()[0] == f"db1: {len(columns)} errors"
    for column in columns:
        assert (
            f"public.t.{column}: in the model T (app/models.py:{11 + 'abc'.index(column)}), "
            "missing in the database\n"
            "  every query for T fails (UndefinedColumn)"
        ) in said
        assert f"ALTER TABLE public.t ALTER COLUMN {column} SET NOT NULL" in said
    assert codes(alike.report(one)) == [
        ("drift.missing-column", f"public.t.{column}", False) for column in columns
    ]


def test_several_databases_are_told_of_each(alike: Fleet) -> None:
    gone = "ALTER TABLE t DROP COLUMN a, DROP COLUMN b, DROP COLUMN c"
    _, said = alike.check(alike.database(WHOLE, gone), alike.database(WHOLE))
    assert [line for line in said.splitlines() if line.startswith("1 of 2")] == [
        "1 of 2 lacks public.t.a",
        "1 of 2 lacks public.t.b",
        "1 of 2 lacks public.t.c",
    ]


def test_an_ignored_one_hides_no_other(alike: Fleet) -> None:
    with Path("pyproject.toml").open("a") as file:
        file.write(
            '[[tool.schema-guard.ignore]]\ncode = "drift.missing-column"\n'
            'subject = "public.t.a"\nreason = "goes with release 7"\n'
        )
    one = alike.database(WHOLE, "ALTER TABLE t DROP COLUMN a, DROP COLUMN b, DROP COLUMN c")
    code, said = alike.check(one)
    assert (code, said.splitlines()[0]) == (1, "db1: 2 errors, 1 ignored")
    assert codes(alike.report(one)) == [
        ("drift.missing-column", "public.t.a", True),
        ("drift.missing-column", "public.t.b", False),
        ("drift.missing-column", "public.t.c", False),
    ]


def test_every_kind_is_told_as_often_as_it_is_there(alike: Fleet, bindir: str) -> None:
    changed = """
    ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE bigint, ALTER c DROP NOT NULL,
      ALTER d DROP NOT NULL;
    DROP INDEX i, j;
    CREATE INDEX x ON t (a);
    CREATE INDEX y ON t (a);
    ALTER TABLE t ADD COLUMN e integer, ADD COLUMN f integer, ADD CHECK (a > 1), ADD CHECK (a > 1);
    """
    one = alike.database(WHOLE, changed)
    Path("dump.sql").write_text(dumped(one, bindir))
    expected = [
        ("drift.extra-check", "public.t.t_a_check", False),
        ("drift.extra-check", "public.t.t_a_check1", False),
        ("drift.extra-column", "public.t.e", False),
        ("drift.extra-column", "public.t.f", False),
        ("drift.extra-index", "public.t.x", False),
        ("drift.extra-index", "public.t.y", False),
        ("drift.missing-index", "public.t.i", False),
        ("drift.missing-index", "public.t.j", False),
        ("drift.nullability", "public.t.c", False),
        ("drift.nullability", "public.t.d", False),
        ("drift.type", "public.t.a", False),
        ("drift.type", "public.t.b", False),
    ]
    assert codes(alike.report(one)) == expected
    assert codes(alike.report("dump.sql")) == expected


def test_what_only_the_migrations_expect_is_told_beside_what_both_do(alike: Fleet) -> None:
    more = "ALTER TABLE t ADD COLUMN x integer NOT NULL, ADD COLUMN y integer NOT NULL;"
    Path("migrations/0002_reports.sql").write_text(more)
    one = alike.database(WHOLE, "ALTER TABLE t DROP COLUMN a, DROP COLUMN b")
    assert codes(alike.report(one)) == [
        ("drift.missing-column", f"public.t.{column}", False) for column in "abxy"
    ]


def test_pytest_tells_each(alike: Fleet, pytester: pytest.Pytester) -> None:
    alike.write(
        "migrations/0002_reports.sql",
        "ALTER TABLE t DROP COLUMN a, DROP COLUMN b, DROP COLUMN c; DROP INDEX i, j;",
    )
    report = alike.root / "report.json"
    result = pytester.run(
        sys.executable, "-m", "pytest", "-c", f"{alike.root}/pyproject.toml", "--schema-guard",
        "--schema-guard-json", str(report), f"{alike.root}/pyproject.toml::drift",
    )  # fmt: skip
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [f"*public.t.{column}: in the model T (app/models.py:*" for column in "abc"]
    )
    (check,) = json.loads(report.read_text())["checks"]
    assert sorted((one["code"], one["subject"]) for one in check["findings"]) == [
        ("drift.missing-column", "public.t.a"),
        ("drift.missing-column", "public.t.b"),
        ("drift.missing-column", "public.t.c"),
        ("drift.missing-index", "public.t.i"),
        ("drift.missing-index", "public.t.j"),
    ]


def difference(kind: str, *name: str, expected: str | None = None) -> Difference:
    return Difference(kind=kind, name=name, expected=expected, actual=None)


def told(
    one: Difference, said: str, severity: Severity = Severity.ERROR
) -> tuple[Difference, Finding]:
    finding = Finding(
        code=f"drift.{one.kind}", severity=severity, subject=".".join(one.name), message=said
    )
    return one, finding


def said_of(
    models: list[tuple[Difference, Finding]], *migrations: tuple[Difference, Finding]
) -> list[str]:
    return [one.message for one in told_once(models, migrations)]


CHECK = [difference("missing-check", "s", "t", name, expected="CHECK (a > 0)") for name in "xyz"]
COLUMN = [difference("missing-column", "s", "t", name, expected="integer") for name in "xyz"]


def test_a_constraint_repeats_one_other_of_its_definition() -> None:
    models = [told(CHECK[0], "model x")]
    assert said_of(models, told(CHECK[1], "y")) == ["model x"]
    assert said_of(models, told(CHECK[1], "y"), told(CHECK[2], "z")) == ["model x", "z"]
    # The one of its own name is the one that is repeated, whatever comes first.
    assert said_of(models, told(CHECK[1], "y"), told(CHECK[0], "x")) == ["model x", "y"]
    other = difference("missing-check", "s", "t.x", "y", expected="CHECK (a > 0)")
    assert said_of(models, told(other, "of another table")) == ["model x", "of another table"]


def test_a_column_repeats_only_itself() -> None:
    models = [told(COLUMN[0], "model x")]
    assert said_of(models, told(COLUMN[0], "x"), told(COLUMN[1], "y")) == ["model x", "y"]


def test_what_is_more_severe_is_told_too() -> None:
    models = [told(COLUMN[0], "hidden by include_object", Severity.INFO)]
    assert said_of(models, told(COLUMN[0], "x")) == ["hidden by include_object", "x"]
    assert said_of([told(COLUMN[0], "model")], told(COLUMN[0], "x", Severity.INFO)) == ["model"]
