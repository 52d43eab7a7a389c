"""Projects of other people, each in its own environment, as their developers would check them.

Marked `real` and run by `pytest -m real tests/real`: the environments are made with pip, once for
each list of requirements, in the user's cache (or SCHEMA_GUARD_REAL_VENVS). What is expected is
written in each case's expected.json: the outcomes, and every finding with its reason, verified
once by hand in the catalogs of a database that Alembic migrated and one that create_all made (what
both sides say where that is the point); beside them what alembic's compare_metadata says of a clone
of the same database in the same run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import platformdirs
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = sorted(path.name for path in (HERE / "cases").iterdir() if path.is_dir())
VENVS = Path(
    os.environ.get("SCHEMA_GUARD_REAL_VENVS") or platformdirs.user_cache_path("schema-guard-real")
)
INSTALL_S = 900
RUN_S = 600

pytestmark = pytest.mark.real


def environment(case: Path) -> Path:
    """The Python of an environment with what the case requires, and with this package."""
    requirements = (case / "requirements.txt").read_bytes()
    key = hashlib.sha256(sys.version.encode() + requirements).hexdigest()[:12]
    folder = VENVS / f"{case.name}-{key}"
    # What was installed of this package: it may lie elsewhere now, or need more.
    own = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest() + f" {ROOT}"
    complete = folder / "complete"
    VENVS.mkdir(parents=True, exist_ok=True)
    with (VENVS / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        if not complete.exists() or complete.read_text(encoding="utf-8") != own:
            pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
            wanted = ["-r", str(case / "requirements.txt"), "-e", f"{ROOT}[alembic]"]
            subprocess.run([*pip, *wanted], check=True, timeout=INSTALL_S)
            complete.write_text(own, encoding="utf-8")
    return folder / "bin" / "python"


def laid_out(case: Path, python: Path, place: Path) -> Path:
    """The case as a project, `{packages}` in its configuration being where its packages are."""
    shutil.copytree(case, place)
    shutil.copy(HERE / "cases" / "compare_metadata.py", place / "test_compare_metadata.py")
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([python, "-c", script], text=True).strip()
    (place / ".git").mkdir()
    file = place / "pyproject.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("{packages}", packages))
    return place


def checked(project: Path, python: Path) -> dict[str, Any]:
    """The report of `pytest --schema-guard` in there."""
    subprocess.run(
        [python, "-m", "pytest", "--schema-guard", "--schema-guard-json=report.json"],
        cwd=project,
        check=False,
        timeout=RUN_S,
    )
    report: dict[str, Any] = json.loads((project / "report.json").read_text(encoding="utf-8"))
    return report


def named(finding: dict[str, Any]) -> str:
    return f"{finding['severity']} {finding['code']} {Path(finding['subject']).name}"


@pytest.mark.parametrize("name", CASES)
def test_a_project_of_other_people_is_found_as_it_is(name: str, tmp_path: Path) -> None:
    case = HERE / "cases" / name
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    python = environment(case)
    project = laid_out(case, python, tmp_path / name)
    report = checked(project, python)
    findings = [one for check in report["checks"] for one in check["findings"]]
    found = {
        "outcomes": sorted(
            f"{Path(one['subject']).name}::{one['check']}: {one['outcome']}"
            for one in report["checks"]
        ),
        "findings": sorted(map(named, findings)),
        "compare_metadata": json.loads((project / "compare_metadata.json").read_text()),
    }
    (tmp_path / "found.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    assert found == {
        "outcomes": expected["outcomes"],
        "findings": sorted(one["finding"] for one in expected["findings"]),
        "compare_metadata": expected["compare_metadata"],
    }
    sides = {named(one): (one["expected"], one["actual"]) for one in findings}
    for one in expected["findings"]:
        if "models" in one:
            assert sides[one["finding"]] == (one["models"], one["database"])
