"""`--schema-guard-since REF`: what a pull request adds or changes is judged."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import FILE, MIGRATION, text_of

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

SECOND = "migrations/0002_max_templates.sql"
PEOPLE = {
    **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ada@example.com" for who in ("AUTHOR", "COMMITTER")},
}


def git(project: Project, *arguments: str) -> None:
    subprocess.run(
        ["git", *arguments],
        cwd=project.root,
        env={**os.environ, **PEOPLE},
        check=True,
        capture_output=True,
    )


@pytest.fixture
def cloned(project: Project) -> Project:
    """A repository whose branch `main` has the project's migration; a branch begins there."""
    (project.root / ".git").rmdir()
    git(project, "init", "--initial-branch=main")
    git(project, "add", ".")
    git(project, "commit", "-m", "begin")
    git(project, "switch", "-c", "branch")
    return project


def judged(project: Project, *arguments: str) -> list[str]:
    """The migrations that have checks, as collected."""
    result = project.guard("--collect-only", "-q", *arguments)
    assert result.ret == 0, text_of(result)
    parts = [line.split("::") for line in result.outlines if line.startswith("pyproject.toml::")]
    return sorted({part[1] for part in parts if len(part) == 3})


def test_what_a_branch_adds_is_judged_committed_or_not(cloned: Project) -> None:
    since = "--schema-guard-since=main"
    assert judged(cloned, since) == []
    cloned.write(SECOND, MIGRATION.replace("max_reports", "max_templates"))
    assert judged(cloned, since) == [SECOND]
    git(cloned, "add", ".")
    git(cloned, "commit", "-m", "more")
    assert judged(cloned, since) == [SECOND]
    git(cloned, "mv", SECOND, "migrations/0003_max_templates.sql")
    assert judged(cloned, since) == ["migrations/0003_max_templates.sql"]
    cloned.append(FILE, "SELECT 1;\n")
    assert judged(cloned, since) == [FILE, "migrations/0003_max_templates.sql"]


def test_comments_and_layout_alone_have_nothing_judged(cloned: Project) -> None:
    cloned.append(FILE, "\n-- changed\n")
    cloned.append(FILE.replace(".sql", ".down.sql"), "-- changed\n")
    assert judged(cloned, "--schema-guard-since=main") == []


def test_the_key_of_the_configuration_says_the_same_and_the_option_wins(cloned: Project) -> None:
    cloned.write(SECOND, MIGRATION.replace("max_reports", "max_templates"))
    cloned.append("pyproject.toml", 'since = "main"\n')
    assert judged(cloned) == [SECOND]
    git(cloned, "add", ".")
    git(cloned, "commit", "-m", "more")
    assert judged(cloned, "--schema-guard-since=HEAD") == []


def test_where_no_migration_changed_the_schema_is_still_checked(cloned: Project) -> None:
    result = cloned.guard("--schema-guard-since=main")
    result.assert_outcomes(passed=2, skipped=1)
    assert "schema-guard: judged: no migration (added or changed since main)" in text_of(result)


def test_a_downgrade_that_changed_has_its_migration_judged(cloned: Project) -> None:
    cloned.append(FILE.replace(".sql", ".down.sql"), "SELECT 1;\n")
    assert judged(cloned, "--schema-guard-since=main") == [FILE]


def test_a_changed_migration_that_the_baseline_contains_is_not_passed_over_in_silence(
    cloned: Project,
) -> None:
    cloned.write(SECOND, MIGRATION.replace("max_reports", "max_templates"))
    cloned.append(FILE, "SELECT 1;\n")
    cloned.write(
        "pyproject.toml",
        (cloned.root / "pyproject.toml")
        .read_text()
        .replace(
            'baseline = "production.sql"',
            'baseline = { schema = "production.sql", at = "0001_max_reports" }',
        ),
    )
    text = text_of(cloned.guard("--schema-guard-since=main", "-k", "applies"))
    assert (
        f"judged: {SECOND} (added or changed since main; the baseline contains {FILE}, changed too)"
    ) in text


