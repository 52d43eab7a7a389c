"""The wheel as its users install it: what is in it, and that it works without its sources."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "pytest_schemaguard"
DEPENDENCIES = tuple({sysconfig.get_path(name): None for name in ("purelib", "platlib")})


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository's wheel, built once."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ("-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(REPOSITORY))
    built = subprocess.run(
        [sys.executable, *command], check=False, capture_output=True, text=True, timeout=180
    )
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip(f"pip cannot fetch what builds the wheel: {built.stderr.splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel.

    Its dependencies are those that run this test: they come behind it on the path, without the
    .pth files that would lead to the sources.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    install = ("-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index")
    subprocess.run([sys.executable, *install, str(wheel)], check=True, timeout=180)
    (site / "dependencies.pth").write_text("\n".join(DEPENDENCIES) + "\n")
    return python


def run(python: Path, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=project.root,
        timeout=180,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )


def test_the_wheel_holds_the_package_whole_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {
        f"{PACKAGE.name}/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".swp"}
    }
    assert {name for name in names if ".dist-info/" not in name} == files
    assert f"{PACKAGE.name}/py.typed" in names
    assert any(name.endswith(".sql") for name in names)
    metadata = {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name}
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE"} <= metadata


def test_the_sources_are_out_of_reach(project: Project, installed: Path) -> None:
    where = run(installed, project, "-c", "import pytest_schemaguard as p; print(p.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed.parents[1])


def test_the_installed_plugin_guards_a_project(project: Project, installed: Path) -> None:
    project.login_by_request("app.main:app")
    project.write(
        "app/main.py",
        """\
        def app(environ, start_response):
            environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            start_response("200 OK", [])
            return [b""]
        """,
    )
    done = run(installed, project, "-m", "pytest", "--schema-guard")
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    done = run(installed, project, "-m", "pytest", "--schema-guard", "-n", "2")
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    project.write("migrations/0001_max_reports.sql", "SELECT 1;\n")
    done = run(installed, project, "-m", "pytest", "--schema-guard", "-k", "drift")
    assert "public.user.max_reports: in the model User (app/models.py:" in done.stdout


def test_the_fixtures_come_with_it(project: Project, installed: Path) -> None:
    project.write(
        "tests/test_a.py",
        "def test_a(schema_guard_session):\n    assert schema_guard_session.connection()\n",
    )
    done = run(installed, project, "-m", "pytest")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_under_tox(project: Project, wheel: Path) -> None:
    pytest.importorskip("tox", reason="tox is not installed: pip install .[test]")
    # Dependencies from where this test has them: on PYTHONPATH no .pth leads to the sources.
    project.write(
        "tox.ini",
        f"""\
        [tox]
        skipsdist = true
        envlist = guard

        [testenv]
        deps = {wheel}
        install_command = python -m pip install --no-deps --no-index {{opts}} {{packages}}
        set_env = PYTHONPATH = {os.pathsep.join(DEPENDENCIES)}
        pass_env = XDG_CACHE_HOME
        commands = python -m pytest --schema-guard {{posargs}}
        """,
    )
    done = run(Path(sys.executable), project, "-m", "tox", "--", "-m", "schema_guard")
    assert "5 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
