"""Where no migration is left to be judged: the schema is still checked, and the run goes on."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import FILE, MIGRATION, PRODUCTION, Project, report_in, text_of

MIGRATED = PRODUCTION.replace("\n);", ",\n    max_reports integer NOT NULL DEFAULT 5\n);")
SECOND = "migrations/0002_more.sql"


@pytest.fixture(autouse=True)
def _a_test_of_the_users(project: Project) -> None:
    project.write("tests/test_a.py", "def test_a():\n    pass\n")


def _baseline(project: Project, text: str) -> None:
    path = project.root / "pyproject.toml"
    path.write_text(path.read_text().replace('baseline = "production.sql"', f"baseline = {text}"))


AT = '{ schema = "production.sql", at = "0001_max_reports" }'


@pytest.mark.parametrize("baseline", [AT, '{ at = "0001_max_reports" }'])
def test_a_baseline_at_the_newest_migration_still_has_the_schema_checked(
    project: Project, baseline: str
) -> None:
    project.write("production.sql", MIGRATED)
    if "schema" not in baseline:
        project.write(FILE, MIGRATED)
    _baseline(project, baseline)
    project.login_by_request("")
    path = project.root / "pyproject.toml"
    path.write_text(path.read_text().partition("\n[tool.schema-guard.login.request]")[0])
    result = project.guard("-v")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "*: judged: no migration (none comes after the baseline at 0001_max_reports)",
            *(f"pyproject.toml::{name} PASSED *" for name in ("drift", "queries", "login")),
            "tests/test_a.py::test_a PASSED *",
        ]
    )


def test_drift_of_a_baseline_at_the_newest_migration_is_found(project: Project) -> None:
    _baseline(project, AT)
    result = project.guard()
    result.assert_outcomes(passed=1, failed=2, skipped=1)
    assert "public.user.max_reports: in the model User (app/models.py:" in text_of(result)


def test_checks_of_migrations_alone_have_nothing_to_do_and_fail_nothing(project: Project) -> None:
    project.checks("applies", "idempotent")
    _baseline(project, AT)
    why = (
        "schema-guard: no check ran: no migration is judged (none comes after the baseline at "
        "0001_max_reports)"
    )
    result = project.guard("--schema-guard-json=report.json")
    result.assert_outcomes(passed=1)
    assert result.outlines[-1] == why
    (project.root / "tests" / "test_a.py").unlink()
    for more in (), ("-n", "2"):
        result = project.guard("--schema-guard-json=report.json", *more)
        assert result.ret == 0
        assert result.outlines[-1] == why
        found = report_in(project)
        assert (found["outcome"], found["checks"]) == ("skipped", [])


def test_a_folder_that_pytest_was_told_to_pass_over_is_no_proof(project: Project) -> None:
    (project.root / "tests" / "test_a.py").unlink()
    project.checks("applies")
    result = project.guard("--ignore=pyproject.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.outlines[-1] == "schema-guard: no check ran: nothing was collected"


def test_without_a_migration_the_baseline_is_all_that_there_is(project: Project) -> None:
    for path in (project.root / "migrations").iterdir():
        path.unlink()
    project.write("migrations/README.md", "Production's schema has all of them.\n")
    project.write("production.sql", MIGRATED)
    result = project.guard()
    result.assert_outcomes(passed=3, skipped=1)
    assert "schema-guard: judged: no migration (there is none in migrations)" in text_of(result)


@pytest.mark.parametrize(
    "old",
    [
        b"\\echo creating\nCREATE TABLE a (id int);\n",
        b"\\i other.sql\n",
        b"-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n",
        b"CREATE TABLE caf\xe9 (id int);\n",
        b"GRANT SELECT ON a TO {{ role }};\n",
        b"SELECT 'never closed;\n",
        b"INSERT INTO a VALUES (:unknown);\n",
    ],
)
def test_a_file_that_the_baseline_contains_is_not_read(project: Project, old: bytes) -> None:
    (project.root / FILE).write_bytes(old)
    (project.root / FILE.replace(".sql", ".down.sql")).write_bytes(old)
    project.write(SECOND, MIGRATION)
    _baseline(project, AT)
    result = project.guard()
    result.assert_outcomes(passed=5, skipped=2)
    assert f"judged: {SECOND} (after the baseline at 0001_max_reports)" in text_of(result)


def test_a_file_that_is_no_more_there_to_be_read_is_not_read(project: Project) -> None:
    (project.root / FILE).unlink()
    (project.root / FILE).symlink_to("gone")
    project.write(SECOND, MIGRATION)
    _baseline(project, AT)
    project.guard().assert_outcomes(passed=5, skipped=2)
