"""A project with several databases: one table of the configuration each, one server for all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import CHECKS, FILE, text_of

if TYPE_CHECKING:
    from tests.e2e.conftest import Project
    from tests.e2e.there import There

PYPROJECT = f"""\
[tool.schema-guard]

[[tool.schema-guard.database]]
name = "users"
models = "app.models:Base"
migrations = "migrations"
baseline = "production.sql"
seed = "rows.sql"
{CHECKS}
[[tool.schema-guard.database]]
name = "billing"
models = "app.billing:Base"
migrations = "billing"
checks = ["applies", "drift"]
"""

BILLING = """\
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Invoice(Base):
    __tablename__ = "invoice"

    id: Mapped[int] = mapped_column(primary_key=True)
    cents: Mapped[int]
"""


@pytest.fixture
def several(project: Project) -> Project:
    project.write("pyproject.toml", PYPROJECT)
    project.write("app/billing.py", BILLING)
    project.write(
        "billing/0001_invoice.sql",
        "CREATE TABLE invoice (id serial PRIMARY KEY, cents integer NOT NULL);\n",
    )
    return project


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_each_database_has_checks_of_its_own(several: Project, workers: tuple[str, ...]) -> None:
    result = several.guard("--schema-guard-json=report.json", *workers)
    report = json.loads((several.root / "report.json").read_text())
    assert {one["nodeid"]: one["outcome"] for one in report["checks"]} == {
        f"pyproject.toml::users::{FILE}::applies": "passed",
        f"pyproject.toml::users::{FILE}::idempotent": "passed",
        f"pyproject.toml::users::{FILE}::reversible": "passed",
        "pyproject.toml::users::drift": "passed",
        "pyproject.toml::users::queries": "passed",
        "pyproject.toml::users::login": "skipped",
        "pyproject.toml::billing::billing/0001_invoice.sql::applies": "passed",
        "pyproject.toml::billing::drift": "passed",
    }, text_of(result)


def test_the_header_says_what_is_judged_of_each(several: Project) -> None:
    text = text_of(several.guard("-k", "applies"))
    assert f"schema-guard: users: judged: {FILE} (after the baseline production.sql)" in text
    assert (
        "schema-guard: billing: judged: billing/0001_invoice.sql "
        "(the newest, since no `baseline` is configured)"
    ) in text


def test_a_drift_in_one_fails_that_one(several: Project) -> None:
    several.write("app/billing.py", BILLING + "    paid: Mapped[bool]\n")
    result = several.guard("-k", "drift")
    result.assert_outcomes(passed=1, failed=1, deselected=6)
    assert " pyproject.toml::billing::drift  _" in text_of(result)
    assert "public.invoice.paid: in the model Invoice (app/billing.py:13), missing" in text_of(
        result
    )


@pytest.mark.parametrize("nodeid", ["users", "billing::drift", f"users::{FILE}::applies"])
def test_a_part_can_be_run_again_by_its_nodeid(several: Project, nodeid: str) -> None:
    result = several.guard(f"pyproject.toml::{nodeid}")
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == (5 if nodeid == "users" else 1)


def test_the_fixtures_serve_the_first_or_the_one_that_is_named(several: Project) -> None:
    several.write(
        "tests/test_both.py",
        """\
        import pytest
        from sqlalchemy import inspect

        def test_first(schema_guard_engine):
            assert inspect(schema_guard_engine).has_table("user")

        @pytest.mark.parametrize("schema_guard_url", ["billing"], indirect=True)
        def test_named(schema_guard_engine):
            assert inspect(schema_guard_engine).has_table("invoice")

        @pytest.mark.parametrize("schema_guard_url", ["bills"], indirect=True)
        def test_unknown(schema_guard_engine):
            pass
        """,
    )
    result = several.run()
    result.assert_outcomes(passed=2, errors=1)
    assert "database bills: no [[database]] has this name" in text_of(result)
    assert "next: the names are users, billing" in text_of(result)


def test_what_failed_is_kept_under_its_own_name(several: Project) -> None:
    several.write("app/billing.py", BILLING + "    paid: Mapped[bool]\n")
    result = several.guard("-k", "drift", "--schema-guard-keep")
    try:
        kept = [line for line in result.outlines if line.startswith("psql ")]
        assert len(kept) == 2
        assert all("_billing-" in line for line in kept)
    finally:
        (line,) = [one for one in result.outlines if "to end it: rm " in one]
        (several.root / line.rpartition(" ")[2]).unlink()


def test_a_role_that_each_prepares_is_made_once_and_goes_with_the_run(
    several: Project, there: There
) -> None:
    several.write(
        "pyproject.toml",
        PYPROJECT.replace(
            "[tool.schema-guard]\n",
            '[tool.schema-guard]\nprepare = "CREATE ROLE guarded_app; CREATE SCHEMA prepared"\n',
        ),
    )
    before = there.all_of_it()
    for _ in range(2):
        result = several.guard(f"--schema-guard-url={there.url()}", "-k", "applies")
        result.assert_outcomes(passed=2, deselected=6)
        there.forget_roles()
    assert there.all_of_it() == before


def test_what_prepare_cannot_do_is_told_statement_by_statement(several: Project) -> None:
    several.write(
        "pyproject.toml",
        PYPROJECT.replace(
            "[tool.schema-guard]\n",
            '[tool.schema-guard]\nprepare = "CREATE ROLE app; CREATE SCHEMA x; CREATE SCHEMA x"\n',
        ),
    )
    text = text_of(several.guard("-k", "billing and applies"))
    assert 'pyproject.toml: prepare: PostgreSQL refused it: schema "x" already exists' in text
    assert "    CREATE SCHEMA x\n" in text


def test_a_wrong_baseline_is_told_with_the_database_that_has_it(several: Project) -> None:
    several.append("pyproject.toml", 'baseline = { at = "0009" }\n')
    result = several.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (
        "ERROR: database billing: pyproject.toml: baseline: no migration is called '0009', which "
        "`at` names\n  next: name the last one that production has: 0001_invoice.sql"
    ) in text_of(result)
