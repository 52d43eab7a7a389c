"""Ignore rules in a user's project: nothing of them passes by silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import FILE, MIGRATION, PYPROJECT, report_in, text_of
from tests.e2e.test_databases import PYPROJECT as SEVERAL

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

NARROW = MIGRATION.replace("integer", "smallint")
RULE = """
[[tool.schema-guard.ignore]]
code = "drift.type"
subject = "public.user.max_*"
reason = "widened by the next release"
"""
DRIFT = "pyproject.toml::drift"


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_an_ignored_difference_passes_and_is_told(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write(FILE, NARROW)
    project.append("pyproject.toml", RULE)
    result = project.guard("--schema-guard-json=report.json", *workers)
    assert result.ret == 0, text_of(result)
    result.stdout.fnmatch_lines(
        ["*schema-guard warnings*", DRIFT, "1 ignored: widened by the next release"]
    )
    (entry,) = [one for one in report_in(project)["checks"] if one["check"] == "drift"]
    (finding,) = entry["findings"]
    assert (entry["outcome"], finding["ignored"], finding["reason"]) == (
        "passed", True, "widened by the next release",
    )  # fmt: skip


def test_what_is_not_ignored_fails_and_the_rest_is_counted(project: Project) -> None:
    project.write(FILE, NARROW.replace("NOT NULL ", ""))
    project.append("pyproject.toml", RULE)
    result = project.guard(DRIFT)
    assert result.ret == 1
    said = text_of(result)
    assert "public.user.max_reports: in the model User (app/models.py:14) NOT NULL" in said
    assert "1 ignored: widened by the next release" in said
    assert "smallint" not in said


def test_a_rule_whose_day_is_past_ignores_nothing(project: Project) -> None:
    project.write(FILE, NARROW)
    project.append("pyproject.toml", RULE + "until = 2020-02-29\n")
    result = project.guard(DRIFT)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["  the ignore rule at pyproject.toml:8 ended on 2020-02-29: widened by the next *"]
    )


STALE = (
    "pyproject.toml:8: the ignore rule for drift.type public.user.max_[*] matches nothing any more",
    "  next: remove it; its reason was: widened by the next release",
)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_rule_that_matches_nothing_any_more_is_told(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.append("pyproject.toml", RULE)
    result = project.guard(*workers)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*schema-guard warnings*", *STALE])


def test_where_warnings_fail_a_stale_rule_does(project: Project) -> None:
    project.write("pyproject.toml", f"{PYPROJECT}strict = true\n{RULE}")
    result = project.guard()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*the ignore rule for drift.type*"])


@pytest.mark.parametrize(
    "arguments", [["-k", "applies"], ["pyproject.toml::queries"], ["--deselect", DRIFT]]
)
def test_a_rule_is_not_called_stale_where_its_check_did_not_run(
    project: Project, arguments: list[str]
) -> None:
    project.append("pyproject.toml", RULE)
    assert "ignore rule" not in text_of(project.guard(*arguments))


def test_a_rule_is_not_called_stale_where_its_check_could_not_look(project: Project) -> None:
    project.append("pyproject.toml", RULE)
    project.write(FILE, "SELECT 1 / 0;\n")
    result = project.guard()
    assert result.ret == 1
    assert "ignore rule" not in text_of(result)


@pytest.fixture
def several(project: Project) -> Project:
    """Two databases that drift alike."""
    project.write("pyproject.toml", SEVERAL)
    project.write("app/billing.py", (project.root / "app/models.py").read_text())
    project.write("billing/0001_user.sql", (project.root / "production.sql").read_text() + NARROW)
    project.write(FILE, NARROW)
    return project


def test_of_several_databases_each_has_its_own_rules(several: Project) -> None:
    several.append("pyproject.toml", RULE.replace("guard.ignore", "guard.database.ignore"))
    result = several.guard("-k", "drift")
    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["pyproject.toml::billing::drift", "1 ignored: widened by the *"])


def test_what_another_database_has_is_no_use_of_a_rule(several: Project) -> None:
    of_users = SEVERAL.replace('name = "billing"', 'name = "b"')
    rule = RULE.replace("guard.ignore", "guard.database.ignore")
    first, _, second = of_users.rpartition("[[tool.schema-guard.database]]")
    several.write("pyproject.toml", f"{first}{rule}\n[[tool.schema-guard.database]]{second}")
    several.write(FILE, MIGRATION)
    result = several.guard("-k", "drift")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*the ignore rule for drift.type*matches nothing any more"])


def test_a_rule_of_several_databases_is_stale_where_none_has_use_for_it(several: Project) -> None:
    several.write("pyproject.toml", f"{RULE}\n{SEVERAL.replace('[tool.schema-guard]', '')}")
    several.write(FILE, MIGRATION)
    assert "ignore rule" not in text_of(several.guard("-k", "drift"))
    several.write(
        "billing/0001_user.sql", (several.root / "production.sql").read_text() + MIGRATION
    )
    assert text_of(several.guard("-k", "drift")).count("matches nothing any more") == 1


def test_a_rule_without_a_reason_is_a_usage_error(project: Project) -> None:
    project.append("pyproject.toml", '\n[[tool.schema-guard.ignore]]\ncode = "drift.type"\n')
    result = project.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "pyproject.toml:8: [tool.schema-guard] ignore.reason: missing in a rule" in (
        text_of(result)
    )


def test_a_stale_rule_is_in_the_report_and_fails_it_where_warnings_do(project: Project) -> None:
    project.write("pyproject.toml", f"{PYPROJECT}strict = true\n{RULE}")
    assert project.guard("--schema-guard-json=report.json").ret == 1
    report = report_in(project)
    assert report["outcome"] == "failed"
    (said,) = report["ignores"]
    assert said == (
        "pyproject.toml:9: the ignore rule for drift.type public.user.max_* matches nothing any "
        "more\n  next: remove it; its reason was: widened by the next release"
    )


OF_MIGRATIONS = RULE.replace("drift.type", "idempotent.*")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_rule_about_migrations_is_stale_where_all_that_are_pending_were_judged(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.append("pyproject.toml", OF_MIGRATIONS)
    project.write("migrations/0002_more.sql", "SELECT 1;\n")
    assert text_of(project.guard(*workers)).count("matches nothing any more") == 1


@pytest.mark.parametrize(
    "arguments",
    [["-k", "0002_more"], [f"pyproject.toml::{FILE}::idempotent"], ["pyproject.toml::drift"]],
)
def test_a_rule_about_migrations_is_not_called_stale_where_one_was_left_out(
    project: Project, arguments: list[str]
) -> None:
    project.append("pyproject.toml", OF_MIGRATIONS)
    project.write("migrations/0002_more.sql", "SELECT 1;\n")
    result = project.guard(*arguments)
    assert result.ret == 0
    assert "ignore rule" not in text_of(result)


def test_a_rule_about_migrations_is_not_called_stale_where_not_all_are_judged(
    project: Project,
) -> None:
    project.write("pyproject.toml", PYPROJECT.partition("baseline")[0])
    project.append("pyproject.toml", OF_MIGRATIONS.replace("idempotent", "applies"))
    project.write("migrations/0000_user.sql", (project.root / "production.sql").read_text())
    result = project.guard("-k", "applies")
    result.assert_outcomes(passed=1, deselected=5)
    assert "ignore rule" not in text_of(result)


def test_a_rule_of_the_only_database_is_stale_too(project: Project) -> None:
    table = PYPROJECT.replace(
        "[tool.schema-guard]", "[tool.schema-guard]\n[[tool.schema-guard.database]]\nname = 'users'"
    )
    project.write("pyproject.toml", table + RULE.replace("guard.ignore", "guard.database.ignore"))
    assert "matches nothing any more" in text_of(project.guard(DRIFT))


UNSTATED = """

class Odd(TypeDecorator):
    impl = String
    cache_ok = True

    def bind_expression(self, bind):
        raise ValueError("no such thing")


class Bad(Base):
    __tablename__ = "bad"

    id: Mapped[int] = mapped_column(primary_key=True)
    odd: Mapped[str] = mapped_column(Odd)
"""


def test_a_class_that_could_not_be_looked_at_does_not_pass_with_what_is_ignored(
    project: Project,
) -> None:
    """Nothing can be sent for Bad, and User lacks a column."""
    head = "from sqlalchemy import String, TypeDecorator\n"
    models = (project.root / "app/models.py").read_text()
    project.write("app/models.py", head + models + UNSTATED)
    project.write(FILE, "CREATE TABLE bad (id serial PRIMARY KEY, odd varchar NOT NULL);\n")
    project.append("pyproject.toml", RULE.replace("drift.type", "queries.*").replace(".max_*", "*"))
    result = project.guard("pyproject.toml::queries", "--schema-guard-json=report.json")
    assert result.ret == 1
    (entry,) = report_in(project)["checks"]
    assert entry["outcome"] == "unproven", entry
