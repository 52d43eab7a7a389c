"""How files of SQL are run: by statement or in one transaction, and two ways in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import FILE, MIGRATION, WAY_BACK, report_in, text_of
from tests.migrations.styles import both_ways

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

BACK = FILE.replace(".sql", ".down.sql")
ONE = 'migrations = { sql = "migrations", transaction = "file" }'
CONCURRENTLY = (
    'ALTER TABLE "user" ADD COLUMN max_reports integer NOT NULL DEFAULT 5;\n'
    'CREATE INDEX CONCURRENTLY ON "user" (max_reports);\n'
)


def configure(project: Project, migrations: str) -> None:
    table = (project.root / "pyproject.toml").read_text()
    project.write("pyproject.toml", table.replace('migrations = "migrations"', migrations))


def told(project: Project) -> list[tuple[str, str, str | None, int | None]]:
    """Outcome and check; code and line of what it found."""
    found = []
    for one in report_in(project)["checks"]:
        lines = [(item["code"], item["line"]) for item in one["findings"]] or [(None, None)]
        found += [(one["outcome"], one["check"], code, line) for code, line in lines]
    return found


@pytest.mark.parametrize("migrations", ['migrations = { sql = "migrations" }', ONE])
def test_a_migration_that_holds_either_way_passes_every_check(
    project: Project, migrations: str
) -> None:
    configure(project, migrations)
    result = project.guard()
    result.assert_outcomes(passed=5, skipped=1)


def test_what_refuses_a_transaction_applies_by_statement_and_fails_by_file(
    project: Project,
) -> None:
    project.write(FILE, CONCURRENTLY)
    result = project.guard("-k", "applies")
    result.assert_outcomes(passed=1, deselected=5)
    configure(project, ONE)
    result = project.guard("-k", "applies")
    result.assert_outcomes(failed=1, deselected=5)
    assert (
        f"{FILE}:2: CREATE INDEX CONCURRENTLY cannot run inside a transaction block (SQLSTATE "
        "25001)\n"
        "  statement:\n"
        '    CREATE INDEX CONCURRENTLY ON "user" (max_reports)\n'
        "  the file runs in one transaction, so nothing of it is kept\n"
        '  fix: it runs only outside a transaction, and `transaction = "file"` runs each file in '
        "one: give it a file of its own that your tool runs outside of one"
    ) in text_of(result)


def test_a_second_run_and_a_way_back_that_fail_keep_nothing_of_their_file(
    project: Project,
) -> None:
    configure(project, ONE)
    project.write(
        FILE, "CREATE TABLE IF NOT EXISTS t ();\n" + MIGRATION.replace("IF NOT EXISTS", "")
    )
    project.write(BACK, "DROP TABLE t;\nSELECT 1/0;\n")
    result = project.guard("--schema-guard-json=report.json", "-k", "idempotent or reversible")
    result.assert_outcomes(failed=2, deselected=4)
    kept = "\n  the file runs in one transaction, so nothing of it is kept\n"
    # Where CI is set, pytest does not shorten its summary, which would have them again.
    failures, _, _ = text_of(result).partition("short test summary info")
    assert failures.count(kept) == 2
    assert told(project) == [  # no difference of the catalog is told
        ("failed", "idempotent", "idempotent.second-run-fails", 2),
        ("failed", "reversible", "reversible.down-fails", 2),
    ]


def test_statements_after_a_commit_are_a_warning(project: Project) -> None:
    configure(project, ONE)
    project.write(FILE, f'BEGIN;\n{MIGRATION}COMMIT;\nANALYZE "user";\n')
    result = project.guard("--schema-guard-json=report.json", "-k", "applies")
    result.assert_outcomes(passed=1, deselected=5)
    assert (
        f"warning: {FILE}:3: its COMMIT ends the file's transaction, and 1 statement runs after "
        "it, outside of any\n"
        "  an error there would leave the file applied in part; fix: take the COMMIT out, or put "
        "what follows it into a file of its own\n"
    ) in text_of(result)
    assert told(project) == [("passed", "applies", "applies.not-in-one-transaction", 3)]
    project.write(FILE, f"BEGIN;\n{MIGRATION}COMMIT;\n")
    project.guard("--schema-guard-json=report.json", "-k", "applies")
    assert told(project) == [("passed", "applies", None, None)]


def test_a_rollback_is_to_be_taken_out(project: Project) -> None:
    configure(project, ONE)
    project.write(FILE, f"{MIGRATION}ROLLBACK;\n")
    assert (
        f"{FILE}:2: line 2 (ROLLBACK) undoes 1 statement, and the file does not do it again\n"
        "  undone:\n"
        '    ALTER TABLE "user" ADD COLUMN IF NOT EXISTS max_reports integer NOT NULL DEFAULT 5\n'
        "  fix: take the ROLLBACK out\n"
    ) in text_of(project.guard("-k", "applies"))


STYLE = """
from pytest_schemaguard.migrations.styles import STYLES

STYLES["both-ways"] = "style"
"""


def test_both_ways_in_one_file_are_judged_and_told_with_their_lines(project: Project) -> None:
    configure(project, 'migrations = { sql = "migrations", style = "both-ways" }')
    project.write("conftest.py", STYLE)
    project.write("style.py", Path(both_ways.__file__).read_text())
    (project.root / BACK).unlink()
    both = f"-- up\n{MIGRATION}\n-- down\n{WAY_BACK}"
    project.write(FILE, both)
    project.guard().assert_outcomes(passed=5, skipped=1)

    project.write(FILE, both.replace(MIGRATION, f"{MIGRATION}CREATE TABLE IF NOT EXISTS t ();\n"))
    result = project.guard("--schema-guard-json=report.json", "-k", "reversible")
    assert f"public.t: {FILE}:5 does not restore it (extra-table): nothing before" in text_of(
        result
    )
    assert told(project) == [("failed", "reversible", "reversible.left", 5)]

    project.write(FILE, f"{both}SELECT 1/0;\n")
    result = project.guard("--schema-guard-json=report.json", "-k", "reversible")
    assert f"{FILE}:6: the downgrade fails: division by zero (SQLSTATE 22012)" in text_of(result)
    assert told(project) == [("failed", "reversible", "reversible.down-fails", 6)]