def without_baseline(project: Project) -> None:
    """The table that production has is the work of a migration."""
    project.write("migrations/0000_user.sql", (project.root / "production.sql").read_text())
    text = (project.root / "pyproject.toml").read_text()
    project.write("pyproject.toml", text.replace('baseline = "production.sql"\n', ""))
    git(project, "add", ".")
    git(project, "commit", "-m", "no baseline")
    git(project, "branch", "--force", "main")


def test_the_merge_base_is_the_baseline_so_that_seed_meets_what_the_branch_adds(
    cloned: Project,
) -> None:
    without_baseline(cloned)
    required = 'ALTER TABLE "user" ADD COLUMN tenant text NOT NULL;\n'
    cloned.write("migrations/0002_tenant.sql", required)
    result = cloned.guard("--schema-guard-since=main", "-k", "applies")
    text = text_of(result)
    assert (
        "judged: migrations/0002_tenant.sql (added or changed since main; the baseline is what it "
        "has: migrations/0001_max_reports.sql and 1 before it)"
    ) in text
    assert 'column "tenant" of relation "user" contains null values' in text
    result.assert_outcomes(failed=1)


def test_with_nothing_added_seed_is_loaded_behind_all_that_the_merge_base_has(
    cloned: Project,
) -> None:
    without_baseline(cloned)
    cloned.append("rows.sql", 'UPDATE "user" SET max_reports = 7;\n')
    cloned.append("pyproject.toml", '[tool.schema-guard.login]\nmodel = "User"\nby = "email"\n')
    result = cloned.guard("--schema-guard-since=main")
    result.assert_outcomes(passed=3)


def test_a_migration_of_the_merge_base_that_fails_is_named(cloned: Project) -> None:
    without_baseline(cloned)
    cloned.append("migrations/0000_user.sql", "SELECT 1/0;\n")
    git(cloned, "commit", "-am", "broken")
    git(cloned, "branch", "--force", "main")
    cloned.write(SECOND, MIGRATION.replace("max_reports", "max_templates"))
    text = text_of(cloned.guard("--schema-guard-since=main", "-k", "applies"))
    assert (
        "unproven: migrations/0000_user.sql:5: migrations/0000_user.sql: a migration that is not "
        "judged did not apply"
    ) in text


def test_seed_that_needs_what_comes_behind_the_first_changed_is_told_where_it_is_loaded(
    cloned: Project,
) -> None:
    without_baseline(cloned)
    cloned.append("migrations/0000_user.sql", "SELECT 1;\n")
    text = text_of(cloned.guard("--schema-guard-since=main", "-k", "idempotent"))
    assert (
        "its rows go in where the migrations of main have run, up to the first that is changed: "
        "let them fit that schema, or name production's as `baseline`"
    ) in text


def test_an_empty_ref_is_refused(cloned: Project) -> None:
    result = cloned.guard("--schema-guard-since=")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "since: " in text_of(result)


def test_the_checks_of_what_was_added_pass_in_two_workers(cloned: Project) -> None:
    cloned.write(SECOND, MIGRATION.replace("max_reports", "max_templates"))
    result = cloned.guard("--schema-guard-since=main", "-n", "2", "-k", "applies or idempotent")
    result.assert_outcomes(passed=2)


def test_a_ref_that_is_not_there_is_a_usage_error(cloned: Project) -> None:
    result = cloned.guard("--schema-guard-since=origin/main")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = text_of(result)
    assert "since: " in text
    assert "origin/main" in text
    assert "Traceback" not in text


def test_a_shallow_clone_is_told_to_fetch_more(cloned: Project) -> None:
    cloned.write(SECOND, MIGRATION.replace("max_reports", "max_templates"))
    git(cloned, "add", ".")
    git(cloned, "commit", "-m", "more")
    shallow = cloned.root / "shallow"
    git(cloned, "clone", "--depth=1", f"file://{cloned.root}", str(shallow))
    result = cloned.guard("-c", str(shallow / "pyproject.toml"), "--schema-guard-since=origin/main")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "fetch-depth: 0" in text_of(result)
