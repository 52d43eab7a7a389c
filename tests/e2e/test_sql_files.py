"""Files of SQL: both ways in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.conftest import FILE, MIGRATION, WAY_BACK, report_in, text_of
from tests.migrations.styles import both_ways

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

BACK = FILE.replace(".sql", ".down.sql")


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
