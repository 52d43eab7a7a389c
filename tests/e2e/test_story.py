"""The founding story, as this repository's own pyproject.toml configures it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
MIGRATION = "migrations/add_user_analysis_preferences.sql"
COLUMNS = ("clear_previous_anomalies", "show_clear_warning", "max_reports", "max_templates")


@pytest.fixture
def story(pytester: pytest.Pytester) -> pytest.Pytester:
    """This repository's case in a folder of its own."""
    (pytester.path / ".git").mkdir()
    for name in ("pyproject.toml", "migrations", "tests/__init__.py", "tests/app"):
        source, target = REPOSITORY / name, pytester.path / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return pytester


def report_of(story: pytest.Pytester, *arguments: str) -> tuple[pytest.RunResult, dict[str, Any]]:
    result = story.runpytest_subprocess(
        "--schema-guard", "--schema-guard-json=report.json", "pyproject.toml", *arguments
    )
    report: dict[str, Any] = json.loads((story.path / "report.json").read_text())
    return result, report


def test_with_the_migration_every_check_passes(story: pytest.Pytester) -> None:
    result, report = report_of(story)
    result.assert_outcomes(passed=6)
    assert result.ret == 0
    assert report["version"] == "schema-guard-report/1"
    assert report["outcome"] == "passed"
    assert [(check["nodeid"], check["outcome"]) for check in report["checks"]] == [
        (f"pyproject.toml::{MIGRATION}::applies", "passed"),
        (f"pyproject.toml::{MIGRATION}::idempotent", "passed"),
        (f"pyproject.toml::{MIGRATION}::reversible", "passed"),
        ("pyproject.toml::drift", "passed"),
        ("pyproject.toml::queries", "passed"),
        ("pyproject.toml::login", "passed"),
    ]
    assert [finding for check in report["checks"] for finding in check["findings"]] == []


def test_without_the_migration_the_run_is_red_and_names_the_four_columns(
    story: pytest.Pytester,
) -> None:
    (story.path / MIGRATION).write_text("SELECT 1;\n")
    result, report = report_of(story)
    assert result.ret == 1
    outcomes = {check["check"]: check["outcome"] for check in report["checks"]}
    assert outcomes == {
        "applies": "passed",
        "idempotent": "passed",
        "reversible": "passed",
        "drift": "failed",
        "queries": "failed",
        "login": "failed",
    }
    text = result.stdout.str()
    models = (story.path / "tests/app/models.py").read_text().splitlines()
    for column in COLUMNS:
        line = next(i for i, text in enumerate(models, 1) if re.match(rf"\s+{column}:", text))
        assert (
            f"public.user.{column}: in the model User (tests/app/models.py:{line}), "
            "missing in the database"
        ) in text
        assert f'fix: ALTER TABLE public."user" ADD COLUMN {column} ' in text
    assert "UndefinedColumn" in text
    subjects = {
        finding["subject"]
        for check in report["checks"]
        if check["check"] == "drift"
        for finding in check["findings"]
    }
    assert subjects == {f"public.user.{column}" for column in COLUMNS}


def test_a_wrong_password_in_the_request_is_red(story: pytest.Pytester) -> None:
    file = story.path / "pyproject.toml"
    text = file.read_text()
    changed = re.sub(r'password = "[^"]+"', 'password = "wrong"', text)
    assert changed != text
    file.write_text(changed)
    result, report = report_of(story, "-k", "login")
    assert result.ret == 1
    (check,) = report["checks"]
    assert check["outcome"] == "failed"
    assert "401" in result.stdout.str()


def test_the_story_in_four_workers(story: pytest.Pytester) -> None:
    result, report = report_of(story, "-n", "4")
    result.assert_outcomes(passed=6)
    assert len(report["checks"]) == 6
    assert report["server"]["version"]
