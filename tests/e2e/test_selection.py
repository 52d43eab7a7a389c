"""pytest as its users know it: every way to choose what runs works on the checks too."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from pytest_schemaguard.reports import FORMATS

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

NODEIDS = (
    "pyproject.toml::migrations/0001_max_reports.sql::applies",
    "pyproject.toml::migrations/0001_max_reports.sql::idempotent",
    "pyproject.toml::migrations/0001_max_reports.sql::reversible",
    "pyproject.toml::drift",
    "pyproject.toml::queries",
    "pyproject.toml::login",
)


@pytest.fixture(autouse=True)
def _a_test_of_the_users(project: Project) -> None:
    project.write("tests/test_a.py", "def test_a():\n    pass\n\ndef test_b():\n    pass\n")


def test_collect_only_names_every_check_and_starts_no_server(project: Project) -> None:
    project.append("pyproject.toml", 'server = "postgresql://nobody@127.0.0.1:1/none"\n')
    result = project.guard("--collect-only", "-q")
    assert result.ret == 0
    assert "no check ran" not in result.stdout.str()
    result.stdout.fnmatch_lines(
        [*NODEIDS, "tests/test_a.py::test_a", "tests/test_a.py::test_b", "8 tests collected*"]
    )


def test_without_the_option_nothing_of_ours_is_collected(project: Project) -> None:
    result = project.run("--collect-only", "-q")
    result.stdout.fnmatch_lines(["2 tests collected*"])
    assert "schema-guard" not in result.stdout.str()


@pytest.mark.parametrize("nodeid", NODEIDS[:5])
def test_every_nodeid_can_be_run_again(project: Project, nodeid: str) -> None:
    result = project.guard(nodeid)
    result.assert_outcomes(passed=1)


def test_every_nodeid_is_shown_as_it_can_be_run_again(project: Project) -> None:
    result = project.guard("-v")
    result.stdout.fnmatch_lines([f"{nodeid} PASSED *" for nodeid in NODEIDS[:5]])


def test_a_whole_migration_can_be_run_again(project: Project) -> None:
    result = project.guard("pyproject.toml::migrations/0001_max_reports.sql")
    result.assert_outcomes(passed=3)


def test_a_file_of_tests_still_runs_the_guard(project: Project) -> None:
    result = project.guard("tests/test_a.py")
    result.assert_outcomes(passed=7, skipped=1)


def test_a_single_test_runs_alone_and_the_last_line_says_so(project: Project) -> None:
    project.append("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "--schema-guard"\n')
    result = project.run("tests/test_a.py::test_a")
    result.assert_outcomes(passed=1)
    assert result.outlines[-1] == "schema-guard: no check ran: the arguments name other tests"


def test_a_keyword_that_leaves_no_check_is_told_in_the_last_line(project: Project) -> None:
    result = project.guard("-k", "test_a")
    result.assert_outcomes(passed=2, deselected=6)
    assert result.outlines[-1] == "schema-guard: no check ran: 6 were deselected"


def test_keywords_and_markers_select_checks(project: Project) -> None:
    project.guard("-k", "drift").assert_outcomes(passed=1, deselected=7)
    project.guard("-m", "schema_guard").assert_outcomes(passed=5, skipped=1, deselected=2)
    project.guard("-m", "not schema_guard").assert_outcomes(passed=2, deselected=6)


def test_deselect_takes_a_check_away(project: Project) -> None:
    result = project.guard("--deselect", "pyproject.toml::drift")
    result.assert_outcomes(passed=6, skipped=1, deselected=1)


def test_last_failed_stepwise_and_exitfirst(project: Project) -> None:
    project.write("migrations/0001_max_reports.sql", "SELECT 1;\n")
    project.guard("-x", "-m", "schema_guard").assert_outcomes(passed=3, failed=1, deselected=2)
    project.guard("-m", "schema_guard").assert_outcomes(passed=3, failed=2, skipped=1, deselected=2)
    project.guard("--lf").assert_outcomes(failed=2)
    project.guard("--sw", "-m", "schema_guard").assert_outcomes(passed=3, failed=1, deselected=2)


def test_junit_names_the_checks(project: Project) -> None:
    project.guard("--junitxml=junit.xml")
    cases = ET.parse(project.root / "junit.xml").iter("testcase")  # noqa: S314 - our own
    names = {(case.get("classname"), case.get("name")) for case in cases}
    assert ("pyproject.toml", "drift") in names


def test_without_the_plugin_its_option_is_unknown(project: Project) -> None:
    result = project.guard("-p", "no:schemaguard")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    project.run("-p", "no:schemaguard").assert_outcomes(passed=2)


def test_testpaths_and_importlib_mode(project: Project) -> None:
    project.append("pyproject.toml", '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    project.guard("--import-mode=importlib").assert_outcomes(passed=7, skipped=1)


def test_a_sub_folder_of_a_monorepo_finds_its_own_table(project: Project) -> None:
    service = project.root / "service"
    service.mkdir()
    for name in ("app", "migrations", "tests", "pyproject.toml", "production.sql", "rows.sql"):
        (project.root / name).rename(service / name)
    project.write("pytest.ini", "[pytest]\n")
    project.pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(service)
        result = project.guard()
        result.assert_outcomes(passed=7, skipped=1)
        project.guard("../service/pyproject.toml::drift").assert_outcomes(passed=1)


def test_an_empty_run_is_a_usage_error(project: Project) -> None:
    project.write("conftest.py", "collect_ignore = ['pyproject.toml', 'tests']\n")
    result = project.guard()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.outlines[-1] == "schema-guard: no check ran: nothing was collected"


def test_options_without_the_option_are_refused(project: Project) -> None:
    result = project.run("--schema-guard-json=x.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            (
                f"ERROR: {', '.join(one.option for one in FORMATS)}, --schema-guard-keep and "
                "--schema-guard-since say what to do with the checks: add --schema-guard"
            )
        ]
    )


def test_an_option_that_comes_later_is_refused_by_name(project: Project) -> None:
    result = project.guard("--schema-guard-html=x.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --schema-guard-html: not yet served by this version of pytest-schemaguard"]
    )
