from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.checks import CHECKS
from pytest_schemaguard.config import Config
from pytest_schemaguard.configuration.settings import LATER

if TYPE_CHECKING:
    import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_unused_it_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            print("LOADED", *sorted(sys.modules))
        """
    )
    pytester.makepyfile("def test_a():\n    pass\n")
    result = pytester.runpytest_subprocess("-s")
    loaded = next(line for line in result.outlines if line.startswith("LOADED")).split()
    assert "pytest_schemaguard.plugin" in loaded
    ours = {name for name in loaded if name.startswith("pytest_schemaguard")}
    assert ours == {
        "pytest_schemaguard",
        "pytest_schemaguard.plugin.fixtures",
        "pytest_schemaguard.plugin",
        "pytest_schemaguard.reports",
    }
    for heavy in ("sqlalchemy", "psycopg2", "docker", "testcontainers", "alembic"):
        assert heavy not in loaded


def test_every_option_is_documented(pytester: pytest.Pytester) -> None:
    shown = pytester.runpytest_subprocess("--help").stdout.str()
    options = set(re.findall(r"--schema-guard[\w-]*", shown))
    served = options - {"--schema-guard-html"}
    assert served == set(re.findall(r"--schema-guard[\w-]*", README))


def test_every_key_is_documented() -> None:
    table = README.partition("## Configuration")[2].partition("\n## ")[0]
    keys = set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE))
    fields = {name.replace("_", "-") for name in Config.__dataclass_fields__} - {"file", "login"}
    assert keys == fields
    assert not keys & set(LATER)


def test_the_readme_has_the_list_of_checks() -> None:
    rows = "".join(f"| `{one.name}` | {one.fails_when} |\n" for one in CHECKS)
    assert f"| check | it fails when |\n|---|---|\n{rows}\n" in README
